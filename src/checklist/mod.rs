//! Policy, plan, rendered files and what the manifests showed come in; the production checklist with its evidence
//! goes out. `unknown` and `manual` never count as passed.

mod groups;
mod item;
mod judge;

pub use item::{Checklist, Evidence, Item, Status};
pub use judge::{Facts, judge};
