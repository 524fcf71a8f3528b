//! The same pods twice, and pods that each scrape picks at random.

use super::relabel::is_unknown;
use super::rules;
use super::target::Pods;
use super::way::{Passage, Scraped};
use super::world::World;
use crate::finding::Finding;
use crate::promql::{MatchOperator, SelectorView};
use crate::source::Place;

impl World<'_> {
    /// The same pods twice, and Service addresses.
    pub fn ways(
        &self,
        pods: &Pods<'_>,
        passages: &[Passage],
        selectors: &[SelectorView],
        findings: &mut Vec<Finding>,
    ) {
        let mut first: Option<&Scraped> = None;
        // Two Services of one monitor are two jobs.
        let all_pick_one =
            selectors.iter().all(|selector| PICKING.iter().any(|name| picked(selector, name).is_some()));
        for passage in passages {
            match passage {
                Passage::Scraped(scraped) => {
                    let (by, what) = (&scraped.by, &scraped.what);
                    if let Some((place, name)) = scraped.again.as_ref().filter(|_| !all_pick_one) {
                        findings.push(
                        Finding::new(&rules::SCRAPED_TWICE, *by, format!("{what} selects two Services for the same pods"))
                            .related(*place, format!("`{name}` is the second"))
                            .why("each pod is a target of each of the two, and each sample is there twice: a sum asks for twice the pods")
                            .help("select by a label that only one of the Services carries"),
                    );
                    }
                    if let Some(first) = first {
                        let counts_both = selectors
                            .iter()
                            .any(|selector| takes(selector, first) && takes(selector, scraped));
                        // Another port or path is no second time.
                        if !counts_both || !scraped.is_again(first) {
                            continue;
                        }
                        let (other, first) = (first.by, &first.what);
                        // slogen writes several ways to choose from, and says so in the files.
                        let generated = |place: Place| self.sources.get(place.file).is_generated();
                        if generated(*by) && generated(other) {
                            continue;
                        }
                        findings.push(
                        Finding::new(&rules::SCRAPED_TWICE, *by, format!("{what} scrapes pods that {first} scrapes already"))
                            .related(other, "the first way")
                            .why("each sample is there twice, under two jobs: a sum over both asks for twice the pods")
                            .help("keep one of the two, or select one by `job` in every query"),
                    );
                    } else {
                        first = Some(scraped);
                    }
                }
                Passage::Random { by, what } => findings.push(random(*by, what, pods)),
                _ => {}
            }
        }
    }
}

/// Whether series that are there twice change what a query gives: it adds them up, or returns them as they are. The
/// largest of two equal ones is the same, and so is their average.
pub fn adds_up(query: &str) -> bool {
    let words = || query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words().any(|word| ["sum", "count", "count_values"].contains(&word))
        || !words().any(|word| ["max", "min", "avg", "quantile"].contains(&word))
}

/// Each scrape meets a random pod.
pub fn random(by: Place, what: &str, pods: &Pods<'_>) -> Finding {
    let message =
        format!("{what} scrapes the pods of {} `{}` through a Service", pods.object.kind(), pods.object.name);
    Finding::new(&rules::SERVICE_ADDRESS, by, message)
        .why("each scrape meets a random pod: with two pods and more, counters jump back and forth, and a rate makes no sense")
        .help("use `kubernetes_sd_configs` with the role `endpoints` or `pod`, or a ServiceMonitor")
}

/// Labels by which a query picks one of several ways.
const PICKING: [&str; 3] = ["job", "service", "endpoint"];

/// The value that a selector asks of a label.
fn picked<'s>(selector: &'s SelectorView, label: &str) -> Option<&'s str> {
    let matcher = selector.matchers.iter().find(|matcher| matcher.name == label)?;
    (matcher.operator == MatchOperator::Equal).then_some(matcher.value.as_str())
}

/// Whether a selector takes series of a way.
fn takes(selector: &SelectorView, way: &Scraped) -> bool {
    PICKING.iter().all(|label| {
        let own = way.labels.get(*label).map_or("", String::as_str);
        picked(selector, label).is_none_or(|wanted| wanted == own || is_unknown(own))
    })
}
