//! Words with a meaning of their own. They do not care about case, and most of them may also be names.
//!
//! Source: prometheus/prometheus promql/parser/lex.go, the table `key`.

use super::ast::Operator;
use super::functions::{AGGREGATIONS, Aggregation};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Operator(Operator),
    /// Index into [`AGGREGATIONS`].
    Aggregation(u8),
    Offset,
    Anchored,
    Smoothed,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
    /// `Inf` or `NaN`.
    Number,
}

/// Longest keyword.
const LONGEST: usize = "count_values".len();

/// The keyword that a word is, if it is one.
pub fn keyword(word: &[u8]) -> Option<Keyword> {
    if word.len() < 2 || word.len() > LONGEST {
        return None;
    }
    let mut lower = [0u8; LONGEST];
    let lower = &mut lower[..word.len()];
    for (to, from) in lower.iter_mut().zip(word) {
        *to = from.to_ascii_lowercase();
    }
    Some(match &*lower {
        b"and" => Keyword::Operator(Operator::And),
        b"or" => Keyword::Operator(Operator::Or),
        b"unless" => Keyword::Operator(Operator::Unless),
        b"atan2" => Keyword::Operator(Operator::Atan2),
        b"offset" => Keyword::Offset,
        b"anchored" => Keyword::Anchored,
        b"smoothed" => Keyword::Smoothed,
        b"by" => Keyword::By,
        b"without" => Keyword::Without,
        b"on" => Keyword::On,
        b"ignoring" => Keyword::Ignoring,
        b"group_left" => Keyword::GroupLeft,
        b"group_right" => Keyword::GroupRight,
        b"fill" => Keyword::Fill,
        b"fill_left" => Keyword::FillLeft,
        b"fill_right" => Keyword::FillRight,
        b"bool" => Keyword::Bool,
        b"start" => Keyword::Start,
        b"end" => Keyword::End,
        b"step" => Keyword::Step,
        b"range" => Keyword::Range,
        b"max_of" => Keyword::MaxOf,
        b"min_of" => Keyword::MinOf,
        b"inf" | b"nan" => Keyword::Number,
        other => {
            let index = AGGREGATIONS.iter().position(|aggregation| aggregation.name.as_bytes() == other)?;
            Keyword::Aggregation(index as u8)
        }
    })
}

impl Keyword {
    pub fn aggregation(self) -> Option<&'static Aggregation> {
        match self {
            Keyword::Aggregation(index) => AGGREGATIONS.get(index as usize),
            _ => None,
        }
    }

    /// Whether a metric may have this name without quotes.
    ///
    /// Source: generated_parser.y, metric_identifier.
    pub fn names_a_metric(self) -> bool {
        !matches!(
            self,
            Keyword::Bool
                | Keyword::On
                | Keyword::Ignoring
                | Keyword::GroupLeft
                | Keyword::GroupRight
                | Keyword::Number
                | Keyword::Operator(Operator::Atan2)
        )
    }

    /// Whether a function may have this name.
    pub fn names_a_function(self) -> bool {
        matches!(
            self,
            Keyword::Start | Keyword::End | Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf
        )
    }
}
