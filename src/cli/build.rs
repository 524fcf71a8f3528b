//! `slogen build`.

use std::io::IsTerminal;

use anyhow::bail;
use rayon::prelude::*;

use super::arguments::{Build, FindingFormat};
use super::{Ending, disk, drift, input, print, terminal};
use crate::compile::{Output, World, compile};
use crate::emit::{self, Templates};
use crate::finding::{self, Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::{self, Document};
use crate::model::{WorkloadReference, plain};
use crate::output;
use crate::plan::{Bundle, Prediction};
use crate::policy;
use crate::source::{FileId, Placed, Sources};

/// What is needed of a compiled policy to write and to tell; the rest is let go, so that a thousand policies do not
/// fill the memory.
struct Built {
    bundle: Bundle,
    workload: Placed<WorkloadReference>,
    prediction: Prediction,
}

impl From<Output> for Built {
    fn from(output: Output) -> Self {
        Built { bundle: output.bundle, workload: output.policy.workload, prediction: output.plan.prediction }
    }
}

pub fn run(build: &Build) -> anyhow::Result<Ending> {
    if let Some(date) = &build.date
        && !policy::check::is_day(date)
    {
        bail!("`{date}` is not a day: write it as YYYY-MM-DD");
    }
    let mut sources = Sources::default();
    let files = input::policies(&mut sources, &build.policies)?;
    if files.is_empty() {
        say!("{}: there is no policy (*.toml) in what was named", terminal::error_word());
        return Ok(Ending::Nothing);
    }
    let overlay = match &build.templates {
        Some(folder) => input::templates(folder)?,
        None => Vec::new(),
    };
    let templates = Templates::with_overlay(overlay)?;
    let (documents, mut findings) = manifests(build, &mut sources)?;
    let inventory = Inventory::new(&sources, &documents);
    let world = World {
        sources: &sources,
        templates: &templates,
        manifests: (!build.manifests.is_empty()).then_some(inventory.objects.as_slice()),
        date: build.date.as_deref(),
    };
    let compiled: Vec<(Vec<Finding>, Option<Built>)> = files
        .par_iter()
        .map(|file| {
            compile(*file, &world).map(|compiled| (compiled.findings, compiled.output.map(Built::from)))
        })
        .collect::<anyhow::Result<_>>()?;
    findings.extend(compiled.iter().flat_map(|(findings, _)| findings.iter().cloned()));
    let outputs: Vec<&Built> = compiled.iter().filter_map(|(_, built)| built.as_ref()).collect();
    findings.extend(collisions(&outputs));
    finding::sort(&mut findings);
    findings.dedup();
    tell(build, &sources, &findings)?;
    let limit: Severity = build.fail_on.into();
    if findings.iter().any(|finding| finding.severity >= limit) {
        let all = files.len();
        if build.format == FindingFormat::Human {
            say!("nothing was written ({all} {})", if all == 1 { "policy" } else { "policies" });
        }
        return Ok(Ending::Findings);
    }
    finish(build, &outputs)
}

/// The documents of `--manifests`, and what cannot be read of them.
fn manifests(build: &Build, sources: &mut Sources) -> anyhow::Result<(Vec<Document>, Vec<Finding>)> {
    if build.manifests.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let files = input::manifests(sources, &build.manifests)?;
    if files.is_empty() {
        bail!("there is no YAML in what --manifests names");
    }
    let sources = &*sources;
    let readings: Vec<manifest::Reading> =
        files.par_iter().map(|file| manifest::read(*file, &sources.get(*file).text)).collect();
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    for reading in readings {
        // What slogen itself wrote on an earlier run is no conflict.
        documents.extend(reading.documents.into_iter().filter(|document| !is_own(sources, document.file)));
        findings.extend(reading.findings);
    }
    Ok((documents, findings))
}

fn is_own(sources: &Sources, file: FileId) -> bool {
    sources.get(file).is_generated()
}

/// Policies that would write the same folder or scale the same workload.
fn collisions(outputs: &[&Built]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, output) in outputs.iter().enumerate() {
        let workload = &output.workload;
        let earlier = outputs[..at].iter().find(|other| other.bundle.folder == output.bundle.folder);
        let Some(other) = earlier else { continue };
        let same = other.workload.value == workload.value;
        let (rule, message, help) = if same {
            (
                &policy::rules::SHARED_TARGET,
                format!("another policy scales {} `{}` already", workload.value.kind, workload.value.name),
                "join the two: a workload has one autoscaler with all its signals",
            )
        } else {
            (
                &policy::rules::SHARED_OUTPUT,
                format!("another policy writes the folder `{}` already", output.bundle.folder),
                "build them into different folders: `-o out/<namespace>`",
            )
        };
        findings.push(
            Finding::new(rule, workload.place, message)
                .related(other.workload.place, "the other one")
                .why("one of the two would overwrite the other")
                .help(help),
        );
    }
    findings
}

