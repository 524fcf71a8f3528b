//! `slogen lint` and `slogen check`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::arguments::{Check, FindingFormat, Lint, Reporting};
use super::config::Loaded;
use super::{Ending, changed, config, disk, fix, print, sift, tell_people, terminal, walk};
use crate::compile::{World, compile};
use crate::emit::Templates;
use crate::finding::{Finding, Severity};
use crate::inspect::{Inspection, Settings, inspect};
use crate::inventory::Inventory;
use crate::manifest::{self, Document};
use crate::output;
use crate::scrape::{Row, Verdict};
use crate::source::{FileId, Place, SourceFile, Sources};

/// What one look at the files led to.
enum Pass {
    Done(Ending),
    /// Files were changed: what is left to tell is seen in another look.
    Fixed(fix::Fixes),
}

/// What was looked at.
struct Seen {
    files: usize,
    /// Whether it is everything that the configuration speaks of.
    is_all: bool,
    unreadable: Vec<String>,
}

/// Fixes make room for others; so many times they may.
const MOST_PASSES: usize = 8;

/// Looks until there is nothing more to fix.
fn until_done(reporting: &Reporting, look: impl Fn(usize) -> anyhow::Result<Pass>) -> anyhow::Result<Ending> {
    let mut count = 0;
    let mut files = BTreeSet::new();
    let mut pass = 0;
    loop {
        match look(pass)? {
            Pass::Fixed(fixes) => {
                count += fixes.count;
                files.extend(fixes.changes.written.into_iter().map(|(path, ..)| path));
                pass += 1;
            }
            Pass::Done(ending) => {
                if reporting.fix && !reporting.diff {
                    say!("{} in {}", output::number(count, "fix"), output::number(files.len(), "file"));
                }
                return Ok(ending);
            }
        }
    }
}

/// Reports on the files named; `--context` only gives facts.
pub fn lint(lint: &Lint) -> anyhow::Result<Ending> {
    // Standard input can be read once.
    let mut stdin = None;
    if lint.files.iter().any(|path| path.as_os_str() == "-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        stdin = Some(sift::text(bytes));
    }
    until_done(&lint.reporting, |pass| lint_once(lint, stdin.as_deref(), pass))
}

fn lint_once(lint: &Lint, stdin: Option<&str>, pass: usize) -> anyhow::Result<Pass> {
    let mut sources = Sources::default();
    let Some(loaded) = config::load(&mut sources, lint.reporting.config.as_deref())? else {
        return Ok(Pass::Done(Ending::Unusable));
    };
    let exclude = loaded.exclude()?;
    let crds = definitions(&lint.reporting, &loaded);
    let mut files = Vec::new();
    let (streams, named): (Vec<_>, Vec<_>) =
        lint.files.iter().cloned().partition(|path| path.as_os_str() == "-");
    if let Some(text) = stdin {
        files.push(sources.add(SourceFile::new(fix::STDIN, text.to_string())));
    }
    let found = walk::manifests(&mut sources, &named, &exclude, !crds.is_empty())?;
    let all = found.all + streams.len();
    files.extend(found.files);
    let mut reported: HashSet<FileId> = files.iter().chain(&found.policies).copied().collect();
    let mut context =
        if lint.context.is_empty() { loaded.paths(&loaded.config.context) } else { lint.context.clone() };
    // Whether a file is a patch stands in the kustomization around it.
    context.extend(kustomizations(&named));
    files.extend(around(&mut sources, &context, &exclude)?);
    files.extend(around(&mut sources, &crds, &walk::everything())?);
    walk::few(files.len());
    let settings = Settings {
        versions: loaded.config.versions(),
        is_keda_open: loaded.config.keda.is_none(),
        is_whole: false,
        exists,
    };
    let mut inspection = inspect(&sources, &files, &settings);
    judge_policies(&sources, &found.policies, &files, &mut inspection)?;
    reported.extend(loaded.file);
    inspection.findings = inspection
        .findings
        .into_iter()
        .filter_map(|finding| finding.told_in(|place| reported.contains(&place.file)))
        .collect();
    crate::finding::sort(&mut inspection.findings);
    finish(
        &lint.reporting,
        &sources,
        inspection,
        Seen { files: all, is_all: false, unreadable: found.unreadable },
        &loaded,
        pass,
    )
}

/// Reads everything.
pub fn check(check: &Check) -> anyhow::Result<Ending> {
    until_done(&check.reporting, |pass| check_once(check, pass))
}

