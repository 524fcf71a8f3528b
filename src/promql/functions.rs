//! The functions of PromQL: arguments, result, and who has to switch them on.
//!
//! Source: prometheus/prometheus promql/parser/functions.go.

use super::ast::ValueType;

#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub arguments: &'static [ValueType],
    /// As in Prometheus: 0: all arguments; n: the last is optional and comes up to n times; -1: any number of times.
    pub variadic: i8,
    pub returns: ValueType,
    pub experimental: bool,
    /// First Prometheus that has it, where that matters to anybody today.
    pub since: (u16, u16),
}

use ValueType::{Matrix, Scalar, String, Vector};

macro_rules! functions {
    ($($name:literal [$($argument:ident)*] $variadic:literal $returns:ident $experimental:literal $major:literal . $minor:literal;)*) => {
        /// Sorted by name.
        static FUNCTIONS: &[Function] = &[$(Function {
            name: $name,
            arguments: &[$($argument),*],
            variadic: $variadic,
            returns: $returns,
            experimental: $experimental,
            since: ($major, $minor),
        }),*];
    };
}

functions! {
    "abs" [Vector] 0 Vector false 2 . 0;
    "absent" [Vector] 0 Vector false 2 . 0;
    "absent_over_time" [Matrix] 0 Vector false 2 . 0;
    "acos" [Vector] 0 Vector false 2 . 0;
    "acosh" [Vector] 0 Vector false 2 . 0;
    "asin" [Vector] 0 Vector false 2 . 0;
    "asinh" [Vector] 0 Vector false 2 . 0;
    "atan" [Vector] 0 Vector false 2 . 0;
    "atanh" [Vector] 0 Vector false 2 . 0;
    "avg_over_time" [Matrix] 0 Vector false 2 . 0;
    "ceil" [Vector] 0 Vector false 2 . 0;
    "changes" [Matrix] 0 Vector false 2 . 0;
    "clamp" [Vector Scalar Scalar] 0 Vector false 2 . 0;
    "clamp_max" [Vector Scalar] 0 Vector false 2 . 0;
    "clamp_min" [Vector Scalar] 0 Vector false 2 . 0;
    "cos" [Vector] 0 Vector false 2 . 0;
    "cosh" [Vector] 0 Vector false 2 . 0;
    "count_over_time" [Matrix] 0 Vector false 2 . 0;
    "day_of_month" [Vector] 1 Vector false 2 . 0;
    "day_of_week" [Vector] 1 Vector false 2 . 0;
    "day_of_year" [Vector] 1 Vector false 2 . 0;
    "days_in_month" [Vector] 1 Vector false 2 . 0;
    "deg" [Vector] 0 Vector false 2 . 0;
    "delta" [Matrix] 0 Vector false 2 . 0;
    "deriv" [Matrix] 0 Vector false 2 . 0;
    "double_exponential_smoothing" [Matrix Scalar Scalar] 0 Vector true 3 . 0;
    "end" [] 0 Scalar true 3 . 12;
    "exp" [Vector] 0 Vector false 2 . 0;
    "first_over_time" [Matrix] 0 Vector false 3 . 14;
    "floor" [Vector] 0 Vector false 2 . 0;
    "histogram_avg" [Vector] 0 Vector false 2 . 51;
    "histogram_count" [Vector] 0 Vector false 2 . 40;
    "histogram_fraction" [Scalar Scalar Vector] 0 Vector false 2 . 40;
    "histogram_quantile" [Scalar Vector] 0 Vector false 2 . 0;
    "histogram_quantiles" [Vector String Scalar Scalar] 9 Vector true 3 . 11;
    "histogram_stddev" [Vector] 0 Vector false 2 . 46;
    "histogram_stdvar" [Vector] 0 Vector false 2 . 46;
    "histogram_sum" [Vector] 0 Vector false 2 . 40;
    "hour" [Vector] 1 Vector false 2 . 0;
    "idelta" [Matrix] 0 Vector false 2 . 0;
    "increase" [Matrix] 0 Vector false 2 . 0;
    "info" [Vector Vector] 1 Vector true 2 . 55;
    "irate" [Matrix] 0 Vector false 2 . 0;
    "label_join" [Vector String String String] -1 Vector false 2 . 0;
    "label_replace" [Vector String String String String] 0 Vector false 2 . 0;
    "last_over_time" [Matrix] 0 Vector false 2 . 0;
    "ln" [Vector] 0 Vector false 2 . 0;
    "log10" [Vector] 0 Vector false 2 . 0;
    "log2" [Vector] 0 Vector false 2 . 0;
    "mad_over_time" [Matrix] 0 Vector true 2 . 49;
    "max_over_time" [Matrix] 0 Vector false 2 . 0;
    "min_over_time" [Matrix] 0 Vector false 2 . 0;
    "minute" [Vector] 1 Vector false 2 . 0;
    "month" [Vector] 1 Vector false 2 . 0;
    "pi" [] 0 Scalar false 2 . 0;
    "predict_linear" [Matrix Scalar] 0 Vector false 2 . 0;
    "present_over_time" [Matrix] 0 Vector false 2 . 0;
    "quantile_over_time" [Scalar Matrix] 0 Vector false 2 . 0;
    "rad" [Vector] 0 Vector false 2 . 0;
    "range" [] 0 Scalar true 3 . 12;
    "rate" [Matrix] 0 Vector false 2 . 0;
    "resets" [Matrix] 0 Vector false 2 . 0;
    "round" [Vector Scalar] 1 Vector false 2 . 0;
    "scalar" [Vector] 0 Scalar false 2 . 0;
    "sgn" [Vector] 0 Vector false 2 . 0;
    "sin" [Vector] 0 Vector false 2 . 0;
    "sinh" [Vector] 0 Vector false 2 . 0;
    "sort" [Vector] 0 Vector false 2 . 0;
    "sort_by_label" [Vector String] -1 Vector true 2 . 49;
    "sort_by_label_desc" [Vector String] -1 Vector true 2 . 49;
    "sort_desc" [Vector] 0 Vector false 2 . 0;
    "sqrt" [Vector] 0 Vector false 2 . 0;
    "start" [] 0 Scalar true 3 . 12;
    "stddev_over_time" [Matrix] 0 Vector false 2 . 0;
    "stdvar_over_time" [Matrix] 0 Vector false 2 . 0;
    "step" [] 0 Scalar true 3 . 12;
    "sum_over_time" [Matrix] 0 Vector false 2 . 0;
    "tan" [Vector] 0 Vector false 2 . 0;
    "tanh" [Vector] 0 Vector false 2 . 0;
    "time" [] 0 Scalar false 2 . 0;
    "timestamp" [Vector] 0 Vector false 2 . 0;
    "ts_of_first_over_time" [Matrix] 0 Vector true 3 . 7;
    "ts_of_last_over_time" [Matrix] 0 Vector true 3 . 5;
    "ts_of_max_over_time" [Matrix] 0 Vector true 3 . 5;
    "ts_of_min_over_time" [Matrix] 0 Vector true 3 . 5;
    "vector" [Scalar] 0 Vector false 2 . 0;
    "year" [Vector] 1 Vector false 2 . 0;
}

