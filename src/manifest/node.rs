use crate::source::Span;

/// A value of a YAML document, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// A number as it was written.
    Number(String),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key of a mapping, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Node {
    /// The value behind a key; `null` counts as absent, as the API server sees it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
            .filter(|node| node.value != Value::Null)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text, or a number or truth value as it was written.
    pub fn as_written(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Keys and texts of a mapping, such as labels.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, String)> {
        self.entries().iter().filter_map(|entry| Some((entry.key.as_str(), entry.node.as_written()?)))
    }

    /// Whether every one of these labels is there with this value.
    pub fn carries<'l>(&self, labels: impl IntoIterator<Item = (&'l String, &'l String)>) -> bool {
        labels
            .into_iter()
            .all(|(key, value)| self.get(key).and_then(Node::as_written).as_ref() == Some(value))
    }

    /// Whether this is the configuration of a collector of logs, which has `scrape_configs` as well: Promtail's.
    pub fn is_for_logs(&self) -> bool {
        self.get("clients").is_some() || self.get("positions").is_some()
    }

    /// Whether this is the configuration of a program that reads something like Prometheus' own, or values for one.
    pub fn is_for_others(&self) -> bool {
        const KEYS: [&str; 11] = [
            "server",
            // Grafana's own alerts.
            "contactPoints",
            "integrations",
            "metrics",
            "logs",
            "receivers",
            "route",
            "prometheus",
            "serverFiles",
            "grafana",
            "alertmanager",
        ];
        KEYS.iter().any(|key| self.get(key).is_some())
    }

    /// For schemas, which know no places.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(text) => number(text),
            Value::Text(text) => text.as_str().into(),
            Value::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Value::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

fn number(text: &str) -> serde_json::Value {
    let plain = text.replace('_', "");
    let plain = plain.trim_start_matches('+');
    if let Ok(whole) = plain.parse::<i64>() {
        return whole.into();
    }
    plain.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or_else(|| text.into(), Into::into)
}
