//! Names and labels that Kubernetes and Prometheus accept.

use std::collections::BTreeMap;

use super::{Checker, rules};
use crate::finding::Finding;
use crate::policy::written::{Field, Named};
use crate::source::{Place, Placed};

/// Lower-case letters, digits and dashes, as in DNS. Source: kubernetes/apimachinery pkg/util/validation,
/// IsDNS1123Label.
pub(super) fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// DNS labels joined by dots. Same source, IsDNS1123Subdomain.
pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// The value of a Kubernetes label. Same source, IsValidLabelValue.
fn is_label_value(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.iter().all(inner) && edge(bytes.first()) && edge(bytes.last())
}

/// The key of a Kubernetes label: an optional DNS prefix, a slash, a name. Same source, IsQualifiedName.
fn is_label_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

/// A label name of Prometheus in its classic form, not one of those that Prometheus keeps for itself.
fn is_prometheus_label(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with("__")
}

impl Checker<'_> {
    /// The name of an object; at most `most` bytes, because something longer is made of it.
    pub(super) fn object_name(
        &mut self,
        name: &Placed<String>,
        what: &str,
        most: usize,
        because: &str,
    ) -> bool {
        let text = &name.value;
        if !is_dns_subdomain(text) {
            self.push(
                Finding::new(
                    &rules::INVALID_NAME,
                    name.place,
                    format!("{} is not a name for {what}", shown(text)),
                )
                .why("Kubernetes takes lower-case letters, digits, `-` and `.`, and refuses the rest")
                .help(suggestion(text)),
            );
            return false;
        }
        if text.len() > most {
            self.push(
                Finding::new(
                    &rules::INVALID_NAME,
                    name.place,
                    format!("{} has {} characters, {what} at most {most}", shown(text), text.len()),
                )
                .why(because)
                .help("shorten the name"),
            );
            return false;
        }
        true
    }

    /// Labels of Kubernetes objects.
    pub(super) fn kubernetes_labels(&mut self, field: &Field<Named<String>>) -> BTreeMap<String, String> {
        self.pairs(field, |key, value| {
            if !is_label_key(key) {
                return Some(format!("{} is not the name of a Kubernetes label", shown(key)));
            }
            (!is_label_value(value)).then(|| {
                format!(
                    "{} is not the value of a Kubernetes label: at most 63 letters, digits, `-`, `_` and `.`",
                    shown(value)
                )
            })
        })
        .into_iter()
        .collect()
    }

    /// Labels that Prometheus puts on an alert.
    pub(super) fn prometheus_labels(&mut self, field: &Field<Named<String>>) -> BTreeMap<String, String> {
        let reserved = ["alertname", "severity", "namespace", "workload", "signal"];
        self.pairs(field, |key, _| {
            if !is_prometheus_label(key) {
                return Some(format!(
                    "{} is not the name of a Prometheus label: letters, digits and `_`",
                    shown(key)
                ));
            }
            reserved.contains(&key).then(|| format!("slogen sets the label `{key}` itself"))
        })
        .into_iter()
        .collect()
    }

    /// The readable entries of a table of texts, after `problem` has looked at each.
    pub(super) fn pairs(
        &mut self,
        field: &Field<Named<String>>,
        problem: impl Fn(&str, &str) -> Option<String>,
    ) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (key, value) in field.value().map_or(&[][..], |named| &named.0) {
            let Some(value) = value.get() else { continue };
            match problem(&key.value, &value.value) {
                None => pairs.push((key.value.clone(), value.value.clone())),
                Some(message) => {
                    let place = self.blame(&message, &key.value, key.place, value.place);
                    self.push(Finding::new(&rules::INVALID_LABEL, place, message));
                }
            }
        }
        pairs
    }

    /// The key where the message is about the key, the value otherwise.
    fn blame(&self, message: &str, key: &str, at_key: Place, at_value: Place) -> Place {
        if message.starts_with(&shown(key)) || message.contains(&format!("`{key}`")) {
            at_key
        } else {
            at_value
        }
    }
}

/// A text as it is shown in a message: shortened, and with nothing in it that a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    let dots = if text.chars().count() > 40 { "…" } else { "" };
    format!("`{short}{dots}`")
}

fn suggestion(text: &str) -> String {
    let mut plain: String =
        text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    plain.truncate(50);
    let plain = plain.trim_matches('-');
    if is_dns_label(plain) {
        format!("write something like \"{plain}\"")
    } else {
        "write something like \"inference\"".to_string()
    }
}
