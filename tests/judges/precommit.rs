//! The hooks, under the real `pre-commit`: a bad file is refused, a good one passes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{root, scratch};

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let slogen = Path::new(env!("CARGO_BIN_EXE_slogen")).parent().expect("a folder").to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(slogen).chain(std::env::split_paths(&path));
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PATH", std::env::join_paths(folders).expect("folders"))
        .env("PRE_COMMIT_HOME", folder.join(".cache"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const GOOD: &str = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: checkout
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}
  minReplicas: 2
  maxReplicas: 10
";

#[test]
#[ignore = "needs git and pre-commit (PyPI)"]
fn the_hooks_refuse_a_bad_file_and_let_a_good_one_pass() {
    let folder = scratch("pre-commit");
    let policy = fs::read_to_string(root().join("policies/inference.toml")).expect("readable");
    fs::write(folder.join("policy.toml"), policy).expect("writable");
    assert!(run(&folder, "slogen", &["build", "policy.toml", "-o", "deploy"]).status.success());
    fs::copy(root().join(".pre-commit-hooks.yaml"), folder.join("hooks.yaml")).expect("copied");
    // The hooks as they are published, from a local repository of their own.
    let hooks = folder.join("slogen-hooks");
    fs::create_dir_all(&hooks).expect("writable");
    fs::copy(root().join(".pre-commit-hooks.yaml"), hooks.join(".pre-commit-hooks.yaml")).expect("copied");
    let git = |at: &Path, arguments: &[&str]| {
        let all: Vec<&str> = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let output = run(at, "git", &all);
        assert!(output.status.success(), "git {arguments:?}: {}", told(&output));
        told(&output)
    };
    git(&hooks, &["init", "-q"]);
    git(&hooks, &["add", "."]);
    git(&hooks, &["commit", "-qm", "hooks"]);
    let revision = git(&hooks, &["rev-parse", "HEAD"]);
    fs::write(folder.join(".gitignore"), "slogen-hooks\n.cache\n").expect("writable");
    fs::write(
        folder.join(".pre-commit-config.yaml"),
        format!(
            "repos:\n  - repo: {}\n    rev: {}\n    hooks:\n      - id: slogen-lint-system\n      - id: slogen-drift-system\n        args: [policy.toml, -o, deploy]\n",
            hooks.display(),
            revision.trim()
        ),
    )
    .expect("writable");
    git(&folder, &["init", "-q"]);
    fs::write(folder.join("hpa.yaml"), GOOD).expect("writable");
    git(&folder, &["add", "."]);
    let good = run(&folder, "pre-commit", &["run", "--all-files"]);
    assert!(good.status.success(), "{}", told(&good));
    fs::write(folder.join("hpa.yaml"), GOOD.replace("minReplicas: 2", "minReplicas: 20")).expect("writable");
    git(&folder, &["add", "."]);
    let bad = run(&folder, "pre-commit", &["run", "--all-files"]);
    assert!(!bad.status.success() && told(&bad).contains("hpa/replica-order"), "{}", told(&bad));
    fs::write(folder.join("hpa.yaml"), GOOD).expect("writable");
    let written = folder.join("deploy/inference/scaledobject.yaml");
    let text = fs::read_to_string(&written).expect("readable");
    fs::write(&written, text.replace("maxReplicaCount: 20", "maxReplicaCount: 21")).expect("writable");
    git(&folder, &["add", "."]);
    let drift = run(&folder, "pre-commit", &["run", "--all-files"]);
    assert!(
        !drift.status.success() && told(&drift).contains("differ from what the policies say"),
        "{}",
        told(&drift)
    );
}
