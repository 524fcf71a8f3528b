//! What rules ask for, against the jobs of the configuration that loads them.

use std::collections::BTreeMap;

use super::{Configuration, RuleFile};
use crate::finding::{Finding, Severity, nearest};
use crate::lint::is_recorded;
use crate::manifest::{Node, has_variable, raw_offset};
use crate::promql::{MatchOperator, MatcherView, SelectorView, Target, parse};
use crate::scrape::config::Job;
use crate::scrape::pattern::compiled;
use crate::scrape::relabel;
use crate::scrape::rules::{NO_EXPORTER, NO_SUCH_JOB};
use crate::scrape::world::World;
use crate::source::{Place, Span};

/// Findings of one kind about the same thing are one: where it is met first, and how often in all.
struct Met {
    finding: Finding,
    times: usize,
}

pub fn check(
    world: &World<'_>,
    file: &RuleFile<'_>,
    loading: &[&Configuration<'_>],
    who: &str,
) -> Vec<Finding> {
    let Some(first) = loading.first() else { return Vec::new() };
    let names = loading.iter().try_fold(Vec::<String>::new(), |mut all, one| {
        for name in names(one)? {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        Some(all)
    });
    let jobs: Vec<&Job> =
        world.configs.jobs.iter().filter(|job| loading.iter().any(|one| is_of(job, one))).collect();
    let is_closed = world.configs.pushes.is_none() && !loading.iter().any(|one| is_open(one));
    let mut met: BTreeMap<String, Met> = BTreeMap::new();
    for rule in file.root.rules() {
        let Some(node) = rule.get("expr") else { continue };
        let Some(text) = node.as_str().filter(|text| !has_variable(text) && !text.contains("{{")) else {
            continue;
        };
        let Ok(expression) = parse(text, &Target::default()) else { continue };
        let raw = world.sources.get(file.root.document.file).text.get(node.span.range()).unwrap_or_default();
        let place = |span: Span| {
            let at = |offset: u32| node.span.start as usize + raw_offset(raw, text, offset as usize);
            let (start, end) = (at(span.start), at(span.end));
            Place::new(file.root.document.file, Span::new(start, end.max(start)))
        };
        for selector in expression.selectors() {
            let metric = selector.name.as_deref().unwrap_or_default();
            if is_recorded(metric) || !world.index.recorded(metric).is_empty() || metric.starts_with("ALERTS")
            {
                continue;
            }
            let wrong_job = names.as_ref().and_then(|names| {
                let matcher = selector.matchers.iter().find(|matcher| is_of_nobody(matcher, names))?;
                Some((
                    format!("job {}", matcher.value),
                    no_such_job(matcher, names, (text, &selector), &place),
                ))
            });
            let wrong = wrong_job.or_else(|| {
                let (who, severity) =
                    is_closed.then(|| world.nobody_brings(metric, &jobs, is_told)).flatten()?;
                let mut finding = no_exporter(metric, who, &jobs, &selector, &place);
                finding.severity = severity;
                // Somebody knows it, or this configuration may not be the one that loads the rules.
                let is_said = || is_said(&world.sources.get(file.root.document.file).text, who);
                let has_rules = |one: &&Configuration<'_>| one.root.at(&["rule_files"]).is_some();
                // `… or absent(…)`: the other side fires, and goes on.
                if text.contains("absent(") {
                    finding.why = Some("the series does not exist: `absent` of it always holds, and the alert fires for ever".to_string());
                } else if text.contains(" or ") {
                    finding.severity = finding.severity.min(Severity::Warning);
                }
                let loads = loading.iter().any(has_rules);
                if !loads {
                    finding.why = Some("the configuration here names no `rule_files` and loads no rule; and if another one does, the series has to come from somewhere".to_string());
                }
                if is_said() || !loads {
                    finding.severity = finding.severity.min(Severity::Warning);
                }
                Some((format!("exporter {who}"), finding))
            });
            if let Some((key, finding)) = wrong {
                let finding = finding.related(first.place(), who);
                met.entry(key).or_insert(Met { finding, times: 0 }).times += 1;
            }
        }
    }
    met.into_values()
        .map(|Met { mut finding, times }| {
            if times > 1 {
                finding.label = Some(format!("and {} more of this file ask for it", times - 1));
            }
            finding
        })
        .collect()
}

impl Configuration<'_> {
    /// The list of its jobs.
    pub fn place(&self) -> Place {
        let entry = self.root.document.node.entries().iter().find(|entry| entry.key == "scrape_configs");
        let span = entry.map_or(self.root.document.node.span, |entry| entry.key_span);
        Place::new(self.root.document.file, span)
    }
}

fn is_of(job: &Job, configuration: &Configuration<'_>) -> bool {
    job.file == configuration.root.document.file
        && configuration.jobs().iter().any(|node| node.span == job.node.span)
}

/// Whether series come from elsewhere as well.
pub(super) fn is_open(configuration: &Configuration<'_>) -> bool {
    let root = &configuration.root.document.node;
    ["scrape_config_files", "remote_read"]
        .iter()
        .any(|key| root.get(key).is_some_and(|node| !node.items().is_empty()))
}

/// All values that `job` can have in a Prometheus of this configuration; None where something else may set it.
fn names(configuration: &Configuration<'_>) -> Option<Vec<String>> {
    if is_open(configuration) {
        return None;
    }
    let mut all = Vec::new();
    for job in configuration.jobs() {
        let is_true = |key: &str| job.get(key).and_then(Node::as_written).as_deref() == Some("true");
        let found_elsewhere = ["file_sd_configs", "http_sd_configs"].iter().any(|key| job.get(key).is_some());
        let sets_job = ["relabel_configs", "metric_relabel_configs"].iter().any(|key| {
            let rules = job.get(key).map(Node::items).unwrap_or_default();
            rules.iter().any(|rule| rule.get("target_label").and_then(Node::as_str) == Some("job"))
        });
        if is_true("honor_labels") || found_elsewhere || sets_job {
            return None;
        }
        let name = job.get("job_name").and_then(Node::as_written).filter(|name| !has_variable(name))?;
        let of_labels = job.get("static_configs").map(Node::items).unwrap_or_default().iter();
        all.extend(of_labels.filter_map(|fixed| fixed.at(&["labels", "job"])?.as_written()));
        all.push(name);
    }
    Some(all)
}

/// Whether a matcher asks for a job that there is not.
fn is_of_nobody(matcher: &MatcherView, names: &[String]) -> bool {
    if matcher.name != "job" || matcher.value.is_empty() || has_variable(&matcher.value) {
        return false;
    }
    match matcher.operator {
        MatchOperator::Equal => !names.contains(&matcher.value),
        MatchOperator::RegexMatch => compiled(&matcher.value)
            .is_some_and(|regex| !regex.is_match("") && !names.iter().any(|name| regex.is_match(name))),
        _ => false,
    }
}

fn no_such_job(
    matcher: &MatcherView,
    names: &[String],
    (text, selector): (&str, &SelectorView),
    place: &impl Fn(Span) -> Place,
) -> Finding {
    let before = text.get(..selector.span.start as usize).unwrap_or_default().trim_end();
    let is_absent = before.ends_with("absent(");
    let finding = Finding::new(
        &NO_SUCH_JOB,
        place(matcher.span),
        format!("no job of the configuration is called `{}`", matcher.value),
    )
    .why(if is_absent {
        "`absent` of a series that can never be there always holds: the alert fires from the first minute on, for ever"
    } else {
        "no series ever matches: the rule stays empty, an alert never fires, and no error tells"
    });
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let like = |name: &&&str| name.contains(matcher.value.as_str()) || matcher.value.contains(**name);
    let near = nearest(&matcher.value, known.iter().copied()).or_else(|| known.iter().find(like).copied());
    const SHOWN: usize = 6;
    let listed: Vec<String> = known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if known.len() > SHOWN { ", …" } else { "" };
    // Those who push give their series a job of their own, which the scrape replaces unless it is told to leave it.
    let pushed = known.iter().find(|name| name.contains("pushgateway") || name.contains("push-gateway"));
    let mut finding = match near {
        // Source: prometheus/pushgateway README.md: what is pushed has a `job` of its own.
        _ if selector.name.as_deref().is_some_and(|name| name.starts_with("push_")) => finding
            .help("write `honor_labels: true` in the job of the Pushgateway: without it the `job` that was pushed is called `exported_job`"),
        None if pushed.is_some() => {
            let job = pushed.copied().unwrap_or_default();
            finding.help(format!(
                "where `{}` is the job of what is pushed, write `honor_labels: true` into the job `{job}`: without it that becomes `exported_job`",
                matcher.value
            ))
        }
        Some(near) => finding.help(format!("did you mean `job=\"{near}\"`?")),
        None if known.is_empty() => finding.help("the configuration has no job at all: write one"),
        None => finding
            .help(format!("the jobs are {}{more}: ask for one of them, or add the job", listed.join(", "))),
    };
    // Another side of the query may give something.
    if text.contains(" or ") {
        finding.severity = Severity::Warning;
    }
    finding
}

/// Whether a comment of a file says that its rules need this exporter.
fn is_said(text: &str, who: &str) -> bool {
    let words = who.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    let words: Vec<String> =
        words.filter(|word| word.len() > 4 && !["exporter", "kubelet"].contains(&word.as_str())).collect();
    let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix('#'));
    let comments = comments.collect::<Vec<_>>().join(" ").to_lowercase();
    words.iter().any(|word| comments.contains(&format!("requires {word}")))
}

