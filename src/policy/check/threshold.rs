//! Thresholds of a signal: units, order, reach, and what KEDA's three decimals leave of them.

use super::{Checker, rules};
use crate::finding::Finding;
use crate::model::{Decimal, Dimension, MetricUnit, TOLERANCE, plain};
use crate::policy::valid::{Alert, Threshold, multiplier};
use crate::policy::written::{self, Field, Many, Quantity};
use crate::source::Placed;

/// How the thresholds of one signal are to be read.
pub(super) struct Scale {
    pub(super) dimension: Dimension,
    /// What the thresholds are thresholds of.
    pub(super) what: &'static str,
    /// No value can be above this, and what it is.
    pub(super) ceiling: Option<(Decimal, &'static str)>,
    pub(super) unit: MetricUnit,
    pub(super) share: bool,
    /// A query written by hand is not multiplied.
    pub(super) as_written: bool,
}

#[derive(Default)]
pub(super) struct Thresholds {
    pub(super) activate: Option<Threshold>,
    pub(super) scale: Option<Threshold>,
    pub(super) alerts: Vec<Alert>,
}

/// How loud a severity is, where the word is one of the usual ones.
fn loudness(severity: &str) -> Option<u8> {
    match severity.to_lowercase().as_str() {
        "info" | "none" => Some(0),
        "ticket" | "warning" | "warn" => Some(1),
        "page" | "critical" | "error" => Some(2),
        _ => None,
    }
}

impl Checker<'_> {
    pub(super) fn thresholds(
        &mut self,
        name: &Placed<String>,
        scale: &Scale,
        activate: &Field<Quantity>,
        target: &Field<Quantity>,
        alert: &Field<Many<written::Alert>>,
    ) -> Thresholds {
        let example = format!("scale = {}", scale.dimension.example());
        self.required(target, "scale", name.place, &example);
        let thresholds = Thresholds {
            activate: self.threshold(activate, scale),
            scale: self.threshold(target, scale),
            alerts: self.alerts_of(alert, scale),
        };
        self.order(&thresholds);
        self.alert_order(&thresholds.alerts);
        self.reach(&thresholds, scale);
        if let Some(target) = &thresholds.scale {
            self.resolution(target, target.value, scale, "the HPA refuses a target of 0, and nothing scales");
        }
        if let Some(activate) = thresholds.activate.as_ref().filter(|t| !t.value.is_zero()) {
            let reference = thresholds.scale.as_ref().map_or(activate.value, |scale| scale.value);
            self.resolution(activate, reference, scale, "the workload would wake at the wrong value");
        }
        thresholds
    }

    fn threshold(&mut self, field: &Field<Quantity>, scale: &Scale) -> Option<Threshold> {
        let quantity = field.get()?;
        let value = self.amount(quantity, scale.dimension, scale.what)?;
        if value < Decimal::ZERO {
            self.push(
                Finding::new(
                    &rules::OUT_OF_RANGE,
                    quantity.place,
                    format!("`{}` is negative", quantity.value.written()),
                )
                .why("Kubernetes refuses it, and what is measured here is never negative")
                .help(format!("write something like {}", scale.dimension.example())),
            );
            return None;
        }
        Some(Threshold { value, text: quantity.value.written().to_string(), place: quantity.place })
    }

    fn alerts_of(&mut self, field: &Field<Many<written::Alert>>, scale: &Scale) -> Vec<Alert> {
        let Some(many) = field.get() else {
            return Vec::new();
        };
        let mut alerts = Vec::new();
        for placed in many.value.0.iter().filter_map(Field::get) {
            let written = &placed.value;
            let example = format!("above = {}", scale.dimension.example());
            self.required(&written.above, "above", placed.place, &example);
            let above = self.threshold(&written.above, scale);
            let lasting = self.seconds(
                &written.lasting,
                "the time that an alert waits",
                0..=86_400,
                "an alert that waits longer than a day tells nobody in time",
            );
            let severity = written.severity.value().map_or("page", String::as_str);
            if let Some(placed) = written.severity.get() {
                self.severity(placed);
            }
            alerts.extend(above.map(|above| Alert {
                above,
                lasting: lasting.map_or(300, |placed| placed.value),
                severity: severity.to_string(),
            }));
        }
        alerts
    }

    pub(super) fn severity(&mut self, severity: &Placed<String>) {
        let text = &severity.value;
        let plain = |c: char| c.is_alphanumeric() || "-_ .".contains(c);
        if text.is_empty() || text.len() > 63 || !text.chars().all(plain) {
            self.push(
                Finding::new(
                    &rules::INVALID_LABEL,
                    severity.place,
                    format!("{} is not a severity", super::names::shown(text)),
                )
                .help("write one word that your Alertmanager routes by, such as \"page\" or \"ticket\""),
            );
        }
    }

