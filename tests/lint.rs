//! The catalogue: the examples of each page, the repairs, and what KEDA reads as measured.
//!
//! `tests/data/promql_keda.jsonl` holds queries that a real Prometheus answered over a synthetic data set, what KEDA's
//! scaler makes of the answer, and in which situation the queried series were.

use serde_json::Value;
use slogen::finding::Severity;
use slogen::lint::outcome::{Answer, outcome};
use slogen::lint::{Context, Lint, Role, Scaler, lint, rules::RULES, syntax};
use slogen::model::MetricType;
use slogen::promql::{Base, Facts, MetricFacts, MetricKind, Series, Target, Unit, analyse, parse, seconds};

use crate::support::read;

/// A query of a page, and what surrounds it.
struct Example {
    query: String,
    target: Target,
    context: Context,
}

/// Reads ```` ```promql scaler threshold=0.5 ```` blocks below a heading.
fn examples(page: &str, heading: &str) -> Vec<Example> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    section
        .split("```promql ")
        .skip(1)
        .map(|rest| {
            let (info, rest) = rest.split_once('\n').expect("a query below the fence");
            let query = rest.split("\n```").next().unwrap_or_default().to_string();
            example(info, query)
        })
        .collect()
}

fn example(info: &str, query: String) -> Example {
    let mut words = info.split_whitespace();
    let role = words.next().expect("a context");
    let mut scaler = Scaler::default();
    let mut facts = Facts::default();
    let mut target = Target::default();
    for word in words {
        let (key, value) = word.split_once('=').expect("key=value");
        match key {
            "threshold" => scaler.threshold = value.parse().ok(),
            "metricType" if value == "Value" => scaler.metric_type = Some(MetricType::Value),
            "metricType" => scaler.metric_type = Some(MetricType::AverageValue),
            "ignoreNullValues" => scaler.ignore_null_values = value.parse().ok(),
            "unit" if value == "ms" => scaler.unit = Some(Unit::level(Base::Milliseconds)),
            "unit" => scaler.unit = Some(Unit::level(Base::Seconds)),
            "interval" => facts.scrape_interval = seconds(value),
            "namespace" => facts.namespace = Some(value.to_string()),
            "labels" => facts.labels = Some(value.split(',').map(str::to_string).collect()),
            "buckets" => {
                let (name, bounds) = value.split_once('=').expect("name=bounds");
                let buckets = bounds.split(',').map(|bound| bound.parse().expect("a number")).collect();
                facts.metrics.push(MetricFacts {
                    name: name.to_string(),
                    kind: MetricKind::Histogram,
                    unit: None,
                    buckets,
                });
            }
            "version" => {
                let (major, minor) = value.split_once('.').expect("major.minor");
                target.version = (major.parse().expect("a number"), minor.parse().expect("a number"));
            }
            other => panic!("an example knows no {other}"),
        }
    }
    let role = match role {
        "scaler" => Role::Scaler(scaler),
        "alert" => Role::Alert,
        "record" => Role::Record,
        other => panic!("there is no context {other}"),
    };
    Example { query, context: Context { role, facts, version: Some(target.version) }, target }
}

fn found(example: &Example, query: &str) -> Vec<Lint> {
    match parse(query, &example.target) {
        Ok(expression) => lint(&expression, &example.context),
        Err(errors) => syntax(&errors, &slogen::lint::Role::default()),
    }
}

