//! The pipeline: text, policy, plan, files, read back, checklist.

use crate::checklist::{self, Checklist};
use crate::emit::{self, Bundle, Templates};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::plan::{self, Plan};
use crate::policy::{self, Policy, SignalKind};
use crate::rules::conflict;
use crate::source::{FileId, Sources};

/// What one policy compiles to, or why not.
#[derive(Debug)]
pub struct Compiled {
    pub findings: Vec<Finding>,
    /// None if a finding is an error.
    pub output: Option<Output>,
}

/// Everything that is decided and rendered.
#[derive(Debug)]
pub struct Output {
    pub policy: Policy,
    pub plan: Plan,
    pub checklist: Checklist,
    pub bundle: Bundle,
}

/// What a compilation may look at beside the policy.
#[derive(Clone, Copy, Debug)]
pub struct World<'w> {
    pub sources: &'w Sources,
    pub templates: &'w Templates,
    /// Manifests that are there already; None where none were given.
    pub manifests: Option<&'w [Object<'w>]>,
    /// The day on which waivers are judged.
    pub date: Option<&'w str>,
}

/// Compiles one policy. Nothing is read and nothing is written but values.
///
/// # Errors
/// A template of the user's that does not render, or that says something else than the plan.
pub fn compile(file: FileId, world: &World) -> anyhow::Result<Compiled> {
    let reading = policy::read(file, world.sources.get(file));
    let mut findings = reading.findings;
    let Some(policy) = reading.policy else {
        return Ok(Compiled { findings, output: None });
    };
    let plan = plan::derive(&policy);
    let conflicts = world.manifests.map(|objects| conflict::check(&expected(&policy, &plan), objects));
    findings.extend(conflicts.iter().flatten().cloned());
    crate::finding::sort(&mut findings);
    if findings.iter().any(Finding::is_error) {
        return Ok(Compiled { findings, output: None });
    }
    let mut files = emit::render(&plan, world.templates)?;
    let problems = emit::check(&plan, &files);
    if !problems.is_empty() {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.file, problem.message)).collect();
        anyhow::bail!("the templates do not print what the policy decides:\n  {}", lines.join("\n  "));
    }
    let checklist = checklist::judge(&checklist::Facts {
        policy: &policy,
        plan: &plan,
        files: &files,
        sources: world.sources,
        conflicts: conflicts.as_deref(),
        date: world.date,
    });
    files.extend(emit::render_checklist(&plan, &checklist, world.templates)?);
    let bundle = Bundle { folder: plan.name.clone(), policy: plan.policy.clone(), files };
    Ok(Compiled { findings, output: Some(Output { policy, plan, checklist, bundle }) })
}

/// What a policy expects of the manifests around it.
fn expected(policy: &Policy, plan: &Plan) -> conflict::Expected {
    let monitor =
        policy.metrics.as_ref().zip(plan.scrape.as_ref()).map(|(metrics, scrape)| conflict::Monitor {
            place: metrics.place,
            service_labels: scrape.service_labels.iter().cloned().collect(),
            port_name: scrape.port_name.clone(),
            port_number: scrape.port_number,
            uses_service: scrape.service_monitor,
            uses_pods: scrape.pod_monitor || scrape.scrape_config,
        });
    let resources = policy.signals.iter().filter_map(|signal| match &signal.kind {
        SignalKind::Resource { resource, container, .. } => {
            Some(conflict::ResourceUse { resource, container: container.clone(), place: signal.name.place })
        }
        _ => None,
    });
    conflict::Expected {
        asker: "the policy",
        scaler_name: plan.scaler.name.clone(),
        workload: policy.workload.clone(),
        min: plan.scaler.min,
        max: plan.scaler.max,
        written: (plan.scaler.min, plan.scaler.max),
        is_idle_at_zero: plan.scaler.idle == Some(0),
        rendered: Vec::new(),
        hpa_name: plan.scaler.hpa_name(),
        take_over: policy.scaling.take_over.as_ref().map(|name| name.value.clone()),
        pod_labels: policy.pods.clone(),
        monitor,
        resources: resources.collect(),
    }
}
