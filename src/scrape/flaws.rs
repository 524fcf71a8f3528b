//! What Prometheus, or its operator, refuses in a configuration as it stands.
//!
//! Sources: prometheus/prometheus config/config.go (Validate: names of jobs, timeouts), model/relabel/relabel.go
//! (Validate); prometheus-operator/prometheus-operator pkg/prometheus/validation.go.

use super::config::{Configs, Job};
use super::relabel::{field, known, sources};
use super::rules::{DUPLICATE_JOB, KEEPS_NOTHING, RELABEL, TIMEOUT_ABOVE_INTERVAL};
use super::{dns, monitor, never};
use crate::finding::Finding;
use crate::inventory::Object;
use crate::manifest::Node;
use crate::promql::check_pattern;
use crate::source::Place;

/// What is wrong with hand-written jobs.
pub fn of_jobs(configs: &Configs) -> Vec<Finding> {
    let mut findings = Vec::new();
    for list in &configs.lists {
        let jobs = &configs.jobs[list.clone()];
        for (number, job) in jobs.iter().enumerate() {
            if let Some(first) = jobs[..number].iter().find(|other| other.name == job.name)
                && known(&job.name) == job.name
            {
                findings.push(
                    Finding::new(
                        &DUPLICATE_JOB,
                        job.name_place(),
                        format!("there are two jobs called `{}`", job.name),
                    )
                    .related(first.name_place(), "the first")
                    .why("Prometheus refuses the whole file: it does not start, or goes on with the old one")
                    .help("give the job a name of its own, or put both into one"),
                );
            }
            findings.extend(too_patient(job));
        }
    }
    for job in &configs.jobs {
        findings.extend(dns::refused(job));
        for key in ["relabel_configs", "metric_relabel_configs", "relabelings", "metricRelabelings"] {
            let rules = job.node.get(key).map(Node::items).unwrap_or_default();
            let why = "Prometheus refuses the whole file: it does not start, or goes on with the old one";
            findings.extend(rules.iter().filter_map(|rule| refused(rule, why, |node| job.place(node))));
            findings.extend(rules.iter().filter_map(|rule| never::check(rule, |node| job.place(node))));
        }
    }
    findings
}

