//! Values that the scalers of clouds and databases check against each other before they ask for anything.
//!
//! Sources: `Validate` in kedacore/keda pkg/scalers/aws_cloudwatch_scaler.go, azure_monitor_scaler.go,
//! azure_app_insights_scaler.go, influxdb_scaler.go, mongo_scaler.go, elasticsearch_scaler.go and solace_scaler.go;
//! mysql_scaler.go, metadataToConnectionStr.

use super::cards::{COMBINATION, MISSING_KEY, NOT_A_NUMBER, WRONG_CHOICE};
use super::values::{REFUSED, missing};
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, nearest};
use crate::manifest::Node;

/// The units of CloudWatch.
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Keys of which one that is there asks for the others: the scaler, the key, those that it asks for, and a key that makes
/// all of it void. A TriggerAuthentication may give them.
const TOGETHER: [(&str, &str, &[&str], &str); 3] = [
    ("mongodb", "host", &["port", "username", "password"], "connectionString"),
    // The address ends with its colon, and Go takes that for port 0.
    ("mysql", "host", &["port"], "connectionString"),
    ("elasticsearch", "addresses", &["username", "password"], "cloudID"),
];

impl Checker<'_> {
    pub(super) fn clouds(&mut self, trigger: &Trigger<'_>) {
        let entries = trigger.metadata.map(Node::entries).unwrap_or_default();
        if entries.iter().any(|entry| !is_known(&entry.key)) {
            return;
        }
        match trigger.kind {
            "aws-cloudwatch" => self.cloudwatch(trigger),
            "gcp-stackdriver" => self.stackdriver(trigger),
            "gcp-pubsub" => self.aggregation(trigger),
            "azure-monitor" => {
                self.parts(trigger, "resourceURI", ('/', 3), "Microsoft.ServiceBus/namespaces/orders");
                self.parts(trigger, "metricAggregationInterval", (':', 3), "0:5:0");
            }
            "azure-app-insights" => self.parts(trigger, "metricAggregationTimespan", (':', 2), "0:5"),
            "influxdb" => self.influx(trigger),
            "solace-event-queue" => {
                self.one_of(
                    trigger,
                    &["messageCountTarget", "messageSpoolUsageTarget", "messageReceiveRateTarget"],
                );
            }
            _ => {}
        }
        for (kind, key, needed, instead) in TOGETHER {
            if kind == trigger.kind
                && trigger.node.get("authenticationRef").is_none()
                && !has(trigger, instead)
            {
                self.together(trigger, key, needed);
            }
        }
    }

    fn cloudwatch(&mut self, trigger: &Trigger<'_>) {
        if !has(trigger, "expression") {
            for key in ["namespace", "metricName", "dimensionName", "dimensionValue"] {
                self.one_of(trigger, &[key]);
            }
            if let Some(unit) =
                trigger.value("metricUnit").filter(|text| is_known(text) && !UNITS.contains(&text.as_str()))
            {
                let near = UNITS.into_iter().find(|word| word.eq_ignore_ascii_case(&unit));
                self.wrong_word(
                    trigger,
                    "metricUnit",
                    &unit,
                    near.or_else(|| nearest(&unit, UNITS)),
                    &UNITS,
                    REFUSED,
                );
            }
        }
        let period = whole(trigger, "metricStatPeriod", 300);
        let time = whole(trigger, "metricCollectionTime", 300);
        let (Some(period), Some(time)) = (period, time) else { return };
        if !matches!(period, 1 | 5 | 10 | 30) && (period < 60 || period % 60 != 0) {
            if let Some(entry) = trigger.entry("metricStatPeriod") {
                let place = self.place(&entry.node);
                self.push(
                    Finding::new(&NOT_A_NUMBER, place, format!("a `metricStatPeriod` of {period} seconds"))
                        .why(format!(
                            "CloudWatch keeps metrics by 1, 5, 10, 30 seconds, or by whole minutes; {REFUSED}"
                        ))
                        .help("write a multiple of 60"),
                );
            }
            return;
        }
        if time >= 0 && time % period == 0 {
            return;
        }
        let written = trigger.entry("metricCollectionTime");
        let Some(entry) = written.or_else(|| trigger.entry("metricStatPeriod")) else { return };
        let by_default = |key: &str| if trigger.entry(key).is_none() { ", the default" } else { "" };
        let place = self.place(&entry.node);
        let message = format!(
            "`metricCollectionTime` of {time}{} is no multiple of `metricStatPeriod`, {period}{}",
            by_default("metricCollectionTime"),
            by_default("metricStatPeriod")
        );
        let help = match written {
            Some(_) if time > 0 && time % 60 == 0 => {
                format!("write `metricStatPeriod: \"{}\"` beside it", time.min(60))
            }
            Some(_) => format!("write `metricCollectionTime: \"{period}\"`"),
            None => format!("write `metricCollectionTime: \"{period}\"` beside it"),
        };
        self.push(Finding::new(&COMBINATION, place, message).why(REFUSED).help(help));
    }

    pub(super) fn wrong_word(
        &mut self,
        trigger: &Trigger<'_>,
        key: &str,
        text: &str,
        near: Option<&str>,
        words: &[&str],
        why: &str,
    ) {
        let Some(entry) = trigger.entry(key) else { return };
        let place = self.place(&entry.node);
        let finding =
            Finding::new(&WRONG_CHOICE, place, format!("`{key}` cannot be `{}`", text.escape_debug()));
        self.push(finding.why(why.to_string()).help(match near {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("write one of {}", words.join(", ")),
        }));
    }

    /// A value that has so many parts, and one like it.
    fn parts(&mut self, trigger: &Trigger<'_>, key: &str, (between, count): (char, usize), like: &str) {
        let Some(text) = trigger.value(key).filter(|text| is_known(text)) else { return };
        let Some(entry) = trigger.entry(key).filter(|_| text.split(between).count() != count) else { return };
        let place = self.place(&entry.node);
        self.push(
            Finding::new(&WRONG_CHOICE, place, format!("`{key}` cannot be `{}`", text.escape_debug()))
                .why(format!("KEDA wants {count} parts with `{between}` between them; {REFUSED}"))
                .help(format!("write it like `{like}`")),
        );
    }

    fn influx(&mut self, trigger: &Trigger<'_>) {
        let is_given = trigger.node.get("authenticationRef").is_some();
        match trigger.value("influxVersion").as_deref() {
            None | Some("2") if !is_given => self.one_of(trigger, &["organizationName"]),
            Some("3") => {
                self.one_of(trigger, &["metricKey"]);
                if !is_given {
                    self.one_of(trigger, &["database"]);
                }
            }
            _ => {}
        }
    }

    /// Of these keys one is needed.
    fn one_of(&mut self, trigger: &Trigger<'_>, names: &[&str]) {
        if let Some(metadata) = trigger.metadata.filter(|_| !names.iter().any(|key| has(trigger, key))) {
            let place = self.place(metadata);
            self.push(missing(place, trigger, names));
        }
    }

    fn together(&mut self, trigger: &Trigger<'_>, key: &str, needed: &[&str]) {
        let Some(entry) = trigger.entry(key) else { return };
        // MongoDB finds hosts and ports by itself with this scheme.
        let is_found =
            |name: &str| name == "port" && trigger.value("scheme").is_some_and(|text| text != "mongodb");
        let gone: Vec<String> = needed
            .iter()
            .filter(|name| !has(trigger, name) && !is_found(name))
            .map(|name| format!("`{name}`"))
            .collect();
        if gone.is_empty() {
            return;
        }
        let list = gone.join(", ");
        let place = self.key(entry);
        let help = match gone.as_slice() {
            [only] if only == "`port`" => "write `port` beside it".to_string(),
            _ => format!(
                "give {list} by a TriggerAuthentication: `authenticationRef: {{ name: … }}` beside `type`"
            ),
        };
        self.push(
            Finding::new(&MISSING_KEY, place, format!("`{key}` without {list}")).why(REFUSED).help(help),
        );
    }
}

/// Whether the metadata give a key. An empty text counts as not given.
fn has(trigger: &Trigger<'_>, key: &str) -> bool {
    trigger.value(key).is_some() || trigger.entry(&format!("{key}FromEnv")).is_some()
}

/// A whole number, or its default; None: it is filled in later, or is none.
pub(super) fn whole(trigger: &Trigger<'_>, key: &str, default: i64) -> Option<i64> {
    match trigger.value(key) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    }
}
