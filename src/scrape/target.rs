//! The targets that discovery would make of workloads and Services.
//!
//! Source: prometheus/prometheus discovery/kubernetes/pod.go, endpoints.go, service.go.

use super::relabel::Labels;
use crate::inventory::Object;
use crate::manifest::Node;

/// Kinds that own pods.
const WORKLOADS: [&str; 6] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout", "ReplicationController"];

/// A port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub name: String,
    pub number: Option<i64>,
}

/// The pods of a workload.
#[derive(Clone, Debug)]
pub struct Pods<'d> {
    pub object: &'d Object<'d>,
    pub labels: Labels,
    pub annotations: Labels,
    pub ports: Vec<Port>,
}

/// A Service.
#[derive(Clone, Debug)]
pub struct Service<'d> {
    pub object: &'d Object<'d>,
    pub labels: Labels,
    pub annotations: Labels,
    pub selector: Labels,
    /// Name, number, and the container's port behind it as it is written.
    pub ports: Vec<(String, Option<i64>, String)>,
    pub is_headless: bool,
}

pub fn pairs(node: Option<&Node>) -> Labels {
    node.map(Node::pairs).into_iter().flatten().map(|(name, value)| (name.to_string(), value)).collect()
}

pub fn carries(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

fn number(node: &Node, key: &str) -> Option<i64> {
    node.get(key).and_then(Node::as_written)?.parse().ok()
}

impl<'d> Pods<'d> {
    pub fn of(object: &'d Object<'d>) -> Option<Self> {
        if !WORKLOADS.contains(&object.kind()) || object.is_fragment {
            return None;
        }
        let template = object.at(&["spec", "template"])?;
        let labels = Self::labels_of(object);
        let containers = template.at(&["spec", "containers"]).map(Node::items).unwrap_or_default();
        let ports = containers
            .iter()
            .flat_map(|container| container.get("ports").map(Node::items).unwrap_or_default());
        let ports = ports.map(|port| Port {
            name: port.get("name").and_then(Node::as_written).unwrap_or_default(),
            number: number(port, "containerPort"),
        });
        let mut annotations = pairs(template.at(&["metadata", "annotations"]));
        annotations.extend(object.added_pod_annotations.iter().cloned());
        Some(Pods { object, labels, annotations, ports: ports.collect() })
    }

    /// Labels of the pods of a workload; none of anything else.
    pub fn labels_of(object: &Object<'_>) -> Labels {
        let template = object.at(&["spec", "template", "metadata", "labels"]);
        if !WORKLOADS.contains(&object.kind()) || object.is_fragment {
            return Labels::new();
        }
        let mut labels = pairs(template);
        labels.extend(object.added_pod_labels.iter().cloned());
        labels
    }

    /// One target per declared port, as the role `pod` makes them; one without a port if none is declared.
    pub fn targets(&self) -> Vec<Labels> {
        let none = [Port { name: String::new(), number: None }];
        let ports: &[Port] = if self.ports.is_empty() { &none } else { &self.ports };
        ports.iter().map(|port| self.target(port)).collect()
    }

    fn target(&self, port: &Port) -> Labels {
        let mut labels = self.meta();
        let address = port.number.map_or("10.0.0.1".to_string(), |number| format!("10.0.0.1:{number}"));
        labels.insert("__address__".to_string(), address);
        if let Some(number) = port.number {
            labels.insert("__meta_kubernetes_pod_container_port_number".to_string(), number.to_string());
            labels.insert("__meta_kubernetes_pod_container_port_name".to_string(), port.name.clone());
        }
        labels
    }

    /// What every target of the pod carries.
    fn meta(&self) -> Labels {
        let mut labels = Labels::new();
        let mut set =
            |name: &str, value: &str| labels.insert(format!("__meta_kubernetes_{name}"), value.to_string());
        set("namespace", self.object.namespace_text());
        set("pod_name", &format!("{}-0", self.object.name));
        set("pod_ip", "10.0.0.1");
        set("pod_phase", "Running");
        set("pod_ready", "true");
        set("pod_container_name", "app");
        set("pod_container_init", "false");
        for (kind, pairs) in [("label", &self.labels), ("annotation", &self.annotations)] {
            for (name, value) in pairs {
                set(&format!("pod_{kind}_{}", sanitized(name)), value);
                set(&format!("pod_{kind}present_{}", sanitized(name)), "true");
            }
        }
        labels
    }
}

impl<'d> Service<'d> {
    pub fn of(object: &'d Object<'d>) -> Option<Self> {
        if object.kind() != "Service" || object.document.api_version() != "v1" || object.is_fragment {
            return None;
        }
        let ports = object.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
        let ports = ports.iter().map(|port| {
            let own = number(port, "port");
            let target = port.get("targetPort").and_then(Node::as_written);
            let target = target.or_else(|| own.map(|number| number.to_string())).unwrap_or_default();
            (port.get("name").and_then(Node::as_written).unwrap_or_default(), own, target)
        });
        Some(Service {
            object,
            labels: object.labels().into_iter().collect(),
            annotations: pairs(object.at(&["metadata", "annotations"])),
            selector: pairs(object.at(&["spec", "selector"])),
            ports: ports.collect(),
            is_headless: object.text(&["spec", "clusterIP"]) == Some("None"),
        })
    }

    pub fn selects(&self, pods: &Pods<'_>) -> bool {
        !self.selector.is_empty() && carries(&pods.labels, &self.selector) && self.object.meets(pods.object)
    }

    /// The targets that the role `endpoints` makes of these pods behind this Service.
    pub fn targets(&self, pods: &Pods<'_>) -> Vec<Labels> {
        let mut all = Vec::new();
        let mut seen = Vec::new();
        for (name, _, behind) in &self.ports {
            let container = pods.ports.iter().find(|port| {
                port.name == *behind && !behind.is_empty()
                    || port.number.map(|number| number.to_string()).as_ref() == Some(behind)
            });
            let number = container.and_then(|port| port.number).or_else(|| behind.parse().ok());
            let port = Port { name: container.map_or(String::new(), |port| port.name.clone()), number };
            let mut labels = pods.target(&port);
            self.meta(&mut labels, Some(name));
            seen.push(number);
            all.push(labels);
        }
        // Ports that the pods declare beside those of the Service are targets too, without a port of the endpoint.
        for port in pods.ports.iter().filter(|port| !seen.contains(&port.number)) {
            let mut labels = pods.target(port);
            self.meta(&mut labels, None);
            all.push(labels);
        }
        all
    }

    fn meta(&self, labels: &mut Labels, port: Option<&str>) {
        let mut set =
            |name: &str, value: &str| labels.insert(format!("__meta_kubernetes_{name}"), value.to_string());
        set("service_name", &self.object.name);
        set("endpoints_name", &self.object.name);
        set("endpoint_ready", "true");
        if let Some(port) = port {
            set("endpoint_port_name", port);
            set("endpoint_port_protocol", "TCP");
        }
        for (kind, pairs) in [("label", &self.labels), ("annotation", &self.annotations)] {
            for (name, value) in pairs {
                set(&format!("service_{kind}_{}", sanitized(name)), value);
                set(&format!("service_{kind}present_{}", sanitized(name)), "true");
            }
        }
    }
}

/// A name as it stands in a meta label.
pub fn sanitized(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}