/// Findings go where the reader looks: for people to standard error, for programs to standard output.
fn tell(build: &Build, sources: &Sources, findings: &[Finding]) -> anyhow::Result<()> {
    let human = build.format == FindingFormat::Human;
    if human && findings.is_empty() {
        return Ok(());
    }
    let is_terminal = if human { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let style = terminal::style(build.color, is_terminal);
    let text = output::render(build.format.into(), sources, findings, &style);
    // With --stdout the objects own standard output.
    if human || build.stdout {
        super::tell_people(&text)?;
    } else {
        print(&text)?;
    }
    Ok(())
}

fn finish(build: &Build, outputs: &[&Built]) -> anyhow::Result<Ending> {
    let human = build.format == FindingFormat::Human;
    if build.stdout {
        let objects =
            outputs.iter().flat_map(|output| &output.bundle.files).filter(|file| emit::is_object(file.name));
        let texts: Vec<String> = objects.map(|file| format!("---\n{}", file.text)).collect();
        return print(&texts.concat());
    }
    if build.dry_run {
        if human {
            print(&summary(build, outputs, "would be written"))?;
        }
        return Ok(Ending::Clean);
    }
    let bundles: Vec<_> = outputs.iter().map(|output| &output.bundle).collect();
    let changes = disk::compare(&build.output, &bundles)?;
    let different = changes.written.len() + changes.removed.len();
    if build.check {
        if different == 0 {
            if human {
                print(&format!("{} files are up to date\n", changes.unchanged))?;
            }
            return Ok(Ending::Clean);
        }
        let text = drift::diff(&changes);
        if human {
            print(&text)?
        } else {
            {
                super::tell_people(&text)?;
                Ending::Clean
            }
        };
        say!("{different} files differ from what the policies say; run slogen build to write them");
        return Ok(Ending::Findings);
    }
    disk::apply(&changes)?;
    if human {
        let mut text = summary(build, outputs, "written");
        if changes.unchanged > 0 || !changes.removed.is_empty() {
            text.push_str(&format!(
                "{} written, {} unchanged, {} removed\n",
                changes.written.len(),
                changes.unchanged,
                changes.removed.len()
            ));
        }
        print(&text)?;
    }
    Ok(Ending::Clean)
}

/// What was written, and the three numbers that matter.
fn summary(build: &Build, outputs: &[&Built], verb: &str) -> String {
    let mut text = String::new();
    if let [output] = outputs {
        let folder = build.output.join(&output.bundle.folder);
        text.push_str(&format!("{} files {verb} to {}\n", output.bundle.files.len(), folder.display()));
        let prediction = &output.prediction;
        let time = match prediction.slowest() {
            None => "no signal asks Prometheus".to_string(),
            Some(slowest) => {
                let worst = plain(slowest.time.worst().round_dp(1));
                let promised = prediction
                    .promise
                    .map_or("nothing promised".to_string(), |promise| format!("promised {promise} s"));
                format!("{worst} s at worst (`{}`; {promised})", slowest.signal)
            }
        };
        text.push_str(&format!("  time to scale     {time}\n"));
        text.push_str(&format!("  at the breach     {}\n", prediction.at_breach));
        text.push_str(&format!("  Prometheus silent {}\n", prediction.when_silent));
        return text;
    }
    let files: usize = outputs.iter().map(|output| output.bundle.files.len()).sum();
    text.push_str(&format!(
        "{files} files of {} policies {verb} to {}\n",
        outputs.len(),
        build.output.display()
    ));
    let width = outputs.iter().map(|output| output.bundle.folder.len()).max().unwrap_or(0);
    // A line each, as long as somebody can read them.
    for output in outputs.iter().take(50) {
        let worst = output.prediction.slowest().map(|slowest| plain(slowest.time.worst().round_dp(1)));
        let time = worst.map_or("-".to_string(), |worst| format!("{worst} s"));
        text.push_str(&format!(
            "  {:width$}  {time:>8}  {}\n",
            output.bundle.folder, output.prediction.at_breach
        ));
    }
    if outputs.len() > 50 {
        text.push_str(&format!("  and {} more\n", outputs.len() - 50));
    }
    text
}
