//! What was rendered is read again and compared with the plan, before a byte of it reaches the disk.
//!
//! slogen's own templates never fail here; a user's overlay may.

use super::{File, view};
use crate::manifest::{self, Node, kinds};
use crate::model::{Behavior, Trigger, TriggerKind, plain};
use crate::plan::Plan;
use crate::promql;
use crate::source::FileId;

/// A file that does not say what was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadbackProblem {
    pub file: &'static str,
    pub message: String,
}

pub fn check(plan: &Plan, files: &[File]) -> Vec<ReadbackProblem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.name.ends_with(".yaml")) {
        for message in of_file(plan, file) {
            problems.push(ReadbackProblem { file: file.name, message });
        }
    }
    problems
}

fn of_file(plan: &Plan, file: &File) -> Vec<String> {
    let reading = manifest::read(FileId(0), &file.text);
    if let Some(finding) = reading.findings.first() {
        return vec![finding.message.clone()];
    }
    let [document] = reading.documents.as_slice() else {
        return vec![format!("it holds {} documents instead of one", reading.documents.len())];
    };
    let root = &document.node;
    let mut compare = Compare { problems: Vec::new() };
    if let Some(errors) = kinds::check_schema(document.kind(), &root.to_json()) {
        for error in errors {
            compare.problems.push(format!("{}: {}", error.pointer, error.message));
        }
    }
    match file.name {
        "scaledobject.yaml" => compare.scaled_object(plan, root),
        "servicemonitor.yaml" => compare.monitor(plan, root, "endpoints"),
        "podmonitor.yaml" => compare.monitor(plan, root, "podMetricsEndpoints"),
        "scrape-config.yaml" => compare.scrape_config(plan, root),
        "prometheusrule.yaml" => compare.rules(plan, root.get("spec")),
        "rules.yaml" => compare.rules(plan, Some(root)),
        _ => {}
    }
    if super::is_object(file.name) {
        compare.text(root, &["metadata", "name"], &plan.name);
        compare.text(root, &["metadata", "namespace"], &plan.namespace);
    }
    compare.problems
}

struct Compare {
    problems: Vec<String>,
}

impl Compare {
    fn value(&mut self, path: &str, found: Option<String>, wanted: Option<String>) {
        if found != wanted {
            let show =
                |value: Option<String>| value.map_or("nothing".to_string(), |value| format!("`{value}`"));
            self.problems.push(format!("{path} is {}, and the policy decides {}", show(found), show(wanted)));
        }
    }

    fn text(&mut self, root: &Node, path: &[&str], wanted: &str) {
        let found = root.at(path).and_then(Node::as_written);
        self.value(&path.join("."), found, Some(wanted.to_string()));
    }

    fn maybe(&mut self, root: &Node, path: &[&str], wanted: Option<String>) {
        let found = root.at(path).and_then(Node::as_written);
        self.value(&path.join("."), found, wanted);
    }

    fn scaled_object(&mut self, plan: &Plan, root: &Node) {
        let scaler = &plan.scaler;
        let number = |value: u32| Some(value.to_string());
        self.text(root, &["spec", "scaleTargetRef", "name"], &scaler.target.name);
        self.text(root, &["spec", "scaleTargetRef", "kind"], &scaler.target.kind);
        self.text(root, &["spec", "scaleTargetRef", "apiVersion"], &scaler.target.api_version);
        self.maybe(root, &["spec", "minReplicaCount"], number(scaler.min));
        self.maybe(root, &["spec", "maxReplicaCount"], number(scaler.max));
        self.maybe(root, &["spec", "idleReplicaCount"], scaler.idle.and_then(number));
        self.maybe(root, &["spec", "pollingInterval"], scaler.polling_interval.and_then(number));
        self.maybe(root, &["spec", "cooldownPeriod"], scaler.cooldown.and_then(number));
        let fallback = scaler.fallback.as_ref();
        self.maybe(
            root,
            &["spec", "fallback", "failureThreshold"],
            fallback.and_then(|f| number(f.failures)),
        );
        self.maybe(root, &["spec", "fallback", "replicas"], fallback.and_then(|f| number(f.replicas)));
        let behavior =
            fallback.map(|f| view::fallback_behavior(f.behavior).to_string()).filter(|b| b != "static");
        self.maybe(root, &["spec", "fallback", "behavior"], behavior);
        let formula = scaler.composite.as_ref().map(|composite| composite.formula.clone());
        self.maybe(root, &["spec", "advanced", "scalingModifiers", "formula"], formula);
        let target = scaler.composite.as_ref().map(|composite| plain(composite.target));
        self.maybe(root, &["spec", "advanced", "scalingModifiers", "target"], target);
        let hpa = root.at(&["spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"]);
        self.behavior("scaleUp", hpa, &scaler.up);
        self.behavior("scaleDown", hpa, &scaler.down);
        let triggers = root.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
        self.value(
            "the number of triggers",
            Some(triggers.len().to_string()),
            Some(scaler.triggers.len().to_string()),
        );
        for (node, trigger) in triggers.iter().zip(&scaler.triggers) {
            self.trigger(node, trigger);
        }
    }

