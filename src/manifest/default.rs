//! `${VAR:=default}`: what a variable is where nobody fills it in.

/// The text with the defaults of its variables in their places; None where it has no variable, or one without a default.
///
/// Source: a8m/envsubst, as Flux uses it (fluxcd/kustomize-controller docs/spec/v1/kustomizations.md): `:=`, `:-`, `=`
/// and `-` stand before a default.
pub(super) fn with_defaults(text: &str) -> Option<String> {
    // Asked of every scalar: one letter is found faster than two.
    memchr::memchr(b'$', text.as_bytes())?;
    if !text.contains("${") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner.find('}')?;
        let name = inner.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let given = inner.get(name..end)?;
        let given = given.strip_prefix(':').unwrap_or(given);
        // A default that holds a variable of its own is not followed.
        let default = given.strip_prefix(['=', '-']).filter(|text| name > 0 && !text.contains("${"))?;
        out.push_str(default);
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::with_defaults;

    #[test]
    fn defaults_take_the_place_of_their_variables() {
        let text = |text| with_defaults(text);
        assert_eq!(text("${MIN:=2}").as_deref(), Some("2"));
        assert_eq!(
            text("http://${HOST:-prometheus}:${PORT-9090}/").as_deref(),
            Some("http://prometheus:9090/")
        );
        assert_eq!(text("${MIN}"), None);
        assert_eq!(text("${A:=1} ${B}"), None);
        assert_eq!(text("plain"), None);
        assert_eq!(text("${A:=${B}}"), None);
        assert_eq!(text("${A:="), None);
    }
}
