//! `${VAR}`: what envsubst and Flux fill in before the object is applied.

/// Whether a text holds a variable, so that nobody knows yet what it will be.
pub fn has_variable(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        rest = &rest[at + 2..];
        let name: usize =
            rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if name > 0 && rest[name..].starts_with(['}', ':', '-', '#', '%', '/', '=']) {
            return true;
        }
    }
    false
}
