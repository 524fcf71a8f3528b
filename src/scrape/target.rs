//! The targets that discovery would make of workloads and Services.
//!
//! Source: prometheus/prometheus discovery/kubernetes/pod.go, endpoints.go, endpointslice.go, service.go.

use super::relabel::{Labels, UNKNOWN, known};
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
    /// The container that declares it.
    pub container: String,
}

impl Port {
    /// Whether it is meant by a name, or by a number in digits.
    pub fn is_called(&self, wanted: &str) -> bool {
        self.name == wanted && !wanted.is_empty() || self.is_number(wanted)
    }

    pub fn is_number(&self, wanted: &str) -> bool {
        self.number.is_some_and(|number| number.to_string() == wanted)
    }
}

#[derive(Clone, Debug)]
struct Container {
    name: String,
    image: String,
    is_init: bool,
    ports: Vec<Port>,
}

/// The pods of a workload.
#[derive(Clone, Debug)]
pub struct Pods<'d> {
    pub object: &'d Object<'d>,
    /// What the names of the pods begin with: the name of the workload.
    pub name: String,
    pub labels: Labels,
    pub annotations: Labels,
    /// Ports of the containers that run beside each other.
    pub ports: Vec<Port>,
    containers: Vec<Container>,
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

/// The namespace of an object, which may be whatever it is applied to.
pub fn namespace(object: &Object<'_>) -> String {
    known(object.namespace.as_deref().unwrap_or(UNKNOWN)).to_string()
}

fn number(node: &Node, key: &str) -> Option<i64> {
    node.get(key).and_then(Node::as_written)?.parse().ok()
}

fn container(node: &Node, is_init: bool) -> Container {
    let text = |key: &str| node.get(key).and_then(Node::as_written).unwrap_or_default();
    let ports = node.get("ports").map(Node::items).unwrap_or_default().iter().map(|port| Port {
        name: port.get("name").and_then(Node::as_written).unwrap_or_default(),
        number: number(port, "containerPort"),
        container: text("name"),
    });
    Container { name: text("name"), image: text("image"), is_init, ports: ports.collect() }
}

fn set_all(labels: &mut Labels, what: &str, pairs: &Labels) {
    for (name, value) in pairs {
        let name = sanitized(name);
        labels.insert(format!("__meta_kubernetes_{what}_{name}"), known(value).to_string());
        labels.insert(format!("__meta_kubernetes_{what}present_{name}"), "true".to_string());
    }
}

impl<'d> Pods<'d> {
    pub fn of(object: &'d Object<'d>) -> Option<Self> {
        if !WORKLOADS.contains(&object.kind()) || object.is_fragment {
            return None;
        }
        let template = object.at(&["spec", "template"])?;
        let list = |key: &str| template.at(&["spec", key]).map(Node::items).unwrap_or_default();
        let containers: Vec<Container> =
            list("containers").iter().map(|node| container(node, false)).collect();
        // Source: kubernetes/kubernetes pkg/api/v1/pod/util.go, FindPort: sidecars among the init containers count.
        let is_sidecar = |node: &&Node| node.get("restartPolicy").and_then(Node::as_str) == Some("Always");
        let sidecars = list("initContainers").iter().filter(is_sidecar).map(|node| container(node, true));
        let ports =
            containers.iter().cloned().chain(sidecars).flat_map(|container| container.ports).collect();
        let inits = list("initContainers").iter().map(|node| container(node, true));
        let mut annotations = pairs(template.at(&["metadata", "annotations"]));
        annotations.extend(object.added_pod_annotations.iter().cloned());
        Some(Pods {
            object,
            name: object.name.clone(),
            labels: Self::labels_of(object),
            annotations,
            ports,
            containers: containers.into_iter().chain(inits).collect(),
        })
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

    /// The name of a pod, as far as it is known.
    pub fn pod_name(&self) -> String {
        format!("{}-{UNKNOWN}", known(&self.name))
    }

    /// The images of all containers.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        self.containers.iter().map(|container| container.image.as_str())
    }

    /// The names of all containers.
    pub fn containers(&self) -> impl Iterator<Item = &str> {
        self.containers.iter().map(|container| container.name.as_str())
    }

