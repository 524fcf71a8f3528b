//! `slogen explain` and `slogen rules`.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::arguments::ListFormat;
use super::{Ending, print, terminal, walk};
use crate::finding::nearest;
use crate::inspect::{Settings, inspect};
use crate::inventory::Inventory;
use crate::manifest::{self, Document};
use crate::source::{SourceFile, Sources};
use crate::{lift, output, rules};

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

/// `slogen explain-scaler`.
pub fn scalers(files: &[PathBuf]) -> anyhow::Result<Ending> {
    let mut sources = Sources::default();
    let (streams, named): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|path| path.as_os_str() == "-");
    let mut ids = Vec::new();
    if !streams.is_empty() {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
        ids.push(sources.add(SourceFile::new("<stdin>", text)));
    }
    ids.extend(walk::manifests(&mut sources, &named, &walk::everything(), false)?.files);
    let findings = inspect(&sources, &ids, &Settings { is_whole: false, ..Settings::default() }).findings;
    // What cannot be read cannot be explained.
    let unread: Vec<_> =
        findings.iter().filter(|finding| finding.rule.id.starts_with("yaml/")).cloned().collect();
    if !unread.is_empty() {
        let style = terminal::style(super::arguments::Color::Auto, false);
        super::tell_people(&output::people(&sources, &unread, true, &style))?;
    }
    let documents: Vec<Document> =
        ids.iter().flat_map(|file| manifest::read(*file, &sources.get(*file).text).documents).collect();
    let inventory = Inventory::new(&sources, &documents);
    let told: Vec<String> = inventory
        .objects
        .iter()
        .filter(|object| !object.is_fragment)
        .filter_map(|object| Some(lift::explain(&sources, object, &lift::lift(object)?, &findings)))
        .collect();
    if told.is_empty() {
        say!("nothing to explain: no ScaledObject and no HorizontalPodAutoscaler that says what it scales");
        return Ok(Ending::Nothing);
    }
    print(&told.join("\n"))
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
