//! The checklist as its two templates see it.

use serde_json::{Value, json};

use super::header;
use super::view::view;
use crate::checklist::{Checklist, Evidence, Item, Status};
use crate::model::plain;
use crate::plan::{Plan, Prediction};

pub fn checklist(plan: &Plan, checklist: &Checklist) -> Value {
    let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
    for item in &checklist.items {
        match groups.last_mut() {
            Some((name, items)) if *name == item.group => items.push(item_view(item)),
            _ => groups.push((item.group, vec![item_view(item)])),
        }
    }
    // What needs somebody comes first.
    let mut sorted: Vec<&Item> = checklist.items.iter().collect();
    sorted.sort_by_key(|item| order(item.status));
    view! {
        header => header(&plan.policy),
        name => markdown(&plan.name),
        summary => summary(checklist),
        prediction => view! {
            time => time(&plan.prediction),
            at_breach => markdown(&plan.prediction.at_breach),
            when_silent => markdown(&plan.prediction.when_silent),
        },
        items => sorted.into_iter().map(item_view).collect::<Vec<_>>(),
        groups => groups.iter().map(|(name, items)| view! { name => name, items => items }).collect::<Vec<_>>(),
        body => body(plan, checklist),
    }
}

/// The predicted time, and what was promised.
pub fn time(prediction: &Prediction) -> String {
    let Some(slowest) = prediction.slowest() else {
        return "no signal asks Prometheus".to_string();
    };
    let worst = plain(slowest.time.worst().round_dp(1));
    match prediction.promise {
        Some(promise) => format!("new pods asked for after {worst} s at worst (promised: {promise} s)"),
        None => format!("new pods asked for after {worst} s at worst"),
    }
}

const ALL: [Status; 7] = [
    Status::Fail,
    Status::Warn,
    Status::Unknown,
    Status::Manual,
    Status::Waived,
    Status::NotApplicable,
    Status::Pass,
];

fn order(status: Status) -> usize {
    ALL.iter().position(|other| *other == status).unwrap_or(0)
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Warn => "warn",
        Status::Unknown => "unknown",
        Status::Manual => "manual",
        Status::NotApplicable => "na",
        Status::Waived => "waived",
    }
}

fn counts(checklist: &Checklist) -> Vec<(&'static str, usize)> {
    ALL.iter()
        .map(|status| {
            let count = checklist.items.iter().filter(|item| item.status == *status).count();
            (word(*status), count)
        })
        .collect()
}

fn summary(checklist: &Checklist) -> String {
    let parts: Vec<String> = counts(checklist)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    format!("{} items: {}.", checklist.items.len(), parts.join(", "))
}

fn item_view(item: &Item) -> Value {
    let mark = match item.status {
        Status::Pass => "✅",
        Status::Fail => "❌",
        Status::Warn => "⚠️",
        Status::Unknown => "❓",
        Status::Manual => "✋",
        Status::NotApplicable => "➖",
        Status::Waived => "🏳️",
    };
    view! {
        id => item.id,
        title => item.title,
        mark => mark,
        status => word(item.status),
        done => item.status == Status::Pass,
        finding => markdown(&item.finding),
        why => item.why,
        evidence => item.evidence.iter().map(evidence_text).collect::<Vec<_>>(),
        next => item.next.as_deref().map(next_text),
    }
}

/// Text of the user's that must not break a table or a link.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut code = false;
    for c in text.chars() {
        match c {
            '`' => {
                code = !code;
                out.push('`');
            }
            '|' => out.push_str("\\|"),
            c if c.is_control() => out.push(' '),
            '<' | '>' | '*' | '_' | '[' | ']' if !code => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A command stays a command: nothing in it is escaped but what would end its code span.
fn next_text(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn evidence_text(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Policy { file, line, column } => format!("policy, `{}`", place(file, *line, Some(*column))),
        Evidence::Generated { file, line } => format!("generated, `{}`", place(file, *line, None)),
        Evidence::Manifest { file, line, column } => {
            format!("manifest, `{}`", place(file, *line, Some(*column)))
        }
        Evidence::Computed { formula, result } => {
            format!("computed, {} = {}", markdown(formula), markdown(result))
        }
        Evidence::Attestation { by, date, text } => {
            format!("{} on {}: {}", markdown(by), markdown(date), markdown(text))
        }
    }
}

fn place(file: &str, line: usize, column: Option<usize>) -> String {
    let file: String = file.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).collect();
    match column {
        Some(column) => format!("{file}:{line}:{column}"),
        None => format!("{file}:{line}"),
    }
}

/// Everything behind the first line, which the template writes.
fn body(plan: &Plan, checklist: &Checklist) -> Value {
    let items: Vec<serde_json::Value> = checklist
        .items
        .iter()
        .map(|item| {
            json!({
                "id": item.id,
                "group": item.group,
                "title": item.title,
                "status": word(item.status),
                "finding": item.finding,
                "why": item.why,
                "evidence": item.evidence.iter().map(evidence_json).collect::<Vec<_>>(),
                "next": item.next,
            })
        })
        .collect();
    let counts: serde_json::Map<String, serde_json::Value> =
        counts(checklist).into_iter().map(|(word, count)| (word.to_string(), count.into())).collect();
    let times: Vec<serde_json::Value> = plan
        .prediction
        .times
        .iter()
        .map(|signal| {
            let terms: Vec<serde_json::Value> = signal
                .time
                .terms
                .iter()
                .map(|term| json!({ "name": term.name, "seconds": plain(term.seconds), "because": term.because }))
                .collect();
            json!({ "signal": signal.signal, "seconds": plain(signal.time.worst()), "terms": terms })
        })
        .collect();
    let value = json!({
        "schema": "slogen-checklist/1",
        "workload": plan.name,
        "namespace": plan.namespace,
        "counts": counts,
        "prediction": {
            "time_to_scale": times,
            "promise_seconds": plan.prediction.promise,
            "at_breach": plan.prediction.at_breach,
            "when_silent": plan.prediction.when_silent,
        },
        "items": items,
    });
    let text = serde_json::to_string_pretty(&value).expect("only texts and numbers");
    // The opening brace stands on the first line of the file.
    text.trim_start_matches("{\n").into()
}

fn evidence_json(evidence: &Evidence) -> serde_json::Value {
    match evidence {
        Evidence::Policy { file, line, column } => {
            json!({ "kind": "policy", "file": file, "line": line, "column": column })
        }
        Evidence::Generated { file, line } => json!({ "kind": "generated", "file": file, "line": line }),
        Evidence::Manifest { file, line, column } => {
            json!({ "kind": "manifest", "file": file, "line": line, "column": column })
        }
        Evidence::Computed { formula, result } => {
            json!({ "kind": "computed", "formula": formula, "result": result })
        }
        Evidence::Attestation { by, date, text } => {
            json!({ "kind": "attestation", "by": by, "date": date, "text": text })
        }
    }
}
