//! SARIF 2.1.0: OASIS sarif-v2.1.0, sections 3.19 (tool), 3.27 (result), 3.30 (region), 3.55 (fix).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::clamp;
use super::fingerprint::fingerprint;
use crate::finding::{Finding, Fix, Rule, Severity};
use crate::source::{Place, Sources};

pub fn render(sources: &Sources, findings: &[Finding]) -> String {
    let mut rules: Vec<&'static Rule> = findings.iter().map(|finding| finding.rule).collect();
    rules.sort_by_key(|rule| rule.id);
    rules.dedup_by_key(|rule| rule.id);
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let hash = fingerprint(sources, finding);
            let count = seen.entry(hash).or_default();
            *count += 1;
            result(sources, &rules, finding, &format!("{hash:016x}:{count}"))
        })
        .collect();
    let value = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "columnKind": "unicodeCodePoints",
            "tool": { "driver": {
                "name": "slogen",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| self::rule(rule)).collect::<Vec<_>>(),
            } },
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&value).expect("only texts and numbers");
    text.push('\n');
    text
}

fn level(severity: Severity) -> &'static str {
    severity.name()
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.summary },
        "help": { "text": rule.page, "markdown": rule.page },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(sources: &Sources, rules: &[&Rule], finding: &Finding, print: &str) -> Value {
    let mut text = finding.message.clone();
    for more in [&finding.why, &finding.help].into_iter().flatten() {
        text.push_str(". ");
        text.push_str(more);
    }
    let index = rules.iter().position(|rule| rule.id == finding.rule.id);
    let mut value = json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location(sources, finding.place)],
        "partialFingerprints": { "slogenFinding/v1": print },
    });
    if !finding.related.is_empty() {
        let related: Vec<Value> = finding
            .related
            .iter()
            .enumerate()
            .map(|(at, related)| {
                let mut value = location(sources, related.place);
                value["id"] = at.into();
                value["message"] = json!({ "text": related.message });
                value
            })
            .collect();
        value["relatedLocations"] = related.into();
    }
    if let Some(fix) = &finding.fix {
        value["fixes"] = json!([self::fix(sources, fix)]);
    }
    value
}

fn fix(sources: &Sources, fix: &Fix) -> Value {
    let mut files: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    for edit in &fix.edits {
        files.entry(edit.place.file.0).or_default().push(json!({
            "deletedRegion": region(sources, edit.place),
            "insertedContent": { "text": edit.replacement },
        }));
    }
    let changes: Vec<Value> = files
        .into_iter()
        .map(|(file, replacements)| {
            let uri = uri(&sources.get(crate::source::FileId(file)).name);
            json!({ "artifactLocation": { "uri": uri }, "replacements": replacements })
        })
        .collect();
    json!({ "description": { "text": fix.title }, "artifactChanges": changes })
}

fn location(sources: &Sources, place: Place) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&sources.get(place.file).name) },
        "region": region(sources, place),
    } })
}

fn region(sources: &Sources, place: Place) -> Value {
    let file = sources.get(place.file);
    let span = clamp(sources, place);
    let (start, end) = (file.line_column(span.start), file.line_column(span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

/// A relative reference as RFC 3986 wants it.
fn uri(name: &str) -> String {
    let mut out = String::new();
    for byte in name.trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
