//! Keys of a trigger's metadata: what the scaler reads, what it read once, what it never did.
//!
//! Sources: kedacore/keda schema/generated/scalers-schema.json (`triggers.txt` beside this file);
//! pkg/scalers/authentication/authentication_types.go, aws/aws_common.go, azure/azure_cloud_environment.go and
//! gcp/gcp_common.go (keys that the schema does not have); CHANGELOG.md 2.12, 2.15, 2.18.

use std::sync::LazyLock;

use super::cards::*;
use super::meant::meant;
use super::table::{self, Table};
use super::{Checker, Trigger, View};
use crate::finding::{Edit, Finding, Fix, Severity, nearest};
use crate::inventory::Inventory;
use crate::lint::rules::BELOW_RESOLUTION;
use crate::manifest::{Entry, Node};

static KEYS: LazyLock<Table> = LazyLock::new(|| table::read(include_str!("triggers.txt")));

/// The keys that a scaler reads.
pub fn keys_of(kind: &str) -> Option<impl Iterator<Item = &'static str> + Clone> {
    Some(KEYS.get(kind)?.iter().chain(shared(kind)).copied())
}

/// Keys that several scalers read by code that they share.
fn shared(kind: &str) -> &'static [&'static str] {
    match kind {
        "arangodb" | "loki" | "metrics-api" | "predictkube" | "pulsar" => {
            &["authModes", "authMode", "apiKey", "method", "keyParamName"]
        }
        "kafka" | "apache-kafka" => &["awsAccessKeyID", "awsSecretAccessKey", "identityOwner"],
        _ if kind.starts_with("aws-") => &["awsAccessKeyID", "awsSecretAccessKey", "identityOwner"],
        _ if kind.starts_with("azure-") => {
            &["cloud", "endpointSuffix", "storageEndpointSuffix", "activeDirectoryEndpoint"]
        }
        _ if kind.starts_with("gcp-") => &["credentials", "credentialsFromEnvFile"],
        _ => &[],
    }
}

/// Whether a scaler reads a key.
pub fn reads(kind: &str, key: &str) -> bool {
    keys_of(kind).is_none_or(|mut keys| keys.any(|known| known == key))
}

/// Keys that the Prometheus scaler read once.
const ONCE: [&str; 3] = ["metricName", "cortexOrgID", "cortexOrgId"];

/// The KEDA whose scalers these are.
const KNOWN: (u16, u16) = (2, 20);

/// Scalers that read more than KEDA's description of them has: what somebody else's scaler wants, what the proxy of
/// datadog reads, the parts of an event hub that have a reader of their own.
const INCOMPLETE: [&str; 4] = ["external", "external-push", "datadog", "azure-eventhub"];

/// Whether a key is surely none of those that a scaler reads.
pub(super) fn is_unread(kind: &str, key: &str) -> bool {
    !INCOMPLETE.contains(&kind) && !reads(kind, key)
}

fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "prometheus" => &["serverAddress", "query", "threshold"],
        "cron" => &["timezone", "start", "end", "desiredReplicas"],
        "cpu" | "memory" => &["value"],
        _ => &[],
    }
}

