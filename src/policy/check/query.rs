//! PromQL written by hand: one series, a vector, and what it says it means.

use super::signal::Surroundings;
use super::{Checker, rules};
use crate::finding::Finding;
use crate::policy::written::Meaning;
use crate::promql::{self, Series, ValueType};
use crate::source::Placed;

impl Checker<'_> {
    /// The query on one line and the seconds of its longest range, if KEDA can use its answer.
    pub(super) fn hand_written(
        &mut self,
        written: &Placed<String>,
        meaning: Option<&Placed<Meaning>>,
        surroundings: &Surroundings,
    ) -> Option<(String, Option<u32>)> {
        let expression = self.promql(written, surroundings)?;
        // Source: kedacore/keda pkg/scalers/prometheus_scaler.go, ExecutePromQuery: an instant vector with one
        // element, or nothing it can read.
        let refused = match expression.value_type() {
            ValueType::Vector => None,
            ValueType::Scalar => Some((
                "a scalar",
                "KEDA cannot read a scalar: every answer is an error",
                "write `vector(…)` around it",
            )),
            ValueType::String => Some((
                "a text",
                "KEDA cannot read a text: every answer is an error",
                "write a query that gives a number",
            )),
            ValueType::Matrix => Some((
                "a range of values",
                "KEDA reads a range as 0, without an error: nothing would ever scale",
                "write a function around it, such as `sum(rate(…[1m]))`",
            )),
        };
        if let Some((what, why, help)) = refused {
            self.push(
                Finding::new(&rules::QUERY_TYPE, written.place, format!("the query gives {what}"))
                    .why(why)
                    .help(help),
            );
            return None;
        }
        let series = promql::series(&expression, &promql::Facts::default());
        if let Some(reason) = series.reason() {
            let place = self.inside(written.place, reason.span.start as usize, reason.span.end as usize);
            let finding = |message: &str, why: &str| {
                Finding::new(&rules::QUERY_MANY_SERIES, place, message)
                    .label(reason.text.clone())
                    .why(why)
                    .help("aggregate on the outside: `sum(…)`, `max(…)`, without `by`")
            };
            if let Series::Many(_) = series {
                let why = "KEDA refuses more than one: it works with one pod and breaks with the second";
                self.push(finding("the query can give more than one series", why));
            } else {
                let why = "KEDA refuses more than one";
                self.push_warning(finding("nothing proves that the query gives one series", why));
            }
        }
        if let Some(meaning) = meaning {
            self.meaning(written, meaning, &expression);
        }
        let window =
            expression.selectors().iter().filter_map(|s| s.range).map(|range| range.ceil() as u32).max();
        Some((expression.canonical(), window))
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
        let place = self.inside(written.place, shape.fragment.start as usize, shape.fragment.end as usize);
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
