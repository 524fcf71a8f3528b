//! One object against its shape.

use std::borrow::Cow;

use super::table::{Field, Shape};
use super::{Plain, Shapes, rules};
use crate::finding::{Finding, Severity, nearest};
use crate::manifest::{Document, Node, Value, has_variable};
use crate::source::{Place, Sources};

/// More of one object nobody reads.
const MOST_FINDINGS: usize = 20;

/// Fields of a container that nobody finds in the `spec` of a pod.
const OF_CONTAINERS: [&str; 14] = [
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "startupProbe",
    "volumeMounts",
    "workingDir",
];

/// Fields of a ScaledObject for which a ScaledJob has no use.
const OF_AUTOSCALERS: [&str; 5] =
    ["cooldownPeriod", "initialCooldownPeriod", "idleReplicaCount", "fallback", "advanced"];

/// What does not fit, in the order of the file. `is_fragment`: the object is a part of one, such as a patch.
/// `is_built`: a kustomization writes it anew, and puts words such as `yes` in quotes.
pub fn check(
    sources: &Sources,
    document: &Document,
    shapes: &Shapes,
    (is_fragment, is_built): (bool, bool),
) -> Vec<Finding> {
    let mut found: Vec<Finding> = identity(document, shapes).filter(|_| !is_fragment).into_iter().collect();
    let plain = Plain::of(document);
    let is_fragment = is_fragment && plain.is_none();
    let against = |shape: &&Shape| {
        let text = sources.get(document.file).text.as_str();
        let mut walk = Walk { document, text, is_fragment, is_built, plain, found: Vec::new() };
        walk.value(&document.node, shape, "", true);
        walk.found
    };
    found.extend(shapes.of(document).iter().map(against).min_by_key(Vec::len).unwrap_or_default());
    found
}

/// An object whose kind is known, and whose `apiVersion` is not there, or that of other kinds; or one of a known group whose kind is not.
fn identity(document: &Document, shapes: &Shapes) -> Option<Finding> {
    let (kind, api_version) = (document.kind(), document.api_version());
    if api_version.is_empty() {
        let known = super::api_version_of(kind)?;
        // Other programs have kinds as well; an object of Kubernetes has metadata.
        document.node.get("metadata")?;
        let first = document.node.entries().first()?;
        let misspelt =
            document.node.entries().iter().find(|entry| nearest(&entry.key, ["apiVersion"]).is_some());
        let place = Place::new(document.file, misspelt.map_or(first.key_span, |entry| entry.key_span));
        let finding =
            Finding::new(&rules::MISSING_FIELD, place, format!("`apiVersion` is missing in this {kind}"))
                .why("kubectl refuses the file, and nothing of it is applied");
        return Some(match misspelt {
            Some(entry) => finding
                .help(format!("`{}` is misspelt: write `apiVersion`", entry.key.escape_debug()))
                .replace(true, "write `apiVersion`", place, "apiVersion"),
            None => finding.help(format!("write `apiVersion: {known}`")),
        });
    }
    if let Some(right) = super::home::right(kind, api_version).filter(|_| !shapes.are_defined(document)) {
        document.node.get("metadata")?;
        let place = document.place(document.node.get("apiVersion")?);
        return Some(
            Finding::new(&rules::NOT_ALLOWED, place, format!("`{api_version}` has no kind `{kind}`"))
                .why(format!(
                    "the API server refuses the object: no matches for kind \"{kind}\" in version \"{api_version}\""
                ))
                .help(format!("write `apiVersion: {right}`"))
                .replace(false, format!("write `{right}`"), place, right),
        );
    }
    let right = super::kind_like(kind, api_version)?;
    let node = document.node.get("kind")?;
    let place = document.place(node);
    Some(
        Finding::new(
            &rules::NOT_ALLOWED,
            place,
            format!("`{api_version}` has no kind `{}`", kind.escape_debug()),
        )
        .why("the API server refuses the object")
        .help(format!("write `kind: {right}`"))
        .replace(false, format!("write `{right}`"), place, right),
    )
}

