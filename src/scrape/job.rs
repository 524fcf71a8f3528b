//! What a hand-written job does with the pods of a workload.

use super::config::Job;
use super::relabel::{self, Labels, Outcome, UNKNOWN, known};
use super::target::{Pods, Service};
use super::way::{Endpoint, Passage, Scraped, describe, endpoint, keep, visible};
use super::{address, dns};
use crate::manifest::Node;
use crate::source::Place;

/// What a hand-written job does with pods.
///
/// `is_told`: the names that it asks the DNS for are those of Services which are here.
pub fn job(job: &Job, pods: &Pods<'_>, services: &[&Service<'_>], is_told: bool) -> Passage {
    let what = job.what();
    let mut blocked: Option<Passage> = None;
    let mut near: Option<Passage> = None;
    let mut random: Option<Passage> = None;
    for discovery in job.list("kubernetes_sd_configs", "kubernetesSDConfigs") {
        let role = role(discovery);
        if let Some(why) = outside(job, discovery, pods) {
            let why = format!("{why}, and the pods are in `{}`", pods.object.namespace_text());
            near.get_or_insert(Passage::Near {
                by: job.place(discovery),
                what: what.clone(),
                why,
                help: None,
            });
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
            near.get_or_insert(Passage::Near { by: job.place(node), what: what.clone(), why, help: None });
            continue;
        }
        match through(job, targets) {
            Some(Ok(passed)) => return Passage::Scraped(Box::new(scraped(job, passed))),
            Some(Err((rule, value))) if is_about(job, rule, pods) => {
                let (by, what, why) = (job.place(rule), what.clone(), describe(rule, &value));
                let help = annotate(rule, &role).or_else(|| keep(rule, &value));
                blocked = Some(Passage::Blocked { by, what, why, help, is_sure: true });
            }
            Some(Err((rule, value))) => {
                let by_port = || by_port(rule, pods).map(|(why, help)| (why, Some(help)));
                if let Some((why, help)) =
                    anchored(rule, &value).map(|why| (why, keep(rule, &value))).or_else(by_port)
                {
                    near.get_or_insert(Passage::Near { by: job.place(rule), what: what.clone(), why, help });
                }
            }
            None => {}
        }
    }
    match address::fixed(job, pods, services) {
        Some(passage @ Passage::Blocked { .. }) => blocked = Some(passage),
        Some(passage) => return passage,
        None => {}
    }
    match dns::named(job, pods, services) {
        Some(passage @ Passage::Blocked { .. }) => blocked = Some(passage),
        Some(passage) => return passage,
        None => {}
    }
    random.or(blocked).or_else(|| elsewhere(job, is_told)).or(near).unwrap_or(Passage::Apart)
}

/// A job that no Prometheus of the repository takes up scrapes nothing.
pub fn taken(job: &Job, passage: Passage) -> Passage {
    let scrapes = matches!(passage, Passage::Scraped(_) | Passage::Random { .. });
    match job.refusal.clone().filter(|_| scrapes) {
        Some(refusal) => Passage::Blocked {
            by: refusal.by,
            what: job.what(),
            why: refusal.why,
            help: Some(refusal.help),
            is_sure: refusal.is_sure,
        },
        None => passage,
    }
}

/// Whether a job asks an exporter about its targets, and does not scrape them.
pub fn is_probe(job: &Job) -> bool {
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

/// A job whose targets stand in no file of this repository.
fn elsewhere(job: &Job, is_told: bool) -> Option<Passage> {
    let what = job.what();
    let path = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath"));
    if path.and_then(Node::as_str) == Some("/federate") {
        return Some(Passage::Open { what, why: "it takes series over from another Prometheus".to_string() });
    }
    let is_dns = |key: &str| ["dns_sd_configs", "dnsSDConfigs"].contains(&key);
    let is_open = |key: &str| {
        (key.ends_with("_sd_configs") || key.ends_with("SDConfigs"))
            && !["kubernetes_sd_configs", "kubernetesSDConfigs"].contains(&key)
    };
    let mut keys = job.node.entries().iter().map(|entry| &entry.key);
    let key = keys.find(|key| is_open(key) && !(is_told && is_dns(key)))?;
    Some(Passage::Open { what, why: format!("it finds its targets with `{key}`") })
}

fn role(discovery: &Node) -> String {
    discovery.get("role").and_then(Node::as_str).unwrap_or_default().to_lowercase()
}

/// The targets that pass: the labels of the first, port and path of all.
pub type Passed = (Labels, Vec<Endpoint>);

pub fn scraped(job: &Job, (labels, endpoints): Passed) -> Scraped {
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
        interval_place: field("scrape_interval", "scrapeInterval").map(|node| job.place(node)),
        labels: visible(labels),
        endpoints,
        honors_labels: field("honor_labels", "honorLabels").and_then(Node::as_written).as_deref()
            == Some("true"),
        metric_rules: rules.iter().map(|rule| (rule.clone(), job.place(rule))).collect(),
        again: None,
    }
}

