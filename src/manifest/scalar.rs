//! What a plain scalar means to Kubernetes: YAML 1.1 as sigs.k8s.io/yaml reads it.

use super::Value;

pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    if is_number(text) { Value::Number(text.to_string()) } else { Value::Text(text.to_string()) }
}

fn is_number(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let digits =
        |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix) || c == '_');
    if let Some(hex) = body.strip_prefix("0x") {
        return digits(hex, 16);
    }
    if let Some(octal) = body.strip_prefix("0o") {
        return digits(octal, 8);
    }
    if let Some(binary) = body.strip_prefix("0b") {
        return digits(binary, 2);
    }
    let starts = body.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let plain = |c: char| c.is_ascii_digit() || ".eE+-_".contains(c);
    starts
        && body.chars().all(plain)
        && body.contains(|c: char| c.is_ascii_digit())
        && body.replace('_', "").parse::<f64>().is_ok()
}