struct Walk<'d> {
    document: &'d Document,
    /// The file that it stands in.
    text: &'d str,
    is_fragment: bool,
    is_built: bool,
    plain: Option<Plain>,
    found: Vec<Finding>,
}

impl Walk<'_> {
    fn push(&mut self, finding: Finding) {
        if self.found.len() < MOST_FINDINGS {
            self.found.push(finding);
        }
    }

    fn place(&self, node: &Node) -> Place {
        self.document.place(node)
    }

    fn is_of_prometheus(&self) -> bool {
        matches!(self.plain, Some(Plain::Configuration | Plain::Rules))
    }

    /// What becomes of an object or file that does not fit.
    fn refused(&self) -> &'static str {
        match self.plain {
            None => "the API server refuses the object",
            Some(Plain::Configuration) => {
                "Prometheus refuses the configuration: it does not start, or keeps the old one"
            }
            Some(Plain::Rules) => "Prometheus refuses the file, with all of its rules",
            Some(Plain::Kustomization) => {
                "`kustomize build` ends with an error, and nothing of this overlay is applied"
            }
        }
    }

    /// What becomes of a value out of range or of a wrong word. KEDA copies the behavior of an HPA as it is.
    ///
    /// Source: kedacore/keda config/crd/patches/scaledobject_patch.yaml checks the stabilization window alone.
    fn refused_value(&self, name: &str) -> &'static str {
        let copied = matches!(name, "periodSeconds" | "value" | "type" | "selectPolicy");
        if copied && self.document.kind() == "ScaledObject" {
            "KEDA takes it, and cannot make the HPA: nothing scales"
        } else {
            self.refused()
        }
    }

    /// The document in words.
    fn subject(&self) -> &str {
        match self.plain {
            None => self.document.kind(),
            Some(Plain::Configuration) => "Prometheus configuration",
            Some(Plain::Rules) => "rule file",
            Some(Plain::Kustomization) => "kustomization",
        }
    }

    fn value(&mut self, node: &Node, shape: &Shape, name: &str, is_root: bool) {
        if node.as_str().is_some_and(has_variable) || node.value == Value::Null {
            return;
        }
        if !matches!(shape, Shape::Any | Shape::Text(_) | Shape::Map(_)) && self.placeholder(node, name) {
            return;
        }
        match shape {
            Shape::Any => {}
            Shape::Object(fields) => match &node.value {
                Value::Mapping(_) => self.object(node, fields, name, is_root),
                _ => self.wrong(node, name, "a mapping"),
            },
            Shape::Map(values) => match &node.value {
                Value::Mapping(entries) => {
                    for entry in entries {
                        self.value(&entry.node, values, &entry.key, false);
                    }
                }
                _ => self.wrong(node, name, "a mapping"),
            },
            Shape::List(items) => match &node.value {
                Value::Sequence(list) => {
                    for item in list {
                        self.value(item, items, name, false);
                    }
                }
                _ => self.wrong(node, name, "a list"),
            },
            Shape::Text(words) => match &node.value {
                Value::Text(text) if words.is_empty() || words.iter().any(|word| word == text) => {}
                Value::Text(text) => self.not_a_word(node, name, text, words),
                // Prometheus reads its files with a reader that makes texts of numbers.
                Value::Number(_) | Value::Bool(_) if self.is_of_prometheus() => {}
                Value::Sequence(_) | Value::Mapping(_) if !words.is_empty() => {
                    self.wrong(node, name, "a text");
                    if let Some(last) = self.found.last_mut() {
                        last.help = Some(format!("write one of {}", plainly(words).join(", ")));
                    }
                }
                _ => self.not_a_text(node, name),
            },
            Shape::Duration => self.duration(node, name),
            Shape::Integer(low, high) => self.integer(node, name, (*low, *high)),
            Shape::Number if !matches!(node.value, Value::Number(_)) => self.wrong(node, name, "a number"),
            Shape::Boolean if !matches!(node.value, Value::Bool(_)) => {
                self.wrong(node, name, "`true` or `false`")
            }
            Shape::IntegerOrText if matches!(node.value, Value::Bool(_)) && self.is_of_prometheus() => {}
            Shape::IntegerOrText if !matches!(node.value, Value::Number(_) | Value::Text(_)) => {
                self.wrong(node, name, "a number or a text");
            }
            Shape::Number | Shape::Boolean | Shape::IntegerOrText => {}
        }
    }

    /// `<MAX_REPLICAS>`: somebody is meant to write a value here; that is no mistake about the field.
    fn placeholder(&mut self, node: &Node, name: &str) -> bool {
        let inner = node.as_str().and_then(|text| text.strip_prefix('<')?.strip_suffix('>'));
        let Some(inner) = inner.filter(|inner| !inner.is_empty() && !inner.contains(['<', '>'])) else {
            return false;
        };
        let is_first = !self.found.iter().any(|finding| finding.severity == Severity::Note);
        if is_first {
            let message = format!("`{name}` holds a placeholder, `<{}>`", inner.escape_debug());
            let mut finding = Finding::new(&rules::WRONG_TYPE, self.place(node), message)
                .why("it is not a value yet: the API server refuses the object as it is")
                .help("fill it in before it is applied");
            finding.severity = Severity::Note;
            self.push(finding);
        }
        true
    }

    fn object(&mut self, node: &Node, fields: &[Field], name: &str, is_root: bool) {
        for entry in node.entries() {
            let known = fields.iter().find(|field| field.is_called(&entry.key));
            match known {
                Some(field) => self.value(&entry.node, &field.shape, &entry.key, false),
                None if is_root && matches!(entry.key.as_str(), "apiVersion" | "kind" | "status") => {}
                // It is told where the version is missed.
                None if is_root
                    && self.document.api_version().is_empty()
                    && nearest(&entry.key, ["apiVersion"]).is_some() => {}
                // `$patch` and the like belong to Kustomize; what holds a variable may be anything.
                None if entry.key.starts_with('$') || has_variable(&entry.key) => {}
                None => self.unknown(entry.key_span, &entry.key, fields, name),
            }
        }
        if self.is_fragment {
            return;
        }
        self.empty(node, fields);
        for field in fields.iter().filter(|field| field.is_required && node.get(&field.name).is_none()) {
            let within = if name.is_empty() { String::new() } else { format!(" in `{name}`") };
            let span = node.entries().first().map_or(node.span, |entry| entry.key_span);
            let finding = Finding::new(
                &rules::MISSING_FIELD,
                Place::new(self.document.file, span),
                format!("`{}` is missing{within}", field.name),
            )
            .why(self.refused());
            self.push(match self.is_like_a_patch() {
                true => finding.help("this looks like a patch of another object of this name, and no kustomization here applies it: name the file under `patches` of one"),
                false => finding,
            });
        }
    }

    /// What KEDA wants is not there where it is empty.
    ///
    /// Source: kedacore/keda config/crd/bases/keda.sh_scaledobjects.yaml and keda.sh_scaledjobs.yaml, minItems and minLength.
    fn empty(&mut self, node: &Node, fields: &[Field]) {
        if !["ScaledObject", "ScaledJob"].contains(&self.document.kind()) {
            return;
        }
        // Of an empty `type` the rules for triggers speak.
        for field in fields.iter().filter(|field| field.is_required && field.name != "type") {
            let is_empty = |value: &Node| match &value.value {
                Value::Sequence(items) => items.iter().all(|item| item.value == Value::Null),
                Value::Text(text) => text.is_empty(),
                _ => false,
            };
            if let Some(value) = node.get(&field.name).filter(|value| is_empty(value)) {
                let finding = Finding::new(
                    &rules::MISSING_FIELD,
                    self.place(value),
                    format!("`{}` is empty", field.name),
                );
                self.push(finding.why(self.refused()));
            }
        }
    }

    /// Whether a workload says neither whose pods they are nor what runs in them.
    fn is_like_a_patch(&self) -> bool {
        let has = |path: &[&str]| self.document.node.at(path).is_some();
        ["Deployment", "StatefulSet", "DaemonSet"].contains(&self.document.kind())
            && has(&["spec", "template", "spec"])
            && !has(&["spec", "selector"])
            && !has(&["spec", "template", "spec", "containers"])
    }

    /// Whether a place is in the template of the pods, which has metadata like the object itself.
    fn is_in_template(&self, span: crate::source::Span) -> bool {
        let template = self.document.node.at(&["spec", "template"]);
        template.is_some_and(|node| node.span.start <= span.start && span.end <= node.span.end)
    }

    /// A field that the definition does not have.
    fn unknown(&mut self, span: crate::source::Span, key: &str, fields: &[Field], name: &str) {
        // Kustomize reads keys in any case.
        let is_called_so = |field: &Field| field.name.eq_ignore_ascii_case(key);
        if self.plain == Some(Plain::Kustomization) && fields.iter().any(is_called_so) {
            return;
        }
        let kind = self.subject();
        let within = match name {
            "" => format!("a {kind}"),
            "metadata" if self.is_in_template(span) => format!("`metadata` of the pod template of a {kind}"),
            _ => format!("`{name}` of a {kind}"),
        };
        let finding = Finding::new(
            &rules::UNKNOWN_FIELD,
            Place::new(self.document.file, span),
            format!("{within} has no field `{}`", key.escape_debug()),
        )
        .why(match self.plain {
            None => "the API server drops it in silence, or refuses the object: it never takes effect",
            Some(_) => self.refused(),
        });
        let names = fields.iter().map(|field| &*field.name).filter(|name| !name.starts_with('*'));
        // A word that is only the beginning of the right one.
        let longer = || {
            let mut longer = names.clone().filter(|name| key.len() >= 4 && name.starts_with(key));
            longer.next().filter(|_| longer.next().is_none())
        };
        let place = finding.place;
        self.push(match nearest(key, names.clone()).or_else(longer) {
            _ if kind == "ScaledJob" && OF_AUTOSCALERS.contains(&key) => {
                finding.help("it is for ScaledObjects: Jobs end by themselves and have no HPA; leave it out")
            }
            // The lines stand as deep as `containers`, and not as deep as the name of the container.
            _ if name == "spec"
                && OF_CONTAINERS.contains(&key)
                && names.clone().any(|name| name == "containers") =>
            {
                finding.help(format!(
                    "`{key}` belongs into the container: write it below `- name: …`, as deep as `name`"
                ))
            }
            // It has moved one level up.
            _ if key == "tolerance" && name == "policies" => {
                finding.help("write it beside `policies`, under `scaleUp` or `scaleDown`")
            }
            Some(word) => finding.help(format!("did you mean `{word}`?")).replace(
                false,
                format!("write `{word}`"),
                place,
                word.to_string(),
            ),
            None if fields.len() <= 12 => finding.help(format!(
                "it has {}",
                names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            )),
            None => finding,
        });
    }

    fn wrong(&mut self, node: &Node, name: &str, wanted: &str) {
        let found = match &node.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        let named = if name.is_empty() { "the object".to_string() } else { format!("`{name}`") };
        let finding = Finding::new(
            &rules::WRONG_TYPE,
            self.place(node),
            format!("{named} takes {wanted}, and this is {found}"),
        )
        .why(self.refused());
        let unquoted = node.as_str().map(str::trim).filter(|text| {
            let fits = |text: &str| {
                // `010` without quotes is 8.
                let is_plain = text == "0" || !text.trim_start_matches('-').starts_with('0');
                is_plain
                    && (wanted.contains("number") && text.parse::<f64>().is_ok()
                        || wanted.contains("integer") && text.parse::<i64>().is_ok())
            };
            let boolean = wanted.contains("true") && matches!(*text, "true" | "false");
            fits(text) || boolean
        });
        let place = self.place(node);
        self.push(match unquoted.map(str::to_string) {
            Some(text) => {
                finding.help("leave the quotes out").replace(true, "leave the quotes out", place, text)
            }
            None => finding,
        });
    }

    fn not_a_text(&mut self, node: &Node, name: &str) {
        let Some(read) = node.as_written() else { return self.wrong(node, name, "a text") };
        // What stands there may be another word for it: `yes`.
        let raw = self
            .text
            .get(node.span.range())
            .filter(|raw| !raw.contains(['\n', '"', '\'', '#', '&', '*', '!']));
        let written = raw.map_or(read, |raw| raw.trim().to_string());
        if self.is_built
            && matches!(node.value, Value::Bool(_))
            && !matches!(written.as_str(), "true" | "false")
        {
            return;
        }
        let finding = Finding::new(
            &rules::WRONG_TYPE,
            self.place(node),
            format!(
                "`{name}` takes a text, and `{written}` without quotes is {}",
                if matches!(node.value, Value::Bool(_)) { "a boolean" } else { "a number" }
            ),
        )
        .why(self.refused())
        .help(format!("write \"{written}\""));
        let place = self.place(node);
        self.push(finding.replace(true, "put it in quotes", place, format!("\"{written}\"")));
    }

    fn not_a_word(&mut self, node: &Node, name: &str, text: &str, words: &[Cow<'static, str>]) {
        if text.is_empty() {
            return;
        }
        let finding = Finding::new(
            &rules::NOT_ALLOWED,
            self.place(node),
            format!("`{name}` cannot be `{}`", text.escape_debug()),
        )
        .why(self.refused_value(name));
        // Source: kedacore/keda CHANGELOG.md 2.15: Azure AD pod identity is removed.
        if (name, text) == ("provider", "azure") && self.document.kind().ends_with("TriggerAuthentication") {
            let why = "KEDA 2.15 and later have no Azure AD pod identity: the API server refuses the object";
            return self.push(finding.why(why).help("write azure-workload, with a workload identity"));
        }
        let list = plainly(words).join(", ");
        self.push(match nearest(text, words.iter().map(|word| &**word)) {
            Some(word) => finding.help(format!("did you mean {word}? It is one of {list}")),
            None => finding.help(format!("write one of {list}")),
        });
    }

    fn duration(&mut self, node: &Node, name: &str) {
        let Some(written) = node.as_written() else { return self.wrong(node, name, "a duration") };
        // Rules leave a `for` of nothing empty.
        if written.is_empty() || written == "0" || crate::promql::seconds(&written).is_some() {
            return;
        }
        let finding = Finding::new(
            &rules::WRONG_TYPE,
            self.place(node),
            format!("`{name}` takes a duration, and `{}` is none", written.escape_debug()),
        )
        .why(self.refused());
        let is_bare = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
        self.push(if is_bare {
            finding.help(format!("write the unit: `{written}s`"))
        } else {
            finding.help("write whole numbers with units from large to small, such as `30s` or `1m30s`")
        });
    }

    fn integer(&mut self, node: &Node, name: &str, (low, high): (i64, i64)) {
        let Value::Number(text) = &node.value else { return self.wrong(node, name, "an integer") };
        let Ok(value) = text.replace('_', "").parse::<i64>() else {
            // 1e3 and 3.0 are integers to the API server; 1.5 is none.
            if text.parse::<f64>().is_ok_and(|value| value.fract() == 0.0) {
                return;
            }
            return self.push(
                Finding::new(
                    &rules::WRONG_TYPE,
                    self.place(node),
                    format!("`{name}` takes an integer, and this is {text}"),
                )
                .why(self.refused()),
            );
        };
        if value < low || value > high {
            let range = match (low, high) {
                (i64::MIN, high) => format!("at most {high}"),
                (low, i64::MAX) => format!("at least {low}"),
                (low, high) => format!("from {low} to {high}"),
            };
            self.push(
                Finding::new(&rules::NOT_ALLOWED, self.place(node), format!("`{name}` cannot be {value}"))
                    .why(self.refused_value(name))
                    .help(format!("write a number {range}")),
            );
        }
    }
}

/// The words of a list that has some of them twice, once with a capital.
fn plainly<'w>(words: &'w [Cow<'static, str>]) -> Vec<&'w str> {
    let is_kept = |word: &&str| {
        let small = word.to_lowercase();
        small == **word || !words.iter().any(|other| *other == small)
    };
    words.iter().map(|word| &**word).filter(is_kept).collect()
}
