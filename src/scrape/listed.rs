//! Servers that scrape nothing but addresses which are all here.

use super::pattern::{Fit, fit};
use super::world::World;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::promql::{MatchOperator, SelectorView, Target, parse};
use crate::source::Place;

/// A query that goes to a server which scrapes nothing but listed addresses.
pub struct Listed {
    query: Place,
    /// Whether all of the addresses are here as well: nobody else's series can slip in.
    is_whole: bool,
    /// Whether each selector asks for one address of a job at most.
    is_single: bool,
    /// Whether it asks for counters, of which most have labels for what happened.
    counts: bool,
}

/// What a query is accused of for want of a label, where the server that is asked scrapes listed addresses: of an address
/// no pod more or less makes another series, and where all of them are here, nobody else's series can slip in.
pub fn soften(findings: &mut [Finding], listed: &[Listed]) {
    for finding in findings {
        let around = listed.iter().find(|one| {
            let place = one.query;
            place.file == finding.place.file
                && place.span.start <= finding.place.span.start
                && finding.place.span.end <= place.span.end
        });
        let Some(one) = around else { continue };
        match finding.rule.code {
            "L401" if one.is_whole => finding.severity = Severity::Note,
            "Q003" if finding.severity == Severity::Error => one.about_labels(finding),
            _ => {}
        }
    }
}

impl Listed {
    /// More pods make no second series here.
    fn about_labels(&self, finding: &mut Finding) {
        if !finding.label.as_deref().is_some_and(|label| label.starts_with("one series per pod,")) {
            return;
        }
        finding.severity = if self.counts { Severity::Warning } else { Severity::Note };
        finding.message = "nothing proves that the query gives one series".to_string();
        let addresses = if self.is_single { "" } else { "per address, and " };
        finding.label = Some(format!("one series {addresses}per value of every label"));
        finding.why = Some(
            "KEDA refuses more than one. The server that is asked scrapes listed addresses, and more pods make no second series; but each value of a label does, such as the first answer with another status"
                .to_string(),
        );
    }
}

impl<'i> World<'i> {
    /// The queries of a scaler that go to a server whose configuration is here and lists its addresses.
    pub fn asked_of_lists(&self, object: &'i Object<'i>) -> Vec<Listed> {
        let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
        let queries = triggers.iter().filter_map(|trigger| {
            let server = trigger.at(&["metadata", "serverAddress"])?.as_str()?;
            let query = trigger.at(&["metadata", "query"])?;
            self.lists_only(server)?;
            let expression = parse(query.as_str()?, &Target::default()).ok()?;
            let selectors = expression.selectors();
            let is_counter = |selector: &SelectorView| {
                let name = selector.name.as_deref().unwrap_or_default();
                selector.range.is_some()
                    || ["_total", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end))
            };
            Some(Listed {
                query: object.place(query),
                is_whole: self.complete(server).is_some(),
                is_single: selectors.iter().all(|selector| self.has_one_address(selector)),
                counts: selectors.iter().any(is_counter),
            })
        });
        queries.collect()
    }

    /// Whether of each job a selector asks for one of the listed addresses at most.
    fn has_one_address(&self, selector: &SelectorView) -> bool {
        let fits = |label: &str, value: &str| {
            selector.matchers.iter().filter(|matcher| matcher.name == label).all(|matcher| {
                match matcher.operator {
                    MatchOperator::Equal => matcher.value == value,
                    MatchOperator::RegexMatch => fit(&matcher.value, value) != Some(Fit::No),
                    MatchOperator::NotEqual | MatchOperator::RegexNotMatch => true,
                }
            })
        };
        let mut jobs = self.configs.jobs.iter().filter(|job| fits("job", &job.name));
        jobs.all(|job| job.addresses().filter(|(.., address)| fits("instance", address)).count() <= 1)
    }
}