#[test]
fn examples_of_the_pages_fire_and_stay_silent() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let (fires, silent) = (examples(rule.page, "Fires"), examples(rule.page, "Stays silent"));
        assert!(!fires.is_empty() && !silent.is_empty(), "{} lacks an example", rule.id);
        for example in fires {
            let lints = found(&example, &example.query);
            if !lints.iter().any(|lint| lint.rule == *rule) {
                wrong.push(format!("{} does not fire on {}", rule.id, example.query));
            }
            for lint in &lints {
                // What is idle, and what is unscoped, is so in many examples.
                let other = lint.rule != *rule && lint.severity > Severity::Note;
                if other && lint.rule.id != "promql/unscoped" {
                    wrong.push(format!("{}: {} fires too: {}", rule.id, lint.rule.id, example.query));
                }
                assert!(lint.why.is_some(), "{} says no why: {}", lint.rule.id, example.query);
                let inside = lint.span.range().end <= example.query.len() && !lint.message.ends_with('.');
                assert!(inside, "{}: {}", lint.rule.id, lint.message);
            }
        }
        for example in silent {
            for lint in found(&example, &example.query) {
                if lint.severity > Severity::Note || lint.rule == *rule {
                    wrong.push(format!(
                        "{} fires on the clean {} of {}",
                        lint.rule.id, example.query, rule.id
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_repaired_query_parses_and_the_finding_is_gone() {
    let mut repaired = 0;
    for rule in RULES {
        for example in examples(rule.page, "Fires") {
            for lint in found(&example, &example.query) {
                let Some(repair) = &lint.repair else { continue };
                let query = repair.apply(&example.query);
                assert!(parse(&query, &example.target).is_ok(), "{}: {query}", lint.rule.id);
                let count = |lints: Vec<Lint>| lints.iter().filter(|other| other.rule == lint.rule).count();
                let (before, after) =
                    (count(found(&example, &example.query)), count(found(&example, &query)));
                assert!(after < before, "{} stays after its repair: {query}", lint.rule.id);
                repaired += 1;
            }
        }
    }
    assert!(repaired > 25, "only {repaired} repairs");
}

#[test]
fn the_43_of_the_catalogue_are_there() {
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).filter(|code| !code.is_empty()).collect();
    assert_eq!(codes.len(), 43);
    for code in codes {
        assert_eq!(slogen::rules::find(code).map(|rule| rule.code), Some(code));
        assert_eq!(slogen::rules::find(&code.to_lowercase()).map(|rule| rule.code), Some(code));
    }
}

fn answer(name: &str) -> Answer {
    let all = [
        Answer::Value,
        Answer::NotANumber,
        Answer::Empty,
        Answer::Several,
        Answer::Range,
        Answer::Undecodable,
    ];
    *all.iter().find(|answer| answer.name() == name).expect("an answer")
}

#[test]
fn what_keda_reads_is_foretold() {
    let (mut first, mut all) = (0, 0);
    for line in read("tests/data/promql_keda.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| case[key].as_str().expect("a text");
        let query = text("query");
        let Ok(expression) = parse(query, &Target::default()) else {
            assert_eq!(text("answer"), "refused", "{query}");
            continue;
        };
        let facts = Facts::default();
        let analysis = analyse(&expression, &facts);
        let outcome = outcome(&analysis);
        let foretold = match text("situation") {
            "under_load" => outcome.under_load,
            "idle" => outcome.idle,
            "gone" => outcome.gone,
            other => panic!("there is no situation {other}"),
        };
        let measured = answer(text("answer"));
        assert!(foretold.answers.contains(&measured), "{query}: {:?}, not {measured:?}", foretold.answers);
        assert_eq!(measured.read(true).name(), text("ignored"), "{query}");
        assert_eq!(measured.read(false).name(), text("not_ignored"), "{query}");
        let several = measured == Answer::Several;
        assert!(!(several && analysis.root().series == Series::One), "{query}");
        first += usize::from(foretold.answers[0] == measured);
        all += 1;
    }
    // The others are those where the text leaves it open, and both answers are foretold.
    assert!(all >= 110 && first >= 100, "{first} of {all} at first");
}

#[test]
fn units_and_bounds_are_told_from_names_and_functions() {
    for (query, unit, bounds) in [
        ("rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])", "seconds", "0..inf"),
        ("sum(rate(x_total[5m]))", "per second", "0..inf"),
        ("sum(rate(x_total{code=\"500\"}[5m])) / sum(rate(x_total[5m]))", "a ratio", "0..1"),
        ("100 * (1 - sum(rate(x_total{a=\"b\"}[5m])) / sum(rate(x_total[5m])))", "percent", "0..100"),
        ("histogram_quantile(0.9, sum by (le) (rate(x_milliseconds_bucket[5m])))", "milliseconds", "0..inf"),
        ("increase(x_total[5m])", "a count", "0..inf"),
        ("delta(x_bytes[5m])", "bytes", "-inf..inf"),
        ("sum(x) > bool 3", "", "0..1"),
        ("clamp(x, 2, 5) + 1", "", "3..6"),
        ("-count(x)", "a count", "-inf..-1"),
        ("vector(2) * 3", "", "6..6"),
        ("time() - x_timestamp_seconds", "seconds", "-inf..inf"),
        ("sum(x_bytes) / 5m", "bytes per second", "-inf..inf"),
    ] {
        let expression = parse(query, &Target::default()).expect(query);
        let facts = Facts::default();
        let analysis = analyse(&expression, &facts);
        let root = analysis.root();
        assert_eq!(root.unit.map(|unit| unit.to_string()).unwrap_or_default(), unit, "{query}");
        assert_eq!(format!("{}..{}", root.bounds.0, root.bounds.1), bounds, "{query}");
    }
}

#[test]
fn the_fragment_that_dropped_a_label_is_known() {
    let query = "max(sum by (le, pod) (rate(x_bucket[5m])) * on (pod) group_left (node) y) by (node)";
    let expression = parse(query, &Target::default()).expect(query);
    let facts = Facts::default();
    let analysis = analyse(&expression, &facts);
    let why = |name: &str| {
        let label = analysis.nodes[1].labels.get(name);
        (format!("{:?}", label.presence), query[label.span.range()].to_string())
    };
    assert_eq!(why("pod"), ("Can".to_string(), "by (le, pod)".to_string()));
    assert_eq!(why("node"), ("Can".to_string(), "*".to_string()));
    assert_eq!(why("instance"), ("Cannot".to_string(), "by (le, pod)".to_string()));
}

/// Whatever the query: every context has its say, every stretch lies inside, every safe repair leaves a query.
pub fn hold(expression: &slogen::promql::Expression) {
    let text = &expression.text;
    let facts = Facts {
        metrics: vec![MetricFacts {
            name: "a".to_string(),
            kind: MetricKind::Histogram,
            unit: Some(Unit::level(Base::Seconds)),
            buckets: vec![0.1, 1.0],
        }],
        scrape_interval: Some(15.0),
        evaluation_interval: Some(30.0),
        labels: Some(vec!["job".to_string()]),
        namespace: Some("shop".to_string()),
        retention: None,
    };
    let scaler = Scaler { threshold: Some(5.0), metric_type: Some(MetricType::Value), ..Scaler::default() };
    for role in [Role::Scaler(scaler), Role::default(), Role::Alert, Role::Record] {
        for facts in [Facts::default(), facts.clone()] {
            let context = Context { role: role.clone(), facts, version: Some((3, 14)) };
            slogen::lint::describe(expression, &context);
            slogen::lint::answer(text, &Target::default(), &context);
            for lint in lint(expression, &context) {
                let spans = lint.related.iter().map(|(span, _)| *span).chain([lint.span]);
                let repair = lint.repair.iter().flat_map(|repair| repair.edits.iter().map(|(span, _)| *span));
                for span in spans.chain(repair) {
                    assert!(text.get(span.range()).is_some(), "{}: {span:?} of {text:?}", lint.rule.id);
                }
                if let Some(repair) = &lint.repair {
                    let query = repair.apply(text);
                    let experimental = Target { experimental: true, ..Target::default() };
                    let still = parse(&query, &experimental).is_ok();
                    assert!(still, "{} repairs {text:?} to {query:?}", lint.rule.id);
                }
            }
        }
    }
}

#[test]
fn every_labelled_expression_can_be_linted_and_repaired() {
    let mut linted = 0;
    for line in read("tests/data/promql_cases.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let Ok(expression) = parse(case["expr"].as_str().expect("a text"), &Target::default()) else {
            continue;
        };
        hold(&expression);
        linted += 1;
    }
    assert!(linted > 500);
}
