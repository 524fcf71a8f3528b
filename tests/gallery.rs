//! The policies of the gallery: what they compile to, and laws that hold for all of them.

use crate::support::{compiled, files, name, read, told};

#[test]
fn every_policy_compiles_to_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let (sources, compiled) = compiled(&format!("{}.toml", name(&path)), &text);
        assert_eq!(told(&sources, &compiled), Vec::<String>::new(), "{}", path.display());
        let output = compiled.output.expect("a policy without errors compiles");
        let overview: Vec<String> =
            output.bundle.files.iter().map(|file| format!("=== {} ===\n{}", file.name, file.text)).collect();
        settings.bind(|| insta::assert_snapshot!(name(&path), overview.join("\n")));
    }
}

#[test]
fn compiling_twice_gives_the_same_bytes() {
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let once = compiled("a.toml", &text).1.output.expect("compiles").bundle.files;
        let twice = compiled("a.toml", &text).1.output.expect("compiles").bundle.files;
        assert_eq!(once, twice, "{}", path.display());
    }
}

#[test]
fn only_the_origin_has_settings_without_effect() {
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let (_, compiled) = compiled("a.toml", &text);
        let notes = compiled.findings.len();
        assert_eq!(notes, if name(&path) == "inference" { 4 } else { 0 }, "{}", path.display());
    }
}

/// What slogen writes passes the rules that slogen has for others.
#[test]
fn compiled_queries_and_alerts_are_clean() {
    use slogen::lint::{Context, Role, Scaler, lint};
    use slogen::model::TriggerKind;
    use slogen::promql::{Series, Target, parse, series};

    let mut seen = 0;
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let output = compiled("a.toml", &text).1.output.expect("compiles");
        let mut queries = Vec::new();
        for trigger in &output.plan.scaler.triggers {
            let TriggerKind::Prometheus { query, threshold, metric_type, .. } = &trigger.kind else {
                continue;
            };
            let scaler = Scaler {
                threshold: threshold.to_string().parse().ok(),
                metric_type: Some(*metric_type),
                ignore_null_values: Some(false),
                has_fallback: true,
                ..Scaler::default()
            };
            let expression = parse(query, &Target::default()).expect("parses");
            assert_eq!(series(&expression, &Default::default()), Series::One, "{query}");
            queries.push((query.clone(), Role::Scaler(scaler)));
        }
        queries.extend(output.plan.rules.alerts.iter().map(|alert| (alert.expression.clone(), Role::Alert)));
        for (query, role) in queries {
            let mut context = Context { role, ..Context::default() };
            context.facts.scrape_interval = Some(15.0);
            let expression = parse(&query, &Target::default()).expect("parses");
            // A policy says `appears_late` where a metric is there only after the first event.
            let found: Vec<String> = lint(&expression, &context)
                .iter()
                .filter(|lint| !(query.contains(" or vector(0)") && lint.rule.code == "Z303"))
                .map(|lint| format!("{}: {}", lint.rule.id, lint.message))
                .collect();
            assert!(found.is_empty(), "{}: {query}: {found:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn a_second_opinion_reads_the_same_yaml() {
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let output = compiled("a.toml", &text).1.output.expect("compiles");
        for file in output.bundle.files.iter().filter(|file| file.name.ends_with(".yaml")) {
            let ours = slogen::manifest::read(slogen::source::FileId(0), &file.text);
            assert_eq!(ours.findings, [], "{}", file.name);
            let theirs: serde_json::Value =
                serde_yaml::from_str(&file.text).expect("another reader reads it");
            assert_eq!(ours.documents[0].node.to_json(), theirs, "{} of {}", file.name, path.display());
        }
    }
}

#[test]
fn the_schema_is_the_committed_one_and_accepts_the_gallery() {
    let schema = slogen::policy::schema::text();
    assert_eq!(
        read("policies/policy.schema.json"),
        schema,
        "run: cargo run -- schema > policies/policy.schema.json"
    );
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for path in files("policies", "toml") {
        let text = std::fs::read_to_string(&path).expect("readable");
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        let value = serde_json::to_value(table).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn the_schema_explains_every_key() {
    let schema: serde_json::Value = serde_json::from_str(&slogen::policy::schema::text()).expect("JSON");
    let mut unexplained = Vec::new();
    let mut stack = vec![(String::new(), &schema)];
    while let Some((path, value)) = stack.pop() {
        if let Some(properties) = value.get("properties").and_then(|properties| properties.as_object()) {
            for (key, property) in properties {
                if property.get("description").is_none() && key != "type" {
                    unexplained.push(format!("{path}/{key}"));
                }
            }
        }
        match value {
            serde_json::Value::Object(entries) => {
                stack.extend(entries.iter().map(|(key, value)| (format!("{path}/{key}"), value)));
            }
            serde_json::Value::Array(items) => {
                stack.extend(items.iter().map(|value| (path.clone(), value)));
            }
            _ => {}
        }
    }
    assert_eq!(unexplained, Vec::<String>::new());
}

#[test]
fn the_starter_compiles_clean() {
    let (sources, compiled) = compiled("policy.toml", &read("templates/starter.toml"));
    assert_eq!(told(&sources, &compiled), Vec::<String>::new());
    assert!(compiled.findings.is_empty());
}

#[test]
fn waivers_name_items_of_the_checklist() {
    let (_, compiled) = compiled("policy.toml", &read("templates/starter.toml"));
    let checklist = compiled.output.expect("compiles").checklist;
    let mut ids: Vec<&str> = checklist.items.iter().map(|item| item.id).collect();
    let mut known: Vec<&str> = slogen::policy::check::WAIVABLE_ITEMS.to_vec();
    ids.sort_unstable();
    known.sort_unstable();
    assert_eq!(ids, known);
}