fn no_exporter(
    metric: &str,
    who: &str,
    jobs: &[&Job],
    selector: &SelectorView,
    place: &impl Fn(Span) -> Place,
) -> Finding {
    let at = Span::new(selector.span.start as usize, selector.span.start as usize + metric.len());
    let told = match jobs.len() {
        1 => "the one job of the configuration does not scrape it".to_string(),
        number => format!("none of the {number} jobs of the configuration scrapes it"),
    };
    Finding::new(&NO_EXPORTER, place(at), format!("`{metric}` comes from {who}, and {told}"))
        .why("the series does not exist: the rule stays empty, an alert never fires, and no error tells")
        .help(if who.contains("cAdvisor") && !jobs.is_empty() && jobs.iter().all(|job| job.is_local) {
            "add a container of cAdvisor and a job for it, or take the rule out; in a cluster it is a job of the role `node` with `metrics_path: /metrics/cadvisor`".to_string()
        } else if who.contains("cAdvisor") {
            "add a job of the role `node` with `metrics_path: /metrics/cadvisor`, or take the rule out"
                .to_string()
        } else {
            format!("add a job for {who}, or take the rule out")
        })
}

/// Names of what passes on the series of others.
const PASSING_ON: [&str; 12] = [
    "otel",
    "collector",
    "alloy",
    "agent",
    "gateway",
    "federate",
    "telegraf",
    "vector",
    "statsd",
    "netdata",
    "prometheus-",
    "victoria",
];

