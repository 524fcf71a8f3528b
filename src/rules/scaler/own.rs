//! Whether a trigger asks for what the pods of its own target tell, and nobody else.

use super::{Trigger, is_known, sole};
use crate::inventory::{Inventory, Object, hosts, selects};
use crate::lint::is_recorded;
use crate::manifest::{Entry, Node};
use crate::promql::{MatchOperator, SelectorView, Target, parse};
use crate::scrape::is_of_the_platform;

/// Labels by which the pods of a workload are named, by discovery or by the application itself.
const OWN_LABELS: [&str; 19] = [
    "pod",
    "app",
    "job",
    "service",
    "deployment",
    "container",
    "app_kubernetes_io_name",
    "app_kubernetes_io_instance",
    "statefulset",
    "kubernetes_name",
    "kubernetes_pod_name",
    "app_name",
    "application",
    "service_name",
    "exported_job",
    "exported_service",
    "pod_name",
    "k8s_app",
    "workload",
];

/// Labels of pods that say which workload they are of.
const LABELS_OF_PODS: [&str; 5] = ["app", "app.kubernetes.io/name", "k8s-app", "name", "run"];

/// What metrics begin with that an application counts of its own requests, and no exporter of others.
const OF_SERVERS: [&str; 18] = [
    "http_server_",
    "http_requests_total",
    "http_request_duration_",
    "http_request_size_",
    "http_requests_in_progress",
    "jvm_",
    "tomcat_",
    "grpc_server_",
    "rpc_server_",
    "nodejs_",
    "starlette_",
    "fastapi_",
    "flask_",
    "django_http_",
    "aspnetcore_",
    "kestrel_",
    "vllm:",
    "sglang:",
];

/// Words of jobs that scrape what stands before the pods.
const BEFORE: [&str; 9] =
    ["ingress", "gateway", "proxy", "nginx", "envoy", "kong", "traefik", "router", "istio"];

/// Parts of the names of images whose programs are no applications that count such requests.
pub(super) const OF_OTHERS: [&str; 20] = [
    "prometheus",
    "grafana",
    "alertmanager",
    "exporter",
    "redis",
    "valkey",
    "postgres",
    "mysql",
    "mariadb",
    "mongo",
    "rabbitmq",
    "kafka",
    "zookeeper",
    "nats",
    "memcached",
    "elasticsearch",
    "loki",
    "kube-state-metrics",
    "minio",
    "nginx",
];

/// By what the pods of a target are known.
pub(super) struct Own<'i> {
    inventory: &'i Inventory<'i>,
    scaler: &'i Object<'i>,
    workload: Option<&'i Object<'i>>,
    /// Names of the workload itself, by which its pods are called.
    of_pods: Vec<&'i str>,
    /// Those, and names of its Services and labels that are no other workload's.
    names: Vec<String>,
}

impl<'i> Own<'i> {
    pub(super) fn of(inventory: &'i Inventory<'i>, scaler: &'i Object<'i>) -> Option<Self> {
        let name = scaler.text(&["spec", "scaleTargetRef", "name"]).filter(|name| is_known(name))?;
        let kind = scaler.text(&["spec", "scaleTargetRef", "kind"]).unwrap_or("Deployment");
        let workload = inventory.meant(kind, name, scaler);
        let mut of_pods = vec![name];
        of_pods.extend(workload.map(|workload| workload.name.as_str()));
        let mut names: Vec<String> = of_pods.iter().map(|name| name.to_string()).collect();
        if let Some(workload) = workload {
            let others: Vec<Vec<(String, String)>> =
                neighbours(inventory, workload).map(Object::pod_labels).collect();
            let labels = workload.pod_labels();
            let is_own = |pair: &&(String, String)| !others.iter().any(|other| other.contains(pair));
            let of_labels =
                labels.iter().filter(|(key, _)| LABELS_OF_PODS.contains(&key.as_str())).filter(is_own);
            names.extend(of_labels.map(|(_, value)| value.clone()));
            let services = inventory.services_of(workload).into_iter();
            let services = services.filter(|service| !others.iter().any(|other| selects(service, other)));
            names.extend(services.map(|service| service.name.clone()));
        }
        Some(Own { inventory, scaler, workload, of_pods, names })
    }