/// What is wrong with the rules of a monitor.
pub fn of_monitor(object: &Object<'_>) -> Vec<Finding> {
    // VictoriaMetrics' rules can do more, and Google's are another language.
    if !["ServiceMonitor", "PodMonitor"].contains(&object.kind()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for endpoint in monitor::endpoints(object) {
        for key in ["relabelings", "metricRelabelings"] {
            let rules = endpoint.get(key).map(Node::items).unwrap_or_default();
            let why = "the operator rejects the monitor: nothing is scraped";
            findings.extend(rules.iter().filter_map(|rule| refused(rule, why, |node| object.place(node))));
            findings.extend(rules.iter().filter_map(|rule| never::check(rule, |node| object.place(node))));
        }
        let rules = endpoint.get("metricRelabelings").map(Node::items).unwrap_or_default();
        findings.extend(keeps_nothing(rules, |node| object.place(node)));
    }
    findings
}

/// Two rules that keep by the name of the metric, and no name that both keep: the second drops what the first let through.
fn keeps_nothing(rules: &[Node], place: impl Fn(&Node) -> Place) -> Option<Finding> {
    let keeping: Vec<(&Node, String)> = rules
        .iter()
        .filter(|rule| {
            let action = rule.get("action").and_then(Node::as_str).unwrap_or_default();
            action.eq_ignore_ascii_case("keep") && sources(rule).eq(["__name__"])
        })
        .filter_map(|rule| {
            let node = rule.get("regex")?;
            Some((node, node.as_written().filter(|pattern| known(pattern) == pattern)?))
        })
        .collect();
    keeping.iter().enumerate().find_map(|(at, (node, pattern))| {
        let (first, _) = keeping[..at].iter().find(|(_, other)| !overlap(other, pattern))?;
        Some(
            Finding::new(&KEEPS_NOTHING, place(node), "no metric passes this rule and an earlier one")
                .related(place(first), "only what fits here is left by then")
                .why("rules are passed one after the other: each `keep` drops whatever does not fit it, and no sample is stored")
                .help("write one rule with all of it: `regex: first_.*|second_.*`"),
        )
    })
}

/// Whether a name may fit both patterns: told by the letters with which their alternatives begin.
fn overlap(one: &str, two: &str) -> bool {
    const SPECIAL: [char; 13] = ['.', '*', '+', '?', '(', ')', '[', ']', '{', '}', '\\', '^', '$'];
    let bare = |text: &str| {
        let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        inner.filter(|inner| !inner.contains(['(', ')'])).unwrap_or(text).to_string()
    };
    let (one, two) = (bare(one), bare(two));
    // Alternatives inside of brackets are not taken apart.
    if [&one, &two].iter().any(|text| text.contains('(') && text.contains('|')) {
        return true;
    }
    let starts = |text: &str| -> Vec<(String, bool)> {
        text.split('|')
            .map(|part| {
                let end = part.find(SPECIAL).unwrap_or(part.len());
                // What is repeated may be missing.
                let is_optional = part[end..].starts_with(['*', '?', '{']);
                let start = if is_optional && end > 0 { &part[..end - 1] } else { &part[..end] };
                (start.to_string(), end == part.len())
            })
            .collect()
    };
    let meet = |(one, one_ends): &(String, bool), (two, two_ends): &(String, bool)| match (one_ends, two_ends)
    {
        (true, true) => one == two,
        (true, false) => one.starts_with(two.as_str()),
        (false, true) => two.starts_with(one.as_str()),
        (false, false) => one.starts_with(two.as_str()) || two.starts_with(one.as_str()),
    };
    let others = starts(&two);
    starts(&one).iter().any(|one| others.iter().any(|two| meet(one, two)))
}

/// A timeout that is longer than the interval.
fn too_patient(job: &Job) -> Option<Finding> {
    let seconds = |key: &str| job.node.get(key).and_then(Node::as_str).and_then(crate::promql::seconds);
    let node = job.node.get("scrape_timeout")?;
    let interval = seconds("scrape_interval").or(job.default_interval)?;
    (seconds("scrape_timeout")? > interval).then(|| {
        let message = "the timeout of a scrape is longer than the interval";
        Finding::new(&TIMEOUT_ABOVE_INTERVAL, job.place(node), message)
            .label(format!("the interval is {interval} s"))
            .why("Prometheus refuses the whole file: it does not start, or goes on with the old one")
            .help("write a `scrape_timeout` of at most the interval")
    })
}

/// What Prometheus refuses in a rule.
fn refused(rule: &Node, why: &str, place: impl Fn(&Node) -> Place) -> Option<Finding> {
    let text = |plain: &str, camel: &str| field(rule, plain, camel).and_then(Node::as_written);
    let finding = |node: &Node, message: String| Some(Finding::new(&RELABEL, place(node), message).why(why));
    if let Some(node) = rule.get("regex")
        && let Some(pattern) = node.as_written().filter(|pattern| known(pattern) == pattern)
        && let Err(wrong) = check_pattern(&pattern)
    {
        let help = "write a pattern of RE2: without look-ahead and back-references, brackets in pairs";
        return finding(node, format!("the pattern of this rule does not compile: {wrong}"))
            .map(|told| told.help(help));
    }
    let names = field(rule, "source_labels", "sourceLabels").map(Node::items).unwrap_or_default();
    let is_strange = |name: &str| name.contains(['.', '/', '-', ' ']) && known(name) == name;
    if let Some((node, name)) =
        names.iter().find_map(|node| Some((node, node.as_str().filter(|name| is_strange(name))?)))
    {
        let better = super::target::sanitized(name);
        // Since 3.0 such a name is a name, which nothing has.
        return finding(node, format!("no label is called `{}`", name.escape_debug())).map(|told| {
            told.why("discovery writes `_` for every other letter in names of labels: Prometheus 2 refuses the file, and later ones find the label empty on every target")
                .help(format!("write `{better}`"))
        });
    }
    let action = text("action", "action").unwrap_or_else(|| "replace".to_string()).to_lowercase();
    let needs_target = ["replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"];
    if needs_target.contains(&action.as_str())
        && text("target_label", "targetLabel").is_none_or(|name| name.is_empty())
    {
        let message = format!("a rule that does `{action}` needs a `target_label`");
        return finding(rule, message).map(|told| told.help("say which label it writes"));
    }
    if action == "hashmod" && text("modulus", "modulus").is_none_or(|modulus| modulus == "0") {
        return finding(rule, "a rule that does `hashmod` needs a `modulus`".to_string())
            .map(|told| told.help("say by what the hash is divided: the number of shards"));
    }
    let is_alone = sources(rule).next().is_none() && text("target_label", "targetLabel").is_none();
    if ["labeldrop", "labelkeep"].contains(&action.as_str()) && !is_alone {
        return finding(rule, format!("a rule that does `{action}` takes a `regex` and nothing else"))
            .map(|told| told.help("it goes by the names of labels: leave the other fields out"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn patterns_meet_where_a_name_may_fit_both() {
        for (one, two, meets) in [
            ("http_.*", "process_.*", false),
            ("(http_.*|process_.*)", "process_cpu.*", true),
            ("up", "up|http_.*", true),
            ("up", "http_.*", false),
            (".*_total", "http_.*", true),
            ("https?_x", "http_y", true),
            ("(a|b)_x", "c", true),
        ] {
            assert_eq!(overlap(one, two), meets, "{one} and {two}");
        }
    }
}
