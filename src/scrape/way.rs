//! A way by which pods could be scraped, and whether they are.

use super::config::Job;
use super::relabel::{self, Labels, Outcome, UNKNOWN, known};
use super::target::{Pods, Service};
use crate::manifest::Node;
use crate::source::Place;

/// What a way does with the pods of a workload.
#[derive(Clone, Debug)]
pub enum Passage {
    /// They are scraped.
    Scraped(Box<Scraped>),
    /// They are nearly scraped: what stands in the way, and where.
    /// `is_sure`: all that decides is here.
    Blocked { by: Place, what: String, why: String, is_sure: bool },
    /// Each scrape meets a random pod.
    Random { by: Place, what: String },
    /// Its targets come from somewhere else: they may be among them.
    Open { what: String, why: String },
    /// It was written for others, but for one thing.
    Near { by: Place, what: String, why: String },
    /// It has nothing to do with them.
    Apart,
}

impl Passage {
    pub fn scraped(&self) -> Option<&Scraped> {
        match self {
            Passage::Scraped(scraped) => Some(scraped),
            _ => None,
        }
    }
}

/// How pods are scraped.
#[derive(Clone, Debug)]
pub struct Scraped {
    /// The place that does it, and its name in words.
    pub by: Place,
    pub what: String,
    /// The namespace of the monitor, where it is written.
    pub home: Option<String>,
    /// Whether the operator makes it, whose interval is another where none is written.
    pub is_monitor: bool,
    /// The label `release` of the monitor, by which releases of kube-prometheus-stack choose.
    pub release: Option<String>,
    /// Seconds between two scrapes, where it is written.
    pub interval: Option<f64>,
    /// Labels of the target, without those that begin with `__`.
    pub labels: Labels,
    /// Port and path of everything that it scrapes of one pod.
    pub endpoints: Vec<Endpoint>,
    /// Labels of the metric win over those of the target.
    pub honors_labels: bool,
    /// What is done to each series, and the place of each rule.
    pub metric_rules: Vec<(Node, Place)>,
    /// A second Service that makes targets of the same pods for the same way.
    pub again: Option<(Place, String)>,
}

/// Port and path.
pub type Endpoint = (String, String);

/// Port and path of a target.
pub fn endpoint(labels: &Labels) -> Endpoint {
    let text = |name: &str| labels.get(name).map_or("", String::as_str);
    let port = text("__address__").rsplit_once(':').map_or("", |(_, port)| port);
    let path = text("__metrics_path__");
    (port.to_string(), if path.is_empty() { "/metrics" } else { path }.to_string())
}

/// Series that the scrape itself makes. Source: prometheus/prometheus scrape/scrape.go, report: rules for metrics do not
/// touch them.
fn is_of_the_scrape(metric: &str) -> bool {
    metric == "up" || metric.starts_with("scrape_")
}

impl Scraped {
    /// The job under which the series stand.
    pub fn job(&self) -> String {
        let job = self.labels.get("job").map_or("", String::as_str);
        shown(job)
    }

    /// Whether the same is scraped by another.
    pub fn is_again(&self, other: &Scraped) -> bool {
        let is_one = self.what == other.what
            && (self.home == other.home || self.home.is_none() || other.home.is_none());
        !is_one && self.endpoints.iter().any(|endpoint| other.endpoints.contains(endpoint))
    }

    /// The rule that drops a metric, if one surely does.
    pub fn drops(&self, metric: &str) -> Option<Place> {
        if is_of_the_scrape(metric) {
            return None;
        }
        let mut labels = self.labels.clone();
        labels.insert("__name__".to_string(), metric.to_string());
        for (rule, place) in &self.metric_rules {
            // What else the series carries is not known here.
            if relabel::sources(rule).any(|name| name != "__name__") {
                continue;
            }
            match relabel::apply(labels.clone(), std::slice::from_ref(rule)) {
                Outcome::Kept(kept) => labels = kept,
                Outcome::Dropped(..) => return Some(*place),
            }
        }
        None
    }

