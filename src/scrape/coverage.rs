//! For each metric of each scaler: who scrapes it, or what stands in the way.

use rayon::prelude::*;

use super::config::{self, Configs};
use super::dangling;
use super::index::Index;
use super::labels;
use super::monitor;
use super::operator::Operators;
use super::rules;
use super::target::Pods;
use super::way::{self, Passage, Scraped};
use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::lint::{Context, lint};
use crate::manifest::{Node, raw_offset};
use crate::promql::{MatchOperator, SelectorView, Target, parse};
use crate::source::{Place, Sources, Span};

/// One line of the report.
#[derive(Clone, Debug)]
pub struct Row {
    /// Namespace and name of the ScaledObject.
    pub scaler: String,
    pub metric: String,
    pub place: Place,
    pub verdict: Verdict,
}

/// The three shades.
#[derive(Clone, Debug)]
pub enum Verdict {
    Scraped { by: Place, what: String, job: String },
    NotScraped { by: Option<Place>, why: String, is_sure: bool },
    CannotTell(String),
}

/// Metrics of exporters and of the platform, by the beginnings of their names: whoever exposes them is not the target.
const PLATFORM: [&str; 34] = [
    "kube_",
    "container_",
    "node_",
    "kubelet_",
    "apiserver_",
    "nginx_ingress_",
    "istio_",
    "envoy_",
    "traefik_",
    "haproxy_",
    "linkerd_",
    "kafka_",
    "redis_",
    "rabbitmq_",
    "aws_",
    "mysql_",
    "pg_",
    "mongodb_",
    "elasticsearch_",
    "nats_",
    "probe_",
    "keda_",
    "prometheus_",
    "cloudwatch_",
    "stackdriver_",
    "DCGM_",
    "gpu_",
    "kong_",
    "cadvisor_",
    "coredns_",
    "etcd_",
    "dapr_",
    "apisix_",
    "machine_",
];

/// Whether a metric comes from the platform or an exporter, and not from the pods that are scaled.
pub fn is_of_the_platform(metric: &str) -> bool {
    PLATFORM.iter().any(|start| metric.starts_with(start))
}

/// Labels by which a query names whose pods it is about.
const NAMING: [&str; 7] =
    ["job", "service", "app", "deployment", "pod", "container", "app_kubernetes_io_name"];

/// What a repository holds of scraping.
struct World<'i> {
    sources: &'i Sources,
    index: Index<'i>,
    configs: Configs,
    operators: Operators<'i>,
}

/// Findings, and the report as lines.
pub fn check<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> (Vec<Finding>, Vec<Row>) {
    let world = World {
        sources,
        index: Index::new(inventory),
        configs: config::find(inventory),
        operators: Operators::new(inventory),
    };
    let mut findings: Vec<Finding> =
        world.index.monitors.iter().flat_map(|object| monitor::alone(object)).collect();
    let dangling = |object: &&'i Object<'i>| dangling::check(object, &world.index, &world.operators);
    findings.extend(world.index.monitors.iter().flat_map(dangling));
    findings.extend(inventory.objects.iter().flat_map(annotations));
    let scalers: Vec<&Object<'_>> =
        inventory.kind("ScaledObject").filter(|object| object.group() == "keda.sh").collect();
    let told: Vec<(Vec<Finding>, Vec<Row>)> = scalers
        .into_par_iter()
        .map(|object| {
            let (mut findings, mut rows) = (Vec::new(), Vec::new());
            world.scaler(object, &mut findings, &mut rows);
            (findings, rows)
        })
        .collect();
    let mut rows = Vec::new();
    for (own, lines) in told {
        findings.extend(own);
        rows.extend(lines);
    }
    (findings, rows)
}

