//! A way by which pods could be scraped, and whether they are.

use super::relabel::{self, Labels, Outcome, UNKNOWN, known};
use super::target::sanitized;
use crate::manifest::Node;
use crate::source::Place;

/// What a way does with the pods of a workload.
#[derive(Clone, Debug)]
pub enum Passage {
    /// They are scraped.
    Scraped(Box<Scraped>),
    /// They are nearly scraped: what stands in the way, and where.
    /// `help`: what to write instead; `is_sure`: all that decides is here.
    Blocked { by: Place, what: String, why: String, help: Option<String>, is_sure: bool },
    /// Each scrape meets a random pod.
    Random { by: Place, what: String },
    /// Its targets come from somewhere else: they may be among them.
    Open { what: String, why: String },
    /// It was written for others, but for one thing.
    Near { by: Place, what: String, why: String, help: Option<String> },
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
    /// Where it is written, if it is there and not for all jobs.
    pub interval_place: Option<Place>,
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
    let pattern = text("regex", "regex");
    let is_inside =
        !pattern.is_empty() && regex::Regex::new(&pattern).is_ok_and(|regex| regex.is_match(value));
    match shown(value).trim_matches(';') {
        "" => format!("{what}, and here it is empty"),
        // Whoever writes a part thinks of a search.
        value if is_inside && !what.contains("drops") && !what.contains("the same") => {
            format!("{what} from end to end, and here it is `{value}`")
        }
        value => format!("{what}, and here it is `{value}`"),
    }
}

/// What to write where a rule keeps what has another value than the pods; nothing where that is not known.
pub fn keep(rule: &Node, value: &str) -> Option<String> {
    let action = relabel::field(rule, "action", "action").and_then(Node::as_str)?;
    if action != "keep" || value.contains(UNKNOWN) {
        return None;
    }
    if !value.trim_matches(';').is_empty() {
        let pattern = regex::escape(value).replace("\\-", "-");
        return Some(format!("write `regex: {pattern}` into the rule, or take the rule out"));
    }
    let name = relabel::sources(rule).next()?;
    let sanitized = sanitized(name);
    let label = name.strip_prefix("__meta_kubernetes_pod_label_");
    match label {
        // Source: prometheus/prometheus util/strutil/strconv.go, SanitizeLabelName.
        _ if sanitized != name => Some(format!(
            "write `{sanitized}`: discovery writes `_` for every character that a label may not have"
        )),
        Some(label) => Some(format!(
            "write the label `{label}` into the metadata of the pod template, or let the rule look at one that is there"
        )),
        None => None,
    }
}

/// A value for people: what is not known stands as dots.
pub fn shown(value: &str) -> String {
    value.replace(UNKNOWN, "…")
}
