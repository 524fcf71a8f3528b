//! Names in their classic form: what needs no quotes.

/// Letters, digits, `_` and `:`, no digit first.
pub fn is_metric_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}

/// Letters, digits and `_`, no digit first.
pub fn is_label_name(text: &str) -> bool {
    is_metric_name(text) && !text.contains(':')
}
