//! Annotations: pauses, and whose the HPA is.
//!
//! Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, getBoolAnnotation (strconv.ParseBool, and true where
//! it fails) and NeedToBePausedByAnnotation; apis/keda/v1alpha1/scaledobject_webhook.go; controllers/keda/hpa.go (labels
//! and annotations are copied to the HPA).

use super::cards::*;
use super::{Checker, View, is_known, parse_bool};
use crate::finding::{Finding, Severity};
use crate::manifest::{Entry, Node};

const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";

/// Marks by which Argo CD knows what it has made.
const TRACKING: [&str; 2] = ["argocd.argoproj.io/instance", "argocd.argoproj.io/tracking-id"];

impl Checker<'_> {
    pub(super) fn annotations(&mut self, view: &View<'_>) {
        let annotations = self.object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
        let paused_at = annotations.iter().find(|entry| entry.key == PAUSED_REPLICAS);
        let hpa_name = view.spec.at(&["advanced", "horizontalPodAutoscalerConfig", "name"]);
        for entry in annotations {
            let value = entry.node.as_written().unwrap_or_default();
            if !is_known(&value) {
                continue;
            }
            let place = self.key(entry);
            match entry.key.as_str() {
                "validations.keda.sh/hpa-ownership" => self.push(
                    Finding::new(&OWNERSHIP, place, "this annotation belongs on the HPA")
                        .why("KEDA never reads it here: the conflict it is meant to excuse is refused all the same")
                        .help("write `validations.keda.sh/hpa-ownership: \"false\"` on the HorizontalPodAutoscaler"),
                ),
                "scaledobject.keda.sh/transfer-hpa-ownership" if value != "true" => self.push(
                    Finding::new(&OWNERSHIP, place, "the ownership of the HPA is not taken over")
                        .why("KEDA compares with exactly \"true\"")
                        .help("write \"true\", or leave the annotation out"),
                ),
                "scaledobject.keda.sh/transfer-hpa-ownership" if hpa_name.is_none() => {
                    let mut finding = Finding::new(&OWNERSHIP, place, "nothing says which HPA is taken over")
                        .why("KEDA takes over the HPA of that name only, and refuses the ScaledObject beside any other")
                        .help("write `advanced.horizontalPodAutoscalerConfig.name: <name of the HPA>`");
                    finding.severity = Severity::Error;
                    self.push(finding);
                }
                PAUSED_REPLICAS if value.parse::<i32>().is_err() => {
                    let mut finding =
                        Finding::new(&PAUSED, place, format!("`{}` is not a number of pods", value.escape_debug()))
                            .why("KEDA fails at every reconcile")
                            .help("write a number in quotes");
                    finding.severity = Severity::Error;
                    self.push(finding);
                }
                "autoscaling.keda.sh/paused" => self.paused(entry, &value, paused_at),
                key @ ("autoscaling.keda.sh/paused-scale-in"
                | "autoscaling.keda.sh/paused-scale-out"
                | "autoscaling.keda.sh/force-activation") => self.switch(entry, key, &value),
                _ => {}
            }
        }
        self.tracking();
    }

    fn paused(&mut self, entry: &Entry, value: &str, paused_at: Option<&Entry>) {
        let place = self.key(entry);
        if !self.versions.keda.at_least(2, 12) && parse_bool(value) != Some(false) {
            return self.push(
                Finding::new(&PAUSED, place, format!("KEDA {} does not read `paused`", self.versions.keda))
                    .why("it came with 2.12: the autoscaler goes on")
                    .help("write `autoscaling.keda.sh/paused-replicas` with a number"),
            );
        }
        if parse_bool(value).is_none() {
            self.push(
                Finding::new(&PAUSED, place, format!("`{}` pauses the autoscaler", value.escape_debug()))
                    .why("KEDA takes everything that is no truth value for true, and deletes the HPA")
                    .help("write \"true\" or \"false\""),
            );
        } else if parse_bool(value) == Some(true) && paused_at.is_none() {
            let mut finding = Finding::new(&PAUSED, place, "this autoscaler is paused where it is written")
                .why("KEDA deletes the HPA, and each apply pauses it again: nothing scales, under any load")
                .help("leave it out, and pause by `kubectl annotate` for as long as it takes");
            finding.severity = Severity::Note;
            self.push(finding);
        }
        if let Some(other) = paused_at {
            let place_of_other = self.key(other);
            self.push(
                Finding::new(&PAUSED, place, "`paused` beside `paused-replicas`")
                    .related(place_of_other, "this pauses by itself")
                    .why(if parse_bool(value) == Some(false) {
                        "`paused-replicas` pauses the autoscaler at its number, whatever `paused` says: it is not running"
                    } else {
                        "`paused-replicas` decides: the workload is brought to its number first, and taking `paused` out does not start the autoscaler again"
                    })
                    .help("keep one of the two"),
            );
        }
    }

    /// Annotations that are on for everything but false.
    fn switch(&mut self, entry: &Entry, key: &str, value: &str) {
        let name = key.rsplit('/').next().unwrap_or(key);
        let place = self.key(entry);
        if !self.versions.keda.at_least(2, 18) && parse_bool(value) != Some(false) {
            self.push(
                Finding::new(&PAUSED, place, format!("KEDA {} does not read `{name}`", self.versions.keda))
                    .why("it came with 2.18: the annotation has no effect")
                    .help("update KEDA, or leave it out"),
            );
        } else if parse_bool(value).is_none() {
            let effect = match name {
                "paused-scale-in" => "no pod is ever taken away",
                "paused-scale-out" => "no pod is ever added",
                _ => "the workload is kept awake, with nothing to do",
            };
            self.push(
                Finding::new(
                    &PAUSED,
                    place,
                    format!("`{name}: \"{}\"` counts as true", value.escape_debug()),
                )
                .why(format!("KEDA takes everything that is no truth value for true: {effect}"))
                .help("write \"true\" or \"false\""),
            );
        }
    }

    /// What Argo CD writes on the ScaledObject, KEDA copies to the HPA.
    fn tracking(&mut self) {
        let of = |key: &str| self.object.at(&["metadata", key]).map(Node::entries).unwrap_or_default();
        if of("annotations").iter().any(|entry| entry.key == "scaledobject.keda.sh/hpa-excluded-labels") {
            return;
        }
        let Some(entry) =
            of("labels").iter().chain(of("annotations")).find(|entry| TRACKING.contains(&entry.key.as_str()))
        else {
            return;
        };
        let is_label = of("labels").iter().any(|label| label.key_span == entry.key_span);
        let place = self.key(entry);
        self.push(
            Finding::new(&COPIED_TO_HPA, place, "KEDA copies this mark of Argo CD to the HPA")
                .why("Argo CD then takes the HPA for its own, finds it in no repository, and shows the application out of sync or deletes it")
                .help(if is_label {
                    format!("write the annotation `scaledobject.keda.sh/hpa-excluded-labels: {}`", entry.key)
                } else {
                    "leave it to Argo CD to write, and exclude HorizontalPodAutoscalers of KEDA from its resources".to_string()
                }),
        );
    }
}
