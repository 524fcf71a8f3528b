//! How long `slogen build` takes as a whole process: the origin policy alone, and a thousand policies at once.
//!
//! Run with `cargo bench`. The peer is promtool, which merely checks the rule files that slogen wrote; without it the
//! ratio is left out. Medians; never part of a test.

mod shared;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use shared::median;

fn slogen(arguments: &[&str], output: &Path) {
    let status = Command::new(env!("CARGO_BIN_EXE_slogen"))
        .arg("build")
        .args(arguments)
        .arg("-o")
        .arg(output)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("slogen runs");
    assert!(status.success(), "slogen build {arguments:?}");
}

/// Milliseconds of promtool on these files, or None where it is not installed.
fn promtool(files: &[PathBuf], times: usize) -> Option<Duration> {
    Command::new("promtool").arg("--version").output().ok()?;
    Some(median(times, || {
        let status = Command::new("promtool")
            .args(["check", "rules"])
            .args(files)
            .stdout(Stdio::null())
            .status()
            .expect("promtool runs");
        assert!(status.success(), "promtool takes the rules");
    }))
}

fn report(what: &str, ours: Duration, peer: Option<Duration>) {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    match peer {
        Some(peer) => println!(
            "{what}: {:.1} ms; promtool check rules on the result: {:.1} ms; ratio {:.2}",
            ms(ours),
            ms(peer),
            ours.as_secs_f64() / peer.as_secs_f64()
        ),
        None => println!("{what}: {:.1} ms (promtool is not installed: no ratio)", ms(ours)),
    }
}

fn main() {
    // A folder of its own per run, cleared at the end: ext4 is slow to hand out again what was deleted moments before,
    // and that is not what is measured.
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
    let policies = scratch.join("policies");
    std::fs::create_dir_all(&policies).expect("writable");

    let origin = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/inference.toml");
    let text = std::fs::read_to_string(&origin).expect("readable");
    let origin = origin.to_string_lossy();
    let out = scratch.join("one");
    let once = median(21, || slogen(&[&origin], &out));
    report("one policy, written", once, promtool(&[out.join("inference/rules.yaml")], 11));

    let names: Vec<String> = (0..1_000).map(|number| format!("service-{number}")).collect();
    for name in &names {
        let text = text.replace("name      = \"inference\"", &format!("name      = \"{name}\""));
        std::fs::write(policies.join(format!("{name}.toml")), text).expect("writable");
    }
    let folder = policies.to_string_lossy();
    let out = scratch.join("many");
    let files: Vec<PathBuf> = names.iter().map(|name| out.join(name).join("rules.yaml")).collect();
    let compiled = median(5, || slogen(&[&folder, "--dry-run"], &out));
    let mut number = 0;
    let fresh = median(3, || {
        number += 1;
        slogen(&[&folder], &scratch.join(format!("fresh-{number}")));
    });
    slogen(&[&folder], &out);
    let again = median(5, || slogen(&[&folder], &out));
    let peer = promtool(&files, 3);
    report("1,000 policies, compiled", compiled, peer);
    report("1,000 policies, compiled, 9,000 files written", fresh, peer);
    report("1,000 policies, compiled, 9,000 files compared", again, peer);
    std::fs::remove_dir_all(&scratch).expect("removable");
}