    /// The labels under which a metric is stored: those of the target, after the rules for metrics.
    pub fn labels_of(&self, metric: &str) -> Labels {
        let mut labels = self.labels.clone();
        if is_of_the_scrape(metric) {
            return labels;
        }
        labels.insert("__name__".to_string(), metric.to_string());
        for (rule, _) in &self.metric_rules {
            let action = rule.get("action").and_then(Node::as_str).unwrap_or("replace").to_lowercase();
            let knows = relabel::sources(rule).all(|name| labels.contains_key(name));
            match action.as_str() {
                "keep" | "drop" | "keepequal" | "dropequal" => {}
                // A label of the metric's own may have another value, or not be there.
                _ if !knows => relabel::unsettle(&mut labels, rule),
                _ if relabel::step_alone(&mut labels, rule).is_none() => relabel::unsettle(&mut labels, rule),
                _ => {}
            }
        }
        labels.remove("__name__");
        labels
    }
}

/// Labels that stay on the series; what is filled in later is not known.
pub fn visible(labels: Labels) -> Labels {
    let stays = |(name, _): &(String, String)| !name.starts_with("__");
    labels.into_iter().filter(stays).map(|(name, value)| (name, known(&value).to_string())).collect()
}

/// What a hand-written job does with pods.
pub fn job(job: &Job, pods: &Pods<'_>, services: &[&Service<'_>]) -> Passage {
    let what = job.what();
    let mut blocked: Option<Passage> = None;
    let mut near: Option<Passage> = None;
    let mut random: Option<Passage> = None;
    for discovery in job.list("kubernetes_sd_configs", "kubernetesSDConfigs") {
        let role = role(discovery);
        if let Some(why) = outside(job, discovery, pods) {
            let why = format!("{why}, and the pods are in `{}`", pods.object.namespace_text());
            near.get_or_insert(Passage::Near { by: job.place(discovery), what: what.clone(), why });
            continue;
        }
        if role == "service" {
            if !is_probe(job)
                && services.iter().any(|service| matches!(through(job, service.own_targets()), Some(Ok(_))))
            {
                random = Some(Passage::Random { by: job.name_place(), what: what.clone() });
            }
            continue;
        }
        let (targets, labels): (Vec<Labels>, Vec<&Labels>) = match role.as_str() {
            "pod" => (pods.targets(), vec![&pods.labels]),
            "endpoints" | "endpointslice" => (
                services.iter().flat_map(|service| service.targets(pods, &role)).collect(),
                services.iter().map(|service| &service.labels).collect(),
            ),
            _ => continue,
        };
        if let Some(node) = unselected(discovery, &role, &labels) {
            let asked = node.as_written().unwrap_or_default();
            let why = format!("its `selectors` ask for `{asked}`, and what is here does not carry that");
            near.get_or_insert(Passage::Near { by: job.place(node), what: what.clone(), why });
            continue;
        }
        match through(job, targets) {
            Some(Ok(passed)) => return Passage::Scraped(Box::new(scraped(job, passed))),
            Some(Err((rule, value))) if is_about(job, rule, pods) => {
                let (by, what, why) = (job.place(rule), what.clone(), describe(rule, &value));
                blocked = Some(Passage::Blocked { by, what, why, is_sure: true });
            }
            Some(Err((rule, value))) => {
                if let Some(why) = anchored(rule, &value) {
                    near.get_or_insert(Passage::Near { by: job.place(rule), what: what.clone(), why });
                }
            }
            None => {}
        }
    }
    match fixed(job, pods, services) {
        Some(passage @ Passage::Blocked { .. }) => blocked = Some(passage),
        Some(passage) => return passage,
        None => {}
    }
    random.or(blocked).or_else(|| elsewhere(job)).or(near).unwrap_or(Passage::Apart)
}

