//! `slogen explain` and `slogen rules`.

use anyhow::bail;

use super::arguments::ListFormat;
use super::{Ending, print};
use crate::finding::nearest;
use crate::rules;

pub fn explain(id: &str) -> anyhow::Result<Ending> {
    match rules::find(id) {
        Some(rule) => print(&format!("{}\n\nSeverity: {}\n", rule.page.trim_end(), rule.severity)),
        None => {
            let all = rules::all();
            let ids = all.iter().map(|rule| rule.id);
            match nearest(id, ids) {
                Some(word) => {
                    bail!("there is no rule `{id}`; did you mean `{word}`? (slogen rules lists them all)")
                }
                None => bail!("there is no rule `{id}` (slogen rules lists them all)"),
            }
        }
    }
}

pub fn list(format: ListFormat) -> anyhow::Result<Ending> {
    let all = rules::all();
    if format == ListFormat::Json {
        let rules: Vec<serde_json::Value> = all
            .iter()
            .map(|rule| serde_json::json!({ "id": rule.id, "severity": rule.severity.name(), "summary": rule.summary }))
            .collect();
        let mut text =
            serde_json::to_string_pretty(&serde_json::json!({ "schema": "slogen-rules/1", "rules": rules }))?;
        text.push('\n');
        return print(&text);
    }
    let width = all.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let lines: Vec<String> = all
        .iter()
        .map(|rule| format!("{:width$}  {:7}  {}\n", rule.id, rule.severity.name(), rule.summary))
        .collect();
    print(&lines.concat())
}
