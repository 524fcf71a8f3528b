//! Texts come in; numbered files, byte spans, lines and columns go out.
//!
//! A value keeps its [`Place`] until the last one who may ask for it, so that every finding can point at the
//! character that caused it.

mod files;
mod placed;
mod span;

pub use files::{FileId, LineColumn, SourceFile, Sources};
pub use placed::{Place, Placed};
pub use span::Span;