impl Checker<'_> {
    /// Source: kedacore/keda pkg/scaling/scalers_builder.go: `no scaler found for type`.
    pub(super) fn kind(&mut self, trigger: &Trigger<'_>) {
        let Some(node) = trigger.node.get("type") else { return };
        let Some(kind) = node.as_str().filter(|kind| super::is_known(kind)) else { return };
        let kinds = || KEYS.keys().copied();
        if kinds().any(|known| known == kind) {
            return;
        }
        // Kedify's build of KEDA has scalers of its own.
        if kind.starts_with("kedify-") {
            return;
        }
        // What is there to be copied names none on purpose.
        let is_gap = kind.starts_with("example") || super::placeholder::gap(kind).is_some();
        if is_gap && super::placeholder::is_illustration(self.object.path) {
            return;
        }
        let message = if kind.is_empty() {
            "a trigger without a type".to_string()
        } else {
            format!("KEDA has no scaler `{}`", kind.escape_debug())
        };
        let place = self.place(node);
        let mut finding = Finding::new(&UNKNOWN_TYPE, place, message).why(
            "the scaler cannot be built: the ScaledObject is never ready, and nothing scales, by no trigger",
        );
        self.push(match nearest(kind, kinds()) {
            Some(near) if !kind.is_empty() => finding.help(format!("did you mean `{near}`?")).replace(
                false,
                format!("write {near}"),
                place,
                near,
            ),
            _ => {
                // A newer KEDA than the one whose scalers are known may have it.
                if !kind.is_empty() && self.versions.keda.at_least(KNOWN.0, KNOWN.1 + 1) {
                    finding.severity = Severity::Warning;
                }
                finding.help(if kind.starts_with("http") {
                    "the HTTP add-on is asked by `type: external-push`; requests that Prometheus counts, by `type: prometheus`"
                } else {
                    "write the type as KEDA's documentation has it, such as prometheus, cpu, cron or kafka"
                })
            }
        });
    }

    pub(super) fn metadata(&mut self, trigger: &Trigger<'_>, view: &View<'_>) {
        let Some(metadata) = trigger.metadata else { return };
        for key in required(trigger.kind) {
            let from_env = format!("{key}FromEnv");
            if trigger.value(key).is_none() && trigger.entry(&from_env).is_none() {
                // The address may come with the credentials of a TriggerAuthentication.
                if *key == "serverAddress" && trigger.node.get("authenticationRef").is_some() {
                    continue;
                }
                let place = trigger.entry(key).map_or(self.place(metadata), |entry| self.key(entry));
                self.push(
                    Finding::new(
                        &MISSING_KEY,
                        place,
                        match trigger.entry(key) {
                            Some(_) => format!("`{key}` is empty"),
                            None => format!("the trigger has no `{key}`"),
                        },
                    )
                    .why("KEDA cannot build the scaler: the ScaledObject is never ready, and nothing scales")
                    .help(match trigger.entry(key) {
                        Some(_) => format!("write a value for `{key}`"),
                        None => format!("write `{key}`"),
                    }),
                );
            }
        }
        self.name_of_metric(trigger, metadata);
        for entry in metadata.entries() {
            self.one_key(trigger, entry);
        }
        for key in ["threshold", "activationThreshold"] {
            if trigger.kind == "prometheus" {
                self.number(trigger, key);
            }
        }
        if trigger.kind == "prometheus" {
            self.truth_values(trigger);
            self.resolution(trigger, view);
        }
        self.metric_type(trigger);
        self.cached(trigger);
    }

    fn one_key(&mut self, trigger: &Trigger<'_>, entry: &Entry) {
        let Some(keys) = keys_of(trigger.kind) else { return };
        let key = entry.key.as_str();
        let place = self.key(entry);
        let mut finding = match (trigger.kind, key) {
            ("cpu" | "memory", "type") => return self.resource_type(trigger, entry),
            ("datadog", "type") => return self.datadog_type(trigger, entry),
            (_, "metricType") if self.is_job() => {
                let mut finding =
                    Finding::new(&MISPLACED_METRIC_TYPE, place, "`metricType` inside of `metadata`")
                        .why("no scaler reads it here, and a ScaledJob has none")
                        .help("leave it out");
                finding.severity = Severity::Note;
                return self.push(finding);
            }
            (_, "metricType") => {
                let refused = trigger.is_resource() && trigger.metric_type.is_none();
                let mut finding = Finding::new(&MISPLACED_METRIC_TYPE, place, "`metricType` inside of `metadata`")
                    .why(if refused {
                        "KEDA does not read it here, and refuses a cpu or memory trigger without one"
                    } else {
                        "KEDA does not read it here: the trigger keeps the default, AverageValue, which divides by the number of pods"
                    })
                    .help("write it beside `type` and `metadata`");
                if !refused && entry.node.as_str() == Some("AverageValue") {
                    finding.severity = Severity::Note;
                }
                return self.push(finding);
            }
            (_, key) if super::has_variable(key) || key.contains("{{") => return,
            ("gcp-pubsub", "subscriptionSize") if self.versions.keda.at_least(2, 20) => {
                let value = entry.node.as_written().unwrap_or_default();
                let mut finding =
                    Finding::new(&REMOVED_KEY, place, "`subscriptionSize` is refused since KEDA 2.20")
                        .why("the scaler cannot be built: the ScaledObject is never ready, and nothing scales, by no trigger")
                        .help(format!("write `mode: SubscriptionSize` and `value: \"{}\"`", value.escape_debug()));
                finding.severity = Severity::Error;
                return self.push(finding);
            }
            (_, "authenticationRef") => {
                let mut finding =
                    Finding::new(&UNKNOWN_KEY, place, "`authenticationRef` inside of `metadata`")
                        .why("no scaler reads it here: KEDA asks without credentials, and the API server takes only texts in `metadata`")
                        .help("write it beside `type` and `metadata`");
                finding.severity = Severity::Error;
                return self.push(finding);
            }
            (_, "metricName") if !self.versions.keda.at_least(2, 12) => return,
            ("prometheus", "cortexOrgID") if !self.versions.keda.at_least(2, 15) => return,
            (kind, "metricName")
                if kind == "prometheus"
                    || !INCOMPLETE.contains(&kind) && !keys.clone().any(|known| known == key) =>
            {
                Finding::new(&REMOVED_KEY, place, "`metricName` is read by no KEDA since 2.12")
                    .why("KEDA names the metric itself")
                    .help("leave it out")
            }
            ("prometheus", "cortexOrgID" | "cortexOrgId") => {
                let mut finding =
                    Finding::new(&REMOVED_KEY, place, format!("`{key}` is read by no KEDA since 2.15"))
                        .why("the tenant is not sent: Mimir answers `no org id`, and nothing scales")
                        .help("write `customHeaders: X-Scope-OrgID=…`");
                finding.severity = Severity::Error;
                return self.push(finding);
            }
            _ if keys.clone().any(|known| known == key || key.strip_suffix("FromEnv") == Some(known)) => {
                return;
            }
            _ => {
                let meant = meant(trigger, key);
                let default = meant.as_ref().and_then(|meant| meant.default);
                let near = || nearest(key, keys.clone().filter(|known| !ONCE.contains(known)));
                let word = meant.map(|meant| meant.key).or_else(|| near().map(str::to_string));
                let once = ONCE.into_iter().filter(|_| trigger.kind == "prometheus");
                if let (None, Some(old)) = (&word, nearest(key, once)) {
                    let mut finding = Finding::new(
                        &UNKNOWN_KEY,
                        place,
                        format!("the prometheus scaler reads no `{}`", key.escape_debug()),
                    )
                    .why(format!("KEDA ignores it without a word; `{old}`, which may be meant, is not read any more either"))
                    .help(if old == "metricName" {
                        "leave it out: KEDA names the metric itself"
                    } else {
                        "write `customHeaders: X-Scope-OrgID=…`"
                    });
                    if old == "metricName" {
                        finding.severity = Severity::Note;
                        finding.fix = self.remove(format!("remove `{key}`"), entry);
                    }
                    return self.push(finding);
                }
                if word.is_none() && INCOMPLETE.contains(&trigger.kind) {
                    return;
                }
                let finding = Finding::new(
                    &UNKNOWN_KEY,
                    place,
                    format!("the {} scaler reads no `{}`", trigger.kind, key.escape_debug()),
                )
                .why(match default {
                    Some(default) => format!("KEDA ignores it without a word, and reckons with its default of {default} for each pod"),
                    None => "KEDA ignores it without a word".to_string(),
                });
                match word {
                    // Its values are words of its own.
                    Some(word) if word == "sasl" => finding.help("write `sasl: plaintext`, or scram_sha256 or scram_sha512, with `username` and `password` in the TriggerAuthentication"),
                    Some(word) => finding.help(format!("did you mean `{word}`?")),
                    None => finding.help("leave it out"),
                }
            }
        };
        if finding.rule == &REMOVED_KEY {
            finding.fix = self.remove(format!("remove `{key}`"), entry);
        }
        self.push(finding);
    }

    /// Source: kedacore/keda pkg/scalers/cpu_memory_scaler.go: the deprecated `type` is an error since 2.18.
    fn resource_type(&mut self, trigger: &Trigger<'_>, entry: &Entry) {
        let value = entry.node.as_written().unwrap_or_default();
        let place = self.key(entry);
        if !self.versions.keda.at_least(2, 18) {
            return;
        }
        if trigger.metric_type.is_some() {
            let mut finding = Finding::new(
                &RESOURCE_TYPE,
                place,
                "`type` in the metadata of cpu or memory is refused since KEDA 2.18",
            )
            .why("`metricType` is there and is enough; beside it the old key still keeps KEDA from building the scaler: nothing scales, by no trigger")
            .help("remove `type` from the metadata");
            finding.fix = self.remove("remove `type`", entry);
            return self.push(finding);
        }
        let mut finding = Finding::new(
            &RESOURCE_TYPE,
            place,
            "`type` in the metadata of cpu or memory is refused since KEDA 2.18",
        )
        .why("the scaler cannot be built: the ScaledObject is never ready, and nothing scales, by no trigger")
        .help(format!(
            "write `metricType: {value}` beside `type: {}`, and take `type` out of the metadata",
            trigger.kind
        ));
        if let (Some(fix), Some(kind)) =
            (self.remove("", entry), trigger.node.entries().iter().find(|entry| entry.key == "type"))
        {
            let text = &self.sources.get(place.file).text;
            let start = kind.key_span.start as usize;
            let column = start - text[..start].rfind('\n').map_or(0, |at| at + 1);
            let at = crate::source::Span::at(kind.node.span.end as usize);
            let mut edits = fix.edits;
            edits.push(Edit {
                place: crate::source::Place::new(place.file, at),
                replacement: format!("\n{}metricType: {value}", " ".repeat(column)),
            });
            finding.fix = Some(Fix { title: "move it to `metricType`".to_string(), safe: true, edits });
        }
        self.push(finding);
    }

    /// Source: kedacore/keda pkg/scalers/scalersconfig/typed_config.go: numbers are read as JSON.
    fn number(&mut self, trigger: &Trigger<'_>, key: &str) {
        let (Some(entry), Some(text)) = (trigger.entry(key), trigger.value(key)) else { return };
        if !super::is_known(&text) || serde_json::from_str::<f64>(&text).is_ok() {
            return;
        }
        let place = self.place(&entry.node);
        let finding =
            Finding::new(&NOT_A_NUMBER, place, format!("`{}` is not a number", text.escape_debug()))
                .why("KEDA cannot read it: the ScaledObject is never ready, and nothing scales");
        let milli = text.strip_suffix('m').and_then(|number| number.parse::<f64>().ok());
        let seconds = crate::promql::seconds(&text);
        self.push(match (milli, seconds) {
            (_, Some(seconds)) if text.ends_with('s') => {
                finding.help(format!("write \"{seconds}\" if the metric is in seconds"))
            }
            (Some(milli), _) => {
                finding.help(format!("a Kubernetes quantity is not read here: write \"{}\"", milli / 1_000.0))
            }
            _ => finding.help(match plain(&text) {
                Some(number) => format!("write \"{number}\""),
                None => "write a plain number in quotes, without a unit".to_string(),
            }),
        });
    }

    /// Source: kedacore/keda pkg/scalers/scalersconfig/typed_config.go: truth values are read by strconv.ParseBool.
    fn truth_values(&mut self, trigger: &Trigger<'_>) {
        for key in ["ignoreNullValues", "unsafeSsl"] {
            let Some(entry) = trigger.entry(key) else { continue };
            let Some(text) = trigger.value(key).filter(|text| super::is_known(text)) else { continue };
            if super::parse_bool(&text).is_some() {
                continue;
            }
            self.push(
                Finding::new(&NOT_A_TRUTH_VALUE, self.place(&entry.node), format!("`{}` is neither true nor false", text.escape_debug()))
                    .why("KEDA cannot read it: the scaler is never built, the ScaledObject never ready, and nothing scales")
                    .help("write \"true\" or \"false\""),
            );
        }
    }

    /// Source: kedacore/keda pkg/scalers/scaler.go, GetMetricTargetMili: three decimals.
    fn resolution(&mut self, trigger: &Trigger<'_>, view: &View<'_>) {
        let Some(entry) = trigger.entry("threshold").filter(|_| !view.has_formula()) else { return };
        let Some(threshold) = trigger.number("threshold").filter(|value| (0.0005..0.05).contains(value))
        else {
            return;
        };
        let steps = (threshold * 1_000.0).round();
        let mut finding = Finding::new(
            &BELOW_RESOLUTION,
            self.place(&entry.node),
            format!(
                "a threshold of {threshold} is {steps} thousandth{}",
                if steps == 1.0 { "" } else { "s" }
            ),
        )
        .why(format!(
            "KEDA keeps three decimals of threshold and value: a step of the value is {} % of the threshold",
            (100.0 / steps).round()
        ))
        .help("multiply query and threshold by 100 or 1000");
        finding.severity = Severity::Note;
        self.push(finding);
    }

    /// Sources: kedacore/keda pkg/scalers/scaler.go, GetMetricTargetType; pkg/scalers/cpu_memory_scaler.go.
    fn metric_type(&mut self, trigger: &Trigger<'_>) {
        if self.is_job() {
            return self.metric_type_of_job(trigger);
        }
        let node = trigger.node.get("metricType");
        let text = trigger.metric_type.unwrap_or_default();
        if !super::is_known(text) {
            return;
        }
        let place = node.map_or(self.place(trigger.node), |node| self.place(node));
        let misplaced = trigger.entry("metricType").is_some() || trigger.entry("type").is_some();
        let finding = if trigger.is_resource() {
            match text {
                "Utilization" | "AverageValue" => return,
                // Told at the place where it stands.
                "" if misplaced => return,
                "" => Finding::new(&METRIC_TYPE, place, format!("a {} trigger without `metricType`", trigger.kind))
                    .help("write `metricType: Utilization` for percent of the request, or AverageValue for a quantity"),
                _ => Finding::new(&METRIC_TYPE, place, format!("a {} trigger cannot have the metric type `{text}`", trigger.kind))
                    .help("write Utilization or AverageValue"),
            }
        } else {
            match text {
                "Value" if trigger.kind == "cron" => {
                    let mut finding = Finding::new(&METRIC_TYPE, place, "a schedule with the metric type Value")
                        .why("the HPA multiplies the wanted number of pods by those that run: 10 wanted and 3 there are 30")
                        .help("leave `metricType` out: the default, AverageValue, gives the number that is wanted");
                    finding.severity = Severity::Warning;
                    return self.push(finding);
                }
                "" | "AverageValue" | "Value" => return,
                "Utilization" => Finding::new(
                    &METRIC_TYPE,
                    place,
                    format!("a {} trigger cannot have the metric type Utilization", trigger.kind),
                )
                .help("write AverageValue for a total, or Value for a level"),
                _ => {
                    let finding = Finding::new(
                        &METRIC_TYPE,
                        place,
                        format!("there is no metric type `{}`", text.escape_debug()),
                    );
                    match nearest(text, ["AverageValue", "Value"]) {
                        Some(word) => finding.help(format!("did you mean {word}?")),
                        None => finding.help("write AverageValue for a total, or Value for a level"),
                    }
                }
            }
        };
        self.push(
            finding.why("KEDA refuses the trigger: the ScaledObject is never ready, and nothing scales"),
        );
    }

    /// Source: kedacore/keda apis/keda/v1alpha1/scaletriggers_types.go, ValidateTriggers.
    fn cached(&mut self, trigger: &Trigger<'_>) {
        if !matches!(trigger.kind, "cpu" | "memory" | "cron") {
            return;
        }
        if let Some(node) = trigger.node.get("useCachedMetrics")
            && node.as_written().as_deref() == Some("true")
        {
            self.push(
                Finding::new(
                    &CACHED,
                    self.place(node),
                    format!("cached metrics of a {} trigger", trigger.kind),
                )
                .why("KEDA refuses the ScaledObject")
                .help("leave `useCachedMetrics` out"),
            );
        }
    }
}

