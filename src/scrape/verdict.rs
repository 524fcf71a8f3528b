//! From what the ways do with pods to the verdict on a metric.

use super::coverage::{Verdict, World, is_of_the_platform};
use super::rules;
use super::target::Pods;
use super::way::Passage;
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::lint::is_recorded;
use crate::source::Place;

impl World<'_> {
    pub fn verdict(
        &self,
        object: &Object<'_>,
        (metric, is_about_target): (&str, bool),
        (target, is_named): (Option<&Pods<'_>>, bool),
        passages: Option<&[Passage]>,
    ) -> Verdict {
        let mut verdict = self.by_ways(object, metric, (target, is_named), passages);
        // A query that does not say whose metric it is may be about those who are scraped.
        if let Verdict::NotScraped { is_sure, others, .. } = &mut verdict
            && !is_named
            && !is_about_target
            && let Some(somebody) = self.somebody()
        {
            *is_sure = false;
            *others = Some(somebody.to_string());
        }
        // What is pushed needs no scrape.
        if let (Verdict::NotScraped { .. }, Some((place, what))) = (&verdict, &self.configs.pushes) {
            let file = &self.sources.get(place.file).name;
            return Verdict::CannotTell(format!("{what} ({file}), and what it brings is not told here"));
        }
        verdict
    }

    fn by_ways(
        &self,
        object: &Object<'_>,
        metric: &str,
        (target, is_named): (Option<&Pods<'_>>, bool),
        passages: Option<&[Passage]>,
    ) -> Verdict {
        if is_recorded(metric) {
            return self.recorded(metric);
        }
        if is_of_the_platform(metric) && !is_named {
            return Verdict::CannotTell(format!(
                "`{metric}` comes from the platform or an exporter, not from the pods that are scaled"
            ));
        }
        let (Some(pods), Some(passages)) = (target, passages) else {
            let name = object.text(&["spec", "scaleTargetRef", "name"]).unwrap_or_default();
            return Verdict::CannotTell(format!("the workload `{name}` is not here"));
        };
        let mut dropped = None;
        for passage in passages {
            match passage {
                Passage::Scraped(scraped) => match scraped.drops(metric) {
                    Some(by) => {
                        dropped.get_or_insert_with(|| Verdict::NotScraped {
                            by: Some(by),
                            why: format!(
                                "{} would: this rule drops the metric after the scrape",
                                scraped.what
                            ),
                            is_sure: true,
                            others: None,
                        });
                    }
                    None => {
                        return Verdict::Scraped {
                            by: scraped.by,
                            what: scraped.what.clone(),
                            job: scraped.job(),
                        };
                    }
                },
                Passage::Random { by, what } => {
                    return Verdict::Scraped {
                        by: *by,
                        what: format!("{what}, through a Service address"),
                        job: String::new(),
                    };
                }
                _ => {}
            }
        }
        if let Some(dropped) = dropped {
            return dropped;
        }
        if let Some(Passage::Blocked { by, what, why, is_sure }) =
            passages.iter().find(|passage| matches!(passage, Passage::Blocked { .. }))
        {
            let why = format!("{what} would: {why}");
            return Verdict::NotScraped { by: Some(*by), why, is_sure: *is_sure, others: None };
        }
        if let Some(Passage::Open { what, why }) =
            passages.iter().find(|passage| matches!(passage, Passage::Open { .. }))
        {
            return Verdict::CannotTell(format!("{what} may scrape it: {why}"));
        }
        if let Some(open) = self.configs.open.as_ref().or(self.operators.open.as_ref()) {
            return Verdict::CannotTell(open.clone());
        }
        self.by_nobody(pods, passages)
    }

    /// No way has anything to do with the pods: the nearest cause, or that it cannot be told.
    fn by_nobody(&self, pods: &Pods<'_>, passages: &[Passage]) -> Verdict {
        let workload = format!("{} `{}`", pods.object.kind(), pods.object.name);
        let annotated = pods.annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
        let not_scraped = |by: Place, why: String, is_sure: bool| Verdict::NotScraped {
            by: Some(by),
            why,
            is_sure,
            others: None,
        };
        let is_here = !self.configs.seen.is_empty() || !self.operators.is_empty();
        if let Some(Passage::Near { by, what, why }) =
            passages.iter().find(|passage| matches!(passage, Passage::Near { .. }))
        {
            return not_scraped(*by, format!("{what} would: {why}"), is_here);
        }
        if let Some(by) = self.configs.seen.first() {
            let is_sure = self.configs.is_of_a_cluster || !self.operators.all.is_empty();
            let why = if annotated {
                format!("the pods of {workload} carry scrape annotations, and no job here reads them")
            } else {
                format!("no job and no monitor here has anything to do with the pods of {workload}")
            };
            return not_scraped(*by, why, is_sure);
        }
        if let Some((by, who)) = self.operators.anyone() {
            let is_sure = !self.operators.all.is_empty();
            if annotated {
                let why = format!(
                    "the pods of {workload} carry scrape annotations, which {who} does not read, and no monitor selects them"
                );
                return not_scraped(by, why, is_sure);
            }
            if is_sure {
                let why = format!("no monitor here has anything to do with the pods of {workload}");
                return not_scraped(by, why, true);
            }
        }
        if let (Some(other), true) = (self.index.monitors.first(), annotated) {
            let why = format!(
                "the pods of {workload} carry scrape annotations, which the Prometheus of these monitors does not read"
            );
            return not_scraped(other.name_place(), why, false);
        }
        if annotated {
            return Verdict::CannotTell(format!(
                "the pods of {workload} carry scrape annotations, and no Prometheus is here that reads or ignores them"
            ));
        }
        if let Some(other) = self.index.monitors.first() {
            let why = format!("there are monitors here, and none for the pods of {workload}");
            return not_scraped(other.name_place(), why, false);
        }
        Verdict::CannotTell(format!("neither a monitor for the pods of {workload} nor a Prometheus is here"))
    }

    /// A workload of the repository that is scraped.
    fn somebody(&self) -> Option<&str> {
        /// More are not tried.
        const MOST: usize = 64;
        let found = self.somebody.get_or_init(|| {
            let scraped = |pods: &&Pods<'_>| {
                let is_one =
                    |passage: &Passage| matches!(passage, Passage::Scraped(_) | Passage::Random { .. });
                self.passages(pods).iter().any(is_one)
            };
            self.index.workloads().iter().take(MOST).find(scraped).map(|pods| pods.object.name.clone())
        });
        found.as_deref()
    }

    /// A metric that a rule of the repository makes.
    fn recorded(&self, metric: &str) -> Verdict {
        if let Some(by) = self.index.recorded(metric) {
            return Verdict::Scraped { by, what: "a recording rule".to_string(), job: String::new() };
        }
        Verdict::CannotTell(format!(
            "`{metric}` looks like the result of a recording rule, which is not here"
        ))
    }
}

/// The finding of a metric that nobody scrapes.
pub fn not_scraped(metric: &str, place: Place, verdict: &Verdict) -> Finding {
    let message = match verdict {
        Verdict::NotScraped { others: Some(others), .. } => format!(
            "the pods that are scaled are not scraped, and nothing says whose `{metric}` is: those of `{others}` are, if they expose it"
        ),
        _ => format!("nobody scrapes `{metric}`"),
    };
    let mut finding = Finding::new(&rules::NOT_SCRAPED, place, message)
        .why("the query is always empty: KEDA reads 0, says nothing, and under full load nothing scales")
        .help("scrape the pods: a ServiceMonitor for their Service, a PodMonitor, or a job; `slogen build` writes one that fits");
    if let Verdict::NotScraped { by, why, is_sure, .. } = verdict {
        finding.label = Some(why.clone());
        if let Some(by) = by {
            finding = finding.related(*by, "here");
        }
        if !is_sure {
            finding.severity = Severity::Warning;
        }
    }
    finding
}
