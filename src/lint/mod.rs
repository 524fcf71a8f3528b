//! A query and what surrounds it → what is wrong with its meaning.
//!
//! A rule speaks where the text and the known facts decide; where they do not, it keeps quiet. Each file is a family of
//! the catalogue; the cards are in `rules.rs`, their pages in `rules/`.

mod aggregation;
mod always;
mod answer;
mod calls;
mod cgroups;
mod context;
mod counter;
mod describe;
mod divisor;
mod empty;
mod exporters;
mod few;
mod filter;
mod gauges;
mod generic;
mod histogram;
mod labels;
mod lasting;
mod limits;
mod matching;
mod mesh;
pub mod outcome;

mod percentiles;
mod renamed;
mod repair;
mod report;
pub mod rules;
mod shape;
mod spans;
mod syntax;
mod threshold;
mod time;
mod units;
mod values;

pub use answer::answer;
pub use context::{Context, Role, Scaler};
pub use describe::describe;
pub use report::{About, Lint, Repair};
pub use syntax::syntax;

use crate::promql::ast::Kind;
use crate::promql::{Analysis, Expression, analyse};

/// Everything that is wrong with the meaning of a query, from left to right.
pub fn lint(expression: &Expression, context: &Context) -> Vec<Lint> {
    let analysis = analyse(expression, &context.facts);
    lint_analysed(expression, &analysis, context)
}

/// The same, where the query has been looked at already.
pub fn lint_analysed(expression: &Expression, analysis: &Analysis<'_>, context: &Context) -> Vec<Lint> {
    let mut linter = Linter { text: &expression.text, analysis, context, found: Vec::new() };
    linter.shape();
    for (index, info) in analysis.nodes.iter().enumerate() {
        match &info.node.kind {
            Kind::Selector(selector) => linter.selector(index, selector),
            Kind::Call(call) => linter.call(index, call),
            Kind::Aggregate(aggregate) => linter.aggregate(index, aggregate),
            Kind::Binary(binary) => linter.binary(index, binary),
            Kind::Subquery(subquery) => linter.subquery(index, subquery),
            Kind::Range(_, duration) => linter.range(index, duration),
            _ => {}
        }
    }
    linter.threshold(expression);
    linter.never_resolves(expression);
    linter.kept_alive();
    let mut found = linter.found;
    found.sort_by(|a, b| (a.span, a.rule.id).cmp(&(b.span, b.rule.id)));
    found
}

/// Prefixes with a colon that belong to the names of plain metrics: those of servers of language models.
///
/// Source: vllm-project/vllm vllm/v1/metrics/loggers.py.
const VENDORS: [&str; 3] = ["vllm:", "sglang:", "lmcache:"];

/// Whether a name is that of a metric of Google Cloud: a domain, a colon, and the rest.
///
/// Source: Google Cloud's documentation of PromQL for Cloud Monitoring: `pubsub.googleapis.com/subscription/…` is called
/// `pubsub.googleapis.com:subscription_…` in quotes, or `pubsub_googleapis_com:subscription_…`.
fn is_of_google(metric: &str) -> bool {
    metric.split_once(':').is_some_and(|(domain, _)| {
        domain.contains('.') || domain.ends_with("googleapis_com") || domain == "kubernetes_io"
    })
}

/// Whether a name is that of the result of a recording rule, which by custom has a colon.
pub fn is_recorded(metric: &str) -> bool {
    if is_of_google(metric) {
        return false;
    }
    let is_vendor = VENDORS.iter().any(|vendor| metric.starts_with(vendor));
    metric.matches(':').count() > usize::from(is_vendor)
}

/// One query under the eyes of the rules.
struct Linter<'a> {
    text: &'a str,
    analysis: &'a Analysis<'a>,
    context: &'a Context,
    found: Vec<Lint>,
}