    /// One target per declared port of a container, as the role `pod` makes them; one without a port where a container
    /// declares none.
    pub fn targets(&self) -> Vec<Labels> {
        let of_one = |container: &Container| -> Vec<Labels> {
            let none = Port { name: String::new(), number: None, container: container.name.clone() };
            match container.ports.as_slice() {
                [] => vec![self.target(&none)],
                ports => ports.iter().map(|port| self.target(port)).collect(),
            }
        };
        let all: Vec<Labels> = self.containers.iter().flat_map(of_one).collect();
        let none = || Port { name: String::new(), number: None, container: UNKNOWN.to_string() };
        if all.is_empty() { vec![self.target(&none())] } else { all }
    }

    /// The target of one port.
    pub fn target(&self, port: &Port) -> Labels {
        let mut labels = self.meta();
        let address = port.number.map_or("10.0.0.1".to_string(), |number| format!("10.0.0.1:{number}"));
        labels.insert("__address__".to_string(), address);
        let mut set = |name: &str, value: String| {
            labels.insert(format!("__meta_kubernetes_pod_container_{name}"), value);
        };
        let container = self.containers.iter().find(|container| container.name == port.container);
        set("name", known(&port.container).to_string());
        set("image", container.map_or(UNKNOWN, |container| known(&container.image)).to_string());
        set("id", UNKNOWN.to_string());
        set("init", container.is_some_and(|container| container.is_init).to_string());
        if let Some(number) = port.number {
            set("port_number", number.to_string());
            set("port_name", port.name.clone());
            set("port_protocol", "TCP".to_string());
        }
        labels
    }

    /// What every target of the pod carries.
    fn meta(&self) -> Labels {
        let mut labels = Labels::new();
        let mut set = |name: &str, value: String| {
            labels.insert(format!("__meta_kubernetes_{name}"), value);
        };
        set("namespace", namespace(self.object));
        set("pod_name", self.pod_name());
        set("pod_ip", "10.0.0.1".to_string());
        set("pod_phase", "Running".to_string());
        set("pod_ready", "true".to_string());
        for name in ["pod_uid", "pod_node_name", "pod_host_ip"] {
            set(name, UNKNOWN.to_string());
        }
        // A Deployment's pods belong to its ReplicaSet, and so do a Rollout's.
        let has_sets = matches!(self.object.kind(), "Deployment" | "Rollout");
        set("pod_controller_kind", if has_sets { "ReplicaSet" } else { self.object.kind() }.to_string());
        set("pod_controller_name", if has_sets { self.pod_name() } else { self.object.name.clone() });
        if self.object.kind() == "Deployment" {
            set("pod_deployment_name", self.object.name.clone());
        }
        // Labels that the controllers add.
        for name in [
            "pod_template_hash",
            "rollouts_pod_template_hash",
            "controller_revision_hash",
            "statefulset_kubernetes_io_pod_name",
            "apps_kubernetes_io_pod_index",
        ] {
            set(&format!("pod_label_{name}"), UNKNOWN.to_string());
            set(&format!("pod_labelpresent_{name}"), UNKNOWN.to_string());
        }
        set_all(&mut labels, "pod_label", &self.labels);
        set_all(&mut labels, "pod_annotation", &self.annotations);
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
            annotations: {
                let mut annotations = pairs(object.at(&["metadata", "annotations"]));
                annotations.extend(object.added_annotations.iter().cloned());
                annotations
            },
            selector: pairs(object.at(&["spec", "selector"])),
            ports: ports.collect(),
            is_headless: object.text(&["spec", "clusterIP"]) == Some("None"),
        })
    }

    pub fn selects(&self, pods: &Pods<'_>) -> bool {
        !self.selector.is_empty() && carries(&pods.labels, &self.selector) && self.object.meets(pods.object)
    }

    /// The container's port behind one of the Service; None where its name is that of no port: then there is no target.
    fn behind(&self, behind: &str, pods: &Pods<'_>) -> Option<Port> {
        let found = pods.ports.iter().find(|port| port.is_called(behind)).cloned();
        let container = || pods.containers().next().unwrap_or(UNKNOWN).to_string();
        found.or_else(|| match behind.parse() {
            Ok(number) => Some(Port { name: String::new(), number: Some(number), container: container() }),
            Err(_) if known(behind) != behind || behind.is_empty() => {
                Some(Port { name: String::new(), number: None, container: container() })
            }
            Err(_) => None,
        })
    }

    /// The `targetPort` behind a port of this name, where no container has a port called so.
    pub fn unmet(&self, port: Option<&str>, pods: &Pods<'_>) -> Option<&str> {
        let (_, _, behind) = self.ports.iter().find(|(name, ..)| port.is_none_or(|port| port == name))?;
        self.behind(behind, pods).is_none().then_some(behind.as_str())
    }

    /// The targets that the role `endpoints` or `endpointslice` makes of these pods behind this Service.
    pub fn targets(&self, pods: &Pods<'_>, role: &str) -> Vec<Labels> {
        let mut all = Vec::new();
        let mut seen = Vec::new();
        for (name, _, behind) in &self.ports {
            let Some(port) = self.behind(behind, pods) else { continue };
            let mut labels = pods.target(&port);
            self.meta(&mut labels);
            set_all(&mut labels, "endpoints_label", &self.labels);
            endpoint(&mut labels, role, Some((name, &port)), pods, &self.object.name);
            seen.push(port.number);
            all.push(labels);
        }
        // Without a port that is met, the pods are not among the endpoints.
        if all.is_empty() && !self.ports.is_empty() {
            return all;
        }
        // Ports that the pods declare beside those of the Service are targets too, without a port of the endpoint.
        for port in pods.ports.iter().filter(|port| !seen.contains(&port.number)) {
            let mut labels = pods.target(port);
            self.meta(&mut labels);
            set_all(&mut labels, "endpoints_label", &self.labels);
            endpoint(&mut labels, role, None, pods, &self.object.name);
            all.push(labels);
        }
        all
    }

    /// The targets of the role `service`: the Service itself, port by port.
    pub fn own_targets(&self) -> Vec<Labels> {
        let one = |(name, number, _): &(String, Option<i64>, String)| {
            let mut labels = Labels::new();
            self.meta(&mut labels);
            let host = format!("{}.{}.svc", self.object.name, namespace(self.object));
            let port = number.map_or(String::new(), |number| format!(":{number}"));
            labels.insert("__address__".to_string(), host + &port);
            let mut set = |key: &str, value: String| {
                labels.insert(format!("__meta_kubernetes_{key}"), value);
            };
            set("namespace", namespace(self.object));
            set("service_port_name", name.clone());
            set("service_port_number", number.map_or(UNKNOWN.to_string(), |number| number.to_string()));
            set("service_port_protocol", "TCP".to_string());
            labels
        };
        self.ports.iter().map(one).collect()
    }

    fn meta(&self, labels: &mut Labels) {
        let mut set = |name: &str, value: &str| {
            labels.insert(format!("__meta_kubernetes_service_{name}"), value.to_string());
        };
        set("name", &self.object.name);
        set("type", self.object.text(&["spec", "type"]).unwrap_or("ClusterIP"));
        set("cluster_ip", if self.is_headless { "None" } else { UNKNOWN });
        set_all(labels, "service_label", &self.labels);
        set_all(labels, "service_annotation", &self.annotations);
    }
}

