//! What only several tables together can show.

use super::names::shown;
use super::{Checker, rules};
use crate::finding::{Finding, nearest};
use crate::model::plain;
use crate::policy::valid::{Policy, Require, Signal, SignalKind};
use crate::policy::written::{Discovery, Document, Source};
use crate::source::Placed;

impl Checker<'_> {
    pub(super) fn consistency(&mut self, policy: &Policy, document: &Document) {
        self.needs(policy, document);
        self.sleep(policy);
        self.without_effect(policy, document);
        self.duplicates(&policy.signals);
        self.agreement(policy);
        self.schedules(policy);
        self.fallback_versions(policy);
        self.promise(policy);
    }

    /// Tables that the signals need.
    fn needs(&mut self, policy: &Policy, document: &Document) {
        let query = policy.signals.iter().find(|signal| signal.kind.is_query());
        let address = document.prometheus.value().map(|p| &p.address);
        if let Some(signal) = query
            && address.is_none_or(|address| address.is_missing())
        {
            let place = document.prometheus.place().unwrap_or(signal.name.place);
            self.push(
                Finding::new(&rules::MISSING_KEY, place, "the key `address` of [prometheus] is missing")
                    .label(format!("`{}` is a query", signal.name.value))
                    .why("KEDA has to know whom to ask")
                    .help("write `[prometheus]` with `address = \"http://prometheus-server.monitoring.svc.cluster.local:80\"`"),
            );
        }
        let from_pods = |signal: &&Signal| signal.source == Source::Pods && signal.kind.is_query();
        if let Some(signal) = policy.signals.iter().find(from_pods)
            && document.metrics.is_missing()
        {
            self.push(
                Finding::new(
                    &rules::MISSING_KEY,
                    signal.name.place,
                    format!("`{}` comes from the pods, and the table [metrics] is missing", signal.name.value),
                )
                .why("nobody would scrape the pods, and KEDA would never get a value")
                .help("write `[metrics]` with `port = { name = \"http\", number = 8000 }`, or `source = \"elsewhere\"`"),
            );
        }
    }

    /// A workload that can go to zero needs somebody else to wake it.
    fn sleep(&mut self, policy: &Policy) {
        let disordered = |idle: &Placed<u32>| idle.value >= policy.scaling.min.value;
        if !policy.scaling.sleeps() || policy.scaling.idle.as_ref().is_some_and(disordered) {
            return;
        }
        let place = policy.scaling.idle.as_ref().map_or(policy.scaling.min.place, |idle| idle.place);
        let resource = |signal: &Signal| matches!(signal.kind, SignalKind::Resource { .. });
        if policy.signals.iter().all(resource) && !policy.signals.is_empty() {
            // Source: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go.
            self.push(
                Finding::new(&rules::RESOURCE_ONLY_ZERO, place, "cpu and memory alone cannot scale to zero")
                    .why("no pods use no cpu: nothing could wake the workload, and KEDA refuses the ScaledObject")
                    .help("write `min = 1`, or add a signal that is there without the pods, such as a queue"),
            );
            return;
        }
        let wakes = |signal: &Signal| signal.kind.is_query() && signal.source == Source::Elsewhere;
        let opens = |signal: &Signal| matches!(signal.kind, SignalKind::Schedule { .. });
        if !policy.signals.is_empty() && !policy.signals.iter().any(|s| wakes(s) || opens(s)) {
            let mut finding = Finding::new(
                &rules::NEVER_WAKES,
                place,
                "asleep, the workload has no pod that could say that there is work",
            )
            .why("all signals come from the workload's own pods: once at 0 it stays at 0")
            .help("write `min = 1`, or add a signal with `source = \"elsewhere\"`: the queue's own exporter, the ingress");
            if let Some(signal) = policy.signals.iter().find(|signal| signal.kind.is_query()) {
                finding = finding.related(signal.name.place, "exposed by the pods themselves");
            }
            self.push(finding);
        }
    }

    /// Said, not refused: what does nothing in this policy, and what does it instead.
    fn without_effect(&mut self, policy: &Policy, document: &Document) {
        let scaling = &policy.scaling;
        let min = scaling.min.value;
        if !scaling.sleeps() {
            let why = format!(
                "KEDA itself acts only between 0 and the minimum; from {min} up Kubernetes asks every 15 s"
            );
            if let Some(polling) = &scaling.polling_interval {
                self.push(
                    Finding::new(
                        &rules::NO_EFFECT,
                        polling.place,
                        format!("`polling_interval` does nothing with min = {min}"),
                    )
                    .why(&why)
                    .help("leave it out; it is not written into the ScaledObject"),
                );
            }
            if let Some(cooldown) = &scaling.cooldown {
                self.push(
                    Finding::new(
                        &rules::NO_EFFECT,
                        cooldown.place,
                        format!("`cooldown` does nothing with min = {min}"),
                    )
                    .why("it delays only the step to zero")
                    .help(format!(
                        "leave it out; removing pods waits for `stabilization` in [scaling.down], here {} s",
                        scaling.down.stabilization
                    )),
                );
            }
        }
        for signal in &policy.signals {
            let Some(activate) = &signal.activate else { continue };
            let because = match (&scaling.require, scaling.sleeps()) {
                (_, false) => format!("it decides between 0 pods and one, and there are always {min}"),
                (Some(_), true) => "with a formula only its result decides".to_string(),
                (None, true) => continue,
            };
            self.push(
                Finding::new(
                    &rules::NO_EFFECT,
                    activate.place,
                    format!("`activate` of `{}` does nothing here", signal.name.value),
                )
                .why(because)
                .help("leave it out; it is not written into the ScaledObject"),
            );
        }
        if let Some(fallback) = scaling.fallback.place
            && !policy.signals.iter().any(|signal| signal.kind.is_query())
        {
            self.push(
                Finding::new(&rules::NO_EFFECT, fallback, "`fallback` does nothing without a query")
                    .why("cpu, memory and schedules are not asked from Prometheus")
                    .help("leave it out"),
            );
        }
        if let Some(metrics) = &policy.metrics
            && !metrics.discovery.contains(&Discovery::ServiceMonitor)
            && let Some(place) = document.metrics.value().and_then(|metrics| metrics.service.place())
        {
            self.push(
                Finding::new(&rules::NO_EFFECT, place, "`service` does nothing without a ServiceMonitor")
                    .why("the other ways find the pods by their own labels")
                    .help("leave it out, or add \"service-monitor\" to `discovery`"),
            );
        }
    }

    fn duplicates(&mut self, signals: &[Signal]) {
        for (at, signal) in signals.iter().enumerate() {
            let same =
                |other: &&Signal| asks_the_same(&other.kind, &signal.kind) && other.source == signal.source;
            let Some(first) = signals[..at].iter().find(same) else { continue };
            self.push(
                Finding::new(
                    &rules::DUPLICATE_SIGNAL,
                    signal.name.place,
                    format!("`{}` asks for the same as `{}`", signal.name.value, first.name.value),
                )
                .related(first.name.place, "the first one")
                .why("of two thresholds for one value only the lower one counts, and KEDA asks twice")
                .help("leave one of the two out"),
            );
        }
    }

    /// `require` and `formula`.
    fn agreement(&mut self, policy: &Policy) {
        let Some(require) = &policy.scaling.require else { return };
        for signal in &policy.signals {
            if matches!(signal.kind, SignalKind::Resource { .. }) {
                // Source: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go: cpu and memory are no variables.
                self.push(
                    Finding::new(
                        &rules::REQUIRE_RESOURCE,
                        signal.name.place,
                        format!("`{}` cannot take part in `require` or `formula`", signal.name.value),
                    )
                    .related(require.place, "asked for here")
                    .why("the HPA watches cpu and memory itself and would add pods for them alone, whatever the others say")
                    .help("leave the signal out, or measure it as a query"),
                );
            }
        }
        let variables: Vec<String> =
            policy.signals.iter().map(|signal| variable(&signal.name.value)).collect();
        for (at, signal) in policy.signals.iter().enumerate() {
            let name = &variables[at];
            if RESERVED.contains(&name.as_str()) || variables[..at].contains(name) {
                self.push(
                    Finding::new(
                        &rules::INVALID_NAME,
                        signal.name.place,
                        format!("{} cannot be a variable of the formula", shown(name)),
                    )
                    .why("it is a word of KEDA's expression language, or another signal has it already")
                    .help("rename the signal"),
                );
            }
        }
        match &require.value {
            Require::Count(_) => self.count_fits(policy, require),
            Require::Formula { text, .. } => self.formula_names(text, require, &variables),
        }
    }

    fn count_fits(&mut self, policy: &Policy, require: &Placed<Require>) {
        let raw = self.source.text.get(require.place.span.range()).unwrap_or_default();
        let stated = raw.trim_matches(['"', '\'']).split_once(" of ");
        let all = stated.and_then(|(_, all)| all.trim().parse::<usize>().ok());
        if let Some(all) = all
            && all != policy.signals.len()
        {
            self.push(
                Finding::new(
                    &rules::REQUIRE_COUNT,
                    require.place,
                    format!("`require` counts {all} signals, and the policy has {}", policy.signals.len()),
                )
                .why("a signal was added or removed without looking at this line")
                .help(format!("write `of {}`, or correct the signals", policy.signals.len())),
            );
        }
    }

    fn formula_names(&mut self, text: &str, require: &Placed<Require>, variables: &[String]) {
        if text.chars().any(char::is_control)
            || text.contains("//")
            || text.contains('#') && !text.contains("{#")
        {
            self.push(
                Finding::new(&rules::FORMULA, require.place, "a formula is one line without comments")
                    .why("KEDA wraps it into a function call, and a comment would swallow the end")
                    .help("leave comments and line breaks out"),
            );
        }
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')) {
            if variables.iter().any(|name| name == word)
                || RESERVED.contains(&word)
                || FUNCTIONS.contains(&word)
            {
                continue;
            }
            let help = match nearest(word, variables.iter().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the signals are {}", variables.join(", ")),
            };
            self.push(
                Finding::new(
                    &rules::FORMULA,
                    require.place,
                    format!("the formula names {}, and there is no such signal", shown(word)),
                )
                .why("KEDA refuses the ScaledObject")
                .help(help),
            );
        }
        for name in variables {
            let used =
                text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == name);
            if !used {
                self.push(
                    Finding::new(
                        &rules::FORMULA,
                        require.place,
                        format!("the formula does not use {}", shown(name)),
                    )
                    .why("KEDA asks for it all the same, and if it fails the whole formula fails")
                    .help("use it, or leave the signal out"),
                );
            }
        }
    }

    fn schedules(&mut self, policy: &Policy) {
        let (min, max) = (&policy.scaling.min, &policy.scaling.max);
        for signal in &policy.signals {
            let SignalKind::Schedule { replicas, .. } = &signal.kind else { continue };
            if *replicas > max.value {
                self.push(
                    Finding::new(
                        &rules::INVALID_SCHEDULE,
                        signal.name.place,
                        format!(
                            "`{}` wants {replicas} pods, and the maximum is {}",
                            signal.name.value, max.value
                        ),
                    )
                    .related(max.place, "the maximum")
                    .why("the HPA stops at the maximum without a word")
                    .help(format!("write `max = {replicas}`, or fewer replicas")),
                );
            } else if *replicas <= min.value && *replicas > 0 {
                self.push(
                    Finding::new(
                        &rules::NO_EFFECT,
                        signal.name.place,
                        format!(
                            "`{}` wants {replicas} pods, and there are always {}",
                            signal.name.value, min.value
                        ),
                    )
                    .why("a schedule only raises the number")
                    .help("write more replicas, or leave the signal out"),
                );
            }
        }
    }

    fn fallback_versions(&mut self, policy: &Policy) {
        let level = policy.signals.iter().find(|signal| signal.kind.is_level());
        if let Some(signal) = level
            && !policy.keda.at_least(2, 18)
            && policy.scaling.require.is_none()
        {
            let finding = Finding::new(
                &rules::UNSUPPORTED_FEATURE,
                signal.name.place,
                format!("KEDA {} has no fallback for `{}`", policy.keda, signal.name.value),
            )
            .why("before 2.18 a trigger of metric type Value is left out: while Prometheus is silent this signal is an error, and nothing scales down")
            .help("run KEDA 2.18 or newer, or accept it");
            self.push_warning(finding);
        }
    }
}

