//! HPAs against the rules of the prometheus-adapter that stand among the files.
//!
//! Sources: kubernetes-sigs/prometheus-adapter docs/config.md, pkg/naming/metric_namer.go (`matches` and `as`);
//! prometheus-community/helm-charts charts/prometheus-adapter/values.yaml (`rules.default`, `custom`, `external`).

use regex::Regex;

use super::ADAPTER_METRIC;
use crate::finding::{Finding, Severity, nearest};
use crate::inventory::{Inventory, Object};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// One rule: what it serves, to whom, and where it stands.
struct Served {
    /// None where the query does not tell.
    name: Option<String>,
    is_external: bool,
    place: Place,
    /// Where a query adds up everything, and keeps no label by which a value finds its object.
    ungrouped: Option<Place>,
}

pub(super) fn check(inventory: &Inventory<'_>) -> Vec<Finding> {
    let mut served = Vec::new();
    let mut has_default = false;
    for object in &inventory.objects {
        if ["", "HelmRelease", "Application"].contains(&object.kind()) {
            find(object, &object.document.node, 0, (&mut served, &mut has_default));
        }
    }
    if served.is_empty() {
        return Vec::new();
    }
    // What KEDA answers for is asked of KEDA.
    let has_keda = inventory.kind("ScaledObject").next().is_some();
    let mut findings = ungrouped(inventory, &served);
    for hpa in inventory.kind("HorizontalPodAutoscaler") {
        for metric in hpa.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default() {
            let (key, is_external) = match metric.get("type").and_then(Node::as_str) {
                Some("Pods") => ("pods", false),
                Some("Object") => ("object", false),
                Some("External") if !has_keda => ("external", true),
                _ => continue,
            };
            let Some(node) = metric.at(&[key, "metric", "name"]) else { continue };
            let Some(name) = node.as_str().filter(|name| !has_variable(name) && !name.contains("{{")) else {
                continue;
            };
            findings.extend(asked(hpa, (node, name, is_external), &served, has_default));
        }
    }
    findings
}

/// A custom metric that belongs to no object.
///
/// Source: kubernetes-sigs/prometheus-adapter pkg/custom-provider/series_registry.go, MatchValuesToNames: a value is filed
/// under the label of its resource; provider.go, metricFor: the one of the object that was asked for, or none.
fn ungrouped(inventory: &Inventory<'_>, served: &[Served]) -> Vec<Finding> {
    let asking = |name: &str| {
        inventory.kind("HorizontalPodAutoscaler").find_map(|hpa| {
            let metrics = hpa.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
            let names = metrics.iter().flat_map(|metric| {
                ["pods", "object"].into_iter().filter_map(|key| metric.at(&[key, "metric", "name"]))
            });
            names.into_iter().find(|node| node.as_str() == Some(name)).map(|node| hpa.place(node))
        })
    };
    let mut findings: Vec<Finding> = Vec::new();
    for one in served.iter().filter(|one| !one.is_external) {
        let Some(place) = one.ungrouped else { continue };
        let finding = Finding::new(&ADAPTER_METRIC, place, "the query keeps no label of the objects that it is asked for")
            .why("the adapter looks for the value of each pod by its label: without one it finds none, and an HPA that asks shows <unknown>")
            .help("write `by (<<.GroupBy>>)` behind the aggregation");
        // Another rule may serve the same name, and better.
        let may_be = |other: &Served| other.name.is_none() || other.name == one.name;
        let is_sole = served.iter().filter(|other| !other.is_external && may_be(other)).count() == 1;
        let asked = one.name.as_deref().filter(|_| is_sole).and_then(asking);
        findings.push(match asked {
            Some(place) => finding.related(place, "asked for here"),
            None => Finding { severity: Severity::Warning, ..finding },
        });
    }
    findings
}

/// The query of a rule that aggregates, and groups by nothing.
fn without_groups(rule: &Node) -> Option<&Node> {
    const AGGREGATIONS: [&str; 5] = ["sum", "avg", "max", "min", "count"];
    let node = rule.get("metricsQuery")?;
    let text = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{"))?.trim();
    let start = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let is_whole = text[start..].trim_start().starts_with('(') && text.ends_with(')');
    // `without`, and a grouping by labels that are written out, may keep them.
    let lower = text.to_lowercase();
    let keeps = lower.contains("groupby")
        || ["label_replace", "label_join", "without", "group_"].iter().any(|word| lower.contains(word))
        || lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "by");
    // One pair of brackets around all of it: what stands beside may have the labels.
    let mut depth = 0_i32;
    let closes = text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        (c == ')' && depth == 0).then_some(at)
    });
    let is_one = closes == Some(text.len().saturating_sub(1));
    (AGGREGATIONS.contains(&&text[..start]) && is_whole && is_one && !keeps).then_some(node)
}

