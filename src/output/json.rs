//! Findings for programs. `schema` changes when a key changes its meaning.

use serde_json::{Value, json};

use super::clamp;
use crate::finding::{Edit, Finding, Severity};
use crate::source::{Place, Sources};

pub fn render(sources: &Sources, findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let value = json!({
        "schema": "slogen-findings/1",
        "summary": {
            "errors": count(Severity::Error),
            "warnings": count(Severity::Warning),
            "notes": count(Severity::Note),
        },
        "findings": findings.iter().map(|finding| one(sources, finding)).collect::<Vec<_>>(),
    });
    let mut text = serde_json::to_string_pretty(&value).expect("only texts and numbers");
    text.push('\n');
    text
}

fn one(sources: &Sources, finding: &Finding) -> Value {
    let related: Vec<Value> = finding
        .related
        .iter()
        .map(|related| {
            let mut value = place(sources, related.place);
            value["message"] = related.message.as_str().into();
            value
        })
        .collect();
    let mut value = json!({
        "rule": finding.rule.id,
        "severity": finding.severity.name(),
        "message": finding.message,
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut value, place(sources, finding.place)) {
        all.extend(more);
    }
    value["label"] = finding.label.as_deref().into();
    value["why"] = finding.why.as_deref().into();
    value["help"] = finding.help.as_deref().into();
    value["related"] = related.into();
    value["fix"] = match &finding.fix {
        None => Value::Null,
        Some(fix) => json!({
            "title": fix.title,
            "safe": fix.safe,
            "edits": fix.edits.iter().map(|edit| self::edit(sources, edit)).collect::<Vec<_>>(),
        }),
    };
    value
}

fn edit(sources: &Sources, edit: &Edit) -> Value {
    let mut value = place(sources, edit.place);
    value["replacement"] = edit.replacement.as_str().into();
    value
}

fn place(sources: &Sources, place: Place) -> Value {
    let file = sources.get(place.file);
    let span = clamp(sources, place);
    let point = |offset: u32| {
        let at = file.line_column(offset);
        json!({ "line": at.line, "column": at.column, "offset": offset })
    };
    json!({ "file": file.name, "start": point(span.start), "end": point(span.end) })
}