/// What passes, or the rule that drops the last target and the value that it looked at; None where there is none.
pub fn through(job: &Job, targets: Vec<Labels>) -> Option<Result<Passed, (&Node, String)>> {
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

/// What a rule that keeps annotated targets asks for.
fn annotate(rule: &Node, role: &str) -> Option<String> {
    let name = relabel::sources(rule).find(|name| name.contains("annotation_prometheus_io_scrape"))?;
    let is_keep = rule.get("action").and_then(Node::as_str).is_some_and(|action| action == "keep");
    let value = rule.get("regex").and_then(Node::as_written).filter(|_| is_keep)?;
    let is_word = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = if is_word { value } else { "true".to_string() };
    let place = if name.contains("_service_") && role != "pod" {
        "the `metadata.annotations` of the Service"
    } else {
        "the `metadata.annotations` of the pod template, with `prometheus.io/port` beside it"
    };
    Some(format!("write `prometheus.io/scrape: \"{value}\"` into {place}"))
}

/// Why a pattern does not match that would if it were not anchored.
fn anchored(rule: &Node, value: &str) -> Option<String> {
    let pattern = rule.get("regex").and_then(Node::as_written)?;
    let is_inside = pattern.len() > 1 && regex::Regex::new(&pattern).is_ok_and(|regex| regex.is_match(value));
    let keeps = rule.get("action").and_then(Node::as_str) == Some("keep");
    (keeps && is_inside && !value.contains(UNKNOWN)).then(|| {
        format!("a pattern has to match the whole value, and `{pattern}` matches only a part of `{value}`")
    })
}

/// A rule that keeps ports of a name or number that none here has, and what to write: it is meant for everybody.
fn by_port(rule: &Node, pods: &Pods<'_>) -> Option<(String, String)> {
    let is_keep = rule.get("action").and_then(Node::as_str) == Some("keep");
    let is_of_a_port =
        |name: &str| name == "__meta_kubernetes_pod_container_port_number" || name == "__address__";
    if is_keep && relabel::sources(rule).count() == 1 && relabel::sources(rule).all(is_of_a_port) {
        let wanted = rule.get("regex").and_then(Node::as_written)?;
        let numbers: Vec<String> =
            pods.ports.iter().filter_map(|port| Some(port.number?.to_string())).collect();
        let declared = if numbers.is_empty() { "none".to_string() } else { numbers.join(", ") };
        return Some((
            format!("it keeps only ports like `{wanted}`, and the pods declare {declared}"),
            "let the rule keep the port of the metrics, or declare it in the container".to_string(),
        ));
    }
    let name = relabel::sources(rule).find(|name| name.ends_with("_port_name"))?;
    if relabel::sources(rule).count() > 1 || rule.get("action").and_then(Node::as_str) != Some("keep") {
        return None;
    }
    let wanted = rule.get("regex").and_then(Node::as_written)?;
    let of = if name.contains("container") { "container" } else { "Service" };
    let declared = super::words::declared(pods);
    Some((
        format!("it keeps only ports called `{wanted}`, and the pods declare {declared}"),
        format!("call the port of the {of} so, or let the rule keep its name"),
    ))
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

/// Why none of the discoveries of a job looks into the namespace of the pods, and the first of them.
pub fn out_of_sight(job: &Job, pods: &Pods<'_>) -> Option<(Place, String)> {
    let all = job.list("kubernetes_sd_configs", "kubernetesSDConfigs");
    let mut told = all.iter().map(|discovery| Some((job.place(discovery), outside(job, discovery, pods)?)));
    let first = told.next()??;
    told.all(|one| one.is_some()).then_some(first)
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
