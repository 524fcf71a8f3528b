//! The tree: every node knows its stretch of the text.

use crate::source::Span;

/// A parsed query. Owns its text, so that it can be kept.
#[derive(Clone, Debug)]
pub struct Expression {
    pub text: String,
    pub root: Node,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Number(Number),
    Text(String),
    Selector(Selector),
    /// A selector with a range.
    Range(Box<Node>, Duration),
    Subquery(Box<Subquery>),
    Unary(Sign, Box<Node>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Call),
    Paren(Box<Node>),
}

/// A number as it stands in a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// Seconds, if it was written with units.
    pub value: f64,
    pub is_duration: bool,
}

/// An instant vector selector.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// The metric's name, whether it stood before the braces or quoted inside of them.
    pub name: Option<String>,
    /// Whether the name stood quoted inside of the braces.
    pub is_quoted: bool,
    /// All matchers as written, without the name.
    pub matchers: Vec<Matcher>,
    pub modifiers: Modifiers,
}

/// One label matcher.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub name: String,
    pub operator: MatchOperator,
    pub value: String,
    pub span: Span,
    /// The stretch of the value with its quotes.
    pub value_span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOperator {
    Equal,
    NotEqual,
    RegexMatch,
    RegexNotMatch,
}

impl MatchOperator {
    pub fn text(self) -> &'static str {
        match self {
            MatchOperator::Equal => "=",
            MatchOperator::NotEqual => "!=",
            MatchOperator::RegexMatch => "=~",
            MatchOperator::RegexNotMatch => "!~",
        }
    }
}

/// `offset` and `@`.
#[derive(Clone, Debug, Default)]
pub struct Modifiers {
    pub offset: Option<Duration>,
    pub at: Option<At>,
    pub extension: Option<Extension>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// Milliseconds since the epoch.
    Time(i64),
    Start,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    Anchored,
    Smoothed,
}

/// A time span, constant or computed from the step.
#[derive(Clone, Debug)]
pub enum Duration {
    /// Nanoseconds.
    Constant(i64),
    Computed(Box<DurationExpression>),
}

/// Arithmetic with durations. Seconds throughout.
#[derive(Clone, Debug)]
pub enum DurationExpression {
    /// Seconds, and whether it was written with a unit.
    Number(f64, bool),
    Step,
    Range,
    Function(&'static str, DurationExpressionBox, DurationExpressionBox),
    Minus(DurationExpressionBox),
    Binary(&'static str, DurationExpressionBox, DurationExpressionBox),
    Paren(DurationExpressionBox),
}

pub type DurationExpressionBox = Box<DurationExpression>;

#[derive(Clone, Debug)]
pub struct Subquery {
    pub expression: Node,
    pub range: Duration,
    pub step: Option<Duration>,
    pub modifiers: Modifiers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Plus,
    Minus,
}

#[derive(Clone, Debug)]
pub struct Binary {
    pub operator: Operator,
    pub operator_span: Span,
    pub left: Node,
    pub right: Node,
    pub returns_bool: bool,
    pub matching: Option<Matching>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    TrimUpper,
    TrimLower,
    And,
    Or,
    Unless,
}

impl Operator {
    pub fn text(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Modulo => "%",
            Operator::Power => "^",
            Operator::Atan2 => "atan2",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::TrimUpper => "</",
            Operator::TrimLower => ">/",
            Operator::And => "and",
            Operator::Or => "or",
            Operator::Unless => "unless",
        }
    }

    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Operator::Equal
                | Operator::NotEqual
                | Operator::Less
                | Operator::LessEqual
                | Operator::Greater
                | Operator::GreaterEqual
        )
    }

    pub fn is_set(self) -> bool {
        matches!(self, Operator::And | Operator::Or | Operator::Unless)
    }

    /// How tightly it binds. Source: prometheus/prometheus promql/parser/generated_parser.y, the precedence table.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And | Operator::Unless => 2,
            _ if self.is_comparison() => 3,
            Operator::TrimUpper | Operator::TrimLower => 3,
            Operator::Add | Operator::Subtract => 4,
            Operator::Power => 6,
            _ => 5,
        }
    }
}

/// `on`, `ignoring`, `group_left`, `group_right`, `fill`.
#[derive(Clone, Debug)]
pub struct Matching {
    pub span: Span,
    pub on: bool,
    pub labels: Vec<String>,
    pub group: Option<Group>,
    /// What stands in for series that the left or the right side lacks.
    pub fill: [Option<f64>; 2],
}

#[derive(Clone, Debug)]
pub struct Group {
    pub left: bool,
    pub include: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Aggregate {
    pub operator: &'static str,
    pub operator_span: Span,
    pub grouping: Vec<String>,
    pub grouping_span: Option<Span>,
    pub without: bool,
    pub parameter: Option<Node>,
    pub expression: Node,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub function: &'static super::functions::Function,
    pub name_span: Span,
    pub arguments: Vec<Node>,
}

/// The type of a query's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Scalar,
    String,
    Vector,
    Matrix,
}

impl ValueType {
    /// As Prometheus names it in messages.
    pub fn text(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
        }
    }
}

impl Node {
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::String,
            Kind::Selector(_) | Kind::Aggregate(_) => ValueType::Vector,
            Kind::Range(..) | Kind::Subquery(_) => ValueType::Matrix,
            Kind::Call(call) => call.function.returns,
            Kind::Paren(inner) | Kind::Unary(_, inner) => inner.value_type(),
            Kind::Binary(binary) => {
                let mut node = &**binary;
                // Down the left side without recursion: chains can be long.
                loop {
                    if node.right.value_type() == ValueType::Vector {
                        return ValueType::Vector;
                    }
                    match &node.left.kind {
                        Kind::Binary(left) => node = left,
                        _ => return node.left.value_type(),
                    }
                }
            }
        }
    }

    /// The node without the parentheses around it.
    pub fn bare(&self) -> &Node {
        let mut node = self;
        while let Kind::Paren(inner) = &node.kind {
            node = inner;
        }
        node
    }

    /// Children in the order in which Prometheus walks them.
    pub fn children(&self) -> Children<'_> {
        match &self.kind {
            Kind::Number(_) | Kind::Text(_) | Kind::Selector(_) => Children::Two(None, None),
            Kind::Range(inner, _) | Kind::Unary(_, inner) | Kind::Paren(inner) => {
                Children::Two(Some(inner), None)
            }
            Kind::Subquery(subquery) => Children::Two(Some(&subquery.expression), None),
            Kind::Binary(binary) => Children::Two(Some(&binary.left), Some(&binary.right)),
            Kind::Aggregate(aggregate) => {
                Children::Two(Some(&aggregate.expression), aggregate.parameter.as_ref())
            }
            Kind::Call(call) => Children::Many(call.arguments.iter()),
        }
    }
}

/// The children of a node.
pub enum Children<'n> {
    Two(Option<&'n Node>, Option<&'n Node>),
    Many(std::slice::Iter<'n, Node>),
}

impl<'n> Iterator for Children<'n> {
    type Item = &'n Node;

    fn next(&mut self) -> Option<&'n Node> {
        match self {
            Children::Two(first, second) => first.take().or_else(|| second.take()),
            Children::Many(rest) => rest.next(),
        }
    }
}

impl DoubleEndedIterator for Children<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Children::Two(first, second) => second.take().or_else(|| first.take()),
            Children::Many(rest) => rest.next_back(),
        }
    }
}
