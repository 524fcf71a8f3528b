//! Unit tests for the alerts, in promtool's terms: each fires when it must, and stays silent when it must.

use super::alerts::PlannedAlert;
use super::{FiringAlert, RuleCheck, RuleTest};

/// Seconds between two samples of a test.
pub(super) const STEP: u32 = 15;

/// A series in exposition notation, and its values in promtool's.
pub(super) type Series = (String, String);

/// What makes one alert fire, and what keeps it silent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) firing: Vec<Series>,
    pub(super) silent: Vec<Series>,
    /// Labels that the expression itself leaves on the alert.
    pub(super) labels: Vec<(String, String)>,
    /// The description with its value filled in.
    pub(super) description: String,
}

pub(super) fn tests(alerts: &[PlannedAlert]) -> Vec<RuleTest> {
    let mut tests = Vec::new();
    for alert in alerts {
        let Some(sample) = &alert.sample else { continue };
        let at = format!("{}s", alert.lasting + WARM_UP);
        let firing = FiringAlert { labels: labels(alert, sample), annotations: annotations(alert, sample) };
        tests.push(RuleTest {
            name: format!("{} fires", test_name(alert)),
            interval: format!("{STEP}s"),
            series: sample.firing.clone(),
            checks: vec![RuleCheck { at: at.clone(), alert: alert.rule.name.clone(), firing: vec![firing] }],
        });
        tests.push(RuleTest {
            name: format!("{} stays silent", test_name(alert)),
            interval: format!("{STEP}s"),
            series: sample.silent.clone(),
            checks: vec![RuleCheck { at, alert: alert.rule.name.clone(), firing: Vec::new() }],
        });
    }
    tests
}

fn test_name(alert: &PlannedAlert) -> String {
    let metric = alert.rule.labels.iter().find(|(name, _)| name == "metric");
    match metric {
        Some((_, metric)) => format!("{} ({metric})", alert.rule.name),
        None => alert.rule.name.clone(),
    }
}

/// Seconds until every window of a test is full.
const WARM_UP: u32 = 1_800;

/// Samples that a test of an alert with this wait needs.
pub(super) fn samples(lasting: u32) -> u32 {
    (lasting + WARM_UP) / STEP + 4
}

fn labels(alert: &PlannedAlert, sample: &Sample) -> Vec<(String, String)> {
    let mut labels = alert.rule.labels.clone();
    for (name, value) in &sample.labels {
        if !labels.iter().any(|(known, _)| known == name) {
            labels.push((name.clone(), value.clone()));
        }
    }
    labels
}

fn annotations(alert: &PlannedAlert, sample: &Sample) -> Vec<(String, String)> {
    alert
        .rule
        .annotations
        .iter()
        .map(|(name, value)| {
            let value = if name == "description" { &sample.description } else { value };
            (name.clone(), value.clone())
        })
        .collect()
}
