use crate::inventory::Object;
use crate::manifest::{Entry, Node};

/// A ScaledObject as its rules look at it. What holds a variable counts as not known.
pub struct View<'d> {
    pub spec: &'d Node,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub idle: Option<i64>,
    pub triggers: Vec<Trigger<'d>>,
    /// Some number of it is filled in later, or is none, so that no comparison can be sure.
    pub is_open: bool,
}

pub struct Trigger<'d> {
    pub node: &'d Node,
    /// `prometheus`, `cpu` …
    pub kind: &'d str,
    pub name: Option<&'d str>,
    pub metadata: Option<&'d Node>,
    pub metric_type: Option<&'d str>,
}

impl<'d> View<'d> {
    pub fn of(object: &Object<'d>) -> Option<Self> {
        let spec = object.at(&["spec"])?;
        // `#{MAX}#` without quotes is a comment behind a key without a value.
        let open = |key: &str| {
            let node = spec.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node);
            node.is_some_and(|node| node.value == crate::manifest::Value::Null || node.as_str().is_some())
        };
        let triggers = spec.get("triggers").map(Node::items).unwrap_or_default();
        Some(View {
            spec,
            min: object.integer(&["spec", "minReplicaCount"]),
            max: object.integer(&["spec", "maxReplicaCount"]),
            idle: object.integer(&["spec", "idleReplicaCount"]),
            triggers: triggers.iter().map(Trigger::of).collect(),
            is_open: ["minReplicaCount", "maxReplicaCount", "idleReplicaCount"].into_iter().any(open),
        })
    }

    pub fn entry(&self, key: &str) -> Option<&'d Entry> {
        entry(self.spec, key)
    }

    /// Whether KEDA itself ever starts or stops the workload: with a minimum of one and more, the HPA works alone.
    pub fn sleeps(&self) -> bool {
        self.min.unwrap_or(0) == 0 || self.idle.is_some()
    }

    pub fn has_formula(&self) -> bool {
        self.modifiers().is_some_and(|node| !node.entries().is_empty())
    }

    /// Whether there is something that KEDA can take for a while in which the source does not answer.
    pub fn has_fallback(&self) -> bool {
        self.entry("fallback").is_some()
    }

    /// The metric type by which a trigger counts: with a formula it is that of the composite metric.
    pub fn metric_type_of<'t>(&self, trigger: &'t Trigger<'d>) -> Option<&'t Node> {
        match self.modifiers().filter(|_| self.has_formula()) {
            Some(modifiers) => modifiers.get("metricType"),
            None => trigger.node.get("metricType"),
        }
    }

    /// What the HPA makes of a level that it divides by the number of pods: pods by steps, of a threshold each.
    ///
    /// Source: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, GetExternalPerPodMetricReplicas.
    pub fn steps(&self, trigger: &Trigger<'_>) -> Option<String> {
        let threshold = trigger.number("threshold").filter(|value| *value > 0.0 && !self.is_open)?;
        let (min, max) = (self.min.unwrap_or(0).max(1), self.max.unwrap_or(100));
        // Without the last digits of a product in binary.
        let times = |pods: i64| (threshold * pods as f64 * 1e9).round() / 1e9;
        let start = match min {
            1 => format!("above {threshold} it asks for 2 pods"),
            _ => format!("up to {} nothing happens, with {min} pods", times(min)),
        };
        let end = match max {
            _ if max <= min + 1 || max <= 2 => String::new(),
            _ => format!(", and all {max} are asked for above {} only", times(max - 1)),
        };
        Some(format!(
            "the HPA divides the value by the number of pods: {start}{end}; as it falls they go again"
        ))
    }

    pub fn modifiers(&self) -> Option<&'d Node> {
        self.spec.at(&["advanced", "scalingModifiers"])
    }
}

impl<'d> Trigger<'d> {
    pub(super) fn of(node: &'d Node) -> Self {
        Trigger {
            node,
            kind: node.get("type").and_then(Node::as_str).unwrap_or_default(),
            name: node.get("name").and_then(Node::as_str).filter(|name| !name.is_empty()),
            metadata: node.get("metadata"),
            metric_type: node.get("metricType").and_then(Node::as_str),
        }
    }

    /// An entry of the metadata.
    pub fn entry(&self, key: &str) -> Option<&'d Entry> {
        self.metadata.and_then(|metadata| entry(metadata, key))
    }

    /// A value of the metadata, as KEDA trims it.
    pub fn value(&self, key: &str) -> Option<String> {
        let text = self.entry(key)?.node.as_written()?;
        Some(text.trim().to_string()).filter(|text| !text.is_empty())
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.value(key)?.parse().ok()
    }

    /// Whether no answer counts as 0; None where the value is filled in later, or KEDA cannot read it.
    ///
    /// Source: kedacore/keda pkg/scalers/prometheus_scaler.go: true by default.
    pub fn ignores_null_values(&self) -> Option<bool> {
        match self.value("ignoreNullValues") {
            Some(text) => super::parse_bool(&text),
            None => Some(true),
        }
    }

    /// Whether KEDA keeps the last answer for the HPA.
    pub fn is_cached(&self) -> bool {
        self.node.get("useCachedMetrics").and_then(Node::as_written).as_deref() == Some("true")
    }

    pub fn is_resource(&self) -> bool {
        matches!(self.kind, "cpu" | "memory")
    }
}

/// The entry of a mapping; `null` counts as absent.
pub fn entry<'d>(node: &'d Node, key: &str) -> Option<&'d Entry> {
    node.entries().iter().find(|entry| entry.key == key && entry.node.value != crate::manifest::Value::Null)
}