/// Whether a job asks an exporter about its targets, and does not scrape them.
fn is_probe(job: &Job) -> bool {
    let path = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath"));
    let rules = job.list("relabel_configs", "relabelings");
    path.and_then(Node::as_str).is_some_and(|path| path.contains("probe"))
        || job.name.contains("probe")
        || job.name.contains("blackbox")
        || rules.iter().any(|rule| {
            relabel::field(rule, "target_label", "targetLabel").and_then(Node::as_str)
                == Some("__param_target")
        })
}

/// What the addresses that a job lists do with pods.
pub fn fixed(job: &Job, pods: &Pods<'_>, services: &[&Service<'_>]) -> Option<Passage> {
    if is_probe(job) {
        return None;
    }
    let what = job.what();
    let mut blocked = None;
    for (fixed, target, address) in job.addresses() {
        let host = host(&address);
        let first = host.split('.').next().unwrap_or_default();
        // The name of one pod of a StatefulSet, before that of its Service.
        let number = first.strip_prefix(pods.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let is_pod = pods.object.kind() == "StatefulSet"
            && number
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let behind = if is_pod { host.split_once('.').map_or("", |(_, rest)| rest) } else { host };
        let is_meant = services.iter().any(|service| names(behind, service));
        if !is_meant {
            continue;
        }
        if job.is_local && !host.contains('.') {
            let why =
                format!("`{address}` may be the name of a container beside Prometheus, as in Docker Compose");
            return Some(Passage::Open { what, why });
        }
        if !is_pod && let Some(why) = no_such_port(&address, services) {
            blocked =
                Some(Passage::Blocked { by: job.place(target), what: what.clone(), why, is_sure: true });
            continue;
        }
        let mut labels: Labels = super::target::pairs(fixed.get("labels"));
        labels.insert("__address__".to_string(), address.clone());
        labels.entry("job".to_string()).or_insert_with(|| job.name.clone());
        match through(job, vec![labels]) {
            Some(Ok(passed)) if is_pod => return Some(Passage::Scraped(Box::new(scraped(job, passed)))),
            Some(Ok(_)) => return Some(Passage::Random { by: job.place(target), what }),
            Some(Err((rule, value))) => {
                let (by, what, why) = (job.place(rule), what.clone(), describe(rule, &value));
                blocked = Some(Passage::Blocked { by, what, why, is_sure: true });
            }
            None => {}
        }
    }
    blocked
}

/// A job whose targets stand in no file of this repository.
fn elsewhere(job: &Job) -> Option<Passage> {
    let what = job.what();
    let path = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath"));
    if path.and_then(Node::as_str) == Some("/federate") {
        return Some(Passage::Open { what, why: "it takes series over from another Prometheus".to_string() });
    }
    let is_open = |key: &str| {
        (key.ends_with("_sd_configs") || key.ends_with("SDConfigs"))
            && !["kubernetes_sd_configs", "kubernetesSDConfigs"].contains(&key)
    };
    let key = job.node.entries().iter().map(|entry| &entry.key).find(|key| is_open(key))?;
    Some(Passage::Open { what, why: format!("it finds its targets with `{key}`") })
}

fn role(discovery: &Node) -> String {
    discovery.get("role").and_then(Node::as_str).unwrap_or_default().to_lowercase()
}

/// The targets that pass: the labels of the first, port and path of all.
type Passed = (Labels, Vec<Endpoint>);

fn scraped(job: &Job, (labels, endpoints): Passed) -> Scraped {
    let field = |plain: &str, camel: &str| job.node.get(plain).or_else(|| job.node.get(camel));
    let rules = job.list("metric_relabel_configs", "metricRelabelings");
    Scraped {
        by: job.name_place(),
        what: job.what(),
        home: None,
        is_monitor: false,
        release: None,
        interval: field("scrape_interval", "scrapeInterval")
            .and_then(Node::as_str)
            .and_then(crate::promql::seconds)
            .or(job.default_interval),
        labels: visible(labels),
        endpoints,
        honors_labels: field("honor_labels", "honorLabels").and_then(Node::as_written).as_deref()
            == Some("true"),
        metric_rules: rules.iter().map(|rule| (rule.clone(), job.place(rule))).collect(),
        again: None,
    }
}

/// What passes, or the rule that drops the last target and the value that it looked at; None where there is none.
fn through(job: &Job, targets: Vec<Labels>) -> Option<Result<Passed, (&Node, String)>> {
    let rules = job.list("relabel_configs", "relabelings");
    let text = |plain: &str, camel: &str| {
        job.node.get(plain).or_else(|| job.node.get(camel)).and_then(Node::as_written)
    };
    let mut last = None;
    let mut passed: Option<Passed> = None;
    for mut target in targets {
        target.entry("job".to_string()).or_insert_with(|| job.name.clone());
        let mut set = |name: &str, value: Option<String>, default: &str| {
            target.insert(name.to_string(), value.unwrap_or_else(|| default.to_string()));
        };
        set("__scheme__", text("scheme", "scheme"), "http");
        set("__metrics_path__", text("metrics_path", "metricsPath"), "/metrics");
        for (key, plain, camel) in [
            ("__scrape_interval__", "scrape_interval", "scrapeInterval"),
            ("__scrape_timeout__", "scrape_timeout", "scrapeTimeout"),
        ] {
            set(key, text(plain, camel), UNKNOWN);
        }
        for (name, value) in job
            .node
            .get("params")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| Some((&entry.key, entry.node.items().first()?.as_written()?)))
        {
            set(&format!("__param_{name}"), Some(value), "");
        }
        match relabel::apply(target, rules) {
            Outcome::Kept(labels) => {
                let own = endpoint(&labels);
                match &mut passed {
                    Some((_, all)) => all.push(own),
                    None => passed = Some((labels, vec![own])),
                }
            }
            Outcome::Dropped(rule, value) => last = Some((rule, value)),
        }
    }
    passed.map(Ok).or(last.map(Err))
}

