//! How a value is printed: as YAML that reads back as the same value, whatever stands in it.

use std::fmt::Write;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};

/// Width of comments.
const WIDTH: usize = 110;

/// A value on its way into a template: numbers stay numbers, a text is quoted where it would read as something else.
pub fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_safe() || !state.name().contains(".yaml") && !state.name().contains("rules-group") {
        return minijinja::escape_formatter(out, state, value);
    }
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            // The header and paddings stand in comments and between tokens.
            let raw = text.bytes().all(|byte| byte == b' ') && !text.is_empty();
            let printed = if raw || text.starts_with(super::MARK) { text.to_string() } else { scalar(text) };
            out.write_str(&printed).map_err(|_| Error::from(ErrorKind::WriteFailure))
        }
        ValueKind::Number | ValueKind::Bool => {
            write!(out, "{value}").map_err(|_| Error::from(ErrorKind::WriteFailure))
        }
        other => {
            Err(Error::new(ErrorKind::BadEscape, format!("a {other} cannot be printed as one YAML value")))
        }
    }
}

pub fn add_filters(environment: &mut Environment<'static>) {
    environment.add_filter("quoted", |text: String| Value::from_safe_string(quoted(&text)));
    environment
        .add_filter("block", |text: String, indent: usize| Value::from_safe_string(block(&text, indent)));
    environment
        .add_filter("comment", |text: String, indent: usize| Value::from_safe_string(comment(&text, indent)));
    environment.add_filter("behind", |text: String| Value::from_safe_string(behind(&text)));
    environment.add_filter("json", |text: String| {
        Value::from_safe_string(serde_json::Value::String(text).to_string())
    });
}

/// A text as a YAML scalar: plain where that is safe, in double quotes otherwise.
pub fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_string() } else { quoted(text) }
}

/// Whether a plain scalar reads back as exactly this text in YAML 1.1 and 1.2, in block and in flow style.
fn is_plain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_./:+%()= ~".contains(c);
    let first = text.chars().next();
    let words = [
        "y",
        "n",
        "yes",
        "no",
        "on",
        "off",
        "true",
        "false",
        "null",
        "none",
        "nan",
        "inf",
        "infinity",
        "undefined",
    ];
    is_duration(text)
        || first.is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '_')
            && text.chars().all(inner)
            && !text.contains(": ")
            && !text.ends_with([':', ' '])
            && text.len() <= 400
            && !words.contains(&text.to_lowercase().as_str())
}

/// `15s`: begins like a number and cannot be one.
fn is_duration(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && ["ms", "s", "m", "h"].contains(&&text[digits..])
}

/// A text in double quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            // Line breaks and marks that YAML itself, or a reader's eye, would take for something else.
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text of several lines as a block scalar, one line as a plain or quoted scalar.
fn block(text: &str, indent: usize) -> String {
    let printable = |c: char| c == '\n' || !(c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c));
    let tidy = text.lines().all(|line| !line.ends_with(' ') && !line.is_empty());
    let starts_well = !text.starts_with([' ', '\t', '\n']);
    if !text.chars().all(printable) || !tidy || !starts_well || text.ends_with('\n') {
        return quoted(text);
    }
    let pad = " ".repeat(indent);
    let lines: Vec<String> = text.lines().map(|line| format!("{pad}{line}")).collect();
    format!("|-\n{}", lines.join("\n"))
}

/// Without what would end a comment or hide in it.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c) { ' ' } else { c })
        .collect()
}

/// Comment lines, folded; the first one stands where the template stands, the others are indented.
fn comment(text: &str, indent: usize) -> String {
    let mut lines = vec![String::from("#")];
    for word in one_line(text).split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last + 1 + word.chars().count() + indent > WIDTH && last > 1 {
            lines.push(String::from("#"));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// A comment behind a value, if there is anything to say.
fn behind(text: &str) -> String {
    let text = one_line(text);
    if text.trim().is_empty() { String::new() } else { format!("  # {}", text.trim()) }
}