/// The number that a text most likely means: `0,5`, `.5`, `+5`, `1_000`, `80%`.
fn plain(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches('+').trim_end_matches('%').replace('_', "");
    let has_one_comma = text.matches(',').count() == 1 && !text.contains('.');
    // `1,000` may be a thousand, or one.
    let is_thousand = text.split_once(',').is_some_and(|(_, rest)| rest.len() == 3);
    let text = if has_one_comma && !is_thousand { text.replace(',', ".") } else { text };
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Numbers without quotes at keys that no scaler reads: quotes would only hide the fault.
pub fn in_no_quotes(inventory: &Inventory<'_>, findings: &mut [Finding]) {
    let is_number = |finding: &&mut Finding| {
        finding.rule == &crate::schema::rules::WRONG_TYPE && finding.message.contains("without quotes is")
    };
    let objects = || ["ScaledObject", "ScaledJob"].into_iter().flat_map(|kind| inventory.kind(kind));
    for finding in findings.iter_mut().filter(is_number) {
        let mut triggers =
            objects().filter(|object| object.document.file == finding.place.file).flat_map(|object| {
                let triggers = object.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default();
                triggers.iter().map(Trigger::of)
            });
        let unread = triggers.find_map(|trigger| {
            let mut entries = trigger.metadata?.entries().iter();
            let entry = entries.find(|entry| entry.node.span == finding.place.span)?;
            is_unread(trigger.kind, &entry.key).then(|| (trigger.kind, entry.key.clone()))
        });
        if let Some((kind, key)) =
            unread.filter(|(_, key)| !ONCE.contains(&key.as_str()) && !key.ends_with("FromEnv"))
        {
            finding.help = Some(format!("leave it out: the {kind} scaler reads no `{key}`"));
            finding.fix = None;
        }
    }
}
