//! What both spellings, policy and Kubernetes YAML, mean: quantities with units, versions, the scaler, its timing.

pub mod cron;
mod quantity;
mod scaler;
mod timing;
mod unit;
mod version;

pub use quantity::{
    Amount, AmountProblem, Dimension, is_quantity, parse_amount, plain, quantity_value, seconds_text,
};
pub use rust_decimal::Decimal;
pub use scaler::{
    Behavior, Composite, Fallback, FallbackBehavior, MetricType, ResourceTarget, Scaler, Select, Step,
    StepKind, Trigger, TriggerKind, WorkloadReference,
};
pub use timing::{Breach, SYNC_SECONDS, TOLERANCE, Term, TimeToScale, time_to_scale, time_to_wake};
pub use unit::MetricUnit;
pub use version::{Version, Versions};
