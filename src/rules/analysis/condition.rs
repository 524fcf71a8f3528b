//! Conditions of AnalysisTemplates against what their query gives.
//!
//! Sources: argoproj/argo-rollouts metricproviders/prometheus/prometheus.go, processResponse (a vector is a list of numbers);
//! utils/evaluate/evaluate.go (a condition that cannot be evaluated is an error); utils/template/template.go.

use std::sync::LazyLock;

use regex::Regex;

use super::{ARGUMENT, RESULT_LIST, TURNED_AROUND};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::promql::ast::{Kind, MatchOperator, Node as Tree, Operator, Selector};
use crate::promql::{Facts, Target, ValueType, analyse, parse};

/// `result[0] >= 0.95`.
static COMPARED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s*result\[0\]\s*(?P<operator>[<>]=?)\s*(?P<limit>\d+(?:\.\d+)?)\s*$").ok()
});

/// `result >= 0.95`.
static BARE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bresult\s*(?:[<>]=?|==|!=)\s*\d").ok());

static ARGUMENTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{\{\s*args\.(?P<name>[A-Za-z0-9_-]+)\s*\}\}").ok());

pub(super) fn check(object: &Object<'_>) -> Vec<Finding> {
    if object.is_fragment {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let args: Vec<&str> = object
        .at(&["spec", "args"])
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|arg| arg.get("name")?.as_str())
        .collect();
    for metric in object.at(&["spec", "metrics"]).map(Node::items).unwrap_or_default() {
        let Some(query) = metric.at(&["provider", "prometheus", "query"]) else { continue };
        findings.extend(unknown(object, query, &args));
        for (key, is_success) in [("successCondition", true), ("failureCondition", false)] {
            let Some(node) = metric.get(key) else { continue };
            findings.extend(condition(object, query, (node, is_success)));
        }
    }
    findings
}

/// `{{args.service}}` that the template does not have.
fn unknown(object: &Object<'_>, query: &Node, args: &[&str]) -> Option<Finding> {
    let text = query.as_str()?;
    let name = ARGUMENTS.as_ref()?.captures_iter(text).find_map(|found| {
        let name = found.name("name")?.as_str();
        (!args.contains(&name)).then_some(name)
    })?;
    let finding = Finding::new(
        &ARGUMENT,
        object.place(query),
        format!("`{{{{args.{name}}}}}` is no argument of this template"),
    )
    .why("the analysis is an error before the first measurement, and the release is aborted");
    Some(match crate::finding::nearest(name, args.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{{{{args.{near}}}}}`?")),
        None => finding.help(format!("write `- name: {name}` in `args`, and give it in the Rollout")),
    })
}

fn condition(object: &Object<'_>, query: &Node, (node, is_success): (&Node, bool)) -> Option<Finding> {
    let text = node.as_str()?;
    let written = query.as_str()?;
    // What is filled in stands in strings and in the place of numbers.
    let plain = ARGUMENTS.as_ref()?.replace_all(written, "1m");
    let expression = parse(&plain, &Target::default()).ok()?;
    let facts = Facts::default();
    let analysis = analyse(&expression, &facts);
    let root = analysis.root();
    if BARE.as_ref()?.is_match(text) && root.value_type == ValueType::Vector {
        return Some(
            Finding::new(&RESULT_LIST, object.place(node), "`result` is a list, and is compared with a number")
                .related(object.place(query), "a query for series gives a list of numbers")
                .why("the condition cannot be evaluated: every measurement is an error, and after five of them the release is aborted")
                .help(format!("write `{}`", text.trim().replace("result ", "result[0] "))),
        );
    }
    let found = COMPARED.as_ref()?.captures(text)?;
    let limit: f64 = found.name("limit")?.as_str().parse().ok()?;
    let is_above = found.name("operator")?.as_str().starts_with('>');
    let is_good = is_share_of_good(&expression.root);
    if let Some(is_good) = is_good
        && is_above != (is_good == is_success)
    {
        let (share, passes) = if is_good { ("what succeeds", "success") } else { ("what fails", "failure") };
        let key = if is_success { "successCondition" } else { "failureCondition" };
        let effect = match (is_success, is_good) {
            (true, true) => "a release that fails passes, and one that works does not",
            (true, false) => "a release whose requests fail passes, and one that works does not",
            (false, true) => "a release is aborted because it works",
            (false, false) => "a release is aborted because nothing fails",
        };
        let turned = text.replace(['<', '>'], if is_above { "<" } else { ">" });
        return Some(
            Finding::new(
                &TURNED_AROUND,
                object.place(node),
                format!("the query gives the share of {share}, and `{key}` asks for the contrary"),
            )
            .related(object.place(query), format!("a share of {passes}"))
            .why(format!("it is met the wrong way round: {effect}"))
            .help(format!("write `{}`", turned.trim())),
        );
    }
    let (low, high) = root.bounds;
    let never = is_above && limit > high;
    if never && (low, high) == (0.0, 1.0) {
        let effect = if is_success { "no release passes" } else { "no release ever fails" };
        let mut finding = Finding::new(
            &TURNED_AROUND,
            object.place(node),
            format!("the query gives a share of 1, and the condition asks for {limit}"),
        )
        .related(object.place(query), "between 0 and 1")
        .why(format!("the comparison never holds: {effect}"))
        .help(format!("write {}, or multiply the query by 100", limit / 100.0));
        finding.severity = Severity::Error;
        return Some(finding);
    }
    None
}

/// Whether a quotient is the share of what succeeds, or of what fails; None where it is neither.
fn is_share_of_good(node: &Tree) -> Option<bool> {
    let Kind::Binary(binary) = &node.bare().kind else { return None };
    match binary.operator {
        Operator::Divide => {
            let (part, whole) = (first(&binary.left)?, first(&binary.right)?);
            let same = part.name == whole.name;
            let extra = part.matchers.iter().find(|matcher| {
                ["code", "status", "status_code", "response_code", "http_status_code"]
                    .contains(&matcher.name.as_str())
                    && !whole.matchers.iter().any(|other| other.name == matcher.name)
            })?;
            let value = extra.value.trim_matches(['^', '$', '(', ')']);
            let is_failure = value.starts_with('5') || value.starts_with("[45]") || value.starts_with("4");
            let is_success = value.starts_with('2') || value.starts_with("[23]") || value.starts_with("(2");
            match extra.operator {
                _ if !same => None,
                MatchOperator::Equal | MatchOperator::RegexMatch if is_failure => Some(false),
                MatchOperator::Equal | MatchOperator::RegexMatch if is_success => Some(true),
                MatchOperator::NotEqual | MatchOperator::RegexNotMatch if is_failure => Some(true),
                _ => None,
            }
        }
        Operator::Multiply => is_share_of_good(&binary.left).or_else(|| is_share_of_good(&binary.right)),
        _ => None,
    }
}

/// The only selector below.
fn first(node: &Tree) -> Option<&Selector> {
    let mut found = None;
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        match &node.kind {
            Kind::Selector(_) if found.is_some() => return None,
            Kind::Selector(selector) => found = Some(selector),
            Kind::Binary(binary) if !matches!(binary.operator, Operator::Or) => return None,
            _ => {}
        }
        stack.extend(node.children());
    }
    found
}
