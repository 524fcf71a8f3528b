//! What RabbitMQ tells over its management API alone.
//!
//! Source: `Validate` and `validateTrigger` of kedacore/keda pkg/scalers/rabbitmq_scaler.go.

use super::cards::COMBINATION;
use super::values::REFUSED;
use super::{Checker, Trigger, is_known};
use crate::finding::Finding;

impl Checker<'_> {
    /// What the protocol AMQP cannot tell.
    pub(super) fn management_only(&mut self, trigger: &Trigger<'_>) {
        let value = |key: &str| trigger.value(key).filter(|text| is_known(text));
        let host = value("host").unwrap_or_default();
        let is_amqp = match value("protocol").as_deref() {
            Some("amqp") => true,
            None | Some("auto") => host.starts_with("amqp://") || host.starts_with("amqps://"),
            _ => false,
        };
        if !is_amqp {
            return;
        }
        let is_on = |key: &str| value(key).and_then(|text| super::parse_bool(&text)) == Some(true);
        let modes =
            ["MessageRate", "DeliverGetRate", "PublishedToDeliveredRatio", "ExpectedQueueConsumptionTime"];
        let by_mode = value("mode").filter(|mode| modes.contains(&mode.as_str()));
        let (key, what) = match by_mode {
            Some(mode) => ("mode", format!("`mode: {mode}`")),
            None => match ["useRegex", "excludeUnacknowledged"].into_iter().find(|key| is_on(key)) {
                Some(key) => (key, format!("`{key}`")),
                None => return self.timeout_of_amqp(trigger),
            },
        };
        let Some(entry) = trigger.entry(key) else { return };
        let place = self.place(&entry.node);
        self.push(
            Finding::new(&COMBINATION, place, format!("{what} over AMQP"))
                .why(format!("only the management API of RabbitMQ tells it; {REFUSED}"))
                .help("write a host such as `http://user:password@rabbitmq:15672/vhost` (in a Secret), or `mode: QueueLength`"),
        );
    }

    /// It is looked at where `mode` and `value` are written.
    fn timeout_of_amqp(&mut self, trigger: &Trigger<'_>) {
        let is_set = |key: &str| {
            let text = trigger.value(key).filter(|text| is_known(text) && !text.is_empty());
            text.is_some_and(|text| text.parse::<f64>().ok() != Some(0.0))
        };
        let Some(entry) = trigger.entry("timeout") else { return };
        if ["timeout", "mode", "value"].into_iter().all(is_set) {
            let place = self.key(entry);
            self.push(
                Finding::new(&COMBINATION, place, "`timeout` over AMQP")
                    .why(format!("KEDA takes one for the management API of RabbitMQ alone; {REFUSED}"))
                    .help("leave `timeout` out"),
            );
        }
    }
}