    fn behavior(&mut self, way: &str, hpa: Option<&Node>, wanted: &Behavior) {
        let Some(node) = hpa.and_then(|hpa| hpa.get(way)) else {
            self.problems.push(format!("behavior.{way} is missing"));
            return;
        };
        self.text(node, &["stabilizationWindowSeconds"], &wanted.stabilization.to_string());
        self.text(node, &["selectPolicy"], view::select(wanted.select));
        let steps = |node: &Node| {
            let text = |key: &str| node.get(key).and_then(Node::as_written).unwrap_or_default();
            format!("{} {} {}", text("type"), text("value"), text("periodSeconds"))
        };
        let found: Vec<String> =
            node.get("policies").map(Node::items).unwrap_or_default().iter().map(steps).collect();
        let decided: Vec<String> = wanted
            .steps
            .iter()
            .map(|step| format!("{} {} {}", view::step_type(step.kind), step.value, step.period))
            .collect();
        self.value(&format!("{way}.policies"), Some(found.join(", ")), Some(decided.join(", ")));
    }

    fn trigger(&mut self, node: &Node, trigger: &Trigger) {
        self.text(node, &["name"], &trigger.name);
        match &trigger.kind {
            TriggerKind::Prometheus { query, threshold, activation, metric_type } => {
                self.text(node, &["type"], "prometheus");
                self.text(node, &["metricType"], view::metric_type(*metric_type));
                let written = node.at(&["metadata", "query"]).and_then(Node::as_str).unwrap_or_default();
                self.query(&format!("the query of {}", trigger.name), written, query);
                self.text(node, &["metadata", "threshold"], &plain(*threshold));
                self.maybe(node, &["metadata", "activationThreshold"], activation.map(plain));
                self.text(node, &["metadata", "ignoreNullValues"], "false");
            }
            TriggerKind::Resource { resource, .. } => self.text(node, &["type"], resource),
            TriggerKind::Cron { timezone, start, end, replicas } => {
                self.text(node, &["type"], "cron");
                self.text(node, &["metadata", "timezone"], timezone);
                self.text(node, &["metadata", "start"], start);
                self.text(node, &["metadata", "end"], end);
                self.text(node, &["metadata", "desiredReplicas"], &replicas.to_string());
            }
            TriggerKind::Measured { kind, .. } | TriggerKind::Other { kind } => {
                unreachable!("a policy has no signal of the kind {kind}")
            }
        }
    }

    /// Two queries are the same if they print the same.
    fn query(&mut self, what: &str, written: &str, wanted: &str) {
        let found =
            promql::parse(written, &promql::Target::default()).map(|expression| expression.canonical());
        self.value(what, found.ok(), Some(wanted.to_string()));
    }

    fn monitor(&mut self, plan: &Plan, root: &Node, key: &str) {
        let Some(scrape) = &plan.scrape else { return };
        let Some(endpoint) = root.at(&["spec", key]).and_then(|list| list.items().first()) else {
            self.problems.push(format!("spec.{key} is missing"));
            return;
        };
        self.text(endpoint, &["port"], &scrape.port_name);
        self.text(endpoint, &["path"], &scrape.path);
        self.text(endpoint, &["interval"], &format!("{}s", scrape.interval));
        let labels = if key == "endpoints" { &scrape.service_labels } else { &scrape.pod_labels };
        for (name, value) in labels {
            self.text(root, &["spec", "selector", "matchLabels", name], value);
        }
        let sets_job = endpoint.get("relabelings").map(Node::items).unwrap_or_default().iter().any(|step| {
            let is = |key: &str, value: &str| step.get(key).and_then(Node::as_str) == Some(value);
            is("targetLabel", "job") && is("replacement", &scrape.job)
        });
        if !sets_job {
            self.problems
                .push(format!("no relabeling sets job to `{}`, which the queries select by", scrape.job));
        }
    }

    fn scrape_config(&mut self, plan: &Plan, root: &Node) {
        let Some(scrape) = &plan.scrape else { return };
        let Some(job) = root.get("scrape_configs").and_then(|list| list.items().first()) else {
            self.problems.push("scrape_configs is missing".to_string());
            return;
        };
        self.text(job, &["job_name"], &scrape.job);
        self.text(job, &["scrape_interval"], &format!("{}s", scrape.interval));
        self.text(job, &["metrics_path"], &scrape.path);
        let steps = job.get("relabel_configs").map(Node::items).unwrap_or_default();
        for label in ["job", "namespace", "pod"] {
            let set = |step: &Node| step.get("target_label").and_then(Node::as_str) == Some(label);
            if !steps.iter().any(set) {
                self.problems.push(format!("no relabelling sets `{label}`, which the queries select by"));
            }
        }
    }

    fn rules(&mut self, plan: &Plan, root: Option<&Node>) {
        let group = root.and_then(|root| root.get("groups")).and_then(|groups| groups.items().first());
        let rules = group.and_then(|group| group.get("rules")).map(Node::items).unwrap_or_default();
        self.value(
            "the number of rules",
            Some(rules.len().to_string()),
            Some(plan.rules.alerts.len().to_string()),
        );
        for (node, alert) in rules.iter().zip(&plan.rules.alerts) {
            self.text(node, &["alert"], &alert.name);
            let written = node.get("expr").and_then(Node::as_str).unwrap_or_default();
            self.query(&format!("the expression of {}", alert.name), written, &alert.expression);
            self.text(node, &["for"], &alert.lasting);
            for (name, value) in &alert.labels {
                self.text(node, &["labels", name], value);
            }
            for (name, value) in &alert.annotations {
                self.text(node, &["annotations", name], value);
            }
        }
    }
}