fn asked(
    hpa: &Object<'_>,
    (node, name, is_external): (&Node, &str, bool),
    served: &[Served],
    has_default: bool,
) -> Option<Finding> {
    let is_it = |one: &&Served| one.name.as_deref() == Some(name);
    if served.iter().any(|one| is_it(&one) && one.is_external == is_external) {
        return None;
    }
    let why = "the HPA shows <unknown> for it, and does not scale by it";
    if let Some(other) = served.iter().find(is_it) {
        let (mine, theirs) =
            if is_external { ("External", "a custom") } else { ("Pods and Object", "an external") };
        let wanted = if is_external { "rules.external (`externalRules`)" } else { "rules.custom (`rules`)" };
        return Some(
            Finding::new(
                &ADAPTER_METRIC,
                hpa.place(node),
                format!("the adapter serves `{name}` as {theirs} metric"),
            )
            .related(other.place, "this rule serves it")
            .why(format!("{mine} metrics are asked of another API: {why}"))
            .help(format!("put the rule below {wanted}, or ask for it by the other type")),
        );
    }
    let names: Option<Vec<&str>> =
        served.iter().filter(|one| one.is_external == is_external).map(|one| one.name.as_deref()).collect();
    let names = names.filter(|names| !names.is_empty())?;
    // The rules that the chart brings take the `_total` off, and leave other names as they are.
    if has_default && (is_external || !name.ends_with("_total")) {
        return None;
    }
    let first = served.iter().find(|one| one.is_external == is_external)?;
    let stem = |name: &str| name.trim_end_matches("_total").trim_end_matches("_per_second").to_string();
    let near = nearest(name, names.iter().copied())
        .or_else(|| names.iter().copied().find(|other| stem(other) == stem(name)));
    let finding =
        Finding::new(&ADAPTER_METRIC, hpa.place(node), format!("no rule of the adapter serves `{name}`"))
            .related(first.place, "the rules of the adapter")
            .why(why);
    Some(match near {
        Some(near) => finding.help(format!("write `{near}`: that is how the adapter calls it")),
        None => {
            let mut finding =
                finding.help(format!("it serves {}: ask for one of them, or write a rule", names.join(", ")));
            finding.severity = Severity::Warning;
            finding
        }
    })
}

/// Lists of rules, in a configuration of the adapter and in the values of its chart.
fn find(
    object: &Object<'_>,
    node: &Node,
    depth: usize,
    (served, has_default): (&mut Vec<Served>, &mut bool),
) {
    const MOST_LEVELS: usize = 6;
    if depth > MOST_LEVELS {
        return;
    }
    for entry in node.entries() {
        let list = |node: &Node, is_external: bool, served: &mut Vec<Served>| {
            for rule in node.items() {
                if let Some(query) = rule.get("seriesQuery") {
                    served.push(Served {
                        name: name(rule),
                        is_external,
                        place: object.place(query),
                        ungrouped: without_groups(rule).map(|node| object.place(node)),
                    });
                }
            }
        };
        match entry.key.as_str() {
            "rules" if !entry.node.items().is_empty() => list(&entry.node, false, served),
            "externalRules" => list(&entry.node, true, served),
            "rules" if !entry.node.entries().is_empty() => {
                let before = served.len();
                for (key, is_external) in [("custom", false), ("external", true)] {
                    if let Some(node) = entry.node.get(key) {
                        list(node, is_external, served);
                    }
                }
                let is_off = entry.node.get("default").and_then(Node::as_written).as_deref() == Some("false");
                *has_default |= served.len() > before && !is_off;
            }
            _ => find(object, &entry.node, depth + 1, (served, has_default)),
        }
    }
}

/// What a rule calls the metric of its query.
fn name(rule: &Node) -> Option<String> {
    let query = rule.get("seriesQuery")?.as_str()?;
    let series = query.split('{').next()?.trim();
    let is_name = crate::promql::is_metric_name(series);
    let word = |key: &str| rule.at(&["name", key]).and_then(Node::as_str).filter(|text| !text.is_empty());
    let (matches, given) = (word("matches"), word("as"));
    if [matches, given].into_iter().flatten().any(|text| text.contains("{{") || text.contains("<<")) {
        return None;
    }
    // Without a `$` it is called so whatever the series.
    if let Some(given) = given.filter(|given| !given.contains('$')) {
        return Some(given.to_string());
    }
    if !is_name {
        return None;
    }
    let pattern = Regex::new(matches.unwrap_or(".*")).ok()?;
    let default = if pattern.captures_len() == 2 { "$1" } else { "$0" };
    let given = given.unwrap_or(if matches.is_some() { default } else { "$0" });
    Some(pattern.replace(series, given).into_owned())
}
