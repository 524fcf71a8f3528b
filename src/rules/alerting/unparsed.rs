//! Texts of alerts that are no templates of Prometheus: functions and variables that it does not know, sums in braces.
//!
//! Sources: prometheus/prometheus template/template.go, NewTemplateExpander (the functions); model/rulefmt/rulefmt.go,
//! testTemplateParsing (annotations and labels are parsed as the file is read, with `$labels`, `$externalLabels`,
//! `$externalURL` and `$value`; one that fails refuses the file); golang/go src/text/template/funcs.go and exec.go (the
//! built-in functions), parse/lex.go (there are no operators).

use super::TEMPLATE_FUNCTION;
use crate::finding::{Finding, nearest};
use crate::manifest::{Node, raw_offset};
use crate::source::{Place, Span};

/// What Prometheus adds to the language.
const OF_PROMETHEUS: [&str; 29] = [
    "args",
    "externalURL",
    "first",
    "graphLink",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "label",
    "match",
    "now",
    "parseDuration",
    "pathPrefix",
    "query",
    "reReplaceAll",
    "safeHtml",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "value",
];

/// Words and functions of the language itself.
const OF_GO: [&str; 32] = [
    "and", "block", "break", "call", "continue", "define", "else", "end", "eq", "false", "ge", "gt", "html",
    "if", "index", "js", "le", "len", "lt", "ne", "nil", "not", "or", "print", "printf", "println", "range",
    "slice", "template", "true", "urlquery", "with",
];

/// What vmalert has besides, which reads the same files.
///
/// Source: VictoriaMetrics/VictoriaMetrics app/vmalert/templates/template.go.
const OF_VMALERT: [&str; 10] = [
    "crlfEscape",
    "formatTime",
    "htmlEscape",
    "jsonEscape",
    "parseDurationTime",
    "pathEscape",
    "queryEscape",
    "quotesEscape",
    "sum",
    "toBytes",
];

const VARIABLES: [&str; 4] = ["$externalLabels", "$externalURL", "$labels", "$value"];

/// Variables of vmalert and of Grafana.
const OF_OTHERS: [&str; 8] =
    ["$activeAt", "$alertID", "$expr", "$for", "$groupID", "$isPartial", "$type", "$values"];

/// `rule` is an alert in `text_of_file`.
pub(super) fn check(text_of_file: &str, rule: &Node, file: crate::source::FileId) -> Vec<Finding> {
    // Something else fills the file in first: Helm, Jinja.
    if ["{%", "{{`", "{{ `", ".Values", ".Release", ".Chart"].iter().any(|word| text_of_file.contains(word)) {
        return Vec::new();
    }
    let texts = ["annotations", "labels"].iter().filter_map(|key| rule.get(key)).flat_map(Node::entries);
    texts
        .filter_map(|entry| {
            let text = entry.node.as_str().filter(|text| text.contains("{{"))?;
            let (start, end, what) = wrong(text)?;
            let raw = text_of_file.get(entry.node.span.range()).unwrap_or_default();
            let offset = |at: usize| entry.node.span.start as usize + raw_offset(raw, text, at);
            Some(what.finding(&text[start..end], Place::new(file, Span::new(offset(start), offset(end)))))
        })
        .collect()
}

enum Wrong {
    Function,
    Variable,
    Operator,
}

