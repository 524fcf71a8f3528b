//! The items, group by group.

use super::{Evidence, Facts, Item, Status};
use crate::model::{Decimal, plain};
use crate::plan::AlertPurpose;
use crate::policy::SignalKind;
use crate::policy::written::Source;

fn item(id: &'static str, group: &'static str, title: &'static str, why: &'static str) -> Item {
    Item {
        id,
        group,
        title,
        status: Status::Unknown,
        finding: String::new(),
        why,
        evidence: Vec::new(),
        next: None,
    }
}

impl Item {
    fn is(mut self, status: Status, finding: impl Into<String>) -> Self {
        self.status = status;
        self.finding = finding.into();
        self
    }

    fn evidence(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

const SCRAPE: &str = "Scraping and queries";
const SCALING: &str = "Autoscaling";
const ALERTS: &str = "Alerts";
const PROOF: &str = "Proof";

pub(super) fn scrape(facts: &Facts) -> Vec<Item> {
    let plan = facts.plan;
    let configured = item(
        "scrape-configured",
        SCRAPE,
        "The pods are scraped",
        "A metric that nobody scrapes makes no error: the autoscaler sees nothing and does nothing.",
    );
    let fit = item(
        "windows-fit-interval",
        SCRAPE,
        "Windows hold at least four scrapes",
        "A window with one or two samples is empty after a single failed scrape.",
    );
    let (configured, fit) = match &plan.scrape {
        None => (
            configured.is(Status::NotApplicable, "No signal comes from the pods themselves."),
            fit.is(Status::NotApplicable, "No signal comes from the pods themselves."),
        ),
        Some(scrape) => {
            let ways = [
                (scrape.service_monitor, "servicemonitor.yaml", "endpoints:"),
                (scrape.pod_monitor, "podmonitor.yaml", "podMetricsEndpoints:"),
                (scrape.scrape_config, "scrape-config.yaml", "job_name:"),
            ];
            let names: Vec<&str> = ways.iter().filter(|way| way.0).map(|way| way.1).collect();
            let evidence: Vec<Evidence> =
                ways.iter().filter(|way| way.0).filter_map(|way| facts.generated(way.1, way.2)).collect();
            let problems = facts.conflicts_of(&[
                "conflict/service-missing",
                "conflict/port-missing",
                "conflict/pod-labels",
            ]);
            let configured = if let Some(problem) = problems.first() {
                configured
                    .is(Status::Fail, problem.message.clone())
                    .evidence(problems.iter().map(|finding| facts.manifest_place(finding.place)))
                    .next("Correct the manifest; `slogen build` says how.")
            } else {
                configured
                    .is(
                        Status::Pass,
                        format!(
                            "Port `{}`, path `{}`, every {} s, by {}; deploy one of them per Prometheus.",
                            scrape.port_name,
                            scrape.path,
                            scrape.interval,
                            names.join(" or ")
                        ),
                    )
                    .evidence(evidence)
            };
            (configured, windows(facts, fit, scrape.interval))
        }
    };
    let queries: Vec<&str> = facts
        .policy
        .signals
        .iter()
        .filter(|signal| signal.kind.is_query())
        .map(|signal| signal.name.value.as_str())
        .collect();
    let valid = item(
        "queries-valid",
        SCRAPE,
        "Queries parse and give one series",
        "KEDA takes exactly one number; two series are an error, a range is read as 0.",
    );
    let reachable = item(
        "metrics-reachable",
        SCRAPE,
        "The metrics are there",
        "Only the running Prometheus knows whether the pods really expose what the policy names.",
    );
    let (valid, reachable) = if queries.is_empty() {
        let none = "No signal asks Prometheus.";
        (valid.is(Status::NotApplicable, none), reachable.is(Status::NotApplicable, none))
    } else {
        (
            valid
                .is(Status::Pass, format!("{} of {} queries: one series each.", queries.len(), queries.len()))
                .evidence(facts.generated("scaledobject.yaml", "query:")),
            reachable.is(Status::Unknown, "Files cannot show it.").next(reach_command(facts)),
        )
    };
    let may_read = item(
        "prometheus-may-read-pods",
        SCRAPE,
        "Prometheus may list the pods",
        "Without the right, the targets never appear, and only Prometheus' own log says so.",
    );
    let may_read = match &plan.scrape {
        None => may_read.is(Status::NotApplicable, "No signal comes from the pods themselves."),
        Some(_) => may_read.is(Status::Unknown, "Files cannot show it.").next(format!(
            "`kubectl auth can-i list pods -n {} --as system:serviceaccount:<namespace>:<prometheus>`",
            plan.namespace
        )),
    };
    vec![configured, fit, valid, reachable, may_read]
}

fn windows(facts: &Facts, fit: Item, interval: u32) -> Item {
    let mut shortest: Option<(&str, u32)> = None;
    for signal in &facts.policy.signals {
        let window = match &signal.kind {
            SignalKind::Latency { window, .. } | SignalKind::Rate { window, .. } => Some(*window),
            SignalKind::Ratio { window, .. } => *window,
            _ => None,
        };
        if let Some(window) = window.filter(|window| shortest.is_none_or(|(_, least)| *window < least)) {
            shortest = Some((&signal.name.value, window));
        }
    }
    match shortest {
        None => fit.is(Status::NotApplicable, "No signal looks at a window."),
        Some((name, window)) => fit
            .is(
                Status::Pass,
                format!("The shortest window is {window} s (`{name}`): {} scrapes.", window / interval),
            )
            .evidence([Evidence::Computed {
                formula: format!("{window} s / {interval} s"),
                result: (window / interval).to_string(),
            }]),
    }
}

fn reach_command(facts: &Facts) -> String {
    let address =
        facts.plan.prometheus.as_ref().map_or("http://prometheus", |access| access.address.as_str());
    let metric = facts
        .policy
        .signals
        .iter()
        .filter(|signal| signal.kind.is_query())
        .flat_map(|signal| signal.kind.metrics())
        .next();
    match (metric, &facts.plan.scrape) {
        (Some(_), Some(scrape)) => {
            format!(
                "`promtool query instant {address} 'count(up{{job=\"{}\"}} == 1)'`, and each query of the ScaledObject",
                scrape.job
            )
        }
        _ => format!("`promtool query instant {address} '<query>'` with each query of the ScaledObject"),
    }
}

pub(super) fn autoscaling(facts: &Facts) -> Vec<Item> {
    let plan = facts.plan;
    let scaler = &plan.scaler;
    let name = &plan.name;
    let namespace = &plan.namespace;
    let with_manifests = |item: Item, ids: &[&str], good: &str, unknown: &str, command: String| {
        let found = facts.conflicts_of(ids);
        match (facts.conflicts, found.first()) {
            (None, _) => item.is(Status::Unknown, unknown).next(command),
            (Some(_), Some(first)) => {
                let status =
                    if found.iter().any(|finding| finding.is_error()) { Status::Fail } else { Status::Warn };
                item.is(status, first.message.clone())
                    .evidence(found.iter().map(|finding| facts.manifest_place(finding.place)))
                    .next(first.help.clone().unwrap_or_default())
            }
            (Some(_), None) => item.is(Status::Pass, good),
        }
    };
    let manifests = format!("`slogen build {} --manifests DIR`", plan.policy);
    let no_manifests = "No manifests were given.";
    let active = item(
        "scaledobject-active",
        SCALING,
        "The ScaledObject is ready and active under load",
        "Only KEDA itself can say that it has built the HPA and gets values.",
    )
    .is(Status::Unknown, "Files cannot show it.")
    .next(format!("`kubectl get scaledobject {name} -n {namespace}` under load: READY and ACTIVE are True"));
    let owner = item(
        "external-metrics-owner",
        SCALING,
        "KEDA owns the external metrics API",
        "Only one adapter can; with another one the HPA gets nothing from KEDA.",
    )
    .is(Status::Unknown, "Files cannot show it.")
    .next("`kubectl get apiservice v1beta1.external.metrics.k8s.io`: the service is keda-operator-metrics-apiserver");
    let one = with_manifests(
        item(
            "one-autoscaler",
            SCALING,
            "Nobody else scales the workload",
            "Two HPAs on one workload stop each other (AmbiguousSelector), and KEDA refuses the second one.",
        ),
        &["conflict/second-autoscaler"],
        "No other autoscaler in the given manifests.",
        no_manifests,
        manifests.clone(),
    );
    let unpinned = with_manifests(
        item(
            "replicas-unpinned",
            SCALING,
            "The manifest does not pin spec.replicas",
            "Each deployment would set the number back, against the autoscaler.",
        ),
        &["conflict/replicas-pinned"],
        "No spec.replicas in the given manifests.",
        no_manifests,
        manifests.clone(),
    );
    let resources = facts.policy.signals.iter().any(|s| matches!(s.kind, SignalKind::Resource { .. }));
    let requests = item(
        "requests-set",
        SCALING,
        "Containers request what cpu and memory are compared with",
        "Without requests the HPA cannot compute a share, and the signal is unknown.",
    );
    let requests = if resources {
        with_manifests(
            requests,
            &["conflict/request-missing", "conflict/container-missing"],
            "Every container requests them.",
            no_manifests,
            manifests,
        )
    } else {
        requests.is(Status::NotApplicable, "No signal on cpu or memory.")
    };
    vec![time_to_scale(facts), scale_down(facts), fallback(facts), active, owner, one, unpinned, requests, {
        let baseline = item(
            "baseline-documented",
            SCALING,
            "Baseline, typical and peak replicas are documented",
            "Without them nobody can tell whether the minimum and the maximum are right.",
        );
        match &facts.policy.capacity {
            Some(capacity) => baseline
                .is(
                    Status::Pass,
                    format!(
                        "Baseline {}, typical {}, peak {} pods within {} to {}.",
                        capacity.baseline, capacity.typical, capacity.peak, scaler.min, scaler.max
                    ),
                )
                .evidence([facts.policy_place(capacity.place)]),
            None => baseline
                .is(Status::Manual, "The policy does not say how many pods the service needs.")
                .next("Write `[capacity]` with `baseline`, `typical` and `peak`."),
        }
    }]
}

fn time_to_scale(facts: &Facts) -> Item {
    let item = item(
        "time-to-scale",
        SCALING,
        "New pods are asked for in time",
        "Every second until then is served by the pods that are too few already.",
    );
    let Some(slowest) = facts.plan.prediction.slowest() else {
        return item.is(Status::NotApplicable, "No signal asks Prometheus.");
    };
    let worst = slowest.time.worst().round_dp(1);
    let terms: Vec<String> = slowest
        .time
        .terms
        .iter()
        .map(|term| format!("{} s {}", plain(term.seconds.round_dp(1)), term.name))
        .collect();
    let mut evidence =
        vec![Evidence::Computed { formula: terms.join(" + "), result: format!("{} s", plain(worst)) }];
    let startup = facts.policy.capacity.as_ref().and_then(|capacity| capacity.startup);
    if let Some(startup) = startup {
        evidence.push(Evidence::Computed {
            formula: format!("{} s + {startup} s until a new pod serves", plain(worst)),
            result: format!("{} s", plain(worst + Decimal::from(startup))),
        });
    }
    match &facts.policy.scaling.within {
        None => item
            .is(
                Status::Warn,
                format!("At worst {} s (`{}`); nothing was promised.", plain(worst), slowest.signal),
            )
            .evidence(evidence)
            .next(format!("Write the promise into the policy: `within = \"{}s\"`.", plain(worst.ceil()))),
        Some(within) => item
            .is(
                Status::Pass,
                format!(
                    "At worst {} s (`{}`); promised are {} s.",
                    plain(worst),
                    slowest.signal,
                    within.value
                ),
            )
            .evidence(evidence)
            .evidence([facts.policy_place(within.place)]),
    }
}

fn scale_down(facts: &Facts) -> Item {
    let item = item(
        "scale-down-window",
        SCALING,
        "Pods are removed slowly enough",
        "A quantile stays high for as long as its window after the cure; pods removed meanwhile come right back.",
    );
    let window = facts.plan.scaler.down.stabilization;
    let longest = facts
        .policy
        .signals
        .iter()
        .filter_map(|signal| match &signal.kind {
            SignalKind::Latency { window, .. } | SignalKind::Rate { window, .. } => Some(*window),
            SignalKind::Ratio { window, .. } | SignalKind::Query { window, .. } => *window,
            _ => None,
        })
        .max()
        .unwrap_or(0);
    let startup = facts.policy.capacity.as_ref().and_then(|capacity| capacity.startup).unwrap_or(0);
    let needed = longest + startup;
    let formula = format!("longest window {longest} s + start-up {startup} s");
    let evidence = Evidence::Computed { formula, result: format!("{needed} s") };
    let told = item.evidence([evidence]).evidence(facts.generated("scaledobject.yaml", "scaleDown:"));
    if window >= needed {
        told.is(Status::Pass, format!("The scale-down window of {window} s covers {needed} s."))
    } else {
        told.is(Status::Warn, format!("The scale-down window of {window} s is shorter than {needed} s."))
            .next(format!("Write `stabilization = \"{needed}s\"` in [scaling.down]."))
    }
}

fn fallback(facts: &Facts) -> Item {
    let item = item(
        "fallback-decided",
        SCALING,
        "It is decided what happens while Prometheus is silent",
        "Without a fallback nothing is removed, and a lost metric may read as 0 and take the pods away.",
    );
    match &facts.plan.scaler.fallback {
        None => item.is(Status::NotApplicable, "No signal asks Prometheus."),
        Some(_) => item
            .is(Status::Pass, format!("While it is silent: {}.", facts.plan.prediction.when_silent))
            .evidence(facts.generated("scaledobject.yaml", "fallback:"))
            .evidence(facts.generated("scaledobject.yaml", "ignoreNullValues")),
    }
}

pub(super) fn alerts(facts: &Facts) -> Vec<Item> {
    let plan = facts.plan;
    let has = |purpose: AlertPurpose| plan.rules.alerts.iter().any(|alert| alert.purpose == purpose);
    let quiet: Vec<&str> = facts
        .policy
        .signals
        .iter()
        .filter(|signal| signal.kind.is_query() && signal.alerts.is_empty())
        .map(|signal| signal.name.value.as_str())
        .collect();
    let queries = facts.policy.signals.iter().any(|signal| signal.kind.is_query());
    let set = item(
        "alerts-set",
        ALERTS,
        "Each signal has an alert",
        "The autoscaler can be at its end; then a person has to know.",
    );
    let set = if !queries {
        set.is(Status::NotApplicable, "No signal asks Prometheus.")
    } else if quiet.is_empty() {
        set.is(Status::Pass, format!("{} alerts.", plan.rules.alerts.len()))
            .evidence(facts.generated("rules.yaml", "- alert:"))
    } else {
        set.is(Status::Warn, format!("No alert for `{}`.", quiet.join("`, `")))
            .next("Write `alert = { above = …, for = \"5m\" }`, or waive the item.")
    };
    let watched = item(
        "keda-errors-watched",
        ALERTS,
        "KEDA's errors are watched",
        "KEDA fails in silence: the number of pods just stays what it is.",
    );
    let watched = if !queries {
        watched.is(Status::NotApplicable, "No signal asks Prometheus.")
    } else if has(AlertPurpose::KedaErrors) {
        let names: Vec<&str> = [
            (AlertPurpose::KedaErrors, "errors"),
            (AlertPurpose::KedaEmpty, "empty answers"),
            (AlertPurpose::FallbackActive, "fallback"),
        ]
        .into_iter()
        .filter(|(purpose, _)| has(*purpose))
        .map(|(_, name)| name)
        .collect();
        let needle = "KedaErrors";
        watched
            .is(
                Status::Pass,
                format!("Watched: {}; needs a Prometheus that scrapes keda-operator.", names.join(", ")),
            )
            .evidence(facts.generated("rules.yaml", needle))
    } else {
        watched
            .is(Status::Fail, "The alert on KEDA's errors is omitted in the policy.")
            .next("Take it out of `[alerts] omit`.")
    };
    let tested = item(
        "rules-tested",
        ALERTS,
        "Each alert is proved to fire and to stay silent",
        "A rule that loads and never fires is worse than none.",
    );
    let tested = if plan.tests.is_empty() {
        tested.is(Status::NotApplicable, "No alert, no test.")
    } else {
        tested
            .is(
                Status::Unknown,
                format!("{} tests were written for {} alerts.", plan.tests.len(), plan.rules.alerts.len()),
            )
            .evidence(facts.generated("rules.test.yaml", "tests:"))
            .next("`promtool test rules rules.test.yaml`")
    };
    let runbook = item(
        "runbook-linked",
        ALERTS,
        "Alerts name a runbook",
        "Somebody who is woken at night has to know where to look.",
    );
    let runbook = match &facts.policy.alerts.runbook {
        Some(address) => runbook.is(Status::Pass, format!("Every alert links {address}.")),
        None => runbook
            .is(Status::Manual, "No runbook is named; every alert says in words what to do.")
            .next("Write `[alerts] runbook = \"https://…\"`."),
    };
    vec![set, watched, tested, runbook]
}

pub(super) fn proof(facts: &Facts) -> Vec<Item> {
    let test = item(
        "load-test-run",
        PROOF,
        "A load test was run",
        "Only load shows whether all of this works together.",
    );
    let enough = |users: u32, duration: u32| users >= 150 && duration >= 180;
    let test = match &facts.policy.load_test {
        None => test
            .is(Status::Manual, "No load test is documented.")
            .next("Run 150 users or more for 3 minutes or more, and write `[load_test]`."),
        Some(placed) => {
            let load = &placed.value;
            let attested = Evidence::Attestation {
                by: load.by.clone(),
                date: load.date.clone(),
                text: format!(
                    "{} users for {} s{}",
                    load.users,
                    load.duration,
                    load.report.as_ref().map(|report| format!(", {report}")).unwrap_or_default()
                ),
            };
            let told = test.evidence([attested, facts.policy_place(placed.place)]);
            if !enough(load.users, load.duration) {
                told.is(
                    Status::Warn,
                    format!(
                        "{} users for {} s: fewer than 150 users or 3 minutes.",
                        load.users, load.duration
                    ),
                )
            } else if load.report.is_none() {
                told.is(Status::Warn, "The test has no report: no timeline of load and pods.")
                    .next("Write `report = \"…\"` with the timeline of load, signals and pods.")
            } else {
                told.is(Status::Pass, format!("{} users for {} s.", load.users, load.duration))
            }
        }
    };
    let queue = facts.policy.signals.iter().find(|s| matches!(s.kind, SignalKind::Gauge { .. }));
    let pressure = item(
        "queue-pressure-tested",
        PROOF,
        "The queue was put under pressure",
        "A queue that empties by itself hides a scaler that does nothing.",
    );
    let pressure = match queue {
        None => pressure.is(Status::NotApplicable, "No signal on a queue."),
        Some(signal) => {
            let scale = signal.scale.as_ref().map_or("", |scale| scale.text.as_str());
            let who = if signal.source == Source::Elsewhere { "the producer" } else { "the clients" };
            pressure
                .is(Status::Manual, format!("Nobody vouches that `{}` was driven above {scale} per pod.", signal.name.value))
                .next(format!(
                    "Let {who} fill it above {scale} × pods for 3 minutes and watch `kubectl get hpa {} -n {} -w`, then waive the item with the date as reason.",
                    facts.plan.scaler.hpa_name(),
                    facts.plan.namespace
                ))
        }
    };
    vec![test, pressure]
}
