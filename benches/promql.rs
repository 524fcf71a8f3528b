//! How long PromQL takes: parsing against the crate `promql-parser`, and a thousand rule groups parsed and linted
//! against promtool, which merely checks them.
//!
//! Run with `cargo bench --bench promql`. Both sides of a ratio run in this one process, or right after each other.

mod shared;

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use slogen::lint::{Context, Role, lint};
use slogen::promql::{Target, parse};

use shared::median;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The labelled expressions of the tests that are valid for both parsers.
fn expressions() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/promql_cases.jsonl");
    let text = std::fs::read_to_string(path).expect("readable");
    // The crate panics on durations that do not fit.
    std::panic::set_hook(Box::new(|_| {}));
    let taken = |text: &String| {
        std::panic::catch_unwind(|| promql_parser::parser::parse(text).is_ok()).unwrap_or(false)
    };
    let all: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|case| case["valid"] == true)
        .map(|case| case["expr"].as_str().expect("a text").to_string())
        .filter(taken)
        .collect();
    let _ = std::panic::take_hook();
    all
}

/// Six rules about one service: rates, a quantile, a ratio, and an alert.
fn group(number: usize) -> [(&'static str, String); 6] {
    let scope = format!("namespace=\"shop-{}\",job=\"service-{number}\"", number % 40);
    [
        ("record", format!("sum by (pod) (rate(http_requests_total{{{scope}}}[5m]))")),
        (
            "record",
            format!(
                "sum(rate(http_requests_total{{{scope},code=~\"5..\"}}[5m])) / sum(rate(http_requests_total{{{scope}}}[5m]))"
            ),
        ),
        (
            "record",
            format!(
                "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{{{scope}}}[5m])))"
            ),
        ),
        ("record", format!("1 - avg_over_time(service:availability:ratio{{{scope}}}[1h])")),
        (
            "record",
            format!(
                "sum by (namespace) (jobs_waiting{{{scope}}}) or on (namespace) (0 * count by (namespace) (up{{{scope}}}))"
            ),
        ),
        (
            "alert",
            format!(
                "(service:errors:ratio_rate5m{{{scope}}} > (14.4 * 0.001) and service:errors:ratio_rate1h{{{scope}}} > (14.4 * 0.001)) or (absent(up{{{scope}}}) == 1)"
            ),
        ),
    ]
}

fn rule_file(groups: &[[(&'static str, String); 6]]) -> String {
    let mut text = "groups:\n".to_string();
    for (number, rules) in groups.iter().enumerate() {
        let _ = writeln!(text, "- name: group-{number}\n  rules:");
        for (at, (kind, expression)) in rules.iter().enumerate() {
            let name = if *kind == "alert" {
                format!("Burning{number}")
            } else {
                format!("service:r{at}:g{number}")
            };
            let _ = writeln!(text, "  - {kind}: {name}\n    expr: |-\n      {expression}");
        }
    }
    text
}

fn main() {
    let target = Target::default();
    let queries = expressions();
    let ours = median(21, || {
        for query in &queries {
            let _ = black_box(parse(black_box(query), &target));
        }
    });
    let theirs = median(21, || {
        for query in &queries {
            let _ = black_box(promql_parser::parser::parse(black_box(query)));
        }
    });
    let each = |time: Duration| time.as_secs_f64() * 1e6 / queries.len() as f64;
    println!(
        "{} expressions parsed: {:.2} µs each; promql-parser: {:.2} µs; {:.1} times faster",
        queries.len(),
        each(ours),
        each(theirs),
        theirs.as_secs_f64() / ours.as_secs_f64()
    );

    let groups: Vec<_> = (0..1_000).map(group).collect();
    let contexts = [Role::Record, Role::Alert].map(|role| Context { role, ..Context::default() });
    let linted = median(21, || {
        for (kind, expression) in groups.iter().flatten() {
            let parsed = parse(expression, &target).expect("valid");
            black_box(lint(&parsed, &contexts[usize::from(*kind == "alert")]));
        }
    });
    let parsed = median(21, || {
        for (_, expression) in groups.iter().flatten() {
            black_box(parse(expression, &target).expect("valid"));
        }
    });
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    print!(
        "1,000 groups of six rules, parsed and linted: {:.1} ms (parsing alone {:.1} ms)",
        ms(linted),
        ms(parsed)
    );

    let file =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-rules-{}.yaml", std::process::id()));
    std::fs::write(&file, rule_file(&groups)).expect("writable");
    let promtool =
        || Command::new("promtool").args(["check", "rules"]).arg(&file).stdout(Stdio::null()).status().ok();
    match promtool() {
        Some(status) => {
            assert!(status.success(), "promtool takes the rules");
            let peer = median(5, || {
                promtool();
            });
            println!(
                "; promtool check rules: {:.0} ms; ratio {:.3}",
                ms(peer),
                linted.as_secs_f64() / peer.as_secs_f64()
            );
        }
        None => println!(" (promtool is not installed: no ratio)"),
    }
    std::fs::remove_file(&file).expect("removable");
}
