//! Broken policies, one kind of error each: exactly this finding, at exactly this place, and no file.
//!
//! To add a case, add a file whose first line is `# expect: rule line:column`.

use crate::support::{compiled, files, name, told};

#[test]
fn each_broken_policy_yields_its_finding_and_nothing_else() {
    let mut wrong = Vec::new();
    let all = files("tests/policy/broken", "toml");
    assert!(all.len() >= 20, "only {} broken policies", all.len());
    for path in all {
        let text = std::fs::read_to_string(&path).expect("readable");
        let first = text.lines().next().unwrap_or_default();
        let expected = first.strip_prefix("# expect: ").expect("the first line says what to expect");
        let (sources, compiled) = compiled("policy.toml", &text);
        let found = told(&sources, &compiled);
        if found != [expected] {
            wrong.push(format!("{}: expected {expected}, found {found:?}", name(&path)));
        }
        let is_error = compiled.findings.iter().any(slogen::finding::Finding::is_error);
        if is_error && compiled.output.is_some() {
            wrong.push(format!("{}: files in spite of an error", name(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_problems_are_told_in_one_run() {
    let text = "version = 2
[workload]
name = \"In ference\"
kindd = \"x\"
[metrics]
port = { name = \"8000\" }
interval = 15
[prometheus]
address = \"prometheus:9090\"
version = 2.53
[scaling]
replicas = { min = 5, max = 3 }
cooldown = true
[scaling.up]
stabilization = \"2h\"
select = \"maxx\"
policies = [{ pods = 2, period = \"1h\" }, { percent = 50 }]
[signal.latency]
type = \"latency\"
histogram = \"x_seconds\"
quantile = 95
scale = 500
[signal.q]
type = \"queu\"
[signal.c]
type = \"cpu\"
scale = 85
";
    let (sources, compiled) = compiled("policy.toml", text);
    assert_eq!(
        told(&sources, &compiled),
        [
            "policy/unsupported-version 1:11",
            "policy/invalid-name 3:8",
            "policy/unknown-key 4:1",
            "policy/invalid-name 6:17",
            "policy/unit-missing 7:12",
            "policy/invalid-address 9:11",
            "policy/unsupported-version 10:11",
            "policy/replica-order 12:20",
            "policy/wrong-type 13:12",
            "policy/out-of-range 15:17",
            "policy/unknown-choice 16:10",
            "policy/out-of-range 17:34",
            "policy/missing-key 17:42",
            "policy/out-of-range 21:12",
            "policy/unit-missing 22:9",
            "policy/unknown-choice 24:8",
            "policy/unit-missing 27:9",
        ]
    );
}