/// Whether a rule that drops the pods is about them at all: about annotations, or about a name of theirs.
fn is_about(job: &Job, rule: &Node, pods: &Pods<'_>) -> bool {
    let reads = |rule: &Node| relabel::sources(rule).any(|name| name.contains("annotation_prometheus_io"));
    // An earlier rule has picked these pods, by a label of theirs.
    let rules = job.list("relabel_configs", "relabelings");
    let earlier = rules.iter().take_while(|other| !std::ptr::eq(*other, rule));
    let picks = |rule: &Node| {
        rule.get("action").and_then(Node::as_str) == Some("keep")
            && relabel::sources(rule).any(|name| {
                name.starts_with("__meta_kubernetes_pod_label_")
                    || name.starts_with("__meta_kubernetes_service_")
            })
    };
    if earlier.into_iter().any(picks) {
        return true;
    }
    let annotated = pods.annotations.keys().any(|name| name.starts_with("prometheus.io/"));
    let by_annotation = annotated && rules.iter().any(reads);
    let pattern = rule.get("regex").and_then(Node::as_written).unwrap_or_default();
    reads(rule) || by_annotation || pattern.contains(pods.object.name.as_str())
}

/// A rule in words, and the value that it looked at.
pub fn describe(rule: &Node, value: &str) -> String {
    let list = relabel::sources(rule).collect::<Vec<_>>().join(", ");
    let text = |plain: &str, camel: &str| {
        relabel::field(rule, plain, camel).and_then(Node::as_written).unwrap_or_default()
    };
    let target = text("target_label", "targetLabel");
    let what = match text("action", "action").to_lowercase().as_str() {
        "drop" => format!("this rule drops what has `{list}` like `{}`", text("regex", "regex")),
        "keepequal" => format!("this rule keeps only what has the same in `{list}` as in `{target}`"),
        "dropequal" => format!("this rule drops what has the same in `{list}` as in `{target}`"),
        _ => format!("this rule keeps only what has `{list}` like `{}`", text("regex", "regex")),
    };
    match shown(value).trim_matches(';') {
        "" => format!("{what}, and here it is empty"),
        value => format!("{what}, and here it is `{value}`"),
    }
}

