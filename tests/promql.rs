//! PromQL: the labelled expressions, a second opinion, and hostile input.
//!
//! `tests/data/promql_cases.jsonl` holds expressions with the verdict, result type, canonical text and node spans of
//! Prometheus 3.14; `promql_series.jsonl` holds how many series a real Prometheus answered over a synthetic data set.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;
use slogen::promql::{Facts, Series, Target, ValueType, parse, series};

use crate::support::read;

fn lines(path: &str) -> Vec<Value> {
    read(path).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn verdicts_positions_types_and_spans_are_those_of_prometheus() {
    let mut wrong = Vec::new();
    let cases = lines("tests/data/promql_cases.jsonl");
    assert!(cases.len() > 1_000);
    for case in &cases {
        let text = case["expr"].as_str().expect("a text");
        let parsed = parse(text, &Target::default());
        if parsed.is_ok() != case["valid"].as_bool().expect("a verdict") {
            wrong.push(format!("{text:?}: {:?}", parsed.err()));
            continue;
        }
        let expression = match parsed {
            Ok(expression) => expression,
            Err(errors) => {
                let found = serde_json::json!([errors[0].span.start, errors[0].span.end]);
                if !case["error"].is_null() && found != case["error"] {
                    wrong.push(format!("{text:?}: {found} {}, not {}", errors[0].message, case["error"]));
                }
                continue;
            }
        };
        let found: Vec<Value> = expression
            .nodes()
            .into_iter()
            .map(|(kind, span)| serde_json::json!([kind, span.start, span.end]))
            .collect();
        if Value::from(found) != case["spans"] {
            wrong.push(format!("{text:?}: the spans differ"));
        }
        let kind = match expression.value_type() {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "vector",
            ValueType::Matrix => "matrix",
        };
        if case["type"] != kind {
            wrong.push(format!("{text:?}: {kind}"));
        }
        // Where Prometheus prints what reads back as another tree, slogen does not; and 3.14.0 itself drops the
        // parentheses of the last.
        let differs = ["Inf ^", "offset NaN", "[1e-9]", "offset (5)"].iter().any(|part| text.contains(part));
        if case["canonical"] != expression.canonical() && !differs {
            wrong.push(format!("{text:?}: prints {}", expression.canonical()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    for case in lines("tests/data/promql_cases.jsonl") {
        let text = case["expr"].as_str().expect("a text");
        let Ok(expression) = parse(text, &Target::default()) else { continue };
        let canonical = expression.canonical();
        let again =
            parse(&canonical, &Target::default()).unwrap_or_else(|errors| panic!("{canonical}: {errors:?}"));
        assert_eq!(again.canonical(), canonical, "{text}");
        let kinds = |expression: &slogen::promql::Expression| {
            expression.nodes().into_iter().map(|(kind, _)| kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&again), kinds(&expression), "{text}");
        for width in [20, 60, 200] {
            let pretty = expression.pretty(width);
            let back =
                parse(&pretty, &Target::default()).unwrap_or_else(|errors| panic!("{pretty}: {errors:?}"));
            assert_eq!(back.canonical(), canonical, "{pretty}");
        }
    }
}

#[test]
fn one_series_is_never_claimed_where_there_were_several() {
    let mut proved = 0;
    for case in lines("tests/data/promql_series.jsonl") {
        let query = case["query"].as_str().expect("a text");
        let Ok(expression) = parse(query, &Target::default()) else { continue };
        let several = case["series"].as_u64().expect("a number") > 1;
        let one = series(&expression, &Facts::default()) == Series::One;
        assert!(!(one && several), "{query} gave several series");
        proved += usize::from(one);
    }
    assert!(proved >= 80, "only {proved} proved");
}

#[test]
fn errors_point_at_their_character_and_speak_plainly() {
    let error = |text: &str| {
        let errors = parse(text, &Target::default()).expect_err(text);
        format!("{}..{} {}", errors[0].mark.start, errors[0].mark.end, errors[0].message)
    };
    assert_eq!(error("sum(rate(x[5m])"), "15..15 the query ends, and a `(` is still open");
    assert_eq!(error("rat(x[5m])"), "0..3 there is no function `rat`");
    assert_eq!(error("rate(x)"), "5..6 `rate` takes a range vector, and this is an instant vector");
    assert_eq!(error("x{a=~\"(\"}"), "5..8 the pattern cannot be read: a `(` without its `)`");
    assert_eq!(
        error("x{}[5m] +"),
        "9..9 the query ends here, where a metric, a function, a number or `(` is expected"
    );
    assert_eq!(error("1 > 2"), "2..3 two numbers are compared, which needs `bool`");
    assert_eq!(error("$x"), "0..1 `$` is no character of PromQL");
    let both = parse("rate(a) + rate(b)", &Target::default()).expect_err("two errors");
    assert_eq!(both.len(), 2);
    let old = parse("{\"a.b\"}", &Target::version(2, 53)).expect_err("too new");
    assert!(old[0].message.contains("needs Prometheus 3.0"), "{old:?}");
}

#[test]
fn hostile_queries_meet_a_limit_at_once() {
    let start = Instant::now();
    for text in [
        "(".repeat(60_000),
        "(".repeat(100_000),
        "-".repeat(60_000),
        "sum(".repeat(15_000),
        vec!["a"; 30_000].join("+"),
        vec!["a"; 10_000].join(" or "),
        format!("x{{a=~\"{}\"}}", "(".repeat(50_000)),
        format!("x[{}1s]", "(".repeat(50_000)),
        format!("x{}", "[5m:]".repeat(12_000)),
    ] {
        assert!(parse(&text, &Target::default()).is_err() || text.starts_with('x'));
    }
    // Generous for a debug build on a busy machine; a quadratic walk would take minutes.
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn where_a_second_opinion_differs_prometheus_agrees_with_slogen() {
    let cases = lines("tests/data/promql_cases.jsonl");
    let (mut agreed, mut differed) = (0, 0);
    for case in &cases {
        let text = case["expr"].as_str().expect("a text");
        // The crate panics on a few huge durations; that is a verdict of its own.
        let theirs = std::panic::catch_unwind(|| promql_parser::parser::parse(text).is_ok()).unwrap_or(false);
        let ours = parse(text, &Target::default()).is_ok();
        if ours == theirs {
            agreed += 1;
            continue;
        }
        differed += 1;
        let reference = case["valid"].as_bool().expect("a verdict");
        assert!(ours == reference, "{text:?}: slogen {ours}, the crate {theirs}, Prometheus {reference}");
    }
    assert!(agreed > 900 && differed > 10, "{agreed} agreed, {differed} differed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        holds(&text);
    }

    #[test]
    fn soup_of_tokens_never_panics(parts in proptest::collection::vec(prop_oneof![
        Just("sum"), Just("by"), Just("("), Just(")"), Just("{"), Just("}"), Just("["), Just("]"), Just("5m"), Just(":"),
        Just("a"), Just("="), Just("=~"), Just("\"x\""), Just(","), Just("+"), Just("-"), Just("^"), Just("or"), Just("on"),
        Just("offset"), Just("@"), Just("1"), Just("bool"), Just(">"), Just("rate"), Just("group_left"), Just("é"), Just("start"),
    ], 0..30)) {
        holds(&parts.join(" "));
        holds(&parts.concat());
    }
}

fn holds(text: &str) {
    match parse(text, &Target::default()) {
        Ok(expression) => {
            let canonical = expression.canonical();
            let back = parse(&canonical, &Target::default());
            assert_eq!(back.map(|back| back.canonical()).ok(), Some(canonical));
            series(&expression, &Facts::default());
            crate::lint::hold(&expression);
        }
        Err(errors) => {
            for error in errors {
                let range = error.span.range();
                assert!(range.start <= range.end && range.end <= text.len(), "{text:?} {error:?}");
                assert!(
                    text.is_char_boundary(range.start) && text.is_char_boundary(range.end),
                    "{text:?} {error:?}"
                );
            }
        }
    }
}