/// The function of that name. Names are case-sensitive.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().map(|at| &FUNCTIONS[at])
}

/// All names, for the nearest one.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// An aggregation, such as `sum`.
#[derive(Debug)]
pub struct Aggregation {
    pub name: &'static str,
    /// Type of the argument before the vector, if it takes one.
    pub parameter: Option<ValueType>,
    pub experimental: bool,
}

const fn aggregation(name: &'static str, parameter: Option<ValueType>, experimental: bool) -> Aggregation {
    Aggregation { name, parameter, experimental }
}

pub static AGGREGATIONS: &[Aggregation] = &[
    aggregation("sum", None, false),
    aggregation("avg", None, false),
    aggregation("max", None, false),
    aggregation("min", None, false),
    aggregation("count", None, false),
    aggregation("topk", Some(Scalar), false),
    aggregation("bottomk", Some(Scalar), false),
    aggregation("quantile", Some(Scalar), false),
    aggregation("count_values", Some(String), false),
    aggregation("group", None, false),
    aggregation("stddev", None, false),
    aggregation("stdvar", None, false),
    aggregation("limitk", Some(Scalar), true),
    aggregation("limit_ratio", Some(Scalar), true),
];

/// Stands in for a function that does not exist, until the errors are told.
pub static UNKNOWN: Function =
    Function { name: "", arguments: &[], variadic: 0, returns: Vector, experimental: false, since: (2, 0) };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