/// Why a pattern does not match that would if it were not anchored.
fn anchored(rule: &Node, value: &str) -> Option<String> {
    let pattern = rule.get("regex").and_then(Node::as_written)?;
    let is_inside = pattern.len() > 2 && regex::Regex::new(&pattern).is_ok_and(|regex| regex.is_match(value));
    let keeps = rule.get("action").and_then(Node::as_str) == Some("keep");
    (keeps && is_inside && !value.contains(UNKNOWN)).then(|| {
        format!("a pattern has to match the whole value, and `{pattern}` matches only a part of `{value}`")
    })
}

/// Why a discovery does not look into the namespace of the pods.
fn outside(job: &Job, discovery: &Node, pods: &Pods<'_>) -> Option<String> {
    let own = pods.object.namespace.as_deref().filter(|own| known(own) == *own)?;
    let node = discovery.get("namespaces")?;
    let names: Vec<String> =
        node.get("names").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_written).collect();
    let looks_at_home = relabel::field(node, "own_namespace", "ownNamespace").and_then(Node::as_written);
    let home = looks_at_home.is_some_and(|value| value == "true");
    if home && job.namespace.as_deref().is_none_or(|home| home == own)
        || names.iter().any(|name| name == own || known(name) != name)
        || names.is_empty() && !home
    {
        return None;
    }
    let mut all = names;
    all.extend(job.namespace.clone().filter(|_| home));
    Some(format!(
        "it looks into {} only",
        all.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    ))
}

/// The selector of a discovery that none of these label sets meets.
fn unselected<'n>(discovery: &'n Node, role: &str, all: &[&Labels]) -> Option<&'n Node> {
    let selectors = discovery.get("selectors").map(Node::items).unwrap_or_default();
    let own = selectors.iter().find(|one| self::role(one) == role)?;
    let label = own.get("label")?;
    let text = label.as_str().filter(|text| known(text) == *text && !text.contains(['(', '!', ' ']))?;
    let meets = |labels: &Labels| {
        text.split(',').all(|one| match one.split_once('=') {
            Some((name, value)) => {
                labels.get(name).map(String::as_str) == Some(value.trim_start_matches('='))
            }
            None => labels.contains_key(one),
        })
    };
    (!all.is_empty() && !all.iter().any(|labels| meets(labels))).then_some(label)
}

/// A value for people: what is not known stands as dots.
pub fn shown(value: &str) -> String {
    value.replace(UNKNOWN, "…")
}

/// Why an address has no answer: none of the Services that it names has its port. Those without an address of their own
/// hand every port on.
pub fn no_such_port(address: &str, services: &[&Service<'_>]) -> Option<String> {
    let port = address.rsplit_once(':').map(|(_, port)| port)?;
    let number: i64 = port.parse().ok()?;
    let meant: Vec<&&Service<'_>> = services.iter().filter(|service| names(host(address), service)).collect();
    let lacks = |service: &&&Service<'_>| {
        let is_plain = !service.is_headless && service.object.text(&["spec", "type"]) != Some("ExternalName");
        is_plain
            && !service.ports.is_empty()
            && service.ports.iter().all(|(_, own, _)| own.is_some_and(|own| own != number))
    };
    let service = meant.first()?;
    let numbers: Vec<String> =
        service.ports.iter().filter_map(|(_, own, _)| Some(own.as_ref()?.to_string())).collect();
    meant.iter().all(lacks).then(|| {
        format!("the Service `{}` has no port {number}: it has {}", service.object.name, numbers.join(", "))
    })
}

/// The host of an address.
pub fn host(address: &str) -> &str {
    let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or(bare);
    bare.rsplit_once(':').map_or(bare, |(host, _)| host)
}

/// Whether a host is that of a Service.
pub fn names(host: &str, service: &Service<'_>) -> bool {
    let mut parts = host.split('.');
    let name = parts.next().unwrap_or_default();
    let namespace = parts.next();
    name == service.object.name
        && namespace
            .is_none_or(|namespace| service.object.namespace.as_deref().is_none_or(|own| own == namespace))
}
