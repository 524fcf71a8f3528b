//! One ScaledJob: what it shares with a ScaledObject, and what holds for Jobs alone. There is no HPA, no cooldown and no
//! fallback: KEDA itself asks at each `pollingInterval`, and creates as many Jobs as the value is targets.
//!
//! Sources: kedacore/keda controllers/keda/scaledjob_controller.go; pkg/scaling/executor/scale_jobs.go;
//! pkg/scaling/scale_handler.go, getScaledJobMetrics; apis/keda/v1alpha1/scaledjob_types.go; kubernetes/kubernetes
//! pkg/apis/batch/validation/validation.go (restart policies).

use super::cards::*;
use super::{Checker, Trigger, View, is_known};
use crate::finding::{Finding, Rule, Severity};
use crate::inventory::Object;
use crate::lint::rules;
use crate::manifest::{Entry, Node};
use crate::model::Versions;
use crate::source::Sources;

/// Rules for queries about what an HPA makes of the answer. A ScaledJob divides by the target and rounds up: a value
/// below it asks for a Job as well, and 1 for yes is one Job.
pub(super) const OF_HPAS: [&Rule; 5] = [
    &rules::UNREACHABLE,
    &rules::ABOVE_LAST_BUCKET,
    &rules::BOOL_VALUE,
    &rules::LEVEL_DIVIDED,
    &rules::TOTAL_NOT_DIVIDED,
];

/// Everything that is wrong with one ScaledJob.
pub fn check_job(sources: &Sources, object: &Object<'_>, versions: &Versions) -> Vec<Finding> {
    let Some(view) = View::of(object) else { return Vec::new() };
    let mut checker = Checker { sources, object, versions, findings: Vec::new() };
    checker.job_name();
    checker.job_limits(&view);
    checker.pods_of_jobs(&view);
    checker.strategy(&view);
    checker.job_annotations();
    checker.trigger_names(&view);
    checker.comments(&view);
    for trigger in &view.triggers {
        if trigger.is_resource() {
            checker.resource_of_job(trigger);
            continue;
        }
        checker.trigger(&view, trigger);
        checker.uncached(trigger);
    }
    in_words_of_jobs(&mut checker.findings);
    checker.findings
}

/// Says of a ScaledJob what was written for ScaledObjects.
pub fn in_words_of_jobs(findings: &mut [Finding]) {
    const WORDS: [(&str, &str); 5] = [
        ("an HPA refuses a target that is not positive", "with a target that is not positive no Job starts"),
        (
            ", set `ignoreNullValues: \"false\"` and a `fallback` on the trigger",
            ", and set `ignoreNullValues: \"false\"`",
        ),
        ("ScaledObject", "ScaledJob"),
        ("nothing scales", "no Job starts"),
        ("the load of one pod", "the work of one Job"),
    ];
    for finding in findings {
        let texts = [Some(&mut finding.message), finding.why.as_mut(), finding.help.as_mut()];
        for text in texts.into_iter().flatten() {
            for (old, new) in WORDS {
                *text = text.replace(old, new);
            }
        }
    }
}

