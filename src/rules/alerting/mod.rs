//! PrometheusRule objects and plain rule files: the queries of alerts and records under the eyes of the rules for them.

mod above_limit;
mod absent_up;
mod allowed;
mod asleep;
mod back_off;
mod between_runs;
mod budget;
mod cards;
mod exporter_up;
mod fading;
mod failed_job;
mod few_replicas;
mod finished_pod;
mod foreign;
mod idle_value;
mod itself;
mod keda;
mod keda_hpa;
mod no_limit;
mod one_event;
mod opposite;
mod other_exporter;
mod other_namespace;
mod other_queue;
mod other_wait;
mod per_second;
mod pods;
mod position;
mod programs;
mod recorded;
mod redis;
mod restarts;
mod retention;
mod share;
mod silent;
mod standard;
mod template;
mod told;
mod unparsed;
mod usage;
mod walk;

pub use cards::*;

use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::lint::{Context, Role, lint, rules::ALWAYS_FIRES, rules::RAW_COUNTER, rules::TIME_UNIT, syntax};
use crate::manifest::{Node, has_variable, raw_offset};
use crate::model::Versions;
use crate::promql::{Target, parse};
use crate::source::{Place, Sources, Span};

/// Alerts against the ScaledObjects and workloads that they speak of.
pub fn across<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Vec<Finding> {
    let mut findings = position::check(sources, inventory);
    findings.extend(above_limit::check(sources, inventory));
    let alerts = walk::alerts(sources, inventory);
    let sleepers = asleep::sleepers(inventory);
    let records = walk::records(sources, inventory);
    let labels = idle_value::labels(alerts.iter().chain(&records));
    let kept = retention::retention(inventory);
    findings.extend(alerts.iter().chain(&records).filter_map(|rule| retention::check(rule, &kept)));
    if !standard::is_extended(inventory) {
        findings.extend(alerts.iter().chain(&records).filter_map(standard::check));
    }
    if let Some(own) = other_exporter::own_of_haproxy(inventory) {
        let all = alerts.iter().chain(&records);
        findings.extend(all.filter_map(|alert| other_exporter::check(alert, own)));
    }
    let scalers = walk::scalers(sources, inventory);
    let programs = programs::Programs::new(inventory);
    let all = || alerts.iter().chain(&records).chain(&scalers);
    findings.extend(all().flat_map(|query| programs.check(query)));
    findings.extend(all().flat_map(|query| foreign::check(query, &programs, sources)));
    if let Some(made) = keda_hpa::made(inventory) {
        findings.extend(all().filter_map(|query| keda_hpa::check(query, &made, inventory)));
    }
    if let Some(allowed) = allowed::allowed(inventory) {
        findings.extend(all().filter_map(|query| allowed::check(query, &allowed)));
    }
    let shares: Vec<_> = alerts.iter().filter(|alert| redis::is_share(alert)).collect();
    if let Some(redis) = shares.first().and_then(|_| redis::unlimited(sources, inventory)) {
        findings.extend(shares.into_iter().filter_map(|alert| redis::check(alert, redis)));
    }
    findings.extend(recorded::check(&alerts, &records, &scalers));
    findings.extend(other_queue::check(inventory, &alerts));
    findings.extend(other_namespace::check(sources, inventory, &alerts));
    findings.extend(alerts.iter().chain(&records).filter_map(|rule| itself::check(rule, &records)));
    let is_asked = alerts.iter().any(absent_up::asks_for_zero);
    for alert in &alerts {
        findings.extend(asleep::check(alert, &sleepers, inventory));
        findings.extend(no_limit::check(alert, inventory));
        findings.extend(share::check(alert));
        findings.extend(told::check(alert));
        findings.extend(other_wait::check(alert));
        findings.extend(opposite::check(alert));
        findings.extend(fading::check(alert));
        findings.extend(budget::check(alert));
        findings.extend(per_second::check(alert));
        if sleepers.is_empty() {
            findings.extend(silent::check(alert, &alerts));
        }
        findings.extend(absent_up::check(alert, is_asked, inventory));
        findings.extend(exporter_up::check(alert, &alerts, inventory));
        findings.extend(restarts::check(alert));
        findings.extend(one_event::check(alert));
        findings.extend(back_off::check(alert));
        findings.extend(between_runs::check(alert, inventory));
        findings.extend(failed_job::check(alert, inventory));
        findings.extend(finished_pod::check(alert, inventory));
        findings.extend(few_replicas::check(alert, inventory));
        findings.extend(idle_value::check(alert, &labels));
    }
    findings
}

/// An alert, as Alertmanager gets it.
pub(super) struct Sent<'i>(walk::Alert<'i>);

impl<'i> Sent<'i> {
    pub fn object(&self) -> &'i Object<'i> {
        self.0.object
    }

    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// A label that the rule gives it.
    pub fn label(&self, name: &str) -> Option<&'i str> {
        self.0.rule.at(&["labels", name]).and_then(Node::as_str)
    }

    pub fn expression(&self) -> &crate::promql::Expression {
        &self.0.expression
    }

    /// Where its name stands.
    pub fn place(&self) -> Place {
        let node = self.0.rule.get("alert").unwrap_or(self.0.rule);
        self.0.object.place(node)
    }
}

/// All alerts of the repository that can be read.
pub(super) fn sent<'i>(sources: &'i Sources, inventory: &'i Inventory<'i>) -> Vec<Sent<'i>> {
    walk::alerts(sources, inventory).into_iter().map(Sent).collect()
}

/// A time in words.
fn minutes(seconds: f64) -> String {
    match seconds {
        short if short < 60.0 => format!("{short} s"),
        long => format!("{} min", (long / 6.0).round() / 10.0),
    }
}

