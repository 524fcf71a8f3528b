//! Averages and percentiles that the HPA divides by the number of pods, asked for elsewhere than from Prometheus.
//!
//! Sources: kedacore/keda pkg/scalers/scaler.go, GetMetricTargetType (AverageValue is the default); kubernetes/kubernetes
//! pkg/controller/podautoscaler/replica_calculator.go, GetExternalPerPodMetricReplicas.

use super::cards::AVERAGE_DIVIDED;
use super::{Checker, Trigger, View, is_known, sql};
use crate::finding::Finding;
use crate::manifest::{Entry, Node};

/// Words in the names of metrics that more pods do not add to.
const LEVELS: [&str; 9] = [
    "latency",
    "duration",
    "responsetime",
    "response_time",
    "response.time",
    "utilization",
    "utilisation",
    "percent",
    "cpu",
];

/// Words in the names of totals that are there once, however many pods work on them: their average over time is the
/// total itself.
const TOTALS: [&str; 12] = [
    "queue", "message", "backlog", "depth", "lag", "pending", "waiting", "length", "size", "total", "count",
    "jobs",
];

impl Checker<'_> {
    pub(super) fn average(&mut self, view: &View<'_>, trigger: &Trigger<'_>) {
        let is_divided = match view.metric_type_of(trigger).map(Node::as_str) {
            None => true,
            Some(text) => text == Some("AverageValue"),
        };
        if self.is_job() || !is_divided || view.max == Some(1) {
            return;
        }
        let Some((entry, what)) = level(trigger) else { return };
        let place = self.key(entry);
        self.push(
            Finding::new(&AVERAGE_DIVIDED, place, format!("{what} is divided by the number of pods"))
                .why("it says how it is for one pod already, and the HPA divides it once more: the more pods there are, the better it looks, and pods that are too slow are removed")
                .help("write `metricType: Value` beside `type`; KEDA's default is AverageValue"),
        );
    }
}

/// The entry that asks for an average, and what it is.
fn level<'d>(trigger: &Trigger<'d>) -> Option<(&'d Entry, &'static str)> {
    let text = |key: &str| -> Option<(&'d Entry, String)> {
        let text = trigger.value(key).filter(|text| is_known(text))?;
        Some((trigger.entry(key)?, sql::plain(&text)))
    };
    let is_level = |name: &str| LEVELS.iter().any(|word| name.contains(word));
    let is_total = |name: &str| TOTALS.iter().any(|word| name.contains(word));
    match trigger.kind {
        "aws-cloudwatch" => {
            if let Some((entry, query)) = text("expression") {
                let (function, rest) = query.strip_prefix("select ")?.split_once('(')?;
                let name = rest.split(')').next()?;
                let is_it = function.trim() == "avg" && !is_total(name)
                    || matches!(function.trim(), "max" | "min") && is_level(name);
                return is_it.then_some((entry, "an average"));
            }
            let (entry, name) = text("metricName")?;
            let statistic = trigger.value("metricStat").unwrap_or_else(|| "Average".to_string());
            let is_percentile = statistic.strip_prefix('p').is_some_and(|rest| rest.parse::<f64>().is_ok());
            let is_one = is_percentile || matches!(statistic.as_str(), "Average" | "Maximum" | "Minimum");
            (is_one && is_level(&name)).then_some((entry, "a level"))
        }
        "datadog" => {
            let (entry, query) = text("query")?;
            let (function, rest) = query.split_once(':')?;
            let name = rest.split('{').next()?;
            let is_percentile = function.strip_prefix('p').is_some_and(|rest| rest.parse::<f64>().is_ok());
            let is_it =
                is_percentile || matches!(function, "avg" | "max") && is_level(name) && !is_total(name);
            is_it.then_some((entry, if is_percentile { "a percentile" } else { "a level" }))
        }
        "new-relic" => {
            let (entry, query) = text("nrql")?;
            let (function, rest) = query.strip_prefix("select ")?.split_once('(')?;
            let name = rest.split([')', ',']).next()?;
            match function.trim() {
                "percentile" => Some((entry, "a percentile")),
                "average" if is_level(name) => Some((entry, "an average")),
                _ => None,
            }
        }
        "graphite" => {
            let (entry, query) = text("query")?;
            let (function, rest) = query.split_once('(')?;
            match function.trim() {
                "percentileofseries" => Some((entry, "a percentile")),
                "averageseries" | "avg" if !is_total(rest) => Some((entry, "an average")),
                _ => None,
            }
        }
        "influxdb" => {
            let (entry, query) = text("query")?;
            let last = query.rsplit("|>").next()?.trim_start();
            let is_it = (last.starts_with("mean(") || last.starts_with("quantile("))
                && is_level(&query)
                && !is_total(&query);
            is_it.then_some((entry, "an average"))
        }
        kind if sql::is_sql(kind) => {
            let (entry, query) = text("query")?;
            let bare =
                query.replacen("coalesce(", "", 1).replacen("ifnull(", "", 1).replacen("isnull(", "", 1);
            let (function, rest) = bare.strip_prefix("select ")?.split_once('(')?;
            let argument = rest.split(')').next()?;
            (function.trim() == "avg" && !is_total(argument)).then_some((entry, "an average"))
        }
        _ => None,
    }
}
