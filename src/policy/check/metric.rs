//! Metrics: names, selectors, units, windows.

use super::names::shown;
use super::signal::Surroundings;
use super::{Checker, rules};
use crate::finding::{Finding, nearest};
use crate::lint;
use crate::model::{Dimension, MetricUnit};
use crate::policy::valid::{Matcher, MetricSelector};
use crate::policy::written::{Field, Quantity, Source};
use crate::promql::{self, MatchOperator};
use crate::source::{Place, Placed, Span};

/// Labels that the emitted scrape path sets and that slogen puts into every query of the pods' metrics.
const SCOPE: [&str; 2] = ["job", "namespace"];

impl Checker<'_> {
    /// A metric: its name, or a selector with matchers.
    pub(super) fn metric(
        &mut self,
        written: &Placed<String>,
        source: Source,
        surroundings: &Surroundings,
    ) -> Option<MetricSelector> {
        let expression = self.promql(written, surroundings)?;
        let refuse = |message: String| {
            Finding::new(&rules::INVALID_METRIC, written.place, message)
                .why("slogen writes the functions around it; it needs the bare series")
                .help("write a name, or a name with matchers, such as 'http_requests_total{code=\"200\"}'; for a query of your own there is `type = \"query\"`")
        };
        let selectors = expression.selectors();
        let plain = expression.root_is_selector();
        let [selector] = selectors.as_slice() else {
            self.push(refuse(format!("{} is not a metric", shown(&written.value))));
            return None;
        };
        if !plain || selector.range.is_some() {
            self.push(refuse(format!("{} is not a bare metric", shown(&written.value))));
            return None;
        }
        let Some(name) = selector.name.clone() else {
            self.push(refuse("a selector without the name of a metric".to_string()));
            return None;
        };
        let mut matchers = Vec::new();
        for matcher in &selector.matchers {
            if matcher.name == "__name__" {
                continue;
            }
            let place = self.inside(written.place, matcher.span);
            if source == Source::Pods && SCOPE.contains(&matcher.name.as_str()) {
                self.push(
                    Finding::new(
                        &rules::INVALID_METRIC,
                        place,
                        format!("slogen sets the label `{}` itself", matcher.name),
                    )
                    .why("the emitted scrape path decides its value, and another one would match nothing")
                    .help("leave it out, or write `source = \"elsewhere\"` if other pods expose the metric"),
                );
            }
            if matcher.name == "le" || matcher.name == "quantile" {
                self.push(
                    Finding::new(
                        &rules::INVALID_METRIC,
                        place,
                        format!("the label `{}` picks a part of the metric", matcher.name),
                    )
                    .why("a quantile needs all buckets of its histogram")
                    .help("leave it out"),
                );
            }
            matchers.push(Matcher {
                label: matcher.name.clone(),
                operator: matcher.operator.text().to_string(),
                value: matcher.value.clone(),
            });
        }
        let says_something = selector.matchers.iter().any(|matcher| {
            matcher.name != "__name__"
                && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
                && !["", ".*", ".+"].contains(&matcher.value.as_str())
        });
        if source == Source::Elsewhere && !says_something {
            self.push(
                Finding::new(
                    &rules::UNSCOPED_METRIC,
                    written.place,
                    format!(
                        "{} comes from elsewhere and has no label that names this workload",
                        shown(&name)
                    ),
                )
                .why("the load of all workloads in the cluster would be summed up and answered by this one")
                .help(format!("write a matcher, such as '{name}{{queue=\"orders\"}}'")),
            );
        }
        Some(MetricSelector { name, matchers, place: written.place })
    }

    /// Parses PromQL and tells each syntax error at its character in the file.
    pub(super) fn promql(
        &mut self,
        written: &Placed<String>,
        surroundings: &Surroundings,
    ) -> Option<promql::Expression> {
        let version = surroundings.prometheus.version;
        let target = promql::Target::version(version.major, version.minor);
        match promql::parse(&written.value, &target) {
            Ok(expression) => Some(expression),
            Err(errors) => {
                for lint in lint::syntax(&errors, &lint::Role::default()) {
                    self.push(lint.finding(|span| self.inside(written.place, span)));
                }
                None
            }
        }
    }

    /// The stretch of the file that made a stretch of a string's value.
    pub(super) fn inside(&self, place: Place, stretch: Span) -> Place {
        let raw = self.source.text.get(place.span.range()).unwrap_or_default();
        let at = |offset| crate::policy::toml_text::raw_offset(raw, offset);
        let base = place.span.start as usize;
        let (from, to) = (base + at(stretch.start as usize), base + at(stretch.end as usize));
        Place::new(self.file, Span::new(from, to.max(from)))
    }

    /// A name that says that the metric is of another kind.
    pub(super) fn metric_kind(
        &mut self,
        selector: &MetricSelector,
        endings: &[&str],
        wanted: &str,
        help: &str,
    ) {
        let Some(ending) = endings.iter().find(|ending| selector.name.ends_with(*ending)) else {
            return;
        };
        let is = match *ending {
            "_bucket" => "the buckets of a histogram",
            "_sum" => "the sum of a histogram",
            _ => "a counter",
        };
        self.push(
            Finding::new(
                &rules::METRIC_KIND,
                selector.place,
                format!("{} is {is}, and {wanted} is wanted here", shown(&selector.name)),
            )
            .why("a counter only ever grows: its plain value would drive the workload to the maximum and keep it there")
            .help(format!("write {help}")),
        );
    }

    /// The unit that a metric counts in: stated, or known from its name.
    pub(super) fn unit_of(
        &mut self,
        selector: Option<&MetricSelector>,
        stated: &Field<String>,
        wanted: Dimension,
        guess: Option<MetricUnit>,
        place: Place,
    ) -> Option<MetricUnit> {
        let unit = match stated {
            Field::Missing => {
                let selector = selector?;
                let named = MetricUnit::of_name(&selector.name).filter(|unit| unit.dimension == wanted);
                let Some(unit) = named.or(guess) else {
                    let (example, what) = match wanted {
                        Dimension::Ratio => ("ratio", "from 0 to 1 or from 0 to 100"),
                        _ => ("ms", "in seconds, milliseconds or something else"),
                    };
                    self.push(
                        Finding::new(
                            &rules::UNIT_UNKNOWN,
                            selector.place,
                            format!("the name {} does not say whether it counts {what}", shown(&selector.name)),
                        )
                        .why("a threshold in the wrong unit is wrong by a factor of 100 or 1000, and nobody notices")
                        .help(format!("write `unit = \"{example}\"`")),
                    );
                    return None;
                };
                return Some(unit);
            }
            stated => self.stated_unit(stated)?,
        };
        if unit.dimension != wanted {
            self.push(
                Finding::new(
                    &rules::UNIT_MISMATCH,
                    stated.place().unwrap_or(place),
                    format!(
                        "a metric that counts {} measures {}, not {}",
                        unit.name,
                        unit.dimension.name(),
                        wanted.name()
                    ),
                )
                .help("choose the unit of the metric, or another type of signal"),
            );
            return None;
        }
        if let Some(selector) = selector
            && let Some(named) = MetricUnit::of_name(&selector.name)
            && named.dimension == wanted
            && named != unit
        {
            let place = stated.place().unwrap_or(place);
            let finding = Finding::new(
                &rules::UNIT_MISMATCH,
                place,
                format!(
                    "the name {} says {}, and `unit` says {}",
                    shown(&selector.name),
                    named.name,
                    unit.name
                ),
            )
            .related(selector.place, "the metric")
            .why("slogen believes `unit`; if the name is right, every threshold is wrong by that factor")
            .help("leave `unit` out, unless the metric is misnamed");
            self.push_warning(finding);
        }
        Some(unit)
    }

    pub(super) fn stated_unit(&mut self, stated: &Field<String>) -> Option<MetricUnit> {
        let placed = stated.get()?;
        let unit = MetricUnit::of_word(&placed.value);
        if unit.is_none() {
            let words: Vec<&str> = MetricUnit::words().collect();
            let help = match nearest(&placed.value, words.iter().copied()) {
                Some(word) => format!("did you mean \"{word}\"? Units are {}", words.join(", ")),
                None => format!("units are {}", words.join(", ")),
            };
            self.push(
                Finding::new(
                    &rules::INVALID_QUANTITY,
                    placed.place,
                    format!("{} is not a unit", shown(&placed.value)),
                )
                .help(help),
            );
        }
        unit
    }

    /// Seconds of a window: at least four scrapes, so that one failed scrape does not empty it.
    pub(super) fn window(&mut self, field: &Field<Quantity>, interval: u32) -> u32 {
        let four = interval.saturating_mul(4);
        let default = four.max(60);
        let window = self.seconds(
            field,
            "the window",
            1..=86_400,
            "a window of more than a day never shows a rush hour",
        );
        let Some(window) = window else {
            return default;
        };
        if window.value < four {
            let samples = window.value / interval;
            let because = match samples {
                0 | 1 => {
                    format!("it holds {samples} sample, and a rate needs two: the result is empty, always")
                }
                _ => format!("it holds {samples} samples: one failed scrape and the result may be empty"),
            };
            self.push(
                Finding::new(
                    &rules::WINDOW_TOO_SHORT,
                    window.place,
                    format!("a window of {}s at one scrape per {interval}s", window.value),
                )
                .label(format!("fewer than four scrapes of {interval}s"))
                .why(because)
                .help(format!("write \"{four}s\" or more, or scrape more often")),
            );
        }
        window.value
    }
}