impl Checker<'_> {
    pub(super) fn is_job(&self) -> bool {
        self.object.kind() == "ScaledJob"
    }

    fn job_name(&mut self) {
        let name = self.object.name.as_str();
        if name.len() > 63 && is_known(name) {
            let message = format!("the name has {} characters", name.len());
            self.push(
                Finding::new(&NAME_TOO_LONG, self.object.name_place(), message)
                    .why("KEDA writes it into a label of each Job, which has at most 63: the API server refuses the Jobs")
                    .help("write a name of at most 63 characters"),
            );
        }
    }

    fn job_limits(&mut self, view: &View<'_>) {
        if view.is_open {
            return;
        }
        if let (Some(min), Some(max), Some(entry)) = (view.min, view.max, view.entry("minReplicaCount"))
            && min > 0
            && min >= max
        {
            let message = format!("{max} Jobs run all the time, whatever the triggers say");
            let mut finding = Finding::new(&JOB, self.place(&entry.node), message)
                .why(if min > max {
                    "KEDA takes the maximum for the minimum where it is smaller, and nothing is left for the triggers"
                } else {
                    "minimum and maximum are the same: nothing is left for the triggers"
                })
                .help("write a `minReplicaCount` below `maxReplicaCount`, or leave it out: Jobs are usually started by work alone");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
        if let (None, Some(entry)) = (view.max, view.entry("jobTargetRef")) {
            self.push(
                Finding::new(&OPEN_MAXIMUM, self.key(entry), "no maximum: up to 100 Jobs at once")
                    .why("a query that goes wrong asks for all of them, and so does the bill")
                    .help("write `maxReplicaCount`: how many Jobs may run at once"),
            );
        }
    }

    /// What the API server refuses in each Job, and never in the ScaledJob.
    fn pods_of_jobs(&mut self, view: &View<'_>) {
        let Some(job) = view.spec.get("jobTargetRef") else { return };
        let policy = job.at(&["template", "spec", "restartPolicy"]);
        let text = policy.and_then(Node::as_str).filter(|text| !text.is_empty());
        if text.is_some_and(|text| !is_known(text)) {
            return;
        }
        const WHY: &str =
            "KEDA accepts the ScaledJob, and the API server refuses each Job: nothing ever runs";
        match (policy, text) {
            (Some(node), Some(text)) if !["OnFailure", "Never"].contains(&text) => {
                let place = self.place(node);
                self.push(
                    Finding::new(&JOB, place, format!("the pods of a Job cannot have `restartPolicy: {}`", text.escape_debug()))
                        .why(WHY)
                        .help("write OnFailure, which starts the container again, or Never, which starts another pod")
                        .replace(false, "write OnFailure", place, "OnFailure"),
                );
            }
            (node, text) if text != Some("Never") => {
                let Some(failure) = job.get("podFailurePolicy") else { return };
                let place = self.place(node.unwrap_or(failure));
                self.push(
                    Finding::new(&JOB, place, "a `podFailurePolicy` needs `restartPolicy: Never`")
                        .why(format!("without a word KEDA writes OnFailure. {WHY}"))
                        .help("write `restartPolicy: Never` in the template"),
                );
            }
            _ => {}
        }
    }

    fn strategy(&mut self, view: &View<'_>) {
        let Some(strategy) = view.spec.get("scalingStrategy") else { return };
        let name = strategy.get("strategy").and_then(Node::as_str).unwrap_or("default");
        if !is_known(name) {
            return;
        }
        let entry = |key: &str| super::view::entry(strategy, key);
        let share = entry("customScalingRunningJobPercentage");
        if name != "custom" {
            for entry in [share, entry("customScalingQueueLengthDeduction")].into_iter().flatten() {
                let why = format!("only the strategy `custom` reads it, and this one is `{name}`");
                self.no_effect(entry, &entry.key, why, "leave it out, or write `strategy: custom`");
            }
            return;
        }
        let written = share.and_then(|entry| entry.node.as_written()).unwrap_or_default();
        if !is_known(&written) {
            return;
        }
        if let Ok(share) = written.parse::<f64>() {
            let node = entry("customScalingQueueLengthDeduction").map(|entry| &entry.node);
            let kept = node.map_or(Some(0), |node| node.as_written()?.parse().ok());
            if let Some(kept) = kept {
                self.custom(view, strategy, share, (kept, node));
            }
            return;
        }
        let place = share.or(entry("strategy")).map_or(self.place(strategy), |entry| self.place(&entry.node));
        let message = if written.is_empty() {
            "the strategy `custom` without `customScalingRunningJobPercentage`".to_string()
        } else {
            format!("`{}` is not a number", written.escape_debug())
        };
        let mut finding = Finding::new(&JOB, place, message)
            .why("KEDA cannot read the share and takes the strategy `default` without a word")
            .help("write a plain number in quotes, such as \"0.5\"; or leave the strategy out");
        finding.severity = Severity::Warning;
        self.push(finding);
    }

    /// What the numbers of the strategy `custom` come to.
    ///
    /// Source: kedacore/keda pkg/scaling/executor/scale_jobs.go, customScalingStrategy: new Jobs are the wanted ones, less
    /// the deduction, less that share of the running ones; the maximum bounds what is wanted, and not what runs.
    fn custom(&mut self, view: &View<'_>, strategy: &Node, share: f64, (kept, node): (i64, Option<&Node>)) {
        let max = view.max.unwrap_or(100);
        if let (Some(node), 1..) = (node, kept) {
            let message = match kept {
                1 => "the work of one Job always waits".to_string(),
                several => format!("the work of {several} Jobs always waits"),
            };
            let mut finding = Finding::new(&JOB, self.place(node), message)
                .why("the deduction is taken from the Jobs that are wanted: as long as no more are, none is started, and what came last waits until something else comes")
                .help("leave it out, unless something other than these Jobs works on the same queue");
            finding.severity = Severity::Warning;
            self.push(finding);
        }
        let most = if share > 0.0 { (max - kept) as f64 / share } else { f64::INFINITY };
        if view.is_open || !(0.0..1.0).contains(&share) || most <= max as f64 {
            return;
        }
        let place = super::view::entry(strategy, "customScalingRunningJobPercentage")
            .map_or(self.place(strategy), |entry| self.place(&entry.node));
        let up_to = if most.is_finite() {
            format!("up to {} Jobs", most.floor())
        } else {
            "any number of Jobs".to_string()
        };
        let mut finding = Finding::new(&JOB, place, format!("{up_to} run at once, and `maxReplicaCount` is {max}"))
            .why("with a share below 1 the running Jobs count only in part: at each poll new ones are started beside them, while the work that they have taken still counts")
            .help("write \"1.0\", or leave the strategy out: then the maximum holds");
        finding.severity = Severity::Warning;
        self.push(finding);
    }

    fn job_annotations(&mut self) {
        let annotations = self.object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
        for entry in annotations {
            let value = entry.node.as_written().unwrap_or_default();
            match entry.key.as_str() {
                _ if !is_known(&value) => {}
                "autoscaling.keda.sh/paused" if super::parse_bool(&value).is_none() => {
                    let message = format!("`{}` pauses the ScaledJob", value.escape_debug());
                    self.push(
                        Finding::new(&PAUSED, self.key(entry), message)
                            .why("KEDA takes everything that is no truth value for true, and starts no Job")
                            .help("write \"true\" or \"false\""),
                    );
                }
                "autoscaling.keda.sh/paused-replicas" => self.push(
                    Finding::new(&PAUSED, self.key(entry), "a ScaledJob does not read `paused-replicas`")
                        .why("there is no number of replicas to hold: Jobs are started as before")
                        .help("write `autoscaling.keda.sh/paused: \"true\"`"),
                ),
                _ => {}
            }
        }
    }

    /// Source: kedacore/keda pkg/scalers/cpu_memory_scaler.go wants a metric type, and the controller of ScaledJobs none.
    fn resource_of_job(&mut self, trigger: &Trigger<'_>) {
        // Before 2.18 the type could stand in the metadata.
        let is_skipped = !self.versions.keda.at_least(2, 18)
            && trigger.entry("type").is_some()
            && trigger.metric_type.is_none();
        let message = format!("a {} trigger cannot start Jobs", trigger.kind);
        let mut finding = Finding::new(
            &JOB,
            self.place(trigger.node.get("type").unwrap_or(trigger.node)),
            message,
        )
        .help(
            "measure the work that waits: the length of a queue, or a query that counts what is to be done",
        );
        finding = finding.why(if is_skipped {
            "KEDA passes it over: without an HPA nobody compares pods with it"
        } else {
            "KEDA refuses it without a `metricType`, and refuses every `metricType` in a ScaledJob: it is never ready, and no Job starts, by no trigger"
        });
        if is_skipped {
            finding.severity = Severity::Warning;
        }
        self.push(finding);
    }

    /// A metric type of whatever trigger. Source: kedacore/keda controllers/keda/scaledjob_controller.go.
    pub(super) fn metric_type_of_job(&mut self, trigger: &Trigger<'_>) {
        let is_type = |entry: &&Entry| entry.key == "metricType";
        let Some(entry) = trigger.node.entries().iter().find(is_type) else { return };
        if trigger.metric_type.is_none_or(str::is_empty) {
            return;
        }
        let mut finding = Finding::new(&METRIC_TYPE, self.key(entry), "`metricType` in a ScaledJob")
            .why("KEDA refuses the ScaledJob: it is never ready, and no Job starts")
            .help("leave it out: the number of Jobs is always the value divided by the target");
        finding.fix = self.remove("remove `metricType`", entry);
        self.push(finding);
    }

    fn uncached(&mut self, trigger: &Trigger<'_>) {
        let is_cached = |entry: &&Entry| entry.key == "useCachedMetrics";
        let entry = trigger.node.entries().iter().find(is_cached);
        // Of the triggers that cannot be cached at all is told already.
        if let Some(entry) = entry.filter(|_| trigger.is_cached() && trigger.kind != "cron") {
            let why = "no HPA asks for the metric of a ScaledJob: KEDA asks at each `pollingInterval` anyway";
            self.no_effect(entry, "useCachedMetrics", why.to_string(), "leave it out");
        }
    }
}