/// What is wrong with the queries of one PrometheusRule or rule file.
pub fn check(sources: &Sources, object: &Object<'_>, versions: &Versions) -> Vec<Finding> {
    let rules: Vec<&Node> = object.rules().collect();
    let mut findings = Vec::new();
    if object.kind().is_empty() && rules.iter().any(|rule| is_of_loki(rule)) {
        return findings;
    }
    let records: Vec<&str> =
        rules.iter().filter_map(|rule| rule.get("record")).filter_map(Node::as_str).collect();
    for rule in rules {
        let role = if rule.get("alert").is_some() { Role::Alert } else { Role::Record };
        if let Some(node) = rule.get("expr") {
            let mut own = query(sources, object, (rule, node), role, versions);
            // What a rule beside it has filtered is there for a reason.
            let bare = node.as_str().and_then(|text| text.split('{').next()).map(str::trim);
            if bare.is_some_and(|name| records.contains(&name)) {
                own.retain(|finding| *finding.rule != ALWAYS_FIRES);
            }
            findings.extend(own);
        }
    }
    findings
}

/// Loki's rules stand in files of the same shape, in a language of their own.
fn is_of_loki(rule: &Node) -> bool {
    let text = rule.get("expr").and_then(Node::as_str).unwrap_or_default();
    ["|=", "|~", "| json", "| logfmt", "| pattern", "| regexp", "| unwrap"]
        .iter()
        .any(|word| text.contains(word))
}

/// Whether an alert is to fire all the time: a dead man's switch, or one that tries the way to the pager out.
fn is_for_ever(rule: &Node) -> bool {
    let name = rule.get("alert").and_then(Node::as_str).unwrap_or_default();
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let says = ["watchdog", "deadman", "heartbeat", "always"].iter().any(|word| name.contains(word));
    says || rule.at(&["labels", "severity"]).and_then(Node::as_str) == Some("none")
}

/// Whether the texts of an alert call its value an amount that is there now, and may fall again: "Buffer has 10 items",
/// "of a capacity of 10".
fn says_level(rule: &Node) -> bool {
    const WORDS: [&str; 7] =
        ["capacity", "currently", "in use", "buffer has", "queue has", "size", "right now"];
    let texts = rule.get("annotations").map(Node::entries).unwrap_or_default();
    texts.iter().filter_map(|entry| entry.node.as_str()).any(|text| {
        let text = text.to_lowercase();
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let has_items = text.contains(" has {{") && text.contains("}} items");
        has_items
            || words.any(|word| WORDS.contains(&word))
            || WORDS.iter().any(|word| word.contains(' ') && text.contains(word))
    })
}

fn query(
    sources: &Sources,
    object: &Object<'_>,
    (rule, node): (&Node, &Node),
    role: Role,
    versions: &Versions,
) -> Vec<Finding> {
    let file = object.document.file;
    // A number is a query as well.
    let Some(text) = node.as_written().filter(|text| !has_variable(text) && !text.contains("{{")) else {
        return Vec::new();
    };
    let raw = sources.get(file).text.get(node.span.range()).unwrap_or_default();
    let place = |span: Span| {
        let at = |offset: u32| node.span.start as usize + raw_offset(raw, &text, offset as usize);
        let (start, end) = (at(span.start), at(span.end));
        Place::new(file, Span::new(start, end.max(start)))
    };
    let mut own = Vec::new();
    let lints = match parse(&text, &Target::version(versions.prometheus.major, versions.prometheus.minor)) {
        Ok(expression) => {
            let is_alert = matches!(role, Role::Alert);
            own = keda::check(&expression, versions, is_alert, place);
            if is_alert {
                own.extend(template::check(&sources.get(file).text, rule, &expression, place));
                own.extend(unparsed::check(&sources.get(file).text, rule, file));
            }
            // What its own text tells better.
            let told = is_alert.then(|| told::disagreement(rule, &expression)).flatten();
            let is_told = |span: Span| told.as_ref().is_some_and(|told| told.span == span);
            let mut lints = lint(&expression, &Context { role, ..Context::default() });
            lints.retain(|lint| *lint.rule != TIME_UNIT || !is_told(lint.span));
            // `_total` alone is no proof where the text calls the value what is there now.
            let is_level = is_alert && says_level(rule);
            lints.retain(|lint| *lint.rule != RAW_COUNTER || lint.severity == Severity::Error || !is_level);
            lints
        }
        Err(errors) => syntax(&errors, &role),
    };
    let quoted = raw.starts_with(['"', '\'']);
    let is_meant = is_for_ever(rule);
    lints
        .iter()
        .filter(|lint| !is_meant || *lint.rule != ALWAYS_FIRES)
        .map(|lint| {
            let mut finding = lint.finding(place);
            if quoted
                && finding.fix.as_ref().is_some_and(|fix| {
                    fix.edits.iter().any(|edit| edit.replacement.contains(['"', '\'', '\\']))
                })
            {
                finding.fix = None;
            }
            finding
        })
        .chain(own)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;
    use crate::source::FileId;

    #[test]
    fn a_dead_mans_switch_is_meant_to_fire() {
        for (rule, is_meant) in [
            ("alert: DeadMansSwitch", true),
            ("alert: Prometheus-Heartbeat", true),
            ("alert: Inhibitor\nlabels: {severity: none}", true),
            ("alert: TargetDown", false),
        ] {
            let reading = read(FileId(0), &format!("{rule}\nexpr: up\n"));
            assert_eq!(is_for_ever(&reading.documents[0].node), is_meant, "{rule}");
        }
    }
}
