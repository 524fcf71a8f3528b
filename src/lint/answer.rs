//! Everything that is known of one query, for programs.

use serde_json::{Value, json};

use super::outcome::{Case, outcome};
use super::{Context, Lint, lint_analysed, syntax};
use crate::promql::{Analysis, Presence, Reason, Series, SyntaxError, Target, ValueType, analyse, parse};
use crate::source::Span;

/// One object: verdict, errors, type, canonical text, nodes, labels, series, unit, what KEDA reads, findings.
pub fn answer(query: &str, target: &Target, context: &Context) -> Value {
    match parse(query, target) {
        Err(errors) => json!({
            "expr": query,
            "valid": false,
            "errors": errors.iter().map(error).collect::<Vec<_>>(),
            "type": null,
            "canonical": null,
            "nodes": [],
            "series": "unknown",
            "findings": syntax(&errors, &context.role).iter().map(|lint| finding(query, lint)).collect::<Vec<_>>(),
        }),
        Ok(expression) => {
            let analysis = analyse(&expression, &context.facts);
            let lints = lint_analysed(&expression, &analysis, context);
            let root = analysis.root();
            let nodes: Vec<Value> = expression
                .nodes()
                .into_iter()
                .map(|(kind, span)| json!({ "kind": kind, "start": span.start, "end": span.end }))
                .collect();
            let finite = |value: f64| if value.is_finite() { json!(value) } else { Value::Null };
            json!({
                "expr": query,
                "valid": true,
                "errors": [],
                "type": type_name(expression.value_type()),
                "canonical": expression.canonical(),
                "nodes": nodes,
                "series": series_name(&root.series),
                "series_reason": root.series.reason().map(|reason| self::reason(query, reason)),
                "labels": labels(&analysis),
                "unit": root.unit.map(|unit| unit.to_string()),
                "values": { "lowest": finite(root.bounds.0), "highest": finite(root.bounds.1) },
                "keda": keda(query, &analysis),
                "findings": lints.iter().map(|lint| finding(query, lint)).collect::<Vec<_>>(),
            })
        }
    }
}

pub(super) fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Scalar => "scalar",
        ValueType::String => "string",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
    }
}

fn series_name(series: &Series) -> &'static str {
    match series {
        Series::One => "one",
        Series::Many(_) => "many",
        Series::Unknown(_) => "unknown",
    }
}

fn error(error: &SyntaxError) -> Value {
    json!({
        "start": error.span.start,
        "end": error.span.end,
        "mark": { "start": error.mark.start, "end": error.mark.end },
        "message": error.message,
        "help": error.help,
    })
}

fn fragment(query: &str, span: Span) -> &str {
    query.get(span.range()).unwrap_or_default()
}

fn reason(query: &str, reason: &Reason) -> Value {
    json!({
        "start": reason.span.start,
        "end": reason.span.end,
        "fragment": fragment(query, reason.span),
        "message": reason.text,
    })
}

fn labels(analysis: &Analysis<'_>) -> Value {
    let labels = &analysis.root().labels;
    let named: Vec<Value> = labels
        .named
        .iter()
        .map(|label| {
            let presence = match label.presence {
                Presence::Must => "must",
                Presence::Can => "can",
                Presence::Cannot => "cannot",
            };
            json!({
                "name": label.name,
                "presence": presence,
                "value": label.value,
                "start": label.span.start,
                "end": label.span.end,
                "message": label.why,
            })
        })
        .collect();
    json!({
        "others": labels.others,
        "start": labels.span.start,
        "end": labels.span.end,
        "message": labels.why,
        "named": named,
    })
}

fn keda(query: &str, analysis: &Analysis<'_>) -> Value {
    let case = |case: &Case| {
        let answers: Vec<Value> = case
            .answers
            .iter()
            .map(|answer| {
                json!({
                    "prometheus": answer.name(),
                    "ignoreNullValues=true": answer.read(true).name(),
                    "ignoreNullValues=false": answer.read(false).name(),
                })
            })
            .collect();
        json!({ "answers": answers, "reason": case.reason.as_ref().map(|reason| self::reason(query, reason)) })
    };
    let outcome = outcome(analysis);
    json!({
        "under_load": case(&outcome.under_load),
        "idle": case(&outcome.idle),
        "gone": case(&outcome.gone),
    })
}

fn finding(query: &str, lint: &Lint) -> Value {
    let related: Vec<Value> = lint
        .related
        .iter()
        .map(|(span, message)| json!({ "start": span.start, "end": span.end, "message": message }))
        .collect();
    let fix = lint
        .repair
        .as_ref()
        .map(|repair| json!({ "title": repair.title, "safe": repair.safe, "query": repair.apply(query) }));
    json!({
        "rule": lint.rule.id,
        "code": lint.rule.code,
        "severity": lint.severity.name(),
        "start": lint.span.start,
        "end": lint.span.end,
        "message": lint.message,
        "label": lint.label,
        "why": lint.why,
        "help": lint.help,
        "related": related,
        "fix": fix,
    })
}
