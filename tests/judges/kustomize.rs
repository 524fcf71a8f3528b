//! `kubectl kustomize` on overlays that slogen finds right and wrong.

use std::path::Path;
use std::process::Command;

use slogen::finding::Severity;

use crate::repositories::told;
use crate::support::root;

/// Whether the kustomize of this kubectl is one of today; Debian's own is from 2021 and matches patches otherwise.
fn is_of_today() -> bool {
    let output = Command::new("kubectl").args(["version", "--client"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = text.split("Kustomize Version: v").nth(1).and_then(|rest| rest.split('.').next());
    version.and_then(|major| major.trim().parse::<u32>().ok()).is_some_and(|major| major >= 4)
}

fn builds(folder: &Path) -> bool {
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output().expect("kubectl is installed");
    output.status.success()
}

#[test]
#[ignore = "needs a kubectl of today"]
fn kubectl_builds_what_slogen_finds_no_fault_with() {
    if !is_of_today() {
        eprintln!("not judged: no kubectl with kustomize 4 or newer");
        return;
    }
    let mut judged = (0, 0);
    for name in [
        "kustomize",
        "kustomize-broken",
        "kustomize-patches",
        "kustomize-prefix",
        "kustomize-refused",
        "kustomize-replicas",
    ] {
        let (sources, findings) = told(name);
        let folder = root().join("tests/repositories").join(name);
        // A component is built with what names it.
        let is_built = |text: &str| !text.contains("kind: Component");
        let all = sources.iter().filter(|(_, source)| source.name.ends_with("kustomization.yaml"));
        for (_, source) in all.filter(|(_, source)| is_built(&source.text)) {
            let at = source.name.rsplit_once('/').map_or("", |(at, _)| at);
            // A fault of an overlay stands in its own folder, that of a patch beside it.
            let is_wrong = findings.iter().any(|finding| {
                // What ends the build; a monitor that looks elsewhere is built as it stands.
                let ends = match finding.rule.id {
                    "kustomize/patch-target"
                    | "kustomize/patch-path"
                    | "kustomize/built-twice"
                    | "kustomize/cycle"
                    | "kustomize/namespaces-merged"
                    | "schema/unknown-field"
                    | "schema/wrong-type" => finding.severity == Severity::Error,
                    // Flags or steps before a build may help; this one has none.
                    id => ["kustomize/missing-file", "kustomize/outside"].contains(&id),
                };
                ends && sources.get(finding.place.file).name.rsplit_once('/').map_or("", |(at, _)| at) == at
            });
            assert_eq!(builds(&folder.join(at)), !is_wrong, "{name}/{at}");
            if is_wrong { judged.1 += 1 } else { judged.0 += 1 }
        }
    }
    assert!(judged.0 >= 9 && judged.1 >= 10, "{judged:?}");
}
