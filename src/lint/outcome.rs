//! What KEDA's Prometheus scaler makes of an answer: under load, while nothing happens, and when the metric is gone.
//!
//! Source: kedacore/keda pkg/scalers/prometheus_scaler.go, ExecutePromQuery: the result has to be a list; more than one
//! element is an error; no element, NaN and infinity are 0 or an error, as `ignoreNullValues` says; and an element
//! without the field `value`, which is a range or a native histogram, counts as none.

use crate::promql::ast::Kind;
use crate::promql::{Analysis, Reason, Series, ValueType};

/// What Prometheus can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One number.
    Value,
    /// NaN or infinite.
    NotANumber,
    /// No element.
    Empty,
    /// More than one element.
    Several,
    /// One range of values.
    Range,
    /// A scalar or a text, which is no list.
    Undecodable,
}

/// What KEDA hands to the autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Value,
    /// 0, without a word.
    Zero,
    /// The trigger fails; the fallback decides, if there is one.
    Error,
}

/// What can be answered in one situation, the most likely first.
#[derive(Clone, Debug)]
pub struct Case {
    pub answers: Vec<Answer>,
    pub reason: Option<Reason>,
}

/// The three situations that a scaler meets.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The metric is there, and something happens.
    pub under_load: Case,
    /// The metric is there, and nothing happens.
    pub idle: Case,
    /// The metric is not there: nobody scrapes it, or no pod exposes it.
    pub gone: Case,
}

impl Answer {
    pub fn name(self) -> &'static str {
        match self {
            Answer::Value => "value",
            Answer::NotANumber => "nan",
            Answer::Empty => "empty",
            Answer::Several => "several",
            Answer::Range => "range",
            Answer::Undecodable => "undecodable",
        }
    }

    pub fn read(self, ignores_null_values: bool) -> Reading {
        match self {
            Answer::Value => Reading::Value,
            Answer::Several | Answer::Undecodable => Reading::Error,
            Answer::NotANumber | Answer::Empty | Answer::Range if ignores_null_values => Reading::Zero,
            Answer::NotANumber | Answer::Empty | Answer::Range => Reading::Error,
        }
    }
}

impl Reading {
    pub fn name(self) -> &'static str {
        match self {
            Reading::Value => "value",
            Reading::Zero => "zero",
            Reading::Error => "error",
        }
    }
}

impl Case {
    fn new(answers: impl Into<Vec<Answer>>, reason: Option<&Reason>) -> Self {
        Case { answers: answers.into(), reason: reason.cloned() }
    }
}

/// What KEDA will read.
pub fn outcome(analysis: &Analysis<'_>) -> Outcome {
    let root = analysis.root();
    let empty = || Case::new([Answer::Empty], root.empty.always.as_ref());
    match root.value_type {
        ValueType::Scalar | ValueType::String => {
            let case = Case::new([Answer::Undecodable], None);
            return Outcome { under_load: case.clone(), idle: case.clone(), gone: case };
        }
        _ if root.empty.always.is_some() => {
            return Outcome { under_load: empty(), idle: empty(), gone: empty() };
        }
        ValueType::Matrix => {
            let case = match &root.series {
                Series::One => Case::new([Answer::Range], None),
                several => Case::new([Answer::Several, Answer::Range], several.reason()),
            };
            let gone = if root.empty.missing { Case::new([Answer::Empty], None) } else { case.clone() };
            return Outcome { under_load: case.clone(), idle: case, gone };
        }
        ValueType::Vector => {}
    }
    let call = match &root.node.bare().kind {
        Kind::Call(call) => call.function.name,
        _ => "",
    };
    if matches!(call, "absent" | "absent_over_time") {
        let there = Case::new([Answer::Empty], root.empty.filtered.as_ref());
        return Outcome { under_load: there.clone(), idle: there, gone: Case::new([Answer::Value], None) };
    }
    let mut under_load = match &root.series {
        _ if root.is_always_nan => Case::new([Answer::NotANumber], root.nan.as_ref()),
        Series::One if root.empty.filtered.is_some() => {
            Case::new([Answer::Value, Answer::Empty], root.empty.filtered.as_ref())
        }
        Series::One => Case::new([Answer::Value], None),
        Series::Many(reason) => Case::new([Answer::Several, Answer::Value], Some(reason)),
        Series::Unknown(reason) => Case::new([Answer::Value, Answer::Several], Some(reason)),
    };
    if root.empty.filtered.is_some() && !under_load.answers.contains(&Answer::Empty) {
        under_load.answers.push(Answer::Empty);
    }
    let mut idle = match (&root.nan, &root.empty.filtered) {
        (Some(reason), _) if root.series == Series::One => {
            Case::new([Answer::NotANumber, Answer::Value], Some(reason))
        }
        (None, Some(reason)) if root.series == Series::One => {
            Case::new([Answer::Empty, Answer::Value], Some(reason))
        }
        _ => under_load.clone(),
    };
    if root.nan.is_some() && !idle.answers.contains(&Answer::NotANumber) {
        idle.answers.push(Answer::NotANumber);
    }
    let gone = match (root.empty.missing, &root.nan) {
        (true, _) => Case::new([Answer::Empty], None),
        (false, Some(reason)) => Case::new([Answer::Value, Answer::NotANumber], Some(reason)),
        (false, None) => Case::new([Answer::Value], None),
    };
    Outcome { under_load, idle, gone }
}
