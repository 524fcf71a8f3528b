//! Relabelling rules whose pattern fits no value that their labels can have: Prometheus takes them, and they do nothing.
//!
//! Sources: prometheus/prometheus model/relabel/relabel.go (the values are joined by `separator`, which is `;`, and the
//! pattern is anchored); google/re2 doc/syntax.txt (`\\` is a backslash); yaml.org spec 1.2 (only double quotes read
//! escapes: elsewhere `\\d` stays two backslashes and a letter).

use super::relabel::{field, known, sources};
use super::rules::NEVER_FITS;
use crate::finding::{Finding, Severity};
use crate::manifest::Node;
use crate::promql::check_pattern;
use crate::source::Place;

/// What is wrong with one rule.
pub fn check(rule: &Node, place: impl Fn(&Node) -> Place) -> Option<Finding> {
    let node = rule.get("regex")?;
    let pattern = node.as_written().filter(|pattern| known(pattern) == pattern)?;
    if check_pattern(&pattern).is_err() {
        return None;
    }
    let text = |plain: &str, camel: &str| field(rule, plain, camel).and_then(Node::as_written);
    let action = text("action", "action").unwrap_or_else(|| "replace".to_string()).to_lowercase();
    let names: Vec<&str> = sources(rule).collect();
    let goes_by_values = ["replace", "keep", "drop"].contains(&action.as_str());
    let goes_by_names = ["labelmap", "labeldrop", "labelkeep"].contains(&action.as_str());
    let are_plain = !names.is_empty() && names.iter().all(|name| is_plain(name));
    if !(goes_by_names || goes_by_values && are_plain) {
        return None;
    }
    let separator = text("separator", "separator").unwrap_or_else(|| ";".to_string());
    let finding = |message: String| {
        let mut finding = Finding::new(&NEVER_FITS, place(node), message).why(effect(&action, rule));
        if action == "keep" {
            finding.severity = Severity::Error;
        }
        finding
    };
    if needs(&pattern, '\\') && pattern.contains("\\\\") && (goes_by_names || !separator.contains('\\')) {
        let mut better = pattern.replace("\\\\", "\\");
        // The colon before the port has to be somewhere.
        if better.starts_with(r"([^:]+)(?:\d+)?") {
            better = better.replacen(r"(?:\d+)?", r"(?::\d+)?", 1);
        }
        // Only a doubled escape is a slip that can be mended by taking one away.
        check_pattern(&better).ok()?;
        return Some(
            finding("the pattern wants a backslash, and no value has one".to_string())
                .label("two backslashes are one that stands for itself")
                .help(format!("write `{better}`: two are right only inside of double quotes")),
        );
    }
    let joined = if names.len() > 1 { separator.as_str() } else { "" };
    if goes_by_values && needs(&pattern, ';') && !joined.contains(';') {
        let message = match names.as_slice() {
            [one] => format!("the pattern wants a `;`, and `{one}` alone has none"),
            _ => format!("the pattern wants a `;`, and the values are joined by `{separator}`"),
        };
        let rewrites = text("target_label", "targetLabel").as_deref() == Some("__address__");
        let help = match names.as_slice() {
            [one] if rewrites && *one != "__address__" => {
                format!("write `[__address__, {one}]` as the labels that it looks at: they are joined by `;`")
            }
            [_] => "name the second label as well: the values are joined by `;`".to_string(),
            _ => "leave the `separator` out, which is `;`".to_string(),
        };
        return Some(finding(message).help(help));
    }
    None
}

/// What becomes of the targets.
fn effect(action: &str, rule: &Node) -> String {
    let target = field(rule, "target_label", "targetLabel").and_then(Node::as_written).unwrap_or_default();
    match (action, target.as_str()) {
        ("keep", _) => "every target is dropped: nothing is scraped, and no error tells".to_string(),
        ("replace", "__address__") => {
            "the address stays as discovery gives it: the port that is written is never asked, and no error tells"
                .to_string()
        }
        ("replace", _) if !target.is_empty() => {
            format!("the rule is passed over: `{target}` stays as it was, and no error tells")
        }
        _ => "the rule is passed over, and no error tells".to_string(),
    }
}

/// Whether the values of a label are names, numbers, addresses or paths, which have neither `;` nor a backslash.
fn is_plain(label: &str) -> bool {
    const OF_ANNOTATIONS: [&str; 4] = ["_port", "_scheme", "_path", "_scrape"];
    if label.contains("_annotation_") {
        return OF_ANNOTATIONS.iter().any(|end| label.ends_with(end));
    }
    matches!(label, "__address__" | "__name__" | "__scheme__" | "__metrics_path__")
        || label.starts_with("__meta_kubernetes_")
}

/// Whether whatever a pattern matches has this character.
fn needs(pattern: &str, wanted: char) -> bool {
    let mut chars = pattern.chars().peekable();
    alternatives(&mut chars, wanted)
}

type Chars<'p> = std::iter::Peekable<std::str::Chars<'p>>;

/// All alternatives up to the closing bracket, or the end.
fn alternatives(chars: &mut Chars<'_>, wanted: char) -> bool {
    let (mut all, mut one) = (true, false);
    while let Some(c) = chars.next() {
        let has = match c {
            ')' => break,
            '|' => {
                all &= one;
                one = false;
                continue;
            }
            '(' => {
                // `(?:`, `(?P<name>`, `(?i)`.
                if chars.next_if_eq(&'?').is_some() {
                    let end = |c: &char| matches!(c, ':' | '>' | ')');
                    while chars.next_if(|c| !end(c)).is_some() {}
                    if chars.next() == Some(')') {
                        continue;
                    }
                }
                alternatives(chars, wanted)
            }
            '[' => {
                class(chars);
                false
            }
            '\\' => chars.next() == Some(wanted),
            c => c == wanted,
        };
        one |= has & !may_be_missing(chars);
    }
    all & one
}

/// Passes over a class of characters.
fn class(chars: &mut Chars<'_>) {
    chars.next_if_eq(&'^');
    chars.next_if_eq(&']');
    while let Some(c) = chars.next() {
        match c {
            ']' => break,
            '\\' => {
                chars.next();
            }
            // `[:alpha:]`
            '[' if chars.peek() == Some(&':') => while chars.next().is_some_and(|c| c != ']') {},
            _ => {}
        }
    }
}

/// Whether a repetition follows that may be none.
fn may_be_missing(chars: &mut Chars<'_>) -> bool {
    matches!(chars.peek(), Some('*' | '?' | '{'))
}

#[cfg(test)]
mod tests {
    use super::needs;

    #[test]
    fn knows_what_every_match_has() {
        for (pattern, wanted, expected) in [
            ("(.+);(.+)", ';', true),
            (r"([^:]+)(?::\d+)?;(\d+)", ';', true),
            (r"([^:]+)(?::\d+)?;(\d+)", '\\', false),
            (r"([^:]+)(?::\\d+)?;(\\d+)", '\\', true),
            (r"([^:]+)(?::\\d+)?", '\\', false),
            ("a;b|c", ';', false),
            ("(a;|;b)", ';', true),
            ("[;]a", ';', false),
            ("a;?b", ';', false),
            (".*", ';', false),
            ("", ';', false),
            ("((", ';', false),
            ("[^];]x", ';', false),
        ] {
            assert_eq!(needs(pattern, wanted), expected, "{pattern} and {wanted}");
        }
    }
}
