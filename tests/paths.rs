//! However a file is named, it is one file; and what cannot be read is told.

use std::fs;
use std::process::{Command, Output};

use crate::support::{scratch, slogen};

const OBJECT: &str = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  minReplicas: 5\n  maxReplicas: 2\n";

/// File and rule of each finding.
fn found(output: &Output) -> Vec<(String, String)> {
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().expect("a text").to_string();
    let findings = json["findings"].as_array().expect("a list").iter();
    findings.map(|finding| (text(finding, "file"), text(finding, "rule"))).collect()
}

#[test]
fn a_file_has_one_name() {
    let folder = scratch("paths-names");
    fs::create_dir(folder.join("k")).expect("writable");
    fs::write(folder.join("k/a.yaml"), OBJECT).expect("writable");
    let whole = folder.join("k/a.yaml");
    let whole = whole.to_str().expect("text");
    let output = slogen(&folder, &["lint", "k/a.yaml", "./k/./a.yaml", whole, "--format", "json"]);
    assert_eq!(found(&output), [("k/a.yaml".to_string(), "hpa/replica-order".to_string())]);
    let from_below = slogen(&folder.join("k"), &["check", "..", "--format", "json"]);
    assert_eq!(found(&from_below), [("a.yaml".to_string(), "hpa/replica-order".to_string())]);
    slogen(&folder, &["check", "--baseline", "known.txt", "--write-baseline"]);
    assert_eq!(
        slogen(&folder, &["check", folder.to_str().expect("text"), "--baseline", "known.txt"]).status.code(),
        Some(0)
    );
}

#[test]
fn changes_are_seen_from_every_folder() {
    let folder = scratch("paths-changed");
    fs::create_dir_all(folder.join("k/below")).expect("writable");
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .current_dir(&folder)
            .output()
            .expect("git runs");
        assert!(status.status.success(), "{arguments:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    fs::write(folder.join("k/a.yaml"), OBJECT).expect("writable");
    for (at, named) in [(".", "."), ("k", "."), ("k/below", ".."), ("k/below", "../a.yaml")] {
        let output =
            slogen(&folder.join(at), &["check", named, "--changed-since", "HEAD", "--format", "json"]);
        assert_eq!(found(&output).len(), 1, "{at} {named}");
    }
    let unknown = slogen(&folder, &["check", "--changed-since", "nowhere"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("fetch-depth"));
}

#[test]
fn texts_in_utf_16_are_read() {
    let folder = scratch("paths-utf16");
    let bytes: Vec<u8> =
        [0xfeff].into_iter().chain(OBJECT.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fs::write(folder.join("a.yaml"), bytes).expect("writable");
    assert_eq!(found(&slogen(&folder, &["check", "--format", "json"])).len(), 1);
}

#[test]
fn a_hook_passes_over_what_is_not_for_it() {
    let folder = scratch("paths-empty");
    fs::write(folder.join("package.json"), "{\"name\": \"x\"}\n").expect("writable");
    assert_eq!(slogen(&folder, &["lint", "package.json"]).status.code(), Some(3));
    assert_eq!(slogen(&folder, &["lint", "package.json", "--may-be-empty"]).status.code(), Some(0));
    fs::write(folder.join("prometheus.yml"), "scrape_configs:\n  - job_name: a\n").expect("writable");
    assert_eq!(slogen(&folder, &["lint", "prometheus.yml"]).status.code(), Some(0));
}

#[test]
fn what_is_for_programs_stands_alone() {
    let folder = scratch("paths-alone");
    fs::write(folder.join("a.yaml"), OBJECT).expect("writable");
    let output = slogen(&folder, &["check", "--coverage", "--format", "json"]);
    assert_eq!(found(&output).len(), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no scaler here asks a Prometheus"));
    // People read it on standard output, and may stop reading.
    assert!(String::from_utf8_lossy(&slogen(&folder, &["check"]).stdout).contains("hpa/replica-order"));
}

#[test]
fn a_patch_is_known_by_the_kustomization_beside_it() {
    let folder = scratch("paths-patch");
    fs::create_dir(folder.join("o")).expect("writable");
    fs::write(folder.join("o/kustomization.yaml"), "resources: [../base]\npatches:\n  - path: more.yaml\n")
        .expect("writable");
    let patch = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec: {maxReplicaCount: 9}\n";
    fs::write(folder.join("o/more.yaml"), patch).expect("writable");
    assert_eq!(found(&slogen(&folder, &["lint", "o/more.yaml", "--format", "json"])), []);
}
