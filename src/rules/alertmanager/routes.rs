//! Routes that no alert reaches.

use super::tree::{self, Matcher, Way};
use super::{Configuration, OTHER_SEVERITY, SHADOWED_ROUTE};
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::manifest::Node;
use crate::rules::alerting::Sent;

/// Routes behind one that takes all that they would.
pub(super) fn shadowed(configuration: &Configuration<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for parent in tree::routes(configuration) {
        let children = parent.get("routes").map(Node::items).unwrap_or_default();
        let read: Option<Vec<Vec<Matcher>>> =
            children.iter().map(|child| tree::matchers(configuration, child, "")).collect();
        let Some(read) = read else { continue };
        for (at, child) in children.iter().enumerate() {
            let before = (0..at).find(|before| {
                let goes_on = children[*before].get("continue").and_then(Node::as_written);
                let receivers = |at: usize| children[at].get("receiver").and_then(Node::as_str);
                goes_on.as_deref() != Some("true")
                    && receivers(*before) != receivers(at)
                    && receivers(at).is_some()
                    && read[*before].iter().all(|one| read[at].iter().any(|other| one.covers(other)))
            });
            let Some(before) = before else { continue };
            let name = child.get("receiver").and_then(Node::as_str).unwrap_or_default();
            let first = &children[before];
            let taken: Vec<String> = read[before].iter().map(Matcher::text).collect();
            let takes =
                if taken.is_empty() { "everything".to_string() } else { format!("`{}`", taken.join(", ")) };
            findings.push(
                Finding::new(
                    &SHADOWED_ROUTE,
                    configuration.place(child.get("receiver").unwrap_or(child)),
                    format!("`{name}` never gets an alert by this route"),
                )
                .related(configuration.place(first.get("receiver").unwrap_or(first)), format!("this one takes {takes}"))
                .why("an alert goes to the first route that matches it, and on to the next only where that says `continue: true`")
                .help("put this route before the other, or write `continue: true` there"),
            );
        }
    }
    findings
}

/// Routes for severities that no alert of the repository has, while there are alerts for which there is no route.
pub(super) fn severities(
    configuration: &Configuration<'_>,
    alerts: &[Sent<'_>],
    inventory: &Inventory<'_>,
) -> Vec<Finding> {
    let given: Option<Vec<&str>> = alerts.iter().map(|alert| alert.label("severity")).collect();
    // Alerts that somebody else brings have severities of their own.
    let Some(given) = given.filter(|given| !given.is_empty() && !brings_rules(inventory)) else {
        return Vec::new();
    };
    let of_severity = |route: &Node| {
        let matchers = tree::matchers(configuration, route, "")?;
        matchers.into_iter().find(|matcher| matcher.label == "severity")
    };
    let routes: Vec<(&Node, Matcher)> = tree::routes(configuration)
        .into_iter()
        .filter_map(|route| Some((route, of_severity(route)?)))
        .collect();
    let unrouted = alerts.iter().find(|alert| {
        let severity = alert.label("severity").unwrap_or_default();
        !routes.iter().any(|(_, matcher)| matcher.takes(severity) != Some(false))
    });
    let Some(unrouted) = unrouted else { return Vec::new() };
    let severity = unrouted.label("severity").unwrap_or_default();
    let of_nobody = routes.iter().filter(|(_, matcher)| {
        matches!(matcher.way, Way::Equal | Way::Fits)
            && !given.iter().any(|severity| matcher.takes(severity) != Some(false))
    });
    of_nobody
        .take(1)
        .map(|(route, matcher)| {
            let node = route.get("receiver").unwrap_or(route);
            Finding::new(
                &OTHER_SEVERITY,
                configuration.place(node),
                format!("no alert here has `{}`", matcher.text()),
            )
            .related(
                unrouted.place(),
                format!("this one has `severity: {severity}`, and no route asks for that"),
            )
            .why("alerts that were to be told apart all go the way of the first route")
            .help(format!("write `severity=\"{severity}\"`, or give the alerts the severity of the route"))
        })
        .collect()
}

/// Whether a chart or another repository brings alerts of its own.
pub(super) fn brings_rules(inventory: &Inventory<'_>) -> bool {
    inventory.objects.iter().any(|object| {
        ["Prometheus", "Alertmanager", "HelmRelease", "Application", "HelmChart"].contains(&object.kind())
            || ["prometheus", "alertmanager", "defaultRules", "serverFiles", "kube-prometheus-stack"]
                .iter()
                .any(|key| {
                    object.kind().is_empty()
                        && object.at(&[key]).is_some_and(|node| !node.entries().is_empty())
                })
    })
}