    /// What a trigger asks, if nobody but the pods themselves answers.
    pub(super) fn source<'t>(&self, trigger: &Trigger<'t>) -> Option<&'t Entry> {
        match trigger.kind {
            "prometheus" => {
                let entry = trigger.entry("query")?;
                entry.node.as_str().filter(|text| is_known(text) && self.asks_itself(text))?;
                Some(entry)
            }
            "metrics-api" => {
                let entry = trigger.entry("url")?;
                let text = entry.node.as_str().filter(|text| is_known(text))?;
                let service = self.inventory.service_at(hosts(text).first()?, self.scaler)?;
                let workload = self.workload?;
                let is_own = |labels: Vec<(String, String)>| selects(service, &labels);
                (is_own(workload.pod_labels())
                    && !neighbours(self.inventory, workload).any(|other| is_own(other.pod_labels())))
                .then_some(entry)
            }
            _ => None,
        }
    }

    /// Whether every series of a query is one of the pods.
    fn asks_itself(&self, text: &str) -> bool {
        let Ok(expression) = parse(text, &Target::default()) else { return false };
        let selectors = expression.selectors();
        // A constant wakes for ever, unless it is 0.
        let flat: String = text.split_whitespace().collect();
        let is_constant = flat.matches("vector(").count() != flat.matches("vector(0)").count();
        !selectors.is_empty()
            && !is_constant
            && !text.contains("absent")
            && selectors.iter().all(|selector| self.is_of_pods(selector))
    }

    fn is_of_pods(&self, selector: &SelectorView) -> bool {
        let metric = selector.name.as_deref().unwrap_or_default();
        let is_called_so = self.is_called_after(metric);
        let is_of_others = is_of_the_platform(metric);
        // The kubelet tells of a pod as long as it is there.
        let is_of_the_kubelet = metric.starts_with("container_")
            && selector.matchers.iter().any(|matcher| matches!(matcher.name.as_str(), "pod" | "pod_name"));
        if is_of_others && !is_called_so && !is_of_the_kubelet || is_recorded(metric) {
            return false;
        }
        let mut naming = selector.matchers.iter().filter(|matcher| {
            OWN_LABELS.contains(&matcher.name.as_str())
                && matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
        });
        let is_own = |label: &str, value: &str| match label {
            "pod" | "pod_name" | "kubernetes_pod_name" => {
                let end = value.find(['.', '*', '[', '(', '+', '\\']).unwrap_or(value.len());
                let start = value[..end].trim_start_matches('^').trim_end_matches(['-', '$']);
                self.of_pods.contains(&start)
            }
            _ => {
                // A job of a PodMonitor is called after namespace and monitor.
                let value = value.rsplit('/').next().unwrap_or(value);
                let value = value
                    .trim_start_matches(['^', '(', '.', '*'])
                    .trim_end_matches(['*', '.', '+', '-', '$', ')']);
                self.names.iter().any(|name| is_called(value, name))
            }
        };
        let mut is_named = false;
        let mut is_of_these = false;
        for matcher in naming.by_ref() {
            let mut values = matcher.value.split('|');
            if values.clone().all(|value| is_own(&matcher.name, value)) {
                is_of_these = true;
            } else if values.clone().any(|value| self.is_of_another(value)) {
                return false;
            }
            // A job may be called after anything, but for what stands before the pods and counts their requests too.
            let is_of_a_way = |value: &str| BEFORE.iter().any(|word| value.contains(word));
            is_named |= !matches!(matcher.name.as_str(), "job" | "container") || values.any(is_of_a_way);
        }
        if is_of_these {
            return true;
        }
        // Without a name it is the metric of whoever counts requests: of this workload alone, where there is no other.
        let is_of_servers = OF_SERVERS.iter().any(|start| metric.starts_with(start));
        !is_named
            && self.workload.is_some_and(|workload| {
                // Requests come to the pods themselves; what waits in a queue may be told by anybody.
                let counts_requests = metric.contains("request") && !metric.contains("queue");
                is_of_servers && self.is_alone(workload, selector)
                    || (is_called_so || counts_requests)
                        && !is_of_others
                        && sole::is_sole(self.inventory, workload)
            })
    }

    /// Whether a metric begins with the name of the workload: of several words, where an exporter begins so too.
    fn is_called_after(&self, metric: &str) -> bool {
        let is_it = |name: &&String| {
            let start = format!("{}_", name.replace(['-', '.'], "_"));
            metric.starts_with(&start) && (!is_of_the_platform(metric) || start.matches('_').count() > 1)
        };
        self.names.iter().any(|name| is_it(&name))
    }

    /// Whether it is proven that nobody else tells what a query asks for: each metric is called after the workload and
    /// asked of it, its pods are scraped, and nobody else is here that could expose it.
    pub(super) fn is_proven(&self, trigger: &Trigger<'_>) -> bool {
        let query = trigger.value("query").filter(|_| trigger.kind == "prometheus");
        let expression = query.and_then(|text| parse(&text, &Target::default()).ok());
        let (Some(expression), Some(workload)) = (expression, self.workload) else { return false };
        let is_asked_of_it = |selector: &SelectorView| {
            selector.matchers.iter().any(|matcher| {
                OWN_LABELS.contains(&matcher.name.as_str())
                    && matches!(matcher.operator, MatchOperator::Equal)
                    && self.of_pods.contains(&matcher.value.as_str())
            })
        };
        expression.selectors().iter().all(|selector| {
            self.is_called_after(selector.name.as_deref().unwrap_or_default()) && is_asked_of_it(selector)
        }) && sole::is_sole(self.inventory, workload)
    }

    /// Whether this names another workload of the repository.
    fn is_of_another(&self, value: &str) -> bool {
        self.workload.is_some_and(|workload| {
            neighbours(self.inventory, workload).any(|other| is_called(value, &other.name))
        })
    }

    /// Whether no other application is here that the selector may mean.
    fn is_alone(&self, workload: &Object<'_>, selector: &SelectorView) -> bool {
        let namespace = selector
            .matchers
            .iter()
            .find(|matcher| matcher.name == "namespace" && matches!(matcher.operator, MatchOperator::Equal));
        let may_be_meant = |other: &&Object<'_>| {
            let is_there = namespace.is_none_or(|matcher| other.may_be_in(&matcher.value));
            let containers = other.at(&["spec", "template", "spec", "containers"]).map(Node::items);
            let images = containers.unwrap_or_default().iter().filter_map(|node| node.get("image")?.as_str());
            let mut images = images.peekable();
            is_there
                && (images.peek().is_none()
                    || images.any(|image| !OF_OTHERS.iter().any(|part| image.contains(part))))
        };
        namespace.is_none_or(|matcher| workload.may_be_in(&matcher.value))
            && !neighbours(self.inventory, workload).any(|other| may_be_meant(&other))
    }
}

/// `checkout`, or the same with a word that Services, monitors and jobs are often given.
fn is_called(value: &str, name: &str) -> bool {
    const WORDS: [&str; 10] = [
        "",
        "-service",
        "-svc",
        "-app",
        "-metrics",
        "-monitor",
        "-servicemonitor",
        "-podmonitor",
        "-headless",
        "-deployment",
    ];
    value.strip_prefix(name).is_some_and(|rest| WORDS.contains(&rest))
}

/// All other workloads.
pub(super) fn neighbours<'i>(
    inventory: &'i Inventory<'i>,
    workload: &'i Object<'_>,
) -> impl Iterator<Item = &'i Object<'i>> {
    ["Deployment", "StatefulSet", "DaemonSet", "Rollout"]
        .into_iter()
        .flat_map(|kind| inventory.kind(kind))
        .filter(move |other| other.name != workload.name && !other.is_fragment)
}
