//! One ScaledObject or ScaledJob, as it stands in its file: what KEDA and the HPA refuse later, or accept in silence.

mod address;
mod annotations;
mod arithmetic;
mod at_work;
mod authentication;
mod averages;
mod bull;
mod cards;
mod clouds;
mod combined;
mod comments;
mod datadog;
mod effects;
mod endpoint;
mod expression;
mod fallback;
mod fallback_low;
mod formula;
mod google;
mod job;
mod limits;
mod meant;
mod metadata;
mod narrower;
mod own;
mod own_count;
mod own_pods;
mod part;
mod placeholder;
mod plainly;
mod prometheus;
mod query;
mod rabbitmq;
mod reach;
mod replicas;
mod resource;
mod restless;
mod rows;
mod said;
mod schedule;
mod secrets;
mod sole;
mod sole_namespace;
mod sql;
mod streams;
mod table;
mod unread;
mod values;
mod view;
mod wakes;

pub use at_work::at_work;
pub use cards::{RULES, UNKNOWN_KEY};
pub use effects::counts_waiting;
pub use job::{check_job, in_words_of_jobs};
pub use metadata::{in_no_quotes, keys_of, reads};
pub use own_pods::own_pods;
pub use part::lists;
pub use placeholder::{gap, leave_out_real};
pub use reach::beside;
pub use restless::of_hpa as restless;
pub use sole_namespace::leave_out_alone;
pub use values::{left_to_authentication, missing, needs};
pub use view::{Trigger, View};
pub use wakes::across;

use crate::finding::{Edit, Finding, Fix};
use crate::inventory::Object;
use crate::manifest::{Entry, Node, has_variable};
use crate::model::Versions;
use crate::source::{Place, Sources, Span};

/// What the rules look at, and what they have found.
pub(super) struct Checker<'c> {
    sources: &'c Sources,
    object: &'c Object<'c>,
    versions: &'c Versions,
    findings: Vec<Finding>,
}

/// Everything that is wrong with one ScaledObject.
pub fn check(sources: &Sources, object: &Object<'_>, versions: &Versions) -> Vec<Finding> {
    let Some(view) = View::of(object) else { return Vec::new() };
    let mut checker = Checker { sources, object, versions, findings: Vec::new() };
    checker.replicas(&view);
    checker.annotations(&view);
    checker.effects(&view);
    checker.fallback(&view);
    checker.formula(&view);
    checker.limits(&view);
    checker.narrower(&view);
    checker.greater_of_two(&view);
    checker.comments(&view);
    for trigger in &view.triggers {
        checker.trigger(&view, trigger);
    }
    checker.findings
}

/// Objects of KEDA 1.
///
/// Source: kedacore/keda-docs content/docs/migration.md, from v1 to v2.
pub fn removed_api(sources: &Sources, object: &Object<'_>) -> Option<Finding> {
    let node = object
        .at(&["apiVersion"])
        .filter(|node| node.as_str().is_some_and(|text| text.starts_with("keda.k8s.io/")))?;
    let finding =
        Finding::new(&cards::REMOVED_API, object.place(node), "KEDA 2 and later have no `keda.k8s.io`");
    if object.kind() != "ScaledObject" {
        return Some(
            finding
                .why("the object cannot be applied: whoever names it asks without credentials, or not at all")
                .help("write `keda.sh/v1alpha1`"),
        );
    }
    let finding = finding.why("the object cannot be applied: there is no autoscaler, and nothing scales");
    if object.text(&["spec", "scaleType"]) == Some("job") {
        return Some(finding.help("write a ScaledJob of `keda.sh/v1alpha1`, which has the `jobTargetRef`"));
    }
    let target = object.at(&["spec", "scaleTargetRef"]).map(Node::entries).unwrap_or_default();
    let text = &sources.get(object.document.file).text;
    let is_old =
        |entry: &&Entry| text.get(entry.key_span.range()).is_some_and(|key| key.contains("deploymentName"));
    let old = target.iter().find(is_old);
    let finding =
        finding.help("write `keda.sh/v1alpha1`, and `scaleTargetRef.name` instead of `deploymentName`");
    Some(match old {
        Some(entry) => {
            finding.related(Place::new(object.document.file, entry.key_span), "`name` since KEDA 2")
        }
        None => finding,
    })
}

impl Checker<'_> {
    /// One trigger, whatever it starts.
    fn trigger(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        self.kind(trigger);
        self.metadata(trigger, view);
        self.values(trigger, view);
        self.combined(trigger);
        self.clouds(trigger);
        self.unread(trigger);
        self.bull(trigger);
        self.pending(view, trigger);
        self.secrets(trigger);
        self.null_result(trigger);
        self.columns(trigger);
        self.addresses(trigger);
        self.average(view, trigger);
        match trigger.kind {
            "prometheus" => {
                self.address(trigger);
                self.prometheus(view, trigger);
                self.reach(trigger);
                self.authentication(trigger);
                self.query(view, trigger);
            }
            "cpu" | "memory" => self.resource(trigger),
            "new-relic" => self.rows(trigger),
            "arangodb" | "loki" | "metrics-api" | "pulsar" => self.authentication(trigger),
            "cron" => self.schedule(view, trigger),
            _ => {}
        }
        self.said(trigger);
        self.placeholders(trigger);
    }

    fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn place(&self, node: &Node) -> Place {
        self.object.place(node)
    }

    fn key(&self, entry: &Entry) -> Place {
        Place::new(self.object.document.file, entry.key_span)
    }

    /// Removes the lines of an entry, where it has lines for itself.
    fn remove(&self, title: impl Into<String>, entry: &Entry) -> Option<Fix> {
        let text = &self.sources.get(self.object.document.file).text;
        let start = text[..entry.key_span.start as usize].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[start..entry.key_span.start as usize];
        let after = entry.node.span.end.max(entry.key_span.end) as usize;
        let end = text[after.min(text.len())..].find('\n').map_or(text.len(), |at| after + at + 1);
        let rest = text.get(after..end).unwrap_or_default().trim();
        // Flow mappings, the first key of a list item, and what spans lines are left to people.
        let alone = before.chars().all(|c| c == ' ') && (rest.is_empty() || rest.starts_with('#'));
        let one_line = !text[entry.key_span.start as usize..after.min(text.len())].contains('\n');
        (alone && one_line).then(|| Fix {
            title: title.into(),
            safe: true,
            edits: vec![Edit {
                place: Place::new(self.object.document.file, Span::new(start, end)),
                replacement: String::new(),
            }],
        })
    }
}

/// Whether a value is known: neither absent nor filled in later.
fn is_known(text: &str) -> bool {
    !has_variable(text) && !text.contains("{{")
}

/// A truth value as Go's strconv.ParseBool reads it, which KEDA uses everywhere.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
