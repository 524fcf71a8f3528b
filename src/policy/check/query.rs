//! PromQL written by hand: what the rules for queries say of it, and what it says it means.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::signal::Surroundings;
use super::{Checker, rules};
use crate::finding::Finding;
use crate::lint::rules::{BELOW_RESOLUTION, LEVEL_DIVIDED, TOTAL_NOT_DIVIDED};
use crate::lint::{About, Context, Role, Scaler, lint};
use crate::model::MetricUnit;
use crate::policy::valid::Threshold;
use crate::policy::written::Meaning;
use crate::promql::{self, Facts, Unit, ValueType};
use crate::source::Placed;

impl Checker<'_> {
    /// The query on one line and the seconds of its longest range, if KEDA can use its answer.
    pub(super) fn hand_written(
        &mut self,
        written: &Placed<String>,
        meaning: Option<&Placed<Meaning>>,
        (threshold, unit): (Option<&Threshold>, Option<MetricUnit>),
        surroundings: &Surroundings,
    ) -> Option<(String, Option<u32>)> {
        let expression = self.promql(written, surroundings)?;
        for lint in lint(&expression, &self.surrounding_context(threshold, unit, surroundings)) {
            // The metric type follows from `meaning`, and the resolution of thresholds is checked for all signals.
            let elsewhere = [LEVEL_DIVIDED.id, TOTAL_NOT_DIVIDED.id, BELOW_RESOLUTION.id];
            if elsewhere.contains(&lint.rule.id) {
                continue;
            }
            let mut finding = lint.finding(|span| self.inside(written.place, span));
            if let (About::Threshold, Some(threshold)) = (lint.about, threshold) {
                let query = std::mem::replace(&mut finding.place, threshold.place);
                finding = finding.related(query, "the query");
                finding.label = None;
            }
            self.push(finding);
        }
        if expression.value_type() != ValueType::Vector {
            return None;
        }
        if let Some(meaning) = meaning {
            self.meaning(written, meaning, &expression);
        }
        let window =
            expression.selectors().iter().filter_map(|s| s.range).map(|range| range.ceil() as u32).max();
        Some((expression.canonical(), window))
    }

    /// What the rules for queries may know.
    fn surrounding_context(
        &self,
        threshold: Option<&Threshold>,
        unit: Option<MetricUnit>,
        surroundings: &Surroundings,
    ) -> Context {
        let factor = unit.map_or(Decimal::ONE, |unit| unit.factor);
        let value = threshold
            .and_then(|threshold| threshold.value.checked_div(factor))
            .and_then(|value| value.to_f64());
        let version = surroundings.prometheus.version;
        Context {
            // As the ScaledObject will say it.
            role: Role::Scaler(Scaler {
                threshold: value,
                ignore_null_values: Some(false),
                has_fallback: true,
                unit: unit.and_then(|unit| Unit::of_name(unit.name)),
                ..Scaler::default()
            }),
            facts: Facts {
                scrape_interval: Some(f64::from(surroundings.interval)),
                namespace: surroundings.namespace.clone(),
                ..Facts::default()
            },
            version: Some((version.major, version.minor)),
        }
    }

    fn meaning(
        &mut self,
        written: &Placed<String>,
        meaning: &Placed<Meaning>,
        expression: &promql::Expression,
    ) {
        let Some(shape) = expression.shape() else { return };
        let found = if shape.is_level { Meaning::Level } else { Meaning::Total };
        if found == meaning.value {
            return;
        }
        let (says, why) = match found {
            Meaning::Level => (
                "level",
                "read as a total, KEDA asks for value ÷ scale pods however many there are: a fleet that is too slow can shrink",
            ),
            Meaning::Total => (
                "total",
                "read as a level, more pods do not bring it down: the workload climbs to the maximum and stays there",
            ),
        };
        let place = self.inside(written.place, shape.fragment);
        self.push(
            Finding::new(
                &rules::QUERY_MEANING,
                meaning.place,
                format!("the query is a {says}: {}", shape.reason),
            )
            .related(place, shape.reason)
            .why(why)
            .help(format!("write `meaning = \"{says}\"`")),
        );
    }
}