impl Wrong {
    fn finding(&self, word: &str, place: Place) -> Finding {
        let message = match self {
            Self::Function => format!("templates of Prometheus have no function `{word}`"),
            Self::Variable => format!("templates of Prometheus have no variable `{word}`"),
            Self::Operator => format!("templates have no operator `{word}`"),
        };
        let finding = Finding::new(&TEMPLATE_FUNCTION, place, message).why(
            "Prometheus parses the texts as it reads the file, and refuses the whole file: none of its rules is loaded, and a start with it fails",
        );
        let near = match self {
            Self::Function if word.to_lowercase().contains("percent") => Some("humanizePercentage"),
            Self::Function => nearest(word, OF_PROMETHEUS),
            Self::Variable => nearest(word, VARIABLES),
            Self::Operator => None,
        };
        match (self, near) {
            (_, Some(near)) => finding.help(format!("did you mean `{near}`?")),
            (Self::Variable, None) => finding.help(format!("the variables are {}", VARIABLES.join(", "))),
            (Self::Function, None) => {
                finding.help("write `printf \"%.2f\"` or `humanize`, and do sums in the query")
            }
            (Self::Operator, None) => {
                finding.help("do the sum in the query, or write `humanizePercentage` for a share")
            }
        }
    }
}

/// The first word in braces that cannot be read, where the braces are surely those of an alert.
fn wrong(text: &str) -> Option<(usize, usize, Wrong)> {
    let defines = text.contains(":=");
    let mut from = 0;
    while let Some(open) = text[from..].find("{{") {
        let start = from + open + 2;
        let end = start + text[start..].find("}}")?;
        from = end + 2;
        let inner = &text[start..end];
        let is_comment = inner.trim_start_matches(['-', ' ']).starts_with("/*");
        // Jinja has quotes like these, and braces within.
        let is_plain =
            !inner.contains(['\'', '{', '`', '\\']) && inner.matches('"').count().is_multiple_of(2);
        let is_ours = ["$value", "$label", ".Value", ".Labels"].iter().any(|word| inner.contains(word));
        if is_comment || !is_plain || !is_ours {
            continue;
        }
        if let Some((at, length, what)) = wrong_word(inner, defines) {
            return Some((start + at, start + at + length, what));
        }
    }
    None
}

fn wrong_word(inner: &str, defines: bool) -> Option<(usize, usize, Wrong)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    while let Some(first) = inner[at..].chars().next() {
        let rest = &inner[at..];
        if first == '"' {
            at += 2 + rest[1..].find('"')?;
            continue;
        }
        let head = first.len_utf8();
        let length = head + rest[head..].find(|c| !is_word(c)).unwrap_or(rest.len() - head);
        let word = &rest[..length];
        if first.is_alphabetic() || first == '_' {
            let known = [&OF_PROMETHEUS[..], &OF_GO, &OF_VMALERT].iter().any(|names| names.contains(&word));
            if !known {
                return Some((at, length, Wrong::Function));
            }
        } else if first == '$' {
            let known = [&VARIABLES[..], &OF_OTHERS].iter().any(|names| names.contains(&word));
            if length > 1 && !known && !defines {
                return Some((at, length, Wrong::Variable));
            }
        } else if matches!(first, '*' | '/' | '%') && rest[1..].starts_with(' ') {
            return Some((at, 1, Wrong::Operator));
        } else if first == '.' || first.is_ascii_digit() {
            // A field, or a number such as 1e3.
            at += length;
            continue;
        } else {
            at += head;
            continue;
        }
        at += length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn what_prometheus_does_not_read() {
        for (text, expected) in [
            ("{{ $value | percent }}", Some("percent")),
            ("{{ $labels.pod }} has {{ $value | humanizePercent }}", Some("humanizePercent")),
            ("{{ $label.pod }}", Some("$label")),
            ("{{ $value * 100 }}", Some("*")),
            ("{{ mul $value 100 }}", Some("mul")),
            ("{{ $value | humanizePercentage }}", None),
            ("{{ printf \"%.2f %s\" $value $labels.a_b }}", None),
            ("{{ with $x := .Value }}{{ $x }}{{ end }}", None),
            ("{{- $value -}}", None),
            ("{{ name }} {{ $value }}", None),
            ("{{ '{{' }} $value | bare {{ '}}' }}", None),
            ("{{ .Labels.pod | toUpper", None),
        ] {
            let found = wrong(text).map(|(start, end, _)| &text[start..end]);
            assert_eq!(found, expected, "{text}");
        }
    }
}
