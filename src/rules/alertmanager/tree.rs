//! Routes and their matchers.
//!
//! Sources: prometheus/alertmanager dispatch/route.go (Match: the first child that matches takes the alert, unless it says
//! `continue`); prometheus/alertmanager pkg/labels/parse.go.

use regex::Regex;

use super::{Configuration, plain};
use crate::manifest::Node;

/// How a matcher compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Equal,
    NotEqual,
    Fits,
    FitsNot,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Matcher {
    pub label: String,
    pub way: Way,
    pub value: String,
}

impl Matcher {
    /// Whether a value passes; None where the pattern cannot be read.
    pub fn takes(&self, value: &str) -> Option<bool> {
        let fits = || Some(Regex::new(&format!("^(?:{})$", self.value)).ok()?.is_match(value));
        match self.way {
            Way::Equal => Some(self.value == value),
            Way::NotEqual => Some(self.value != value),
            Way::Fits => fits(),
            Way::FitsNot => fits().map(|fits| !fits),
        }
    }

    /// Whether everything that another takes passes this one.
    pub fn covers(&self, other: &Matcher) -> bool {
        self == other
            || self.label == other.label && other.way == Way::Equal && self.takes(&other.value) == Some(true)
    }

    pub fn text(&self) -> String {
        let operator = match self.way {
            Way::Equal => "=",
            Way::NotEqual => "!=",
            Way::Fits => "=~",
            Way::FitsNot => "!~",
        };
        format!("{}{operator}\"{}\"", self.label, self.value)
    }
}

/// The matchers of a route or of one side of an inhibition; None where one cannot be read.
pub(super) fn matchers(configuration: &Configuration<'_>, node: &Node, prefix: &str) -> Option<Vec<Matcher>> {
    let key = |word: &str| match (prefix, configuration.is_custom) {
        ("", _) => word.to_string(),
        (prefix, false) => format!("{prefix}_{word}"),
        (prefix, true) => {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            format!("{prefix}{}{}", first.map(String::from).unwrap_or_default(), letters.as_str())
        }
    };
    let (matchers, equal, pattern) = if prefix.is_empty() {
        ("matchers".to_string(), "match".to_string(), "match_re".to_string())
    } else if configuration.is_custom {
        (key("match"), String::new(), String::new())
    } else {
        (key("matchers"), key("match"), key("match_re"))
    };
    let mut all = Vec::new();
    for (key, way) in [(&equal, Way::Equal), (&pattern, Way::Fits)] {
        for entry in node.get(key).map(Node::entries).unwrap_or_default() {
            let value = entry.node.as_written()?;
            plain(&entry.node).or((entry.node.as_str().is_none()).then_some(""))?;
            all.push(Matcher { label: entry.key.clone(), way, value });
        }
    }
    for item in node.get(&matchers).map(Node::items).unwrap_or_default() {
        if configuration.is_custom {
            let way = match item.get("matchType").and_then(Node::as_str) {
                Some("!=") => Way::NotEqual,
                Some("=~") => Way::Fits,
                Some("!~") => Way::FitsNot,
                _ if item.get("regex").and_then(Node::as_written).as_deref() == Some("true") => Way::Fits,
                _ => Way::Equal,
            };
            let value = item.get("value").map_or(Some(String::new()), Node::as_written)?;
            all.push(Matcher { label: plain(item.get("name")?)?.to_string(), way, value });
        } else {
            all.extend(parsed(plain(item)?)?);
        }
    }
    Some(all)
}

/// `severity="critical"`, and several between commas or in braces.
fn parsed(text: &str) -> Option<Vec<Matcher>> {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let at = rest.find(['=', '!'])?;
        let label = rest[..at].trim().trim_matches('"').to_string();
        let (way, behind) =
            [("=~", Way::Fits), ("!~", Way::FitsNot), ("!=", Way::NotEqual), ("=", Way::Equal)]
                .into_iter()
                .find_map(|(word, way)| Some((way, rest[at..].strip_prefix(word)?)))?;
        let behind = behind.trim_start();
        let (value, after) = match behind.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => {
                let end = behind.find(',').unwrap_or(behind.len());
                (behind[..end].trim(), &behind[end..])
            }
        };
        all.push(Matcher { label, way, value: value.replace("\\\\", "\\") });
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Some(all)
}

/// All routes, from the top down, each with its parent's.
pub(super) fn routes<'i>(configuration: &Configuration<'i>) -> Vec<&'i Node> {
    let mut all = Vec::new();
    let mut stack: Vec<&Node> = configuration.root.get("route").into_iter().collect();
    while let Some(route) = stack.pop() {
        all.push(route);
        stack.extend(route.get("routes").map(Node::items).unwrap_or_default().iter().rev());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_read_as_alertmanager_reads_them() {
        for (text, label, way, value) in [
            ("severity=\"critical\"", "severity", Way::Equal, "critical"),
            ("severity = critical", "severity", Way::Equal, "critical"),
            ("team=~\"a|b\"", "team", Way::Fits, "a|b"),
            ("{alertname!=\"Watchdog\"}", "alertname", Way::NotEqual, "Watchdog"),
        ] {
            let read = parsed(text).expect("a matcher");
            assert_eq!(read, [Matcher { label: label.into(), way, value: value.into() }], "{text}");
        }
        assert_eq!(parsed("a=\"1\", b!~\"2,3\"").map(|all| all.len()), Some(2));
    }
}