/// The name of a signal as a variable of a formula.
pub fn variable(name: &str) -> String {
    name.replace('-', "_")
}

/// Words that cannot be variables. Source: expr-lang/expr, language definition, and kedacore/keda
/// pkg/scaling/modifiers/formula.go, which wraps the formula into `float(…)`.
const RESERVED: &[&str] = &[
    "in",
    "not",
    "let",
    "if",
    "else",
    "and",
    "or",
    "true",
    "false",
    "nil",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "float",
    "_kedaCompositeResult",
    "pods",
];

/// Functions that a formula may call; same source.
const FUNCTIONS: &[&str] = &[
    "max", "min", "sum", "mean", "median", "abs", "ceil", "floor", "round", "int", "sort", "count", "filter",
    "any", "all", "one", "none", "len", "desc", "asc",
];

fn asks_the_same(a: &SignalKind, b: &SignalKind) -> bool {
    use SignalKind::{Gauge, Latency, Query, Rate, Ratio, Resource, Schedule, Share};
    let same = |a: &crate::policy::MetricSelector, b: &crate::policy::MetricSelector| {
        a.name == b.name && a.matchers == b.matchers
    };
    match (a, b) {
        (
            Latency { histogram: a, quantile: p, window: v, .. },
            Latency { histogram: b, quantile: q, window: w, .. },
        ) => same(a, b) && plain(*p) == plain(*q) && v == w,
        (Gauge { gauge: a, .. }, Gauge { gauge: b, .. })
        | (Share { gauge: a, .. }, Share { gauge: b, .. }) => same(a, b),
        (Rate { counter: a, window: v }, Rate { counter: b, window: w }) => same(a, b) && v == w,
        (
            Ratio { numerator: a, denominator: c, window: v },
            Ratio { numerator: b, denominator: d, window: w },
        ) => same(a, b) && same(c, d) && v == w,
        (Resource { resource: a, container: c, .. }, Resource { resource: b, container: d, .. }) => {
            a == b && c == d
        }
        (Schedule { start: a, end: c, timezone: e, .. }, Schedule { start: b, end: d, timezone: f, .. }) => {
            a == b && c == d && e == f
        }
        (Query { text: a, .. }, Query { text: b, .. }) => a == b,
        _ => false,
    }
}
