//! `--fix` on files as people have them: it ends, it breaks nothing, and it touches only what it may.

use std::fs;

use crate::support::{scratch, slogen};

const HEAD: &str = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {name: web}\n";
const TRIGGER: &str =
    "  triggers:\n    - type: cpu\n      metricType: Utilization\n      metadata: {value: \"80\"}\n";

fn fixed(name: &str, text: &str) -> String {
    let folder = scratch(name);
    fs::write(folder.join("a.yaml"), text).expect("writable");
    slogen(&folder, &["check", "--fix"]);
    let after = fs::read_to_string(folder.join("a.yaml")).expect("text");
    let again = slogen(&folder, &["check", "--diff"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), "", "it does not end:\n{after}");
    after
}

#[test]
fn what_would_break_the_file_is_left_to_people() {
    // The line holds an anchor that another one needs.
    let anchored =
        format!("{HEAD}  minReplicaCount: 2\n  cooldownPeriod: &cd 300\n  pollingInterval: *cd\n{TRIGGER}");
    let after = fixed("fix-anchor", &anchored);
    assert!(after.contains("&cd") || !after.contains("*cd"), "{after}");
    // The value is a text of its own.
    let block = format!("{HEAD}  minReplicaCount: |-\n    2\n{TRIGGER}");
    let after = fixed("fix-block", &block);
    assert!(after.contains("\n  triggers:"), "{after}");
    // YAML inside of a quoted text.
    let quoted = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {\"a.yml\": \"groups:\\n- name: a\\n  rules:\\n  - alert: X\\n    expr: sum(rate(x_total{code=~\\\"5xx\\\"}[5m])) > 1\\n\"}\n";
    assert_eq!(fixed("fix-quoted", quoted).matches('\n').count(), quoted.matches('\n').count());
}

#[test]
fn words_are_quoted_as_they_are_written() {
    let labels =
        format!("{HEAD}{TRIGGER}").replace("{name: web}\nspec", "{name: web, labels: {country: NO}}\nspec");
    let after = fixed("fix-words", &labels);
    assert!(after.contains("country: \"NO\""), "{after}");
    // `010` without quotes would be 8.
    let octal = format!("{HEAD}  minReplicaCount: \"010\"\n{TRIGGER}");
    assert!(fixed("fix-octal", &octal).contains("\"010\""));
}

#[test]
fn lines_that_are_put_in_end_like_the_others() {
    let text = format!("{HEAD}  minReplicaCount: 2\n  triggers:\n    - type: cpu\n      metadata:\n        type: Utilization\n        value: \"80\"\n")
        .replace('\n', "\r\n");
    let after = fixed("fix-returns", &text);
    assert!(after.contains("metricType: Utilization\r\n"), "{after:?}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count(), "{after:?}");
}

#[test]
fn overlapping_fixes_follow_each_other() {
    let query = "scalar(histogram_quantile(0.95, sum(rate(x_seconds_bucket{app=\"web\"}[2m]))))";
    let text = format!(
        "{HEAD}  minReplicaCount: 2\n  triggers:\n    - type: prometheus\n      metricType: Value\n      metadata:\n        serverAddress: http://prometheus.monitoring.svc:9090\n        threshold: \"1\"\n        query: {query}\n"
    );
    let after = fixed("fix-overlap", &text);
    assert!(after.contains("sum by (le)") && !after.contains("scalar("), "{after}");
}

#[cfg(unix)]
#[test]
fn links_modes_and_foreign_bytes_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = scratch("fix-links");
    let text = format!("{HEAD}  minReplicaCount: 2\n  cooldownPeriod: 300\n{TRIGGER}");
    fs::create_dir(folder.join("real")).expect("writable");
    fs::write(folder.join("real/a.yaml"), &text).expect("writable");
    fs::set_permissions(folder.join("real/a.yaml"), fs::Permissions::from_mode(0o640)).expect("mine");
    std::os::unix::fs::symlink("real/a.yaml", folder.join("link.yaml")).expect("writable");
    let latin = [b"# caf\xe9\n".as_slice(), text.as_bytes()].concat();
    fs::write(folder.join("latin.yaml"), &latin).expect("writable");
    slogen(&folder, &["lint", "link.yaml", "latin.yaml", "--fix"]);
    assert!(folder.join("link.yaml").symlink_metadata().expect("there").is_symlink());
    assert!(!fs::read_to_string(folder.join("real/a.yaml")).expect("text").contains("cooldownPeriod"));
    let mode = fs::metadata(folder.join("real/a.yaml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(fs::read(folder.join("latin.yaml")).expect("there"), latin);
}