/// Whether all that a job can bring is known by its words.
fn is_told(job: &Job) -> bool {
    let passes_on = |text: &str| PASSING_ON.iter().any(|word| text.to_lowercase().contains(word));
    let path = job.node.get("metrics_path").and_then(Node::as_str).unwrap_or_default();
    if passes_on(&job.name) || path == "/federate" || job.addresses().any(|(.., address)| passes_on(&address))
    {
        return false;
    }
    let finders = job.node.entries().iter().filter(|entry| entry.key.ends_with("_sd_configs"));
    let mut is_told = true;
    for finder in finders {
        is_told &= match finder.key.as_str() {
            "kubernetes_sd_configs" => finder.node.items().iter().all(|discovery| {
                discovery.get("role").and_then(Node::as_str) == Some("node") || keeps_by_name(job)
            }),
            "dns_sd_configs" => true,
            _ => false,
        };
    }
    is_told
}

/// Whether a rule keeps what is called so: what else there is in the cluster does not come through.
fn keeps_by_name(job: &Job) -> bool {
    let rules = job.list("relabel_configs", "relabelings");
    rules.iter().any(|rule| {
        let keeps = relabel::field(rule, "action", "action").and_then(Node::as_str) == Some("keep");
        let names = ["_name", "_label_app", "_label_k8s_app", "_label_component"];
        let is_named = relabel::sources(rule).any(|source| names.iter().any(|name| source.ends_with(name)));
        let regex = relabel::field(rule, "regex", "regex").and_then(Node::as_written);
        keeps && is_named && regex.is_some_and(|regex| regex.bytes().any(|byte| byte.is_ascii_alphabetic()))
    })
}
