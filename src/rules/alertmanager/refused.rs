//! What Alertmanager, or the operator before it, refuses to load.
//!
//! Sources: prometheus/alertmanager config/config.go, UnmarshalYAML of Config, checkReceiver, checkTimeInterval;
//! prometheus-operator/prometheus-operator pkg/alertmanager/operator.go, checkAlertmanagerConfigResource.

use super::{Configuration, REFUSED, UNKNOWN_NAME, plain, tree};
use crate::finding::{Finding, nearest};
use crate::manifest::Node;

const REFUSES: &str =
    "Alertmanager refuses the whole configuration: it does not start, or goes on with the one before";
const SKIPS: &str = "the operator leaves this AlertmanagerConfig out: none of its routes exists";

pub(super) fn check(configuration: &Configuration<'_>) -> Vec<Finding> {
    let mut findings = names(configuration);
    if !configuration.is_custom {
        findings.extend(root(configuration));
        if configuration.is_whole() {
            findings.extend(senders(configuration));
        }
    }
    findings
}

/// Receivers and time intervals that are not defined, and receivers that are so twice.
fn names(configuration: &Configuration<'_>) -> Vec<Finding> {
    let why = if configuration.is_custom { SKIPS } else { REFUSES };
    let receivers = configuration.names("receivers");
    let mut findings = Vec::new();
    let items = configuration.root.get("receivers").map(Node::items).unwrap_or_default();
    for (at, item) in items.iter().enumerate() {
        let Some(node) = item.get("name") else { continue };
        let Some(name) = plain(node) else { continue };
        if items[..at].iter().any(|other| other.get("name").and_then(Node::as_str) == Some(name)) {
            let message = format!("there are two receivers `{name}`");
            findings.push(
                Finding::new(&REFUSED, configuration.place(node), message)
                    .why(why)
                    .help("put both into one, or rename one"),
            );
        }
    }
    let is_open = items.iter().any(|item| item.get("name").is_none_or(|name| plain(name).is_none()));
    let intervals: Vec<&str> =
        ["time_intervals", "mute_time_intervals", "muteTimeIntervals", "timeIntervals"]
            .into_iter()
            .flat_map(|key| configuration.names(key))
            .collect();
    for route in tree::routes(configuration) {
        if let Some(node) = route.get("receiver")
            && let Some(name) = plain(node).filter(|name| !name.is_empty())
            && !is_open
            && !receivers.contains(&name)
        {
            findings.push(unknown(configuration, node, ("receiver", name), &receivers, why));
        }
        for key in
            ["mute_time_intervals", "active_time_intervals", "muteTimeIntervals", "activeTimeIntervals"]
        {
            for node in route.get(key).map(Node::items).unwrap_or_default() {
                let Some(name) = plain(node) else { continue };
                // Values of a chart may be laid over others, which define them.
                let is_laid_over = intervals.is_empty() && !configuration.is_whole();
                if !intervals.contains(&name) && !is_laid_over {
                    findings.push(unknown(configuration, node, ("time interval", name), &intervals, why));
                }
            }
        }
    }
    findings
}

fn unknown(
    configuration: &Configuration<'_>,
    node: &Node,
    (what, name): (&str, &str),
    known: &[&str],
    why: &str,
) -> Finding {
    let finding =
        Finding::new(&UNKNOWN_NAME, configuration.place(node), format!("no {what} is called `{name}`"))
            .why(why);
    match nearest(name, known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => finding.help(format!("define it: there is no {what} at all")),
        None => finding.help(format!("define it, or write one of {}", known.join(", "))),
    }
}

/// The first route takes everything.
fn root(configuration: &Configuration<'_>) -> Option<Finding> {
    let route = configuration.root.get("route")?;
    let entry = route.entries().iter().find(|entry| {
        ["matchers", "match", "match_re"].contains(&entry.key.as_str())
            && !(entry.node.items().is_empty() && entry.node.entries().is_empty())
    })?;
    Some(
        Finding::new(
            &REFUSED,
            crate::source::Place::new(configuration.object.document.file, entry.key_span),
            "the first route has matchers",
        )
        .why(REFUSES)
        .help("put them into a route below `routes`: the first one takes what no other does"),
    )
}

/// Receivers that lack what neither they nor `global` say.
fn senders(configuration: &Configuration<'_>) -> Vec<Finding> {
    let global = |keys: &[&str]| keys.iter().any(|key| configuration.root.at(&["global", key]).is_some());
    let mut findings = Vec::new();
    // (list, what one of has to be said, the same in `global`, how to say it)
    const NEEDS: [(&str, &[&str], &[&str], &str); 5] = [
        (
            "slack_configs",
            &["api_url", "api_url_file", "app_token", "app_token_file"],
            &["slack_api_url", "slack_api_url_file", "slack_app_token", "slack_app_token_file"],
            "slack_api_url",
        ),
        ("email_configs", &["smarthost"], &["smtp_smarthost"], "smtp_smarthost"),
        ("email_configs", &["from"], &["smtp_from"], "smtp_from"),
        (
            "opsgenie_configs",
            &["api_key", "api_key_file"],
            &["opsgenie_api_key", "opsgenie_api_key_file"],
            "opsgenie_api_key",
        ),
        (
            "victorops_configs",
            &["api_key", "api_key_file"],
            &["victorops_api_key", "victorops_api_key_file"],
            "victorops_api_key",
        ),
    ];
    for receiver in configuration.root.get("receivers").map(Node::items).unwrap_or_default() {
        for (list, own, of_all, name) in NEEDS {
            for sender in receiver.get(list).map(Node::items).unwrap_or_default() {
                let is_merged = sender.get("<<").is_some();
                if is_merged || own.iter().any(|key| sender.get(key).is_some()) || global(of_all) {
                    continue;
                }
                findings.push(
                    Finding::new(
                        &REFUSED,
                        configuration.place(sender),
                        format!(
                            "neither this nor `global` has `{}`",
                            own.first().copied().unwrap_or_default()
                        ),
                    )
                    .why(REFUSES)
                    .help(format!(
                        "write `{}` here, or `{name}` in `global`",
                        own.first().copied().unwrap_or_default()
                    )),
                );
            }
        }
        for sender in receiver.get("pagerduty_configs").map(Node::items).unwrap_or_default() {
            let keys = ["routing_key", "service_key", "routing_key_file", "service_key_file", "<<"];
            if !keys.iter().any(|key| sender.get(key).is_some()) {
                findings.push(
                    Finding::new(
                        &REFUSED,
                        configuration.place(sender),
                        "neither `routing_key` nor `service_key` is there",
                    )
                    .why(REFUSES)
                    .help("write `routing_key`, or `routing_key_file`"),
                );
            }
        }
    }
    findings
}
