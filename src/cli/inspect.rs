//! `slogen lint` and `slogen check`.

use std::collections::HashSet;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use anyhow::Context;

use super::arguments::{Check, FindingFormat, Lint, Reporting};
use super::{Ending, disk, drift, print, terminal, walk};
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
    let found = walk::manifests(&mut sources, &named, &walk::everything())?;
    let all = found.all;
    files.extend(found.files);
    let reported: HashSet<FileId> = files.iter().copied().collect();
    if !lint.context.is_empty() {
        let known: HashSet<String> = sources.iter().map(|(_, source)| source.name.clone()).collect();
        let mut context = Sources::default();
        let around = walk::manifests(&mut context, &lint.context, &walk::everything())?;
        for file in around.files.into_iter().filter(|file| !known.contains(&context.get(*file).name)) {
            files.push(sources.add(context.get(file).clone()));
        }
    }
    walk::few(files.len());
    let mut inspection = inspect(&sources, &files);
    inspection.findings.retain(|finding| reported.contains(&finding.place.file));
    finish(&lint.reporting, &sources, inspection, all + streams.len())
}

/// Reads everything.
pub fn check(check: &Check) -> anyhow::Result<Ending> {
    let mut sources = Sources::default();
    let found = walk::manifests(&mut sources, &check.paths, &walk::everything())?;
    walk::few(found.files.len());
    let inspection = inspect(&sources, &found.files);
    if check.coverage {
        print(&table(&sources, &inspection.coverage))?;
    }
    finish(&check.reporting, &sources, inspection, found.all)
}

fn finish(
    reporting: &Reporting,
    sources: &Sources,
    mut inspection: Inspection,
    files: usize,
) -> anyhow::Result<Ending> {
    if let Some(path) = &reporting.baseline
        && baseline(path, reporting.write_baseline, sources, &mut inspection.findings)?
    {
        return Ok(Ending::Clean);
    }
    if reporting.fix || reporting.diff {
        let fixed = fix(reporting, sources, &inspection.findings)?;
        inspection.findings.retain(|finding| {
            !(reporting.fix
                && fixed.contains(&finding.place.file)
                && finding.fix.as_ref().is_some_and(|fix| fix.safe))
        });
    }
    tell(reporting, sources, &inspection, files)
}

/// Takes out what is known already. True if the file was written instead.
fn baseline(
    path: &Path,
    write: bool,
    sources: &Sources,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<bool> {
    let keys = |findings: &[Finding]| {
        let mut keys: Vec<String> = findings
            .iter()
            .map(|finding| {
                format!(
                    "{} {} {:016x}",
                    finding.rule.id,
                    sources.get(finding.place.file).name,
                    output::fingerprint(sources, finding)
                )
            })
            .collect();
        keys.sort();
        keys
    };
    if write {
        let text = format!(
            "# Findings that slogen does not tell any more. Written by `slogen … --write-baseline`.\n{}\n",
            keys(findings).join("\n")
        );
        let before = std::fs::read_to_string(path).ok();
        disk::apply(&disk::Changes {
            written: vec![(path.to_path_buf(), before, text)],
            ..disk::Changes::default()
        })?;
        eprintln!("{} findings written to {}", findings.len(), path.display());
        return Ok(true);
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {}; `--write-baseline` makes it", path.display()))?;
    let mut known: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    findings.retain(|finding| {
        let key = &keys(std::slice::from_ref(finding))[0];
        // As often as it stood there: a second one of the same kind is new.
        match known.iter().position(|line| line == key) {
            Some(at) => {
                known.swap_remove(at);
                false
            }
            None => true,
        }
    });
    Ok(false)
}

/// Applies the safe fixes, or shows them. Gives the files that changed.
fn fix(reporting: &Reporting, sources: &Sources, findings: &[Finding]) -> anyhow::Result<HashSet<FileId>> {
    let mut changes = disk::Changes::default();
    let mut files = HashSet::new();
    let mut total = 0;
    for (file, source) in sources.iter() {
        let own: Vec<Finding> =
            findings.iter().filter(|finding| finding.place.file == file).cloned().collect();
        let (text, count) = crate::finding::fix::apply(file, &source.text, &own);
        if count > 0 && source.name != "<stdin>" {
            changes.written.push((source.name.clone().into(), Some(source.text.clone()), text));
            files.insert(file);
            total += count;
        }
    }
    if reporting.diff {
        print(&drift::diff(&changes))?;
    }
    if reporting.fix && !reporting.diff {
        disk::apply(&changes)?;
        eprintln!("{total} fixes in {} files", changes.written.len());
        return Ok(files);
    }
    Ok(HashSet::new())
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
        // GitHub shows ten annotations; the summary of the step holds them all.
        if let (FindingFormat::Github, Some(path)) =
            (reporting.format, std::env::var_os("GITHUB_STEP_SUMMARY"))
        {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(output::summary(sources, findings).as_bytes())?;
        }
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
