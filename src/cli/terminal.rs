//! What the terminal can do.

use std::io::IsTerminal;

use super::arguments::Color;
use crate::output::Style;

/// For findings on standard error or standard output.
pub fn style(color: Color, terminal: bool) -> Style {
    let wanted = match color {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Style { color: wanted, width: width.unwrap_or(120), unicode: terminal && speaks_unicode() }
}

fn speaks_unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| value.to_uppercase().replace('-', "").contains("UTF8"))
}

pub fn error_word() -> &'static str {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if color { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" }
}
