//! `[scaling]`.

use super::names::shown;
use super::{Checker, rules};
use crate::finding::Finding;
use crate::model::{Behavior, Decimal, Dimension, Step, StepKind, Version};
use crate::policy::valid::{Direction, Fallback, Require, Scaling};
use crate::policy::written::{self, Document, FallbackBehavior, Field, Select};
use crate::source::{Place, Placed};

/// Largest number that Kubernetes can hold; a plan for more is a mistake long before.
const MOST_REPLICAS: u32 = 100_000;

impl Checker<'_> {
    pub(super) fn scaling(
        &mut self,
        document: &Document,
        root: Place,
        keda: Version,
        kubernetes: Version,
    ) -> Option<Scaling> {
        let table =
            self.required(&document.scaling, "scaling", root, "[scaling]\nreplicas = { min = 2, max = 10 }")?;
        let written = &table.value;
        let polling_interval = self.seconds(
            &written.polling_interval,
            "the polling interval",
            1..=3600,
            "KEDA refuses 0, and a workload that is looked at once an hour wakes an hour late",
        );
        let cooldown = self.seconds(
            &written.cooldown,
            "the cooldown",
            0..=86_400,
            "a longer time never ends between two days",
        );
        let within =
            self.seconds(&written.within, "the promise", 1..=3600, "a promise of more than an hour is none");
        let up = self.direction(&written.up, Way::Up, kubernetes);
        let down = self.direction(&written.down, Way::Down, kubernetes);
        let fallback = self.fallback(&written.fallback, keda);
        let require = self.require(written, keda);
        let take_over = written.take_over.get().cloned().filter(|name| {
            self.object_name(name, "a HorizontalPodAutoscaler", 63, "KEDA refuses more than 63 characters")
        });
        let example = "replicas = { min = 2, max = 10 }";
        let replicas = self.required(&written.replicas, "replicas", table.place, example)?;
        let min = self.required(&replicas.value.min, "min", replicas.place, "min = 2").cloned();
        let max = self.required(&replicas.value.max, "max", replicas.place, "max = 10").cloned();
        let idle = replicas.value.idle.get().cloned();
        let (min, max) = (min?, max?);
        self.replica_order(&min, &max, idle.as_ref());
        if let Some(replicas) = &fallback.replicas
            && (replicas.value < min.value || replicas.value > max.value || replicas.value == 0)
        {
            self.push(
                Finding::new(
                    &rules::FALLBACK_RANGE,
                    replicas.place,
                    format!("a fallback of {} is outside of {} to {}", replicas.value, min.value.max(1), max.value),
                )
                .related(min.place, "the minimum")
                .related(max.place, "the maximum")
                .why("nobody checks it: the HPA clamps it in silence, and 0 wakes the workload instead of putting it to sleep")
                .help(format!("write a number from {} to {}", min.value.max(1), max.value)),
            );
        }
        Some(Scaling {
            min,
            max,
            idle,
            polling_interval,
            cooldown,
            within,
            require,
            up,
            down,
            fallback,
            take_over,
        })
    }

    /// Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, CheckReplicaCountBoundsAreValid, and
    /// config/crd/bases/keda.sh_scaledobjects.yaml.
    fn replica_order(&mut self, min: &Placed<u32>, max: &Placed<u32>, idle: Option<&Placed<u32>>) {
        if max.value == 0 || max.value > MOST_REPLICAS {
            self.push(
                Finding::new(
                    &rules::OUT_OF_RANGE,
                    max.place,
                    format!("a maximum of {} pods cannot be meant", max.value),
                )
                .help(format!("write a number from 1 to {MOST_REPLICAS}")),
            );
        } else if min.value > max.value {
            self.push(
                Finding::new(
                    &rules::REPLICA_ORDER,
                    min.place,
                    format!("the minimum {} is above the maximum {}", min.value, max.value),
                )
                .label("above max")
                .related(max.place, "the maximum")
                .why("KEDA refuses the ScaledObject, and the workload is not scaled at all")
                .help(format!("write min = {}, max = {}", max.value, min.value)),
            );
        }
        let Some(idle) = idle else { return };
        if idle.value >= min.value {
            self.push(
                Finding::new(
                    &rules::REPLICA_ORDER,
                    idle.place,
                    format!("idle {} is not below the minimum {}", idle.value, min.value),
                )
                .related(min.place, "the minimum")
                .why("KEDA refuses the ScaledObject")
                .help(if min.value == 0 {
                    "leave `idle` out: with min = 0 the workload sleeps anyway".to_string()
                } else {
                    "write idle = 0".to_string()
                }),
            );
        } else if idle.value != 0 {
            self.push(
                Finding::new(
                    &rules::IDLE_NOT_ZERO,
                    idle.place,
                    format!("idle {} is not 0", idle.value),
                )
                .why(format!(
                    "KEDA goes to {}, the HPA, which knows only its minimum of {}, goes back up, and so on",
                    idle.value, min.value
                ))
                .help("write idle = 0, or leave it out"),
            );
        }
    }

    fn direction(&mut self, field: &Field<written::Direction>, way: Way, kubernetes: Version) -> Direction {
        let none = written::Direction::default();
        let written = field.value().unwrap_or(&none);
        let what = format!("the stabilization window for scaling {}", way.name());
        // Source: kubernetes/kubernetes pkg/apis/autoscaling/validation/validation.go.
        let stabilization = self.seconds(
            &written.stabilization,
            &what,
            0..=3600,
            "Kubernetes refuses the HPA, while KEDA has already accepted the ScaledObject: nothing scales",
        );
        let mut steps = Vec::new();
        for step in written.policies.value().map_or(&[][..], Vec::as_slice) {
            if let Some(placed) = step.get() {
                steps.extend(self.step(placed));
            }
        }
        let defaults = written.policies.value().is_none_or(Vec::is_empty);
        if defaults {
            steps = way.default_steps();
        }
        let tolerance = written.tolerance.get().and_then(|quantity| {
            if !kubernetes.at_least(1, 35) {
                self.push(
                    Finding::new(
                        &rules::UNSUPPORTED_FEATURE,
                        quantity.place,
                        format!("`tolerance` needs Kubernetes 1.35, and the policy states {kubernetes}"),
                    )
                    .why("an older Kubernetes drops the field in silence, and 10 % stays in force")
                    .help("leave it out"),
                );
            }
            let value = self.amount(quantity, Dimension::Ratio, "a tolerance")?;
            let valid = value >= Decimal::ZERO && value < Decimal::ONE;
            if !valid {
                self.push(
                    Finding::new(
                        &rules::OUT_OF_RANGE,
                        quantity.place,
                        "a tolerance goes from 0% to less than 100%",
                    )
                    .help("write \"10%\" or less"),
                );
            }
            valid.then_some(value)
        });
        Direction {
            place: field.place(),
            stabilization: stabilization.as_ref().map_or(way.default_window(), |placed| placed.value),
            stabilization_place: stabilization.map(|placed| placed.place),
            select: written.select.value().copied().unwrap_or(Select::Max),
            steps,
            tolerance,
        }
    }

    fn step(&mut self, placed: &Placed<written::Step>) -> Option<Step> {
        let step = &placed.value;
        let period = self.seconds(
            &step.period,
            "the period",
            1..=1800,
            "Kubernetes refuses the HPA, while KEDA has already accepted the ScaledObject: nothing scales",
        );
        self.required(&step.period, "period", placed.place, "period = \"60s\"");
        let (kind, value) = match (&step.pods, &step.percent) {
            (Field::Present(pods), Field::Missing) => (StepKind::Pods, pods),
            (Field::Missing, Field::Present(percent)) => (StepKind::Percent, percent),
            (Field::Missing, Field::Missing) => {
                self.push(
                    Finding::new(&rules::MISSING_KEY, placed.place, "neither `pods` nor `percent` is here")
                        .label("how much?")
                        .help("write `pods = 2` or `percent = 50`"),
                );
                return None;
            }
            (Field::Present(_), Field::Present(_)) => {
                self.push(
                    Finding::new(&rules::OUT_OF_RANGE, placed.place, "both `pods` and `percent` are here")
                        .why("a policy of Kubernetes has one of the two")
                        .help("write two policies; `select` says which one wins"),
                );
                return None;
            }
            _ => return None,
        };
        if value.value == 0 || value.value > MOST_REPLICAS {
            self.push(
                Finding::new(
                    &rules::OUT_OF_RANGE,
                    value.place,
                    format!("a step of {} cannot be meant", value.value),
                )
                .why("Kubernetes refuses the HPA; to forbid a direction there is `select = \"disabled\"`")
                .help("write 1 or more"),
            );
            return None;
        }
        Some(Step { kind, value: value.value, period: period?.value })
    }

    fn fallback(&mut self, field: &Field<written::Fallback>, keda: Version) -> Fallback {
        let none = written::Fallback::default();
        let written = field.value().unwrap_or(&none);
        let failures = written.failures.get().map_or(3, |failures| failures.value.min(1_000));
        let behavior = written.behavior.get();
        if let Some(behavior) = behavior
            && behavior.value != FallbackBehavior::Static
        {
            self.needs_keda(keda, (2, 17), "behavior", Some(behavior.place));
        }
        Fallback {
            place: field.place(),
            failures,
            replicas: written.replicas.get().cloned(),
            behavior: behavior.map(|behavior| behavior.value),
        }
    }

    fn require(&mut self, written: &written::Scaling, keda: Version) -> Option<Placed<Require>> {
        self.needs_keda(keda, (2, 12), "require", written.require.place());
        self.needs_keda(keda, (2, 12), "formula", written.formula.place());
        if let (Some(require), Some(formula)) = (written.require.get(), written.formula.get()) {
            self.push(
                Finding::new(
                    &rules::REQUIRE_COUNT,
                    formula.place,
                    "`require` and `formula` exclude each other",
                )
                .related(require.place, "the other one")
                .why("KEDA has one formula for all signals")
                .help("leave one of the two out"),
            );
            return None;
        }
        if let Some(require) = written.require.get() {
            let numbers = require.value.split_once(" of ").and_then(|(some, all)| {
                Some((some.trim().parse::<u32>().ok()?, all.trim().parse::<u32>().ok()?))
            });
            let Some((some, all)) = numbers else {
                self.push(
                    Finding::new(
                        &rules::REQUIRE_COUNT,
                        require.place,
                        format!("{} is not `N of M`", shown(&require.value)),
                    )
                    .help("write something like \"2 of 4\""),
                );
                return None;
            };
            self.require_count(require, some, all);
            return Some(Placed::new(Require::Count(some), require.place));
        }
        let formula = written.formula.get()?;
        let table = &formula.value;
        let text = self.required(&table.text, "text", formula.place, "text = \"max(a, b)\"");
        let target = self.required(&table.target, "target", formula.place, "target = 1");
        let meaning = self.required(&table.meaning, "meaning", formula.place, "meaning = \"total\"");
        let target = target.and_then(|target| {
            let value = self.amount(target, Dimension::Count, "a target")?;
            // Source: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go (a positive number) and
            // pkg/fallback/fallback.go (the fallback works only with a whole one).
            let valid = value > Decimal::ZERO && value.trunc() == value;
            if !valid {
                self.push(
                    Finding::new(&rules::FORMULA, target.place, "the target must be a whole number above 0")
                        .why("KEDA refuses 0, and with a fraction its fallback is off without a word")
                        .help("write `target = 1` and divide inside of the formula"),
                );
            }
            valid.then_some(value)
        });
        let activate = table.activate.get().and_then(|q| self.amount(q, Dimension::Count, "the result"));
        Some(Placed::new(
            Require::Formula {
                text: text?.value.clone(),
                target: target?,
                meaning: meaning?.value,
                activate,
            },
            formula.place,
        ))
    }

    fn require_count(&mut self, require: &Placed<String>, some: u32, all: u32) {
        if some == 0 || some > all {
            self.push(
                Finding::new(&rules::REQUIRE_COUNT, require.place, format!("{some} of {all} can never be"))
                    .help(format!("write a number from 1 to {all} before `of`")),
            );
        }
    }
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Up => "up",
            Way::Down => "down",
        }
    }

    fn default_window(self) -> u32 {
        self.default().stabilization
    }

    fn default_steps(self) -> Vec<Step> {
        self.default().steps
    }

    /// What Kubernetes does where nothing is written.
    fn default(self) -> Behavior {
        match self {
            Way::Up => Behavior::default_up(),
            Way::Down => Behavior::default_down(),
        }
    }
}