impl<'i> World<'i> {
    fn scaler(&self, object: &'i Object<'i>, findings: &mut Vec<Finding>, rows: &mut Vec<Row>) {
        let target = self.target(object);
        let passages = target.as_ref().map(|pods| self.passages(pods));
        let mut told = false;
        let mut selectors = Vec::new();
        for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
            if trigger.get("type").and_then(Node::as_str) != Some("prometheus") {
                continue;
            }
            let Some(node) = trigger.at(&["metadata", "query"]) else { continue };
            let Some(text) = node.as_str() else { continue };
            let Ok(expression) = parse(text, &Target::default()) else { continue };
            let mut seen: Vec<String> = Vec::new();
            for selector in expression.selectors() {
                let Some(metric) = selector.name.clone().filter(|name| !seen.contains(name)) else {
                    continue;
                };
                seen.push(metric.clone());
                selectors.push(selector.clone());
                // A query may be about the pods of somebody else.
                let other = self.named(object, &selector, target.as_ref());
                let other_passages = other.as_ref().map(|pods| self.passages(pods));
                let target = other.as_ref().or(target.as_ref());
                let passages = other_passages.as_ref().or(passages.as_ref());
                let place = self.inside(
                    object,
                    node,
                    text,
                    Span::new(selector.span.start as usize, selector.span.start as usize + metric.len()),
                );
                let verdict =
                    self.verdict(object, &metric, (target, other.is_some()), passages.map(Vec::as_slice));
                if let (Some(pods), Verdict::Scraped { .. }, false) = (target, &verdict, metric.contains(':'))
                {
                    let ways: Vec<_> = passages.into_iter().flatten().filter_map(Passage::scraped).collect();
                    let inside = |span| self.inside(object, node, text, span);
                    findings.extend(labels::check(&selector, pods, &ways, inside));
                }
                if let (Verdict::NotScraped { .. }, false) = (&verdict, told) {
                    findings.push(not_scraped(&metric, place, &verdict));
                    told = true;
                } else if let (Verdict::CannotTell(why), false) = (&verdict, told) {
                    findings.push(
                        Finding::new(&rules::CANNOT_TELL, place, format!("nothing here says who scrapes `{metric}`"))
                            .why(why.clone())
                            .help("give slogen the folder that holds it, or ask Prometheus: `count by (job, instance) (…)`"),
                    );
                    told = true;
                }
                rows.push(Row {
                    scaler: format!("{}/{}", object.namespace_text(), object.name),
                    metric,
                    place,
                    verdict,
                });
            }
            if let Some(passages) = &passages {
                self.windows(object, node, text, &expression, passages, findings);
            }
        }
        if let (Some(pods), Some(passages)) = (&target, &passages) {
            self.ways(pods, passages, &selectors, findings);
        }
    }

    /// The pods that a scaler scales, if their workload is here.
    fn target(&self, object: &Object<'i>) -> Option<Pods<'i>> {
        let name = object.text(&["spec", "scaleTargetRef", "name"])?;
        let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        self.index.workload(kind, name, object).and_then(Pods::of)
    }

    /// The pods of the workload that a selector names, where that is not the target.
    fn named(
        &self,
        object: &Object<'i>,
        selector: &SelectorView,
        target: Option<&Pods<'i>>,
    ) -> Option<Pods<'i>> {
        let named = selector.matchers.iter().filter(|matcher| {
            NAMING.contains(&matcher.name.as_str())
                && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
        });
        let names: Vec<&str> =
            named.map(|matcher| matcher.value.trim_end_matches(['*', '.', '+', '-', '$'])).collect();
        let is_target = |name: &&str| {
            target.is_some_and(|pods| {
                pods.object.name.contains(*name) || pods.labels.values().any(|value| value == name)
            })
        };
        if names.iter().any(is_target) {
            return None;
        }
        let kinds = ["Deployment", "StatefulSet", "Rollout", "DaemonSet"];
        let workload = |name: &str| kinds.iter().find_map(|kind| self.index.workload(kind, name, object));
        // A pod of a StatefulSet is called by its number.
        let without_number = |name: &str| {
            let (start, number) = name.rsplit_once('-')?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then(|| workload(start)).flatten()
        };
        let found = names.iter().find_map(|name| workload(name).or_else(|| without_number(name)));
        // Without a name in the query, the name of the metric may say whose it is.
        let by_metric = || {
            let metric = selector.name.as_deref().filter(|_| names.is_empty())?;
            let first = metric.split(['_', ':']).next().filter(|word| word.len() > 3)?;
            let other = workload(first)?;
            target
                .is_none_or(|pods| !std::ptr::eq(pods.object, other) && !pods.object.name.starts_with(first))
                .then_some(other)
        };
        found.or_else(by_metric).and_then(Pods::of)
    }

    /// What every way of the repository does with pods; those that have nothing to do with them are left out.
    fn passages(&self, pods: &Pods<'_>) -> Vec<Passage> {
        let services = self.index.services_of(pods);
        let monitors = self.index.monitors_of(pods, &services).into_iter().map(|object| {
            let passage = if monitor::OF_SERVICES.contains(&object.kind()) {
                monitor::service_monitor(object, pods, &services)
            } else {
                monitor::pod_monitor(object, pods)
            };
            self.chosen(object, passage)
        });
        let jobs = self.configs.jobs.iter().map(|job| way::job(job, pods, &services));
        monitors.chain(jobs).filter(|passage| !matches!(passage, Passage::Apart)).collect()
    }

    /// A monitor that no Prometheus of the repository takes up scrapes nothing.
    fn chosen(&self, object: &Object<'_>, passage: Passage) -> Passage {
        let Passage::Scraped(scraped) = &passage else { return passage };
        if let Some(node) = monitor::rejected(object) {
            return Passage::Blocked {
                by: object.place(node),
                what: scraped.what.clone(),
                why: "the operator rejects it, because a scrape may take longer than its interval"
                    .to_string(),
                is_sure: true,
            };
        }
        match self.operators.refusal(object) {
            Some(refusal) => Passage::Blocked {
                by: refusal.by,
                what: scraped.what.clone(),
                why: refusal.why,
                is_sure: refusal.is_sure,
            },
            None => passage,
        }
    }

    fn verdict(
        &self,
        object: &Object<'_>,
        metric: &str,
        (target, is_named): (Option<&Pods<'_>>, bool),
        passages: Option<&[Passage]>,
    ) -> Verdict {
        let verdict = self.by_ways(object, metric, (target, is_named), passages);
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
        if metric.contains(':') {
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
                        });
                    }
                    None => {
                        return Verdict::Scraped {
                            by: scraped.by,
                            what: scraped.what.clone(),
                            job: scraped.job().to_string(),
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
            return Verdict::NotScraped { by: Some(*by), why, is_sure: *is_sure };
        }
        if let Some(Passage::Open { what, why }) =
            passages.iter().find(|passage| matches!(passage, Passage::Open { .. }))
        {
            return Verdict::CannotTell(format!("{what} may scrape it: {why}"));
        }
        let workload = format!("{} `{}`", pods.object.kind(), pods.object.name);
        if let Some(by) = self
            .configs
            .seen
            .first()
            .copied()
            .or_else(|| self.operators.all.first().map(|object| object.name_place()))
        {
            return Verdict::NotScraped {
                by: Some(by),
                why: format!("no job and no monitor here has anything to do with the pods of {workload}"),
                is_sure: true,
            };
        }
        let annotated = pods.annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
        if let (Some(other), true) = (self.index.monitors.first(), annotated) {
            return Verdict::NotScraped {
                by: Some(other.name_place()),
                why: format!(
                    "the pods of {workload} carry scrape annotations, which the Prometheus of these monitors does not read"
                ),
                is_sure: false,
            };
        }
        if annotated {
            return Verdict::CannotTell(format!(
                "the pods of {workload} carry scrape annotations, and no Prometheus is here that reads or ignores them"
            ));
        }
        if let Some(other) = self.index.monitors.first() {
            return Verdict::NotScraped {
                by: Some(other.name_place()),
                why: format!("there are monitors here, and none for the pods of {workload}"),
                is_sure: false,
            };
        }
        Verdict::CannotTell(format!("neither a monitor for the pods of {workload} nor a Prometheus is here"))
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

    /// Windows of the query against the interval of the way that scrapes.
    fn windows(
        &self,
        object: &Object<'_>,
        node: &Node,
        text: &str,
        expression: &crate::promql::Expression,
        passages: &[Passage],
        findings: &mut Vec<Finding>,
    ) {
        let found = passages.iter().find_map(|passage| match passage {
            Passage::Scraped(scraped) => Some((scraped.interval?, scraped.by)),
            _ => None,
        });
        let Some((interval, by)) = found else { return };
        let mut context = Context::default();
        context.facts.scrape_interval = Some(interval);
        for lint in lint(expression, &context) {
            if matches!(lint.rule.code, "C204" | "C205") {
                let mut finding = lint.finding(|span| self.inside(object, node, text, span));
                finding.fix = None;
                findings.push(finding.related(by, "the scrape interval is set here"));
            }
        }
    }

    fn inside(&self, object: &Object<'_>, node: &Node, value: &str, span: Span) -> Place {
        let file = object.document.file;
        let raw = self.sources.get(file).text.get(node.span.range()).unwrap_or_default();
        let at = |offset: u32| node.span.start as usize + raw_offset(raw, value, offset as usize);
        let (start, end) = (at(span.start), at(span.end));
        Place::new(file, Span::new(start, end.max(start)))
    }

    /// The same pods twice, and Service addresses.
    fn ways(
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
                    let counts_both =
                        selectors.iter().any(|selector| takes(selector, first) && takes(selector, scraped));
                    if !counts_both {
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
            Passage::Random { by, what } => findings.push(
                Finding::new(&rules::SERVICE_ADDRESS, *by, format!("{what} scrapes the pods of {} `{}` through a Service", pods.object.kind(), pods.object.name))
                    .why("each scrape meets a random pod: with two pods and more, counters jump back and forth, and a rate makes no sense")
                    .help("use `kubernetes_sd_configs` with the role `endpoints` or `pod`, or a ServiceMonitor"),
            ),
            _ => {}
        }
        }
    }
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
        picked(selector, label).is_none_or(|wanted| wanted == own)
    })
}

