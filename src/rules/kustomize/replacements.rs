//! Entries of `replacements`, and of the older `vars`, whose source or target is not there.
//!
//! Sources: kubernetes-sigs/kustomize api/filters/replacement/replacement.go, getReplacement and selectSourceNode (a source
//! that is not there, and a field that it has not, end the build), applyReplacement (a target that is not there is passed
//! over, a field of it that is not there ends the build, unless `create` makes it); api/internal/accumulator/resaccumulator.go
//! (`vars`).

use super::built::{Builder, Built};
use super::meant::{is_always_read, names};
use super::{PATCH_PATH, PATCH_TARGET, REFUSED, operations};
use crate::finding::{Finding, Severity};
use crate::inventory::Object;
use crate::manifest::{Node, Value, has_variable};
use crate::source::Sources;

pub(super) fn check<'o>(
    sources: &Sources,
    kustomization: &'o Object<'o>,
    builder: &Builder<'o, '_>,
) -> Vec<Finding> {
    let list = |key: &str| kustomization.at(&[key]).map(Node::items).unwrap_or_default();
    let (replacements, vars) = (list("replacements"), list("vars"));
    // A component works on what stands around it.
    if replacements.is_empty() && vars.is_empty() || kustomization.kind() == "Component" {
        return Vec::new();
    }
    let here = Here { sources, kustomization, built: builder.build(kustomization) };
    let mut findings = Vec::new();
    for entry in replacements {
        let source = entry.get("source");
        findings.extend(source.and_then(|source| here.source(source, source.get("fieldPath"))));
        for target in entry.get("targets").map(Node::items).unwrap_or_default() {
            findings.extend(here.target(target));
        }
    }
    for entry in vars {
        let field = entry.at(&["fieldref", "fieldpath"]).or_else(|| entry.at(&["fieldref", "fieldPath"]));
        findings.extend(entry.get("objref").and_then(|source| here.source(source, field)));
    }
    findings
}

struct Here<'o, 'd> {
    sources: &'o Sources,
    kustomization: &'o Object<'o>,
    built: Built<'o, 'd>,
}

impl<'o> Here<'o, '_> {
    /// Where a value is taken from.
    fn source(&self, source: &Node, field: Option<&Node>) -> Option<Finding> {
        let (kind, name) = self.selected(source)?;
        let name = name?;
        let generated = self.generated(kind, name)?;
        let all = self.built.called(kind, name);
        if all.is_empty() && generated.is_empty() {
            let node = source.get("name")?;
            let told = names(&self.built, &[kind]);
            let help = match told.is_empty() {
                true => format!("add the {kind} to `resources`, or take the entry out"),
                false => format!("the {kind}s that are built here are {told}"),
            };
            let message = format!("the value comes from {kind} `{name}`, which is not built here");
            return Some(
                Finding::new(&PATCH_TARGET, self.kustomization.place(node), message).why(REFUSED).help(help),
            );
        }
        let [object] = all.as_slice() else { return None };
        let field = field?;
        if !generated.is_empty() || object.document.name() != name {
            return None;
        }
        self.missing(object, field, "to take")
    }

    /// Where a value is put.
    fn target(&self, target: &Node) -> Option<Finding> {
        let select = target.get("select")?;
        let (kind, name) = self.selected(select)?;
        let is_it = |object: &&&Object<'_>| {
            object.kind() == kind && name.is_none_or(|name| object.document.name() == name)
        };
        let is_generated =
            name.is_some_and(|name| self.generated(kind, name).is_none_or(|all| !all.is_empty()));
        let is_there = match name {
            Some(name) => is_generated || !self.built.called(kind, name).is_empty(),
            None => {
                matches!(kind, "ConfigMap" | "Secret")
                    || self.built.objects.iter().any(|object| object.kind() == kind)
            }
        };
        if !is_there {
            let node = select.get("name").or_else(|| select.get("kind"))?;
            let wanted = name.map_or_else(String::new, |name| format!(" `{name}`"));
            let told = names(&self.built, &[kind]);
            let help = match told.is_empty() {
                true => "add the file with it to `resources`, or take the target out".to_string(),
                false => format!("the {kind}s that are built here are {told}"),
            };
            let message = format!("the value is put nowhere: no {kind}{wanted} is built here");
            let mut finding = Finding::new(&PATCH_TARGET, self.kustomization.place(node), message)
                .why("a target that fits no object is no error to kustomize: the value as it is written in the base stays")
                .help(help);
            finding.severity = Severity::Warning;
            return Some(finding);
        }
        let makes = target.at(&["options", "create"]).and_then(Node::as_written);
        if is_generated || target.get("reject").is_some() || makes.as_deref() == Some("true") {
            return None;
        }
        let objects = || self.built.objects.iter().filter(is_it);
        let fields = target.get("fieldPaths").map(Node::items).unwrap_or_default();
        fields
            .iter()
            .find_map(|field| objects().find_map(|object| self.missing(object, field, "to put it into")))
    }

    /// Kind and name that a selector names, where it can be told whether they are there.
    fn selected<'n>(&self, selector: &'n Node) -> Option<(&'n str, Option<&'n str>)> {
        let kind = selector.get("kind").and_then(Node::as_str)?;
        let name = match selector.get("name") {
            Some(node) => Some(node.as_str()?),
            None => None,
        };
        // A name is a pattern, where values are put.
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_closer = ["namespace", "labelSelector", "annotationSelector"];
        let is_known = is_always_read(kind) || matches!(kind, "ConfigMap" | "Secret");
        let is_list = |object: &&Object<'_>| object.kind().ends_with("List");
        let is_open = !self.built.is_complete
            || !is_known
            || is_closer.iter().any(|key| selector.get(key).is_some())
            || self.built.objects.iter().any(is_list);
        (!is_open && name.is_none_or(is_plain)).then_some((kind, name))
    }

    /// Generators that make an object, or may make it under a prefix; None: that cannot be told.
    fn generated(&self, kind: &str, name: &str) -> Option<Vec<&'o Node>> {
        let list = match kind {
            "ConfigMap" => "configMapGenerator",
            "Secret" => "secretGenerator",
            _ => return Some(Vec::new()),
        };
        let mut all = Vec::new();
        for one in &self.built.kustomizations {
            for entry in one.at(&[list]).map(Node::items).unwrap_or_default() {
                let own = entry.get("name").and_then(Node::as_str)?;
                if has_variable(own) {
                    return None;
                }
                all.extend(name.contains(own).then_some(entry));
            }
        }
        Some(all)
    }

    /// A field that the object has not, as far as it is written.
    fn missing(&self, object: &Object<'_>, field: &Node, verb: &str) -> Option<Finding> {
        let text = field.as_str().filter(|text| !has_variable(text))?;
        let steps = steps(text);
        // Names, labels and annotations come from other fields of a kustomization too.
        let is_made = |step: &String| step.to_lowercase().contains("label") || step == "selector";
        if object.is_fragment || steps[0] == "metadata" || steps.iter().any(is_made) {
            return None;
        }
        let wanted = lacks(&object.document.node, &steps)?;
        let keys: Vec<String> = steps[..wanted].iter().filter(|step| is_key(step)).cloned().collect();
        if operations::is_made(self.sources, &self.built, None, &keys) || self.creates(&keys) {
            return None;
        }
        let (kind, name) = (object.kind(), object.document.name());
        let shown = steps[..wanted].join(".");
        let message = format!("{kind} `{name}` has no `{}` {verb}", shown.escape_debug());
        let help = match text {
            _ if text.starts_with('/') => {
                format!("write `{}`: the steps are parted by points", steps_of_pointer(text))
            }
            _ if text.contains("[") && !text.contains(".[") => {
                format!(
                    "write `{}`: the number of an item is a step of its own",
                    text.replace('[', ".").replace(']', "")
                )
            }
            _ if verb == "to take" => "write the path of a field that is there".to_string(),
            _ => "write the path of a field that is there, or `options: {create: true}` beside `fieldPaths`"
                .to_string(),
        };
        Some(
            Finding::new(&PATCH_PATH, self.kustomization.place(field), message)
                .related(object.name_place(), "the object as it is written")
                .why(REFUSED)
                .help(help),
        )
    }

    /// Whether another entry makes it.
    fn creates(&self, keys: &[String]) -> bool {
        let entries = self
            .built
            .kustomizations
            .iter()
            .flat_map(|one| one.at(&["replacements"]).map(Node::items).unwrap_or_default());
        let makes = |target: &Node| {
            let fields = target.get("fieldPaths").map(Node::items).unwrap_or_default();
            target.at(&["options", "create"]).is_some()
                && fields.iter().filter_map(Node::as_str).any(|text| {
                    steps(text).iter().filter(|step| is_key(step)).take(keys.len()).eq(keys.iter())
                })
        };
        entries
            .into_iter()
            // What a file says is not read.
            .any(|entry| {
                entry.get("path").is_some()
                    || entry.get("targets").map(Node::items).unwrap_or_default().iter().any(makes)
            })
    }
}

