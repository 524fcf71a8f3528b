//! From what the ways do with pods to the verdict on a metric.

use super::consequence::Empty;
use super::coverage::Verdict;
use super::exporters::is_of_the_platform;
use super::relabel::Labels;
use super::target::Pods;
use super::way::Passage;
use super::world::World;
use super::{monitor, rules};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::lint::is_recorded;
use crate::manifest::Node;
use crate::source::Place;

impl World<'_> {
    pub fn verdict(
        &self,
        object: &Object<'_>,
        (metric, is_about_target, server): (&str, bool, Option<&Node>),
        (target, is_named): (Option<&Pods<'_>>, bool),
        passages: Option<&[Passage]>,
    ) -> Verdict {
        let mut verdict = if is_of_the_platform(metric) && !is_named && !is_recorded(metric) {
            self.by_exporter(object, metric, server.and_then(Node::as_str), passages)
        } else {
            self.by_ways(object, metric, target, passages)
        };
        // A query that does not say whose metric it is may be about those who are scraped.
        if let Verdict::NotScraped { is_sure, others, .. } = &mut verdict
            && !is_of_the_platform(metric)
            && !is_named
            && !is_about_target
            // What a rule drops after the scrape is missed by whoever asks.
            && !passages.is_some_and(|all| all.iter().any(|passage| passage.scraped().is_some()))
            && let Some(somebody) = self.somebody()
        {
            *is_sure = false;
            *others = Some(somebody.to_string());
        }
        // Somebody else may write into a server that is not one of those here.
        let is_near = |passage: &Passage| {
            matches!(passage, Passage::Blocked { .. } | Passage::Scraped(_) | Passage::Near { .. })
        };
        if let Verdict::NotScraped { is_sure, .. } = &mut verdict
            && server.and_then(Node::as_str).is_some_and(is_collected)
            && !passages.is_some_and(|all| all.iter().any(is_near))
        {
            *is_sure = false;
        }
        // What is pushed needs no scrape.
        if let (Verdict::NotScraped { .. }, Some((place, what))) = (&verdict, &self.configs.pushes) {
            let file = &self.sources.get(place.file).name;
            return Verdict::CannotTell(format!("{what} ({file}), and what it brings is not told here"));
        }
        verdict
    }

    pub fn by_ways(
        &self,
        object: &Object<'_>,
        metric: &str,
        target: Option<&Pods<'_>>,
        passages: Option<&[Passage]>,
    ) -> Verdict {
        if is_recorded(metric) {
            return self.recorded(metric);
        }
        let (Some(pods), Some(passages)) = (target, passages) else {
            let Some(name) = object.text(&["spec", "scaleTargetRef", "name"]) else {
                let why = format!("the query names no workload of these files, and a {} none", object.kind());
                return Verdict::CannotTell(why);
            };
            let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
            return Verdict::CannotTell(match self.index.workload(kind, name, object) {
                Some(_) => format!("`{name}` is a {kind}, whose pods slogen does not know"),
                None => format!("the workload `{name}` is not here"),
            });
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
                            help: Some(format!("let the rule keep `{metric}`")),
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
        if let Some(Passage::Blocked { by, what, why, help, is_sure }) =
            passages.iter().find(|passage| matches!(passage, Passage::Blocked { .. }))
        {
            let why = format!("{what} would: {why}");
            let help = help.clone();
            return Verdict::NotScraped { by: Some(*by), why, is_sure: *is_sure, others: None, help };
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
        let is_on = |annotations: &Labels| {
            annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true")
        };
        let services = self.index.services_of(pods);
        let service = services.iter().find(|service| is_on(&service.annotations));
        let annotated = is_on(&pods.annotations) || service.is_some();
        let carry = match service.filter(|_| !is_on(&pods.annotations)) {
            Some(service) => format!("the Service `{}` carries scrape annotations", service.object.name),
            None => format!("the pods of {workload} carry scrape annotations"),
        };
        let with_help = |by: Place, why: String, help: Option<String>, is_sure: bool| Verdict::NotScraped {
            by: Some(by),
            why,
            is_sure,
            others: None,
            help,
        };
        let not_scraped = |by, why, is_sure| with_help(by, why, None, is_sure);
        let is_here = !self.configs.seen.is_empty() || !self.operators.is_empty();
        let misspelt =
            || self.index.monitors.iter().find_map(|monitor| monitor::misspelt(monitor, pods, &services));
        let near = passages.iter().find(|passage| matches!(passage, Passage::Near { .. })).cloned();
        if let Some(Passage::Near { by, what, why, help }) = near.or_else(misspelt) {
            return with_help(by, format!("{what} would: {why}"), help, is_here);
        }
        if let Some(by) = self.configs.seen.first() {
            let is_sure = self.configs.is_of_a_cluster || !self.operators.all.is_empty();
            if annotated && !is_sure && self.index.monitors.is_empty() {
                let file = &self.sources.get(by.file).name;
                return Verdict::CannotTell(format!(
                    "{carry}, and the only Prometheus here ({file}) finds nothing in a cluster: whether the cluster's reads them is not told"
                ));
            }
            let why = if annotated {
                format!("{carry}, and no job here reads them")
            } else if !is_sure && self.index.monitors.is_empty() {
                format!(
                    "the only Prometheus here finds nothing in a cluster, and neither a monitor nor an annotation is here for the pods of {workload}"
                )
            } else {
                format!(
                    "no job and no monitor here has anything to do with the pods of {workload}{}",
                    self.tried()
                )
            };
            return not_scraped(*by, why, is_sure);
        }
        if let Some((by, who)) = self.operators.anyone() {
            let is_sure = !self.operators.all.is_empty();
            if annotated {
                let why = format!("{carry}, which {who} does not read, and no monitor selects them");
                return not_scraped(by, why, is_sure);
            }
            if is_sure {
                let why = format!("no monitor here has anything to do with the pods of {workload}");
                return not_scraped(by, why, true);
            }
        }
        if let (Some(other), true) = (self.index.monitors.first(), annotated) {
            let why = format!("{carry}, which the Prometheus of these monitors does not read");
            return not_scraped(other.name_place(), why, false);
        }
        if annotated {
            return Verdict::CannotTell(format!(
                "{carry}, and no Prometheus is here that reads or ignores them"
            ));
        }
        if let Some(other) = self.index.monitors.first() {
            let why = format!("there are monitors here, and none for the pods of {workload}");
            return not_scraped(other.name_place(), why, false);
        }
        if let Some((place, what)) = &self.configs.pushes {
            let file = &self.sources.get(place.file).name;
            return Verdict::CannotTell(format!("{what} ({file}), and what it brings is not told here"));
        }
        Verdict::CannotTell(format!("neither a monitor for the pods of {workload} nor a Prometheus is here"))
    }

    /// The jobs that are here, in words.
    pub fn tried(&self) -> String {
        /// More are not named.
        const MOST: usize = 4;
        let names: Vec<String> =
            self.configs.jobs.iter().take(MOST).map(|job| format!("`{}`", job.name)).collect();
        let more = self.configs.jobs.len().saturating_sub(MOST);
        match (names.as_slice(), more) {
            ([], _) => String::new(),
            (_, 0) => format!(" (tried: {})", names.join(", ")),
            _ => format!(" (tried: {} and {more} more)", names.join(", ")),
        }
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
        let rules = self.index.recorded(metric);
        let taken = rules.iter().find(|(object, _)| self.operators.refusal(object).is_none());
        if let Some((_, by)) = taken {
            return Verdict::Scraped { by: *by, what: "a recording rule".to_string(), job: String::new() };
        }
        if let Some((object, _)) = rules.first()
            && let Some(refusal) = self.operators.refusal(object)
        {
            return Verdict::NotScraped {
                by: Some(refusal.by),
                why: format!("the PrometheusRule `{}` would make it: {}", object.name, refusal.why),
                is_sure: refusal.is_sure,
                others: None,
                help: Some(refusal.help),
            };
        }
        Verdict::CannotTell(format!(
            "`{metric}` looks like the result of a recording rule, which is not here"
        ))
    }
}

/// Whether an address is that of a server which takes series from others and scrapes nothing itself.
pub fn is_collected(address: &str) -> bool {
    const WORDS: [&str; 10] = [
        "aps-workspaces",
        "grafana.net",
        "prometheus.monitor.azure.com",
        "googleapis.com",
        "mimir",
        "thanos",
        "cortex",
        "vmselect",
        "victoria",
        "gmp",
    ];
    let host = super::address::host(address);
    WORDS.iter().any(|word| host.contains(word))
}

/// The finding of a metric that nobody scrapes.
pub fn not_scraped(metric: &str, place: Place, verdict: &Verdict, empty: Empty) -> Finding {
    let message = match verdict {
        Verdict::NotScraped { others: Some(others), .. } => format!(
            "the pods that are scaled are not scraped, and nothing says whose `{metric}` is: those of `{others}` are, if they expose it"
        ),
        _ => format!("nobody scrapes `{metric}`"),
    };
    let mut finding = Finding::new(&rules::NOT_SCRAPED, place, message)
        .why(format!("the query is always empty: {}", empty.told()))
        .help("scrape the pods: a ServiceMonitor for their Service, a PodMonitor, or a job; `slogen build` writes one that fits");
    if let Verdict::NotScraped { by, why, is_sure, help, .. } = verdict {
        finding.label = Some(why.clone());
        if let Some(help) = help {
            finding = finding.help(help.clone());
        }
        if let Some(by) = by {
            finding = finding.related(*by, "here");
        }
        if !is_sure {
            finding.severity = Severity::Warning;
        }
    }
    finding
}
