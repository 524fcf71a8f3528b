//! Servers that scrape nothing but addresses which are all here.

use super::pattern::{Fit, fit};
use super::world::World;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::Node;
use crate::promql::{MatchOperator, SelectorView, Target, parse};
use crate::source::Place;

/// What a query is accused of for want of a label, where the server that is asked scrapes nothing but addresses which are
/// all here: nobody else's series can slip in, and of a single address no pod more or less makes another series.
pub fn soften(findings: &mut [Finding], listed: &[(Place, bool)]) {
    for finding in findings {
        let around = listed.iter().find(|(place, _)| {
            place.file == finding.place.file
                && place.span.start <= finding.place.span.start
                && finding.place.span.end <= place.span.end
        });
        if let Some((_, is_single)) = around {
            match finding.rule.code {
                // One address is one instance, however many pods are behind it.
                "Q003" if *is_single => {
                    finding.severity = Severity::Note;
                    finding.label = Some("one series for each value of its labels".to_string());
                    finding.why = Some(
                        "KEDA refuses more than one: the address that is scraped is one instance, and with a second value of any other label the trigger fails".to_string(),
                    );
                }
                "L401" => finding.severity = Severity::Note,
                _ => {}
            }
        }
    }
}

impl<'i> World<'i> {
    /// The queries of a scaler that go to a server whose configuration is here as a whole and lists its addresses, and
    /// whether each of them asks for a single address.
    pub fn asked_of_lists(&self, object: &'i Object<'i>) -> Vec<(Place, bool)> {
        let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
        let queries = triggers.iter().filter_map(|trigger| {
            let server = trigger.at(&["metadata", "serverAddress"])?.as_str()?;
            let query = trigger.at(&["metadata", "query"])?;
            self.complete(server)?;
            let expression = parse(query.as_str()?, &Target::default()).ok()?;
            let is_single = expression.selectors().iter().all(|selector| self.has_one_address(selector));
            Some((object.place(query), is_single))
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
