//! `[signal.*]`: each type in turn.

use super::names::shown;
use super::threshold::Scale;
use super::{Checker, rules};
use crate::finding::Finding;
use crate::model::{Decimal, Dimension, MetricUnit, ResourceTarget, plain};
use crate::policy::valid::{Prometheus, Signal, SignalKind};
use crate::policy::written::{self, Document, Field, Meaning, Named, Quantity, RatioOf, Source};
use crate::source::{Place, Placed};

/// More triggers than anybody can reason about; KEDA asks each of them every 15 s.
const MOST_SIGNALS: usize = 50;

/// Facts from other tables that the signals need.
pub(super) struct Surroundings<'p> {
    pub(super) prometheus: &'p Prometheus,
    /// Seconds between two scrapes.
    pub(super) interval: u32,
    /// The namespace of the workload, where the policy names it.
    pub(super) namespace: Option<String>,
}

impl Checker<'_> {
    pub(super) fn signals(
        &mut self,
        document: &Document,
        root: Place,
        prometheus: &Prometheus,
        interval: u32,
    ) -> Option<Vec<Signal>> {
        let example = "[signal.queue]\ntype = \"queue\"\ngauge = \"jobs_waiting\"\nscale = 20";
        let table = self.required(&document.signal, "signal", root, example)?;
        let Named(entries) = &table.value;
        if entries.is_empty() || entries.len() > MOST_SIGNALS {
            self.push(
                Finding::new(
                    &rules::NO_SIGNAL,
                    table.place,
                    format!("{} signals: there must be 1 to {MOST_SIGNALS}", entries.len()),
                )
                .help(format!("write {}", example.replace('\n', ", "))),
            );
            return None;
        }
        let workload = document.workload.value();
        let namespace = workload.and_then(|workload| workload.namespace.value().cloned());
        let surroundings = Surroundings { prometheus, interval, namespace };
        let mut signals = Vec::new();
        for (name, signal) in entries {
            self.signal_name(name);
            if let Some(written) = signal.get() {
                signals.extend(self.signal(name, written, &surroundings));
            }
        }
        Some(signals)
    }

    fn signal_name(&mut self, name: &Placed<String>) {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let text = &name.value;
        if !(text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= 40
            && text.bytes().all(inner))
        {
            self.push(
                Finding::new(
                    &rules::INVALID_NAME,
                    name.place,
                    format!("{} is not a name for a signal", shown(text)),
                )
                .why("the name becomes the trigger's name, a label in KEDA's metrics and part of the alerts' names")
                .help("at most 40 lower-case letters, digits, `-` and `_`, a letter first, such as `latency-p95`"),
            );
        }
    }

    fn signal(
        &mut self,
        name: &Placed<String>,
        written: &Placed<written::Signal>,
        surroundings: &Surroundings,
    ) -> Option<Signal> {
        let place = name.place;
        match &written.value {
            written::Signal::Latency(latency) => self.latency(name, latency, surroundings),
            written::Signal::Queue(gauge) => self.gauge(name, gauge, false, surroundings),
            written::Signal::Inflight(gauge) => self.gauge(name, gauge, true, surroundings),
            written::Signal::Rate(rate) => self.rate(name, rate, surroundings),
            written::Signal::Ratio(ratio) => self.ratio(name, ratio, surroundings),
            written::Signal::Cpu(resource) => self.resource(name, resource, "cpu"),
            written::Signal::Memory(resource) => self.resource(name, resource, "memory"),
            written::Signal::Schedule(schedule) => {
                let kind = self.schedule(schedule, place)?;
                Some(plain_signal(name, kind))
            }
            written::Signal::Query(query) => self.query(name, query, surroundings),
        }
    }

    fn latency(
        &mut self,
        name: &Placed<String>,
        latency: &written::Latency,
        surroundings: &Surroundings,
    ) -> Option<Signal> {
        let source = latency.source.value().copied().unwrap_or(Source::Pods);
        let window = self.window(&latency.window, surroundings.interval);
        let quantile = self.quantile(&latency.quantile);
        let histogram = self
            .required(
                &latency.histogram,
                "histogram",
                name.place,
                "histogram = \"http_request_duration_seconds\"",
            )
            .and_then(|written| self.metric(written, source, surroundings));
        let histogram = histogram.map(|mut selector| {
            if let Some(base) = selector.name.strip_suffix("_bucket") {
                selector.name = base.to_string();
            }
            self.metric_kind(
                &selector,
                &["_total", "_count", "_sum"],
                "a histogram",
                "its name without `_bucket`",
            );
            selector
        });
        let unit = self.unit_of(histogram.as_ref(), &latency.unit, Dimension::Time, None, name.place);
        let buckets = self.buckets(&latency.buckets, unit);
        let scale = Scale {
            dimension: Dimension::Time,
            what: "a latency",
            ceiling: buckets.last().map(|last| (*last, "the last bucket")),
            unit: unit.unwrap_or(MetricUnit::RATIO),
            share: false,
            as_written: false,
        };
        let thresholds = self.thresholds(name, &scale, &latency.activate, &latency.scale, &latency.alert);
        Some(Signal {
            name: name.clone(),
            kind: SignalKind::Latency { histogram: histogram?, quantile: quantile?, window, unit: unit? },
            scale: Some(thresholds.scale?),
            activate: thresholds.activate,
            alerts: thresholds.alerts,
            source,
            appears_late: latency.appears_late.value() == Some(&true),
        })
    }

    fn quantile(&mut self, field: &Field<Quantity>) -> Option<Decimal> {
        let Some(quantity) = field.get() else {
            return field.is_missing().then(|| Decimal::from_i128_with_scale(95, 2));
        };
        let text = quantity.value.written();
        let value = text.parse::<Decimal>().ok();
        if let Some(value) = value
            && value > Decimal::ZERO
            && value < Decimal::ONE
        {
            return Some(value.normalize());
        }
        let finding = Finding::new(
            &rules::OUT_OF_RANGE,
            quantity.place,
            format!("a quantile of {} does not exist: it lies between 0 and 1", shown(text)),
        )
        .why("Prometheus answers +Inf or -Inf, which KEDA cannot use");
        let percent = value.filter(|value| *value > Decimal::ONE && *value < Decimal::ONE_HUNDRED);
        self.push(match percent {
            Some(value) => {
                let share = plain(value / Decimal::ONE_HUNDRED);
                finding.label("a percentile?").help(format!("write {share}")).replace(
                    false,
                    format!("write {share}"),
                    quantity.place,
                    share,
                )
            }
            None => finding.help("write 0.95 for the 95th percentile"),
        });
        None
    }

    /// Buckets in base units, ascending.
    fn buckets(&mut self, field: &Field<Vec<Field<Quantity>>>, unit: Option<MetricUnit>) -> Vec<Decimal> {
        let mut bounds: Vec<Decimal> = Vec::new();
        for quantity in field.value().map_or(&[][..], Vec::as_slice).iter().filter_map(Field::get) {
            let text = quantity.value.written();
            let value = text.parse::<Decimal>().ok().or_else(|| Decimal::from_scientific(text).ok());
            let factor = unit.map_or(Decimal::ONE, |unit| unit.factor);
            let base = value.and_then(|value| value.checked_mul(factor));
            match base {
                Some(base) if bounds.last().is_none_or(|last| *last < base) => bounds.push(base),
                Some(_) => self.push(
                    Finding::new(
                        &rules::OUT_OF_RANGE,
                        quantity.place,
                        format!("the bucket {} is not above the one before it", shown(text)),
                    )
                    .help("write the upper bounds in ascending order, without +Inf"),
                ),
                None => self.push(
                    Finding::new(
                        &rules::INVALID_QUANTITY,
                        quantity.place,
                        format!("{} is not the bound of a bucket", shown(text)),
                    )
                    .help("write plain numbers in the metric's own unit, as in its label `le`"),
                ),
            }
        }
        bounds
    }

    fn gauge(
        &mut self,
        name: &Placed<String>,
        gauge: &written::Gauge,
        inflight: bool,
        surroundings: &Surroundings,
    ) -> Option<Signal> {
        let source = gauge.source.value().copied().unwrap_or(Source::Pods);
        let selector = self
            .required(&gauge.gauge, "gauge", name.place, "gauge = \"jobs_waiting\"")
            .and_then(|written| self.metric(written, source, surroundings));
        if let Some(selector) = &selector {
            let help = "a gauge that says how much is there now; for events there is `type = \"rate\"`";
            self.metric_kind(selector, &["_total", "_bucket"], "a gauge", help);
        }
        let unit = match (&gauge.unit, &selector) {
            (Field::Missing, Some(selector)) => MetricUnit::of_name(&selector.name)
                .filter(|unit| unit.dimension != Dimension::Ratio)
                .unwrap_or(MetricUnit::COUNT),
            (Field::Missing, None) => MetricUnit::COUNT,
            (stated, _) => self.stated_unit(stated).unwrap_or(MetricUnit::COUNT),
        };
        let scale = Scale {
            dimension: unit.dimension,
            what: "this signal",
            ceiling: None,
            unit,
            share: false,
            as_written: false,
        };
        let thresholds = self.thresholds(name, &scale, &gauge.activate, &gauge.scale, &gauge.alert);
        Some(Signal {
            name: name.clone(),
            kind: SignalKind::Gauge { gauge: selector?, unit, inflight },
            scale: Some(thresholds.scale?),
            activate: thresholds.activate,
            alerts: thresholds.alerts,
            source,
            appears_late: gauge.appears_late.value() == Some(&true),
        })
    }

    fn rate(
        &mut self,
        name: &Placed<String>,
        rate: &written::Rate,
        surroundings: &Surroundings,
    ) -> Option<Signal> {
        let source = rate.source.value().copied().unwrap_or(Source::Pods);
        let window = self.window(&rate.window, surroundings.interval);
        let counter = self
            .required(&rate.counter, "counter", name.place, "counter = \"http_requests_total\"")
            .and_then(|written| self.metric(written, source, surroundings));
        if let Some(counter) = &counter {
            self.metric_kind(
                counter,
                &["_bucket"],
                "a counter",
                "the histogram's `_count` counts the same events once",
            );
        }
        let scale = Scale {
            dimension: Dimension::Rate,
            what: "a rate",
            ceiling: None,
            unit: MetricUnit::RATE,
            share: false,
            as_written: false,
        };
        let thresholds = self.thresholds(name, &scale, &rate.activate, &rate.scale, &rate.alert);
        Some(Signal {
            name: name.clone(),
            kind: SignalKind::Rate { counter: counter?, window },
            scale: Some(thresholds.scale?),
            activate: thresholds.activate,
            alerts: thresholds.alerts,
            source,
            appears_late: rate.appears_late.value() == Some(&true),
        })
    }

    fn ratio(
        &mut self,
        name: &Placed<String>,
        ratio: &written::Ratio,
        surroundings: &Surroundings,
    ) -> Option<Signal> {
        let source = ratio.source.value().copied().unwrap_or(Source::Pods);
        let kind = self.ratio_kind(name, ratio, source, surroundings);
        let unit = match &kind {
            Some(SignalKind::Share { unit, .. }) => *unit,
            _ => MetricUnit::RATIO,
        };
        let scale = Scale {
            dimension: Dimension::Ratio,
            what: "a share",
            ceiling: Some((Decimal::ONE, "100%")),
            unit,
            share: true,
            as_written: false,
        };
        let thresholds = self.thresholds(name, &scale, &ratio.activate, &ratio.scale, &ratio.alert);
        Some(Signal {
            name: name.clone(),
            kind: kind?,
            scale: Some(thresholds.scale?),
            activate: thresholds.activate,
            alerts: thresholds.alerts,
            source,
            appears_late: ratio.appears_late.value() == Some(&true),
        })
    }

    fn ratio_kind(
        &mut self,
        name: &Placed<String>,
        ratio: &written::Ratio,
        source: Source,
        surroundings: &Surroundings,
    ) -> Option<SignalKind> {
        if let Some(gauge) = ratio.gauge.get() {
            for other in [&ratio.numerator, &ratio.denominator] {
                if let Some(other) = other.place() {
                    self.push(
                        Finding::new(&rules::UNKNOWN_KEY, other, "with `gauge` there is nothing to divide")
                            .related(gauge.place, "the gauge")
                            .help("write `gauge`, or `numerator` and `denominator`"),
                    );
                }
            }
            let selector = self.metric(gauge, source, surroundings)?;
            let guess = selector.name.ends_with("_perc").then_some(MetricUnit::RATIO);
            let unit = self.unit_of(Some(&selector), &ratio.unit, Dimension::Ratio, guess, name.place)?;
            return Some(SignalKind::Share { gauge: selector, unit });
        }
        let numerator = self
            .required(
                &ratio.numerator,
                "numerator",
                name.place,
                "numerator = 'http_requests_total{code=~\"5..\"}'",
            )
            .and_then(|written| self.metric(written, source, surroundings));
        let denominator = self
            .required(&ratio.denominator, "denominator", name.place, "denominator = \"http_requests_total\"")
            .and_then(|written| self.metric(written, source, surroundings));
        let window = self.window(&ratio.window, surroundings.interval);
        let (numerator, denominator) = (numerator?, denominator?);
        if numerator.name == denominator.name && numerator.matchers == denominator.matchers {
            self.push(
                Finding::new(
                    &rules::DUPLICATE_SIGNAL,
                    denominator.place,
                    "numerator and denominator are the same",
                )
                .related(numerator.place, "the numerator")
                .why("the share would always be 100%")
                .help("give the numerator the matcher that makes it a part, such as `{code=~\"5..\"}`"),
            );
        }
        let counts = |metric: &str| {
            ["_total", "_count", "_sum", "_bucket"].iter().any(|ending| metric.ends_with(ending))
        };
        let counters = match ratio.of.value() {
            Some(of) => *of == RatioOf::Counter,
            None => counts(&numerator.name) || counts(&denominator.name),
        };
        Some(SignalKind::Ratio { numerator, denominator, window: counters.then_some(window) })
    }

    fn resource(
        &mut self,
        name: &Placed<String>,
        resource: &written::Resource,
        which: &'static str,
    ) -> Option<Signal> {
        let example = "scale = \"85%\"";
        let scale = self.required(&resource.scale, "scale", name.place, example)?;
        let target = self.resource_target(scale, which)?;
        if let Some(container) = resource.container.get()
            && !super::names::is_dns_label(&container.value)
        {
            self.push(
                Finding::new(
                    &rules::INVALID_NAME,
                    container.place,
                    format!("{} is not the name of a container", shown(&container.value)),
                )
                .help("write the name as in the pod template"),
            );
        }
        let kind = SignalKind::Resource {
            resource: which,
            container: resource.container.value().cloned(),
            target,
            text: scale.value.written().to_string(),
        };
        Some(plain_signal(name, kind))
    }

    /// Percent of the request, or an amount per pod as Kubernetes writes it.
    fn resource_target(&mut self, scale: &Placed<Quantity>, which: &str) -> Option<ResourceTarget> {
        let text = scale.value.written();
        let amount = text.strip_suffix('%').is_none() && matches!(scale.value, Quantity::Text(_));
        if amount && which == "cpu" {
            let digits = text.strip_suffix('m').unwrap_or(text);
            if digits.parse::<Decimal>().is_ok_and(|value| value > Decimal::ZERO) {
                return Some(ResourceTarget::AverageValue(text.to_string()));
            }
        }
        if amount && which == "memory" {
            let bytes = self.amount(scale, Dimension::Bytes, "an amount of memory")?;
            if bytes >= Decimal::ONE && bytes.trunc() == bytes {
                return Some(ResourceTarget::AverageValue(memory_quantity(bytes)));
            }
        }
        let share = self.amount(scale, Dimension::Ratio, &format!("the use of {which}"))?;
        let percent = share * Decimal::ONE_HUNDRED;
        // Source: kedacore/keda pkg/scalers/cpu_memory_scaler.go (a whole number) and
        // kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go (above 0).
        match u32::try_from(percent.trunc()) {
            Ok(whole) if percent.trunc() == percent && (1..=1_000).contains(&whole) => {
                Some(ResourceTarget::Utilization(whole))
            }
            _ => {
                self.push(
                    Finding::new(
                        &rules::OUT_OF_RANGE,
                        scale.place,
                        format!("{} of the request is not a target", shown(text)),
                    )
                    .why("Kubernetes wants whole percent above 0")
                    .help("write something like \"85%\""),
                );
                None
            }
        }
    }

    fn query(
        &mut self,
        name: &Placed<String>,
        query: &written::Query,
        surroundings: &Surroundings,
    ) -> Option<Signal> {
        let unit = match &query.unit {
            Field::Missing => MetricUnit::COUNT,
            stated => self.stated_unit(stated).unwrap_or(MetricUnit::COUNT),
        };
        let scale = Scale {
            dimension: unit.dimension,
            what: "this signal",
            ceiling: None,
            unit,
            share: unit.dimension == Dimension::Ratio,
            as_written: true,
        };
        let thresholds = self.thresholds(name, &scale, &query.activate, &query.scale, &query.alert);
        let meaning = self.required(&query.meaning, "meaning", name.place, "meaning = \"total\"");
        let text = self.required(&query.query, "query", name.place, "query = \"sum(jobs_waiting)\"")?;
        let stated = (!query.unit.is_missing()).then_some(unit);
        let threshold = (thresholds.scale.as_ref(), stated);
        let (text, window) = self.hand_written(text, meaning, threshold, surroundings)?;
        Some(Signal {
            name: name.clone(),
            kind: SignalKind::Query {
                text,
                meaning: meaning.map_or(Meaning::Total, |placed| placed.value),
                unit,
                window,
            },
            scale: Some(thresholds.scale?),
            activate: thresholds.activate,
            alerts: thresholds.alerts,
            source: Source::Elsewhere,
            appears_late: false,
        })
    }
}

fn plain_signal(name: &Placed<String>, kind: SignalKind) -> Signal {
    Signal {
        name: name.clone(),
        kind,
        scale: None,
        activate: None,
        alerts: Vec::new(),
        source: Source::Pods,
        appears_late: false,
    }
}

/// Bytes as Kubernetes writes them.
fn memory_quantity(bytes: Decimal) -> String {
    for (name, shift) in [("Gi", 30), ("Mi", 20), ("Ki", 10)] {
        let size = Decimal::from(1_u64 << shift);
        if (bytes % size).is_zero() {
            return format!("{}{name}", plain(bytes / size));
        }
    }
    plain(bytes)
}