/// The labels of an endpoint, which the two roles call differently.
fn endpoint(labels: &mut Labels, role: &str, port: Option<(&str, &Port)>, pods: &Pods<'_>, service: &str) {
    let is_slice = role == "endpointslice";
    let mut set = |name: &str, value: String| {
        labels.insert(format!("__meta_kubernetes_{name}"), value);
    };
    let of_target = if is_slice { "endpointslice" } else { "endpoint" };
    if let Some((name, port)) = port {
        set(&format!("{of_target}_port_name"), name.to_string());
        set(&format!("{of_target}_port_protocol"), "TCP".to_string());
        if is_slice {
            let number = port.number.map_or(UNKNOWN.to_string(), |number| number.to_string());
            set("endpointslice_port", number);
        }
    }
    set(&format!("{of_target}_address_target_kind"), "Pod".to_string());
    set(&format!("{of_target}_address_target_name"), pods.pod_name());
    if is_slice {
        set("endpointslice_name", format!("{service}-{UNKNOWN}"));
        set("endpointslice_address_type", "IPv4".to_string());
        set("endpointslice_endpoint_conditions_ready", "true".to_string());
        set("endpointslice_endpoint_conditions_serving", "true".to_string());
        set("endpointslice_endpoint_conditions_terminating", "false".to_string());
        // The controller puts it on every slice that it makes.
        set("endpointslice_label_kubernetes_io_service_name", service.to_string());
    } else {
        set("endpoints_name", service.to_string());
        set("endpoint_ready", "true".to_string());
    }
}

/// A name as it stands in a meta label.
pub fn sanitized(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}
