//! `slogen lint` and `slogen check`.

use std::collections::HashSet;
use std::io::{IsTerminal, Read};

use anyhow::Context;

use super::arguments::{Check, FindingFormat, Lint, Reporting};
use super::{Ending, print, terminal, walk};
use crate::finding::{Finding, Severity};
use crate::inspect::{Inspection, inspect};
use crate::output;
use crate::scrape::{Row, Verdict};
use crate::source::{FileId, Place, SourceFile, Sources};

/// Reports on the files named; `--context` only gives facts.
pub fn lint(lint: &Lint) -> anyhow::Result<Ending> {
    let mut sources = Sources::default();
    let mut files = Vec::new();
    let (streams, named): (Vec<_>, Vec<_>) =
        lint.files.iter().cloned().partition(|path| path.as_os_str() == "-");
    if !streams.is_empty() {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
        files.push(sources.add(SourceFile::new("<stdin>", text)));
    }
    let (read, all) = walk::manifests(&mut sources, &named)?;
    files.extend(read);
    let reported: HashSet<FileId> = files.iter().copied().collect();
    if !lint.context.is_empty() {
        let known: HashSet<String> = sources.iter().map(|(_, source)| source.name.clone()).collect();
        let mut context = Sources::default();
        let (around, _) = walk::manifests(&mut context, &lint.context)?;
        for file in around.into_iter().filter(|file| !known.contains(&context.get(*file).name)) {
            files.push(sources.add(context.get(file).clone()));
        }
    }
    let mut inspection = inspect(&sources, &files);
    inspection.findings.retain(|finding| reported.contains(&finding.place.file));
    tell(&lint.reporting, &sources, &inspection, all + streams.len())
}

/// Reads everything.
pub fn check(check: &Check) -> anyhow::Result<Ending> {
    let mut sources = Sources::default();
    let (files, all) = walk::manifests(&mut sources, &check.paths)?;
    let inspection = inspect(&sources, &files);
    if check.coverage {
        print(&table(&sources, &inspection.coverage))?;
    }
    tell(&check.reporting, &sources, &inspection, all)
}

fn tell(
    reporting: &Reporting,
    sources: &Sources,
    inspection: &Inspection,
    files: usize,
) -> anyhow::Result<Ending> {
    let findings: &[Finding] = &inspection.findings;
    let human = reporting.format == FindingFormat::Human;
    if !human {
        let style = terminal::style(reporting.color, std::io::stdout().is_terminal());
        print(&output::render(reporting.format.into(), sources, findings, &style))?;
    } else if !findings.is_empty() {
        let style = terminal::style(reporting.color, std::io::stderr().is_terminal());
        let folded = if reporting.notes { Vec::new() } else { notes(findings) };
        let shown: Vec<Finding> = findings
            .iter()
            .filter(|finding| reporting.notes || finding.severity > Severity::Note)
            .cloned()
            .collect();
        eprint!("{}", output::render(output::Format::Human, sources, &shown, &style));
        eprint!("{}", output::folded(sources, &folded));
    }
    let least: Severity = reporting.fail_on.into();
    if findings.iter().any(|finding| finding.severity >= least) {
        return Ok(Ending::Findings);
    }
    if inspection.objects == 0 && findings.is_empty() {
        if human {
            eprintln!(
                "nothing to look at: {files} files, and no autoscaler, workload, monitor or rule in them"
            );
        }
        return Ok(Ending::Nothing);
    }
    if human && findings.iter().all(|finding| finding.severity == Severity::Note) {
        let told = if findings.is_empty() { "nothing to tell" } else { "nothing that has to change" };
        print(&format!("{} objects in {files} files: {told}\n", inspection.objects))?;
    }
    Ok(Ending::Clean)
}

/// Notes are for whoever asks; the others get a line per file.
fn notes(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Note).collect()
}

/// The report of scrape coverage, as a table.
fn table(sources: &Sources, rows: &[Row]) -> String {
    let place = |place: Place| {
        let file = sources.get(place.file);
        format!("{}:{}", file.name, file.line_column(place.span.start).line)
    };
    let lines: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let (verdict, by) = match &row.verdict {
                Verdict::Scraped { by, what, job } => {
                    let job = if job.is_empty() { String::new() } else { format!(", as job `{job}`") };
                    ("scraped", format!("{what} ({}){job}", place(*by)))
                }
                Verdict::NotScraped { by, why } => {
                    ("NOT SCRAPED", by.map_or(why.clone(), |by| format!("{why} ({})", place(by))))
                }
                Verdict::CannotTell(why) => ("cannot tell", why.clone()),
            };
            [row.scaler.clone(), row.metric.clone(), verdict.to_string(), by]
        })
        .collect();
    let titles = ["scaler", "metric", "verdict", "by"].map(str::to_string);
    let width = |column: usize| {
        lines.iter().chain([&titles]).map(|line| line[column].chars().count()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let mut out = String::new();
    for line in [&titles].into_iter().chain(&lines) {
        let text =
            format!("{:<3$}  {:<4$}  {:<5$}  ", line[0], line[1], line[2], widths[0], widths[1], widths[2]);
        out.push_str(format!("{text}{}", line[3]).trim_end());
        out.push('\n');
    }
    out
}
