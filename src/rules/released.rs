//! Workloads that a chart makes, and that an autoscaler beside the release scales: the chart has an autoscaler of its own, or
//! sets their number.
//!
//! Sources: apache/airflow chart/templates/workers (worker-kedaautoscaler.yaml, worker-hpa.yaml, worker-deployment.yaml);
//! kubernetes/ingress-nginx charts/ingress-nginx/templates/controller-hpa.yaml and controller-keda.yaml;
//! traefik/traefik-helm-chart traefik/templates/hpa.yaml; helm/helm pkg/chart/v2/util/create.go (`autoscaling.enabled` and
//! `replicaCount` of the charts that it makes, and their names).

use super::conflict::{REPLICAS_PINNED, SECOND_AUTOSCALER};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object, Release};
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// A switch in the values of a chart: the chart (empty: any), the path, what stands behind the full name of the release in
/// the name of the workload, and what the chart then makes.
type Switch = (&'static str, &'static [&'static str], &'static str, &'static str);

const HPA: &str = "HorizontalPodAutoscaler";

const SWITCHES: [Switch; 8] = [
    ("", &["autoscaling", "enabled"], "", HPA),
    ("", &["keda", "enabled"], "", "ScaledObject"),
    ("ingress-nginx", &["controller", "autoscaling", "enabled"], "-controller", HPA),
    ("ingress-nginx", &["controller", "keda", "enabled"], "-controller", "ScaledObject"),
    ("airflow", &["workers", "keda", "enabled"], "-worker", "ScaledObject"),
    ("airflow", &["workers", "celery", "keda", "enabled"], "-worker", "ScaledObject"),
    ("airflow", &["workers", "hpa", "enabled"], "-worker", HPA),
    ("airflow", &["workers", "celery", "hpa", "enabled"], "-worker", HPA),
];

/// What sets the number of pods of a workload: the chart, the path, and what stands behind the full name.
const NUMBERS: [(&str, &[&str], &str); 3] = [
    ("", &["replicaCount"], ""),
    ("ingress-nginx", &["controller", "replicaCount"], "-controller"),
    ("airflow", &["workers", "replicas"], "-worker"),
];

/// The workload of an autoscaler, by name.
struct Scaled<'i> {
    object: &'i Object<'i>,
    target: &'i str,
    node: &'i Node,
}

pub(super) fn check<'i>(inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let autoscalers = ["ScaledObject", HPA].into_iter().flat_map(|kind| inventory.kind(kind));
    let scaled: Vec<Scaled<'i>> = autoscalers
        .filter_map(|object| {
            let node = object.at(&["spec", "scaleTargetRef", "name"])?;
            let target = node.as_str().filter(|name| !has_variable(name))?;
            Some(Scaled { object, target, node })
        })
        .collect();
    if scaled.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for release in inventory.releases().iter().filter(|release| !release.is_open) {
        for one in scaled.iter().filter(|one| is_with(one.object, release.namespace.as_deref())) {
            findings.extend(second(one, release).or_else(|| pinned(one, release)));
        }
    }
    for values in inventory.objects.iter().filter(|object| is_of_airflow(object)) {
        findings.extend(scaled.iter().filter_map(|one| second_of_airflow(one, values)));
    }
    findings
}

fn is_with(object: &Object<'_>, namespace: Option<&str>) -> bool {
    namespace.is_none_or(|namespace| object.may_be_in(namespace))
}

/// The name that charts give what they make.
fn full_name(release: &Release) -> String {
    let name = match release.value(&["fullnameOverride"]).filter(|name| !name.is_empty()) {
        Some(name) => name,
        None => {
            let chart = release.value(&["nameOverride"]).filter(|name| !name.is_empty());
            let chart = chart.unwrap_or_else(|| release.chart.clone());
            match release.name.contains(&chart) {
                true => release.name.clone(),
                false => format!("{}-{chart}", release.name),
            }
        }
    };
    name.chars().take(63).collect::<String>().trim_end_matches('-').to_string()
}

