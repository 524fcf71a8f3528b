//! What KEDA makes of a query that is empty.

use crate::inventory::Object;
use crate::manifest::Node;

/// Source: kedacore/keda pkg/scalers/prometheus_scaler.go, ExecutePromQuery: an empty answer is 0 where null values are
/// ignored, which is the default, and an error where they are not.
#[derive(Clone, Copy, Debug)]
pub enum Empty {
    Zero,
    Error { has_fallback: bool },
}

impl Empty {
    pub fn of(object: &Object<'_>, trigger: &Node) -> Self {
        let written = trigger.at(&["metadata", "ignoreNullValues"]).and_then(Node::as_written);
        if written.is_some_and(|text| ["false", "f", "0"].contains(&text.trim().to_lowercase().as_str())) {
            Empty::Error { has_fallback: object.at(&["spec", "fallback"]).is_some() }
        } else {
            Empty::Zero
        }
    }

    pub fn ignores(self) -> bool {
        matches!(self, Empty::Zero)
    }

    /// What happens then, after "the query is always empty".
    pub fn told(self) -> &'static str {
        match self {
            Empty::Zero => "KEDA reads 0, says nothing, and under full load nothing scales",
            Empty::Error { has_fallback: true } => {
                "KEDA takes it for an error at every poll, and the fallback decides, whatever the load"
            }
            Empty::Error { has_fallback: false } => {
                "KEDA takes it for an error at every poll, and nothing scales by this trigger"
            }
        }
    }
}