fn check_once(check: &Check, pass: usize) -> anyhow::Result<Pass> {
    let mut sources = Sources::default();
    let Some(loaded) = config::load(&mut sources, check.reporting.config.as_deref())? else {
        return Ok(Pass::Done(Ending::Unusable));
    };
    let crds = definitions(&check.reporting, &loaded);
    let found = walk::manifests(&mut sources, &check.paths, &loaded.exclude()?, !crds.is_empty())?;
    let mut files = found.files;
    let defining: HashSet<FileId> = around(&mut sources, &crds, &walk::everything())?
        .into_iter()
        .inspect(|file| files.push(*file))
        .collect();
    walk::few(files.len());
    let settings = Settings {
        versions: loaded.config.versions(),
        is_keda_open: loaded.config.keda.is_none(),
        is_whole: true,
        exists,
    };
    let mut inspection = inspect(&sources, &files, &settings);
    inspection.findings.retain(|finding| !defining.contains(&finding.place.file));
    judge_policies(&sources, &found.policies, &files, &mut inspection)?;
    if check.coverage {
        let table = table(&sources, &inspection.coverage);
        // What is for programs stands alone.
        match check.reporting.format {
            FindingFormat::Human => print(&table)?,
            _ => tell_people(&table)?,
        };
    }
    let is_all = check.paths.iter().any(|path| path.as_os_str() == ".") && loaded.is_here();
    finish(
        &check.reporting,
        &sources,
        inspection,
        Seen { files: found.all, is_all, unreadable: found.unreadable },
        &loaded,
        pass,
    )
}

/// Whether there is a file or a folder.
fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// The kustomizations in the folders of files, and in those around them.
fn kustomizations(named: &[PathBuf]) -> Vec<PathBuf> {
    let folders: BTreeSet<PathBuf> = named
        .iter()
        .filter(|path| path.is_file())
        .flat_map(|path| path.ancestors().skip(1).take(3).map(Path::to_path_buf).collect::<Vec<_>>())
        .collect();
    let files = folders.iter().flat_map(|folder| {
        ["kustomization.yaml", "kustomization.yml", "Kustomization"].map(|name| folder.join(name))
    });
    files.filter(|path| path.is_file()).collect()
}

/// Files that only give facts; those that are there already stay what they are.
fn around(sources: &mut Sources, paths: &[PathBuf], exclude: &walk::Exclude) -> anyhow::Result<Vec<FileId>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let whole = |name: &str| config::clean(&here.join(name));
    let known: HashSet<PathBuf> = sources.iter().map(|(_, source)| whole(&source.name)).collect();
    let mut beside = Sources::default();
    let found = walk::manifests(&mut beside, paths, exclude, false)?;
    let new = found.files.into_iter().filter(|file| !known.contains(&whole(&beside.get(*file).name)));
    Ok(new.map(|file| sources.add(beside.get(file).clone())).collect())
}

fn definitions(reporting: &Reporting, loaded: &Loaded) -> Vec<PathBuf> {
    if reporting.crds.is_empty() { loaded.paths(&loaded.config.crds) } else { reporting.crds.clone() }
}

/// Policies among the files: what is wrong with them, and with them beside the manifests.
fn judge_policies(
    sources: &Sources,
    policies: &[FileId],
    files: &[FileId],
    inspection: &mut Inspection,
) -> anyhow::Result<()> {
    if policies.is_empty() {
        return Ok(());
    }
    let templates = Templates::with_overlay(Vec::new())?;
    // What slogen itself wrote on an earlier run is no conflict.
    let documents: Vec<Document> = files
        .iter()
        .filter(|file| !sources.get(**file).is_generated())
        .flat_map(|file| manifest::read(*file, &sources.get(*file).text).documents)
        .collect();
    let inventory = Inventory::new(sources, &documents);
    let world = World { sources, templates: &templates, manifests: Some(&inventory.objects), date: None };
    for policy in policies {
        let compiled = compile(*policy, &world)?;
        inspection.objects += 1;
        for finding in compiled.findings {
            // What is not here may well be elsewhere; and what its ScaledObject is told need not be told twice.
            let is_elsewhere =
                ["conflict/target-missing", "conflict/service-missing"].contains(&finding.rule.id);
            let is_told = inspection
                .findings
                .iter()
                .any(|other| other.rule == finding.rule && other.place == finding.place);
            if !is_elsewhere && !is_told {
                inspection.findings.push(finding);
            }
        }
    }
    crate::finding::sort(&mut inspection.findings);
    Ok(())
}

