//! Names that no object can have.
//!
//! Source: kubernetes/apimachinery pkg/util/validation/validation.go, IsDNS1123Subdomain; for Services IsDNS1035Label.

use super::rules::NOT_ALLOWED;
use crate::finding::Finding;
use crate::manifest::{Document, has_variable};

/// What is wrong with the name of a document, if its kind is one of Kubernetes' or KEDA's.
pub fn name(document: &Document) -> Option<Finding> {
    if let Some(finding) = around(document) {
        return Some(finding);
    }
    let node = document.node.at(&["metadata", "name"])?;
    let name = node.as_str()?;
    // Something that is filled in later: `<name>`, `__NAME__`, `RELEASE-NAME`.
    let is_placeholder = has_variable(name)
        || name.contains(['{', '$', '<', '%', '@', '*', '#', '['])
        || name.contains("__")
        || !name.bytes().any(|byte| byte.is_ascii_lowercase());
    if is_placeholder {
        return None;
    }
    let is_service = document.kind() == "Service" && document.api_version() == "v1";
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let wrong = name
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-' || *c == '.' && !is_service));
    let message = match wrong {
        Some(c) => format!("`{}` cannot be a name: it has `{}`", name.escape_debug(), c.escape_debug()),
        None if !edge(name.bytes().next()) || !edge(name.bytes().last()) => {
            format!(
                "`{}` cannot be a name: it begins or ends with another sign than a letter or digit",
                name.escape_debug()
            )
        }
        None if is_service && name.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("`{}` cannot be the name of a Service: it begins with a digit", name.escape_debug())
        }
        _ => return None,
    };
    let right: String =
        name.chars().map(|c| if c == '_' || c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
    let is_right =
        right.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let finding =
        Finding::new(&NOT_ALLOWED, document.place(node), message).why("the API server refuses the object");
    Some(match is_right && wrong.is_some() {
        true => finding.help(format!("write `{right}`, here and wherever it is named")),
        false => finding.help("write small letters, digits and `-`"),
    })
}

/// A prefix or suffix of a kustomization with which no name is one.
fn around(document: &Document) -> Option<Finding> {
    if !matches!(document.kind(), "" | "Kustomization" | "Component") {
        return None;
    }
    let (key, node) =
        ["namePrefix", "nameSuffix"].into_iter().find_map(|key| Some((key, document.node.get(key)?)))?;
    let text = node.as_str().filter(|text| !has_variable(text) && !text.contains(['{', '$', '<']))?;
    let wrong =
        text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.')))?;
    let message = format!("`{key}` puts `{}` into every name", wrong.escape_debug());
    Some(
        Finding::new(&NOT_ALLOWED, document.place(node), message)
            .why("the API server refuses all that is built here: names have small letters, digits and `-`")
            .help(format!("write `{}`", text.to_ascii_lowercase().replace(['_', ' '], "-").escape_debug())),
    )
}