fn steps_of_pointer(text: &str) -> String {
    text.trim_start_matches('/').replace('/', ".")
}

/// The steps of a path: parted by points, but not by those behind a backslash or in brackets.
fn steps(path: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let (mut is_escaped, mut is_inside) = (false, false);
    for letter in path.chars() {
        let last = all.len() - 1;
        match letter {
            '\\' if !is_escaped => is_escaped = true,
            '.' if !is_escaped && !is_inside => all.push(String::new()),
            _ => {
                is_inside = letter == '[' && all[last].is_empty() || is_inside && letter != ']';
                is_escaped = false;
                all[last].push(letter);
            }
        }
    }
    all
}

/// Whether a step is the key of a mapping.
fn is_key(step: &str) -> bool {
    step != "*" && step != "-" && step.parse::<usize>().is_err() && !step.starts_with('[')
}

/// The length of the part of a path that an object has not. None: it has it, or that cannot be told.
fn lacks(object: &Node, steps: &[String]) -> Option<usize> {
    let mut at = object;
    for (deep, step) in steps.iter().enumerate() {
        let next = match &at.value {
            Value::Mapping(_) if step != "*" => at.get(step),
            Value::Sequence(items) => match step.parse::<usize>() {
                Ok(number) => items.get(number),
                Err(_) => {
                    match step.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')?.split_once('=')) {
                        Some((key, value)) => {
                            let named = |item: &&Node| {
                                item.get(key).and_then(Node::as_written).as_deref() == Some(value)
                            };
                            items.iter().find(named)
                        }
                        // Of all items one that has it may be enough.
                        None if step == "*" || step == "-" => return None,
                        None => None,
                    }
                }
            },
            Value::Mapping(_) | Value::Null => return None,
            _ => None,
        };
        match next {
            Some(next) if next.as_str().is_some_and(has_variable) => return None,
            Some(next) => at = next,
            None => return Some(deep + 1),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn parts_paths() {
        assert_eq!(steps("spec.triggers.0.metadata"), ["spec", "triggers", "0", "metadata"]);
        assert_eq!(steps("data.config\\.yaml"), ["data", "config.yaml"]);
        assert_eq!(steps("spec.env.[name=a.b].value"), ["spec", "env", "[name=a.b]", "value"]);
    }
}
