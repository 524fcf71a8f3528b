//! For each metric of each scaler: who scrapes it, or what stands in the way.

use super::config::Job;
use super::consequence::Empty;
use super::index;
use super::target::{Pods, Service, sanitized};
use super::verdict::not_scraped;
use super::way::{self, Passage};
use super::world::World;
use super::{address, alone, dns, job, labels, monitor, rules, twice};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::lint::{Context, Role, is_recorded, lint};
use crate::manifest::{Node, raw_offset};
use crate::promql::{MatchOperator, MatcherView, SelectorView, Target, parse};
use crate::source::{Place, Span};

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
    Scraped {
        by: Place,
        what: String,
        job: String,
    },
    /// `others`: a workload that is scraped, where the query does not say whose metric it asks for.
    NotScraped {
        by: Option<Place>,
        why: String,
        is_sure: bool,
        others: Option<String>,
        /// What to write instead.
        help: Option<String>,
    },
    CannotTell(String),
}

/// Labels by which a query names whose pods it is about.
const NAMING: [&str; 7] =
    ["job", "service", "app", "deployment", "pod", "container", "app_kubernetes_io_name"];

/// Whether a matcher names whose series it wants.
fn is_naming(matcher: &MatcherView) -> bool {
    NAMING.contains(&matcher.name.as_str())
        && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
}

/// Whether a selector says that it is about these pods.
fn is_about(selector: &SelectorView, pods: &Pods<'_>, services: &[&Service<'_>]) -> bool {
    // The metrics of an application are often called after it.
    let of_metric = selector.name.as_deref().is_some_and(|name| {
        name.starts_with(&pods.object.name.replace('-', "_")) && pods.object.name.len() > 2
    });
    if of_metric {
        return true;
    }
    selector.matchers.iter().filter(|matcher| is_naming(matcher)).any(|matcher| {
        let names = matcher.value.split('|').map(plain);
        names.filter(|name| name.len() > 1).any(|name| {
            let own = pods.object.name.as_str();
            own.contains(name)
                || name.contains(own)
                || pods.labels.values().any(|value| value == name)
                || services.iter().any(|service| service.object.name == name)
        })
    })
}

/// A name without what makes a pattern of it.
fn plain(value: &str) -> &str {
    value.trim_start_matches(['^', '(', '.', '*']).trim_end_matches(['*', '.', '+', '-', '$', ')'])
}

