//! What is filled in before an object is applied: `${VAR}` and `$VAR` by envsubst and Flux, `$(VAR)` and `#{VAR}#` by
//! pipelines, `${{ … }}` by GitHub and Backstage, `__VAR__` by sed.

/// Whether a text holds a variable, so that nobody knows yet what it will be.
///
/// Queries and patterns have a `$` of their own: `$labels` and `$value` in alerts, `$1` in relabelings, `$` at the end of
/// a pattern, `$env[…]` in formulas, `$__rate_interval` in dashboards, `__name__` among labels. None of them counts: bare
/// names count in capitals alone.
pub fn has_variable(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| after_dollar(&text[at + 1..]))
        || text.match_indices("#{").any(|(at, _)| {
            let rest = &text[at + 2..];
            let name = length(rest, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
            name > 0 && rest[name..].starts_with('}')
        })
        || text.match_indices("__").any(|(at, _)| {
            let rest = &text[at + 2..];
            let before = text[..at].chars().next_back();
            let name = length(rest, |byte| is_capital(byte) || byte == b'_');
            let inner = rest[..name].trim_end_matches('_');
            !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
                && inner.starts_with(|c: char| c.is_ascii_uppercase())
                && name - inner.len() >= 2
        })
}

fn after_dollar(rest: &str) -> bool {
    if let Some(inner) = rest.strip_prefix('{') {
        let name = length(inner, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        return inner.starts_with('{')
            || name > 0 && inner[name..].starts_with(['}', ':', '-', '#', '%', '/', '=']);
    }
    if let Some(inner) = rest.strip_prefix('(') {
        let name = length(inner, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        return name > 1
            && inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && inner[name..].starts_with(')');
    }
    let name = length(rest, |byte| is_capital(byte) || byte == b'_');
    let ends = !rest[name..].starts_with(|c: char| c.is_ascii_alphanumeric());
    name > 1 && ends && rest.starts_with(|c: char| c.is_ascii_uppercase())
}

fn is_capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn length(text: &str, is_part: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| is_part(*byte)).count()
}

#[cfg(test)]
mod tests {
    use super::has_variable;

    #[test]
    fn tells_variables_from_dollars() {
        for open in [
            "${HOST}",
            "http://${host:-x}:9090",
            "$PROM_URL",
            "http://$HOST:9090",
            "$(namespace)",
            "$(Build.Id)-x",
            "${{ values.name }}",
            "#{Namespace}#",
            "__NAMESPACE__",
            "shop-__ENV__-1",
        ] {
            assert!(has_variable(open), "{open}");
        }
        for plain in [
            "checkout.*$",
            "$1:$2",
            "{{ $labels.pod }} {{ $value }}",
            "up{__name__=\"x\"}",
            "^a$|^(b)$",
            "rate(x[$__rate_interval])",
            "$env[\"a\"]",
            "$",
            "#{",
            "__meta_kubernetes_pod_name",
            "foo$(a|b)",
            "sum(x) # all",
        ] {
            assert!(!has_variable(plain), "{plain}");
        }
    }
}