    /// activate < scale < alert.
    fn order(&mut self, thresholds: &Thresholds) {
        let Some(scale) = &thresholds.scale else { return };
        if let Some(activate) = &thresholds.activate
            && activate.value >= scale.value
        {
            self.push(
                Finding::new(
                    &rules::THRESHOLD_ORDER,
                    activate.place,
                    format!("activate {} is not below scale {}", activate.text, scale.text),
                )
                .label("not below scale")
                .related(scale.place, "scale")
                .why(format!(
                    "between {} and {} KEDA would put the workload to sleep while the HPA asks for pods",
                    scale.text, activate.text
                ))
                .help("write activate < scale < alert"),
            );
        }
        for alert in &thresholds.alerts {
            if alert.above.value <= scale.value {
                self.push(
                    Finding::new(
                        &rules::THRESHOLD_ORDER,
                        alert.above.place,
                        format!("the alert above {} is not above scale {}", alert.above.text, scale.text),
                    )
                    .label("not above scale")
                    .related(scale.place, "scale")
                    .why("the autoscaler holds the value at `scale`: the alert would fire while all is well")
                    .help("write activate < scale < alert"),
                );
            }
        }
    }

    /// Several alerts: ascending, and the higher one at least as loud.
    fn alert_order(&mut self, alerts: &[Alert]) {
        for pair in alerts.windows(2) {
            let [low, high] = pair else { continue };
            if high.above.value <= low.above.value {
                self.push(
                    Finding::new(
                        &rules::ALERT_ORDER,
                        high.above.place,
                        format!(
                            "the alert above {} stands behind the one above {}",
                            high.above.text, low.above.text
                        ),
                    )
                    .related(low.above.place, "the one before")
                    .why("a list that does not ascend is most likely a slip in one of its numbers")
                    .help("write the alerts from the lowest to the highest"),
                );
            } else if let (Some(first), Some(second)) = (loudness(&low.severity), loudness(&high.severity))
                && second < first
            {
                self.push(
                    Finding::new(
                        &rules::ALERT_ORDER,
                        high.above.place,
                        format!(
                            "above {} is `{}`, but the lower {} is already `{}`",
                            high.above.text, high.severity, low.above.text, low.severity
                        ),
                    )
                    .related(low.above.place, "the louder one")
                    .why("the worse it gets, the quieter it would become")
                    .help("swap the severities"),
                );
            }
        }
    }

    fn reach(&mut self, thresholds: &Thresholds, scale: &Scale) {
        let Some((ceiling, what)) = scale.ceiling else { return };
        let shown = |value: Decimal| {
            if scale.share {
                format!("{}%", plain(value * Decimal::ONE_HUNDRED))
            } else {
                crate::model::seconds_text(value)
            }
        };
        let because = if scale.share {
            "a share is never more than 100%".to_string()
        } else {
            format!(
                "a quantile is never more than {what}, {}: Prometheus answers that for everything slower",
                shown(ceiling)
            )
        };
        if let Some(target) = &thresholds.scale
            && let Some(breach) = target.value.checked_mul(Decimal::ONE + TOLERANCE)
            && breach >= ceiling
        {
            self.push(
                Finding::new(
                    &rules::THRESHOLD_UNREACHABLE,
                    target.place,
                    format!("scale {} can never be exceeded by the 10% that the HPA tolerates", target.text),
                )
                .label(format!("needs more than {}", shown(breach)))
                .why(format!("{because}, so no pod would ever be added"))
                .help(format!(
                    "write less than {}",
                    shown((ceiling / (Decimal::ONE + TOLERANCE)).round_dp(3))
                )),
            );
        }
        for alert in thresholds.alerts.iter().filter(|alert| alert.above.value >= ceiling) {
            self.push(
                Finding::new(
                    &rules::THRESHOLD_UNREACHABLE,
                    alert.above.place,
                    format!("nothing is ever above {}", alert.above.text),
                )
                .label(format!("{what} is {}", shown(ceiling)))
                .why(format!("{because}, so the alert could never fire"))
                .help(format!("write less than {}", shown(ceiling))),
            );
        }
    }

    /// Source: kedacore/keda pkg/scalers/scaler.go, GenerateMetricInMili: three decimals, the rest is lost.
    fn resolution(&mut self, threshold: &Threshold, reference: Decimal, scale: &Scale, because: &str) {
        let factor = if scale.as_written {
            Decimal::ONE
        } else {
            multiplier(scale.dimension, scale.share, scale.unit, reference)
        };
        let Some(written) = scale.unit.convert(threshold.value).checked_mul(factor) else { return };
        let kept = written.round_dp(3);
        if kept == written.normalize() {
            return;
        }
        let place = threshold.place;
        let message = format!(
            "KEDA keeps three decimals: {} becomes {} {}",
            threshold.text,
            plain(kept),
            scale.unit.name
        );
        let finding = Finding::new(&rules::THRESHOLD_RESOLUTION, place, message);
        if kept.is_zero() {
            self.push(
                finding.why(because.to_string()).help("write a larger value, or measure in a smaller unit"),
            );
        } else if (kept - written).abs() > written * Decimal::from_i128_with_scale(5, 3) {
            self.push(
                finding
                    .why("the threshold in force would be another one than the one written here")
                    .help("write a value with fewer digits, or measure in a smaller unit"),
            );
        }
    }
}