fn finish(
    reporting: &Reporting,
    sources: &Sources,
    mut inspection: Inspection,
    seen: Seen,
    loaded: &Loaded,
    pass: usize,
) -> anyhow::Result<Pass> {
    loaded.apply(sources, &mut inspection.findings, seen.is_all)?;
    if let Some(reference) = &reporting.changed_since {
        let changed = changed::since(reference)?;
        let is_new = |place: Place| changed.contains(&sources.get(place.file).name);
        inspection.findings.retain(|finding| {
            is_new(finding.place) || finding.related.iter().any(|related| is_new(related.place))
        });
    }
    let written =
        loaded.config.baseline.as_ref().map(|path| loaded.paths(std::slice::from_ref(path)).remove(0));
    let path = reporting.baseline.clone().or(written);
    if path.is_none() && reporting.write_baseline {
        anyhow::bail!("name the file: `--baseline FILE --write-baseline`, or `baseline` in slogen.toml");
    }
    if let Some(path) = &path
        && baseline(path, reporting.write_baseline, sources, &mut inspection.findings)?
    {
        return Ok(Pass::Done(Ending::Clean));
    }
    if reporting.diff {
        print(&fix::collect(sources, &inspection.findings, true).diff())?;
    } else if reporting.fix && pass < MOST_PASSES {
        let fixes = fix::collect(sources, &inspection.findings, false);
        if fixes.count > 0 {
            disk::apply(&fixes.changes)?;
            return Ok(Pass::Fixed(fixes));
        }
    }
    let configured = loaded.config.fail_on.as_ref().map_or(Some(Severity::Error), |level| level.value);
    let least = reporting.fail_on.map_or(configured, |level| Some(Severity::from(level)));
    let ending = tell(reporting, sources, &inspection, seen.files, least)?;
    for error in &seen.unreadable {
        tell_people(&format!("{}: {error}\n", terminal::error_word()))?;
    }
    Ok(Pass::Done(if seen.unreadable.is_empty() { ending } else { Ending::Unusable }))
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
        say!("{} written to {}", output::number(findings.len(), "finding"), path.display());
        return Ok(true);
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {}; `--write-baseline` makes it", path.display()))?;
    let mut known: HashMap<&str, usize> = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        *known.entry(line).or_default() += 1;
    }
    findings.retain(|finding| {
        // As often as it stood there: a second one of the same kind is new.
        match known.get_mut(keys(std::slice::from_ref(finding))[0].as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        }
    });
    Ok(false)
}

fn tell(
    reporting: &Reporting,
    sources: &Sources,
    inspection: &Inspection,
    files: usize,
    least: Option<Severity>,
) -> anyhow::Result<Ending> {
    let findings: &[Finding] = &inspection.findings;
    let human = reporting.format == FindingFormat::Human;
    if !human {
        let style = terminal::style(reporting.color, std::io::stdout().is_terminal());
        print(&output::render(reporting.format.into(), sources, findings, &style))?;
        // GitHub shows ten annotations; the log holds the rest.
        if reporting.format == FindingFormat::Github {
            tell_people(&output::people(sources, findings, reporting.notes, &style))?;
        }
        // GitHub shows ten annotations; the summary of the step holds them all.
        if let (FindingFormat::Github, Some(path)) =
            (reporting.format, std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()))
        {
            let told = output::summary(sources, findings);
            let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
            // The annotations are out; a summary that cannot be written is no reason to fail.
            if let Err(error) = file.and_then(|mut file| file.write_all(told.as_bytes())) {
                say!("cannot write the summary of the step to {}: {error}", path.display());
            }
        }
    } else if !findings.is_empty() {
        // A patch stands alone on standard output.
        let is_terminal =
            if reporting.diff { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let style = terminal::style(reporting.color, is_terminal);
        let text = output::people(sources, findings, reporting.notes, &style);
        if reporting.diff {
            tell_people(&text)?
        } else {
            print(&text)?
        };
    }
    if least.is_some_and(|least| findings.iter().any(|finding| finding.severity >= least)) {
        return Ok(Ending::Findings);
    }
    if inspection.objects == 0 && findings.is_empty() {
        if reporting.may_be_empty {
            return Ok(Ending::Clean);
        }
        if human {
            say!(
                "nothing to look at: {}, and no autoscaler, workload, monitor or rule in them",
                output::number(files, "file")
            );
        }
        return Ok(Ending::Nothing);
    }
    if human && findings.iter().all(|finding| finding.severity == Severity::Note) {
        let told = if findings.is_empty() { "nothing to tell" } else { "nothing that has to change" };
        let (objects, files) = (output::number(inspection.objects, "object"), output::number(files, "file"));
        let unread = match output::templates(findings).len() {
            0 => String::new(),
            count => format!(", {} not read", output::number(count, "template")),
        };
        let text = format!("{objects} in {files}{unread}: {told}\n");
        if reporting.diff {
            tell_people(&text)?
        } else {
            print(&text)?
        };
    }
    Ok(Ending::Clean)
}

/// The report of scrape coverage, as a table.
fn table(sources: &Sources, rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no scaler here asks a Prometheus\n".to_string();
    }
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
                Verdict::NotScraped { by, why, .. } => {
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
