//! A policy comes in; a [`Plan`] goes out: every decision (queries, metric types, windows, thresholds, alerts), no
//! spelling.

mod alerts;
mod decided;
mod notes;
mod prediction;
mod queries;
mod rule_tests;
mod samples;
mod scaler;
mod scrape;

pub use decided::*;
pub use queries::Queries;

use crate::policy::Policy;

/// Decides everything that the policy leaves open. Cannot fail: a [`Policy`] is complete and consistent.
pub fn derive(policy: &Policy) -> Plan {
    let queries = Queries::new(policy);
    let scaler = scaler::scaler(policy, &queries);
    let alerts = alerts::alerts(policy, &queries);
    let tests = rule_tests::tests(&alerts);
    let workload = &policy.workload.value;
    Plan {
        name: workload.name.clone(),
        namespace: workload.namespace.clone(),
        policy: policy.file_name.clone(),
        versions: Versions {
            keda: policy.keda,
            kubernetes: policy.kubernetes,
            prometheus: policy.prometheus.version,
        },
        labels: vec![
            ("app.kubernetes.io/managed-by".to_string(), "slogen".to_string()),
            ("app.kubernetes.io/part-of".to_string(), workload.name.clone()),
        ],
        notes: notes::scaler(policy, &scaler),
        prometheus: scaler::access(policy),
        triggers: notes::triggers(policy, &queries, &scaler),
        scrape: scrape::scrape(policy),
        rules: Rules {
            group: format!("slogen/{}/{}", workload.namespace, workload.name),
            alerts: alerts.into_iter().map(|alert| alert.rule).collect(),
        },
        tests,
        prediction: prediction::predict(policy, &scaler),
        scaler,
    }
}
