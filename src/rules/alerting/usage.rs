//! Comparisons of what containers use with a number, as far as the whole alert depends on them.

use crate::promql::ast::{Kind, Operator, Selector};
use crate::promql::{Analysis, Expression, Facts, analyse};
use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Cpu,
    Memory,
}

/// A use that is to be above a number.
#[derive(Debug)]
pub(super) struct Usage<'e> {
    pub resource: Resource,
    pub selector: &'e Selector,
    /// Whether the containers of each pod are added up.
    pub is_summed: bool,
    /// What the query multiplies it by.
    pub factor: f64,
    /// The number, in CPUs or bytes.
    pub threshold: f64,
    pub limit_span: Span,
}

/// What is measured, before it is compared.
struct Measured<'e> {
    resource: Resource,
    selector: &'e Selector,
    is_summed: bool,
    factor: f64,
}

/// All comparisons without which the alert cannot fire.
pub(super) fn usages<'e>(expression: &'e Expression, facts: &'e Facts) -> Vec<Usage<'e>> {
    let analysis = analyse(expression, facts);
    let mut found = Vec::new();
    let mut stack = vec![0];
    while let Some(index) = stack.pop() {
        let info = &analysis.nodes[index];
        match &info.node.kind {
            Kind::Paren(_) => stack.push(info.children[0]),
            Kind::Binary(binary) => match binary.operator {
                Operator::And => stack.extend(&info.children),
                Operator::Unless => stack.push(info.children[0]),
                operator if operator.is_comparison() && !binary.returns_bool => {
                    let [left, right] = [info.children[0], info.children[1]];
                    let (value, limit) = match operator {
                        Operator::Greater | Operator::GreaterEqual => (left, right),
                        Operator::Less | Operator::LessEqual => (right, left),
                        _ => continue,
                    };
                    let Some(threshold) = analysis.nodes[limit].constant else { continue };
                    let Some(measured) = measured(&analysis, value) else { continue };
                    found.push(Usage {
                        resource: measured.resource,
                        selector: measured.selector,
                        is_summed: measured.is_summed,
                        factor: measured.factor,
                        threshold: threshold / measured.factor,
                        limit_span: analysis.nodes[limit].node.span,
                    });
                }
                _ => {}
            },
            _ => {}
        }
    }
    found
}

fn measured<'e>(analysis: &Analysis<'e>, index: usize) -> Option<Measured<'e>> {
    let index = analysis.bare(index);
    let info = &analysis.nodes[index];
    let child = |which: usize| measured(analysis, info.children[which]);
    match &info.node.kind {
        Kind::Selector(selector) => of_memory(selector),
        Kind::Call(call) => {
            let Kind::Range(inner, _) = &call.arguments.first()?.bare().kind else { return None };
            let Kind::Selector(selector) = &inner.bare().kind else { return None };
            match call.function.name {
                "rate" | "irate" if selector.metric() == Some("container_cpu_usage_seconds_total") => {
                    Some(Measured { resource: Resource::Cpu, selector, is_summed: false, factor: 1.0 })
                }
                "avg_over_time" | "max_over_time" | "min_over_time" | "last_over_time" => of_memory(selector),
                _ => None,
            }
        }
        Kind::Aggregate(aggregate) => match aggregate.operator {
            "max" | "min" | "avg" => child(0),
            "sum" => {
                let by_pod = !aggregate.without && aggregate.grouping.iter().any(|name| name == "pod");
                child(0)
                    .filter(|inner| by_pod && !inner.is_summed)
                    .map(|inner| Measured { is_summed: true, ..inner })
            }
            _ => None,
        },
        Kind::Binary(binary) => {
            let constant =
                |which: usize| analysis.nodes[info.children[which]].constant.filter(|value| *value > 0.0);
            let scaled = |inner: Measured<'e>, by: f64| Measured { factor: inner.factor * by, ..inner };
            match (binary.operator, constant(0), constant(1)) {
                (Operator::Multiply, None, Some(by)) => child(0).map(|inner| scaled(inner, by)),
                (Operator::Multiply, Some(by), None) => child(1).map(|inner| scaled(inner, by)),
                (Operator::Divide, None, Some(by)) => child(0).map(|inner| scaled(inner, 1.0 / by)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn of_memory(selector: &Selector) -> Option<Measured<'_>> {
    const MEMORY: [&str; 3] =
        ["container_memory_usage_bytes", "container_memory_working_set_bytes", "container_memory_rss"];
    let is_memory = selector.metric().is_some_and(|name| MEMORY.contains(&name));
    let is_now = selector.modifiers.offset.is_none() && selector.modifiers.at.is_none();
    (is_memory && is_now).then_some(Measured {
        resource: Resource::Memory,
        selector,
        is_summed: false,
        factor: 1.0,
    })
}