impl<'i> World<'i> {
    pub fn scaler(&self, object: &'i Object<'i>, findings: &mut Vec<Finding>, rows: &mut Vec<Row>) {
        let target = self.target(object);
        let services = target.as_ref().map(|pods| self.index.services_of(pods)).unwrap_or_default();
        let passages = target.as_ref().map(|pods| self.passages(pods));
        let mut told = false;
        let mut selectors = Vec::new();
        for trigger in object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
            if trigger.get("type").and_then(Node::as_str) != Some("prometheus") {
                continue;
            }
            let empty = Empty::of(object, trigger);
            let Some(node) = trigger.at(&["metadata", "query"]) else { continue };
            let Some(text) = node.as_str() else { continue };
            let Ok(expression) = parse(text, &Target::default()) else { continue };
            let mut seen: Vec<String> = Vec::new();
            for selector in expression.selectors() {
                let Some(metric) = selector.name.clone().filter(|name| !seen.contains(name)) else {
                    continue;
                };
                seen.push(metric.clone());
                if twice::adds_up(text) {
                    selectors.push(selector.clone());
                }
                // A query may be about the pods of somebody else.
                let other = self.named(object, &selector, (target.as_ref(), &services));
                let other_passages = other.as_ref().map(|pods| self.passages(pods));
                let target = other.as_ref().or(target.as_ref());
                let passages = other_passages.as_ref().or(passages.as_ref());
                let place = self.inside(
                    object,
                    node,
                    text,
                    Span::new(selector.span.start as usize, selector.span.start as usize + metric.len()),
                );
                let is_about_target = target.is_some_and(|pods| is_about(&selector, pods, &services));
                let verdict = self.verdict(
                    object,
                    (&metric, is_about_target, trigger.at(&["metadata", "serverAddress"])),
                    (target, other.is_some()),
                    passages.map(Vec::as_slice),
                );
                if let (Some(pods), Verdict::Scraped { .. }, false) = (target, &verdict, is_recorded(&metric))
                {
                    let ways: Vec<_> = passages.into_iter().flatten().filter_map(Passage::scraped).collect();
                    let inside = |span| self.inside(object, node, text, span);
                    findings.extend(labels::check(&selector, pods, (&ways, empty), inside));
                }
                if let (Verdict::NotScraped { .. }, false) = (&verdict, told) {
                    findings.push(not_scraped(&metric, place, &verdict, empty));
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
                    scaler: match &object.namespace {
                        Some(namespace) => format!("{namespace}/{}", object.name),
                        None => object.name.clone(),
                    },
                    metric,
                    place,
                    verdict,
                });
            }
            if let (Some(passages), Some(address)) =
                (&passages, trigger.at(&["metadata", "serverAddress"]).and_then(Node::as_str))
            {
                findings.extend(self.release(address, passages));
                findings.extend(self.of_a_vendor(address, passages));
            }
            if let Some(passages) = &passages {
                let way = passages.iter().find_map(Passage::scraped);
                let rejected = target.as_ref().filter(|_| way.is_none()).and_then(|pods| self.rejected(pods));
                if let Some(way) = way.or(rejected.as_ref()) {
                    let found = self.windows(object, (node, text, empty), &expression, way);
                    findings.extend(found.into_iter().map(|mut finding| {
                        // The monitor is to be mended first, and its interval may change with it.
                        if rejected.is_some() {
                            finding.severity = finding.severity.min(Severity::Warning);
                        }
                        finding
                    }));
                }
            }
        }
        if let (Some(pods), Some(passages)) = (&target, &passages) {
            self.ways(pods, passages, &selectors, findings);
        }
    }

    /// The pods that a scaler scales, if their workload is here.
    pub fn target(&self, object: &Object<'i>) -> Option<Pods<'i>> {
        let name = object.text(&["spec", "scaleTargetRef", "name"])?;
        let kind = object.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        self.pods(self.index.workload(kind, name, object)?)
    }

    /// The pods of a workload; a Rollout may take their template from a Deployment.
    fn pods(&self, workload: &'i Object<'i>) -> Option<Pods<'i>> {
        if let Some(pods) = Pods::of(workload) {
            return Some(pods);
        }
        let kind = workload.text(&["spec", "workloadRef", "kind"])?;
        let referred =
            self.index.workload(kind, workload.text(&["spec", "workloadRef", "name"])?, workload)?;
        let mut pods = Pods::of(referred)?;
        pods.name.clone_from(&workload.name);
        Some(pods)
    }

    /// The jobs that count for pods: of copies the nearest, and those of another environment only where there are no
    /// others.
    pub fn jobs(&self, pods: &Pods<'_>) -> Vec<&Job> {
        let near =
            self.configs.jobs_near(|file| index::nearness(&self.sources.get(file).name, pods.object.path));
        let is_other =
            |job: &&&Job| index::are_environments(&self.sources.get(job.file).name, pods.object.path);
        let own: Vec<&Job> = near.iter().filter(|job| !is_other(job)).copied().collect();
        if own.is_empty() { near } else { own }
    }

    /// The pods of the workload that a selector names, where that is not the target.
    pub fn named(
        &self,
        object: &Object<'i>,
        selector: &SelectorView,
        (target, services): (Option<&Pods<'i>>, &[&Service<'i>]),
    ) -> Option<Pods<'i>> {
        let named = selector.matchers.iter().filter(|matcher| is_naming(matcher));
        let names: Vec<&str> = named.map(|matcher| plain(&matcher.value)).collect();
        let is_target = |name: &&str| {
            target.is_some_and(|pods| {
                pods.object.name.contains(*name) || pods.labels.values().any(|value| value == name)
            }) || services.iter().any(|service| service.object.name == *name)
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
        found.or_else(by_metric).and_then(|workload| self.pods(workload))
    }

    /// What every way of the repository does with pods; those that have nothing to do with them are left out.
    pub fn passages(&self, pods: &Pods<'_>) -> Vec<Passage> {
        let services = self.index.services_of(pods);
        let monitors = self.index.monitors_of(pods, &services).into_iter().map(|object| {
            let mut passage = monitor::passage(object, pods, &services);
            if let Passage::Scraped(scraped) = &mut passage
                && scraped.is_monitor
            {
                for name in &self.operators.pod_labels {
                    if let Some(value) = pods.labels.get(name) {
                        scraped.labels.entry(sanitized(name)).or_insert_with(|| value.clone());
                    }
                }
            }
            self.chosen(object, passage)
        });
        let jobs = self
            .jobs(pods)
            .into_iter()
            .map(|job| job::taken(job, job::job(job, pods, &services, dns::is_told(job, &self.index))));
        let all = monitors.chain(jobs).filter(|passage| !matches!(passage, Passage::Apart));
        all.map(|passage| self.admitted(pods, passage)).collect()
    }

    /// A monitor that the Prometheus of a query most likely does not take up, by the label that its release asks for.
    ///
    /// Source: prometheus-community/helm-charts charts/kube-prometheus-stack/templates/_helpers.tpl: the Service of
    /// Prometheus is called after the release and the chart.
    fn release(&self, address: &str, passages: &[Passage]) -> Vec<Finding> {
        let host = address::host(address).split('.').next().unwrap_or_default();
        let release = match host.strip_suffix("-prometheus") {
            Some("kube-prometheus-stack") => "kube-prometheus-stack",
            Some(start) => {
                let names = ["-kube-prometheus-stack", "-kube-prometheus"];
                match names.iter().find_map(|name| start.strip_suffix(name)) {
                    Some(release) => release,
                    None => return Vec::new(),
                }
            }
            None => return Vec::new(),
        };
        if !self.operators.is_empty() {
            return Vec::new();
        }
        let lacks = |way: &&way::Scraped| way.is_monitor && way.release.as_deref() != Some(release);
        let ways = passages.iter().filter_map(Passage::scraped).filter(lacks);
        ways.map(|way| {
            let message = format!("{} does not carry `release: {release}`", way.what);
            let mut finding = Finding::new(&rules::NOT_SELECTED, way.by, message)
                .why("a release of kube-prometheus-stack takes up monitors with its own label only, unless its values say otherwise, and they are not here")
                .help(format!("label the monitor `release: {release}`"));
            finding.severity = Severity::Note;
            finding
        })
        .collect()
    }

    /// What the first monitor of pods says that the operator rejects for its timeout: it will be mended.
    fn rejected(&self, pods: &Pods<'_>) -> Option<way::Scraped> {
        let services = self.index.services_of(pods);
        let monitors = self.index.monitors_of(pods, &services).into_iter();
        monitors.filter(|object| alone::rejected(object).is_some()).find_map(|object| match monitor::passage(
            object, pods, &services,
        ) {
            Passage::Scraped(scraped) => Some(*scraped),
            _ => None,
        })
    }

    /// A monitor that no Prometheus of the repository takes up scrapes nothing.
    fn chosen(&self, object: &Object<'_>, passage: Passage) -> Passage {
        let Passage::Scraped(scraped) = &passage else { return passage };
        if let Some(node) = alone::rejected(object) {
            return Passage::Blocked {
                by: object.place(node),
                what: scraped.what.clone(),
                why: "the operator rejects it, because a scrape may take longer than its interval"
                    .to_string(),
                help: Some("write a scrapeTimeout of at most the interval".to_string()),
                is_sure: true,
            };
        }
        if let Some(by) = self.reader_of_files() {
            return Passage::Blocked {
                by,
                what: scraped.what.clone(),
                why: "no operator is here that reads it, and this Prometheus reads its own file alone"
                    .to_string(),
                help: Some("write a job for the pods into its `scrape_configs`".to_string()),
                is_sure: false,
            };
        }
        match self.operators.refusal(object) {
            Some(refusal) => Passage::Blocked {
                by: refusal.by,
                what: scraped.what.clone(),
                why: refusal.why,
                help: Some(refusal.help),
                is_sure: refusal.is_sure,
            },
            None => passage,
        }
    }

    /// Windows of the query against the interval of the way that scrapes.
    fn windows(
        &self,
        object: &Object<'_>,
        (node, text, empty): (&Node, &str, Empty),
        expression: &crate::promql::Expression,
        way: &way::Scraped,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        // What is pushed comes as often as the pusher likes.
        if self.configs.pushes.is_some() {
            return findings;
        }
        let default = self.operators.interval();
        let (interval, by, is_assumed) = match way.interval {
            Some(interval) => (interval, way.interval_place.unwrap_or(way.by), false),
            None if way.is_monitor => (default.seconds, default.by.unwrap_or(way.by), default.by.is_none()),
            None => return findings,
        };
        let said = match (way.interval, is_assumed) {
            (Some(_), _) if way.interval_place.is_some() => "the scrape interval".to_string(),
            (Some(_), _) => {
                format!("this job is scraped every {interval} s, as all are that say nothing else")
            }
            (None, true) => {
                format!("no interval is written here: the operator's default is {} s", default.seconds)
            }
            (None, false) => {
                format!("this scrapes every {} s where the monitor does not say otherwise", default.seconds)
            }
        };
        let mut context = Context::default();
        context.facts.scrape_interval = Some(interval);
        if let Role::Scaler(scaler) = &mut context.role {
            scaler.ignore_null_values = Some(empty.ignores());
        }
        for lint in lint(expression, &context) {
            if matches!(lint.rule.code, "C204" | "C205") {
                let mut finding = lint.finding(|span| self.inside(object, node, text, span));
                finding.fix = None;
                if is_assumed {
                    finding.severity = Severity::Note;
                }
                findings.push(finding.related(by, said.clone()));
            }
        }
        findings
    }

    pub fn inside(&self, object: &Object<'_>, node: &Node, value: &str, span: Span) -> Place {
        let file = object.document.file;
        let raw = self.sources.get(file).text.get(node.span.range()).unwrap_or_default();
        let at = |offset: u32| node.span.start as usize + raw_offset(raw, value, offset as usize);
        let (start, end) = (at(span.start), at(span.end));
        Place::new(file, Span::new(start, end.max(start)))
    }
}
