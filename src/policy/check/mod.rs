//! What was written comes in; a policy that is complete and consistent goes out, and what keeps it from being so.
//!
//! Each file looks at one table. A check that lacks its input says nothing: whoever spoiled the input has been told.

mod basics;
mod consistency;
mod extras;
mod metric;
mod metrics;
mod names;
mod prometheus;
mod promise;
mod query;
mod scaling;
mod schedule;
mod signal;
mod threshold;
mod workload;

pub use consistency::variable;
pub use extras::{WAIVABLE_ITEMS, is_day};
pub use promise::times;

use super::rules;
use super::valid::Policy;
use super::written::{Document, Field};
use crate::finding::{Finding, Severity};
use crate::model::Version;
use crate::source::{FileId, Place, Placed, SourceFile};

/// The newest versions that slogen knows: what a policy gets that states none.
pub const NEWEST_KEDA: Version = Version::new(2, 20);
pub const NEWEST_KUBERNETES: Version = Version::new(1, 35);
pub const NEWEST_PROMETHEUS: Version = Version::new(3, 14);

/// Where the findings of one policy gather.
pub(super) struct Checker<'a> {
    file: FileId,
    source: &'a SourceFile,
    findings: &'a mut Vec<Finding>,
}

pub(super) fn check(
    file: FileId,
    source: &SourceFile,
    document: &Document,
    findings: &mut Vec<Finding>,
) -> Option<Policy> {
    let place = Place::file_start(file);
    let mut checker = Checker { file, source, findings };
    checker.language_version(&document.version, place);
    let keda = checker.software(&document.keda, "KEDA", (2, 8), NEWEST_KEDA);
    let kubernetes = checker.software(&document.kubernetes, "Kubernetes", (1, 23), NEWEST_KUBERNETES);
    let workload = checker.workload(document, place);
    let metrics = checker.metrics(document);
    let prometheus = checker.prometheus(document, keda);
    let interval = metrics.as_ref().map_or(15, |metrics| metrics.interval.value);
    let scaling = checker.scaling(document, place, keda, kubernetes);
    let signals = checker.signals(document, place, &prometheus, interval);
    let alerts = checker.alerts(document);
    let capacity = checker.capacity(document, scaling.as_ref());
    let load_test = checker.load_test(document);
    let waivers = checker.waivers(document);
    let (workload, pods) = workload?;
    let policy = Policy {
        file_name: source.base_name().to_string(),
        place,
        workload,
        pods,
        metrics,
        prometheus,
        keda,
        kubernetes,
        scaling: scaling?,
        signals: signals?,
        alerts,
        capacity,
        load_test,
        waivers,
    };
    checker.consistency(&policy, document);
    Some(policy)
}

impl Checker<'_> {
    fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn push_warning(&mut self, mut finding: Finding) {
        finding.severity = Severity::Warning;
        self.findings.push(finding);
    }

    /// A value that cannot be left out. `what` says where, `example` what to write.
    fn required<'f, T>(
        &mut self,
        field: &'f Field<T>,
        key: &str,
        parent: Place,
        example: &str,
    ) -> Option<&'f Placed<T>> {
        if field.is_missing() {
            self.push(
                Finding::new(&rules::MISSING_KEY, parent, format!("the key `{key}` is missing"))
                    .label(format!("needs `{key}`"))
                    .help(format!("write `{example}`")),
            );
        }
        field.get()
    }

    fn language_version(&mut self, field: &Field<u32>, place: Place) {
        if let Some(version) = self.required(field, "version", place, "version = 1")
            && version.value != 1
        {
            self.push(
                Finding::new(
                    &rules::UNSUPPORTED_VERSION,
                    version.place,
                    format!("the policy language has no version {}", version.value),
                )
                .why("another version may mean other things by the same words")
                .help("write `version = 1`"),
            );
        }
    }
}
