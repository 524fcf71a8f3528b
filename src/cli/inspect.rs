//! `slogen lint` and `slogen check`.

use std::collections::HashSet;
use std::io::{IsTerminal, Read};

use anyhow::Context;

use super::arguments::{Check, FindingFormat, Lint, Reporting};
use super::{Ending, print, terminal, walk};
use crate::finding::{Finding, Severity};
use crate::inspect::{Inspection, inspect};
use crate::output;
use crate::source::{FileId, SourceFile, Sources};

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
        eprint!("{}", output::render(output::Format::Human, sources, findings, &style));
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
    if human && findings.is_empty() {
        print(&format!("{} objects in {files} files: nothing to tell\n", inspection.objects))?;
    }
    Ok(Ending::Clean)
}
