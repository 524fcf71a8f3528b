//! YAML text comes in; documents whose every key and value knows its place go out, and what cannot be read.

mod default;
mod document;
mod embedded;
mod inside;
pub mod kinds;
mod node;
mod quoted;
mod read;
pub mod rules;
mod scalar;
mod variable;

pub use document::Document;
pub use embedded::embedded;
pub use inside::raw_offset;
pub use node::{Entry, Node, Value};
pub use quoted::quoted_template;
pub use read::{Reading, read};
pub use variable::has_variable;