/// The switch of a chart that makes an autoscaler for this target.
fn switch(target: &str, release: &Release) -> Option<&'static Switch> {
    SWITCHES.iter().find(|(chart, path, end, _)| {
        (chart.is_empty() || *chart == release.chart)
            && target.strip_suffix(end).is_some_and(|rest| rest == full_name(release))
            && release.value(path).as_deref() == Some("true")
    })
}

fn second(one: &Scaled<'_>, release: &Release) -> Option<Finding> {
    let (_, path, _, kind) = switch(one.target, release)?;
    Some(two(one, (&release.chart, path, kind), release.place))
}

fn pinned(one: &Scaled<'_>, release: &Release) -> Option<Finding> {
    let (_, path, _) = NUMBERS.iter().find(|(chart, _, end)| {
        (chart.is_empty() || *chart == release.chart)
            && one.target.strip_suffix(end).is_some_and(|rest| rest == full_name(release))
    })?;
    let count: u32 = release.value(path)?.parse().ok()?;
    let pods = if count == 1 { "replica" } else { "replicas" };
    let path = path.join(".");
    let mut finding = Finding::new(
        &REPLICAS_PINNED,
        one.object.place(one.node),
        format!("the release `{}` sets {count} {pods}, which the autoscaler decides", release.name),
    )
    .related(release.place, format!("`{path}: {count}` in its values"))
    .why(format!("each upgrade of the release sets the workload back to {count}, whatever the load: under load pods are stopped, and come again one by one"))
    .help(format!("let the chart leave the number out: many do with `autoscaling.enabled: true`, and then its own autoscaler takes the place of this one; or write `{path}: null` where the chart allows it"));
    finding.severity = Severity::Warning;
    Some(finding)
}

/// Whether these are values of Airflow's chart, in a file of their own.
fn is_of_airflow(object: &Object<'_>) -> bool {
    object.kind().is_empty()
        && object.text(&["executor"]).is_some_and(|executor| executor.contains("CeleryExecutor"))
        && object.at(&["workers"]).is_some()
}

/// The name of the release is not in its values: what Airflow's workers are called ends like this.
fn second_of_airflow(one: &Scaled<'_>, values: &Object<'_>) -> Option<Finding> {
    let full = values.text(&["fullnameOverride"]).filter(|name| !name.is_empty());
    let rest = one.target.strip_suffix("-worker")?;
    let is_its = match full {
        Some(full) => rest == full,
        None => rest.contains(values.text(&["nameOverride"]).unwrap_or("airflow")),
    };
    // Folders that share nothing may be two installations.
    let is_apart = [one.object.path, values.path].iter().all(|path| path.contains('/'))
        && one.object.nearness(values) == 0;
    if !is_its || is_apart {
        return None;
    }
    let (_, path, _, kind) = SWITCHES.iter().find(|(chart, path, ..)| {
        *chart == "airflow" && values.at(path).and_then(Node::as_written).as_deref() == Some("true")
    })?;
    Some(two(one, ("airflow", path, kind), values.place(values.at(path)?)))
}

fn two(one: &Scaled<'_>, (chart, path, kind): (&str, &[&str], &str), place: Place) -> Finding {
    let path = path.join(".");
    let why = match (one.object.kind(), kind) {
        ("ScaledObject", "ScaledObject") => "KEDA refuses the second ScaledObject on one workload",
        (HPA, HPA) => {
            "since Kubernetes 1.26 neither of them scales any more, whatever the load: both report AmbiguousSelector"
        }
        _ => {
            "KEDA refuses the ScaledObject while the HorizontalPodAutoscaler exists; where its webhook is off, neither scales any more"
        }
    };
    let mut finding = Finding::new(
        &SECOND_AUTOSCALER,
        one.object.place(one.node),
        format!("two autoscalers on `{}`: the chart {chart} makes a {kind} for it", one.target),
    )
    .related(place, format!("`{path}: true`"))
    .why(why)
    .help(format!("write `{path}: false`, or leave this one out"));
    finding.severity = Severity::Warning;
    finding
}