fn not_scraped(metric: &str, place: Place, verdict: &Verdict) -> Finding {
    let mut finding = Finding::new(&rules::NOT_SCRAPED, place, format!("nobody scrapes `{metric}`"))
        .why("the query is always empty: KEDA reads 0, says nothing, and under full load nothing scales")
        .help("scrape the pods: a ServiceMonitor for their Service, a PodMonitor, or a job; `slogen build` writes one that fits");
    if let Verdict::NotScraped { by, why, is_sure } = verdict {
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

/// `prometheus.io/*` where nobody looks, or with a port that is not there.
fn annotations(object: &Object<'_>) -> Vec<Finding> {
    let Some(pods) = Pods::of(object) else { return Vec::new() };
    let mut findings = Vec::new();
    let own = object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let misplaced = own.iter().find(|entry| entry.key == "prometheus.io/scrape");
    if let (Some(entry), false) = (misplaced, pods.annotations.contains_key("prometheus.io/scrape")) {
        findings.push(
            Finding::new(
                &rules::MISPLACED_ANNOTATION,
                Place::new(object.document.file, entry.key_span),
                format!("`prometheus.io/scrape` stands on the {}", object.kind()),
            )
            .why("discovery reads the annotations of pods: these are not on them, and nothing is scraped")
            .help("write it under `spec.template.metadata.annotations`"),
        );
    }
    let template =
        object.at(&["spec", "template", "metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let scrapes = pods.annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true");
    for entry in template.iter().filter(|entry| entry.key == "prometheus.io/port" && scrapes) {
        let port = entry.node.as_written().unwrap_or_default();
        let declared = pods
            .ports
            .iter()
            .any(|other| other.number.map(|number| number.to_string()).as_ref() == Some(&port));
        if !declared && !pods.ports.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
            let mut finding = Finding::new(&rules::ANNOTATION_PORT, object.place(&entry.node), format!("no container declares the port {port}"))
                .why("the usual configuration replaces the port of each declared one by this: it works only if something listens there, and scrapes the pod once per declared port")
                .help("declare the port, or write one that is declared");
            finding.severity = Severity::Note;
            findings.push(finding);
        }
    }
    findings
}
