//! Metrics of exporters and of the platform: whoever exposes them is not the target of the scaler.

use super::address::{host, names, no_such_port};
use super::chart;
use super::config::Job;
use super::coverage::Verdict;
use super::exporters::{Exporter, KEPT, UNMISTAKABLE, of};
use super::index::{are_environments, nearness};
use super::job::{is_probe, scraped, through};
use super::kubelet;
use super::relabel::{self, Labels};
use super::target::{Service, pairs};
use super::way::{Passage, describe};
use super::world::World;
use crate::finding::Severity;
use crate::inventory::Object;
use crate::manifest::{Node, has_variable};
use crate::source::Place;

impl World<'_> {
    /// Whose metric this surely is, where none of these jobs was written for that. `is_told` says which of the jobs bring
    /// nothing beside what their words say.
    pub fn nobody_brings(
        &self,
        metric: &str,
        jobs: &[&Job],
        is_told: impl Fn(&Job) -> bool,
    ) -> Option<(&'static str, Severity)> {
        let exporter = of(metric).filter(|_| UNMISTAKABLE.iter().any(|start| metric.starts_with(start)))?;
        let brings = |job: &&Job| {
            matches!(
                self.of_job(exporter, job, metric),
                Some(Verdict::Scraped { .. } | Verdict::CannotTell(_))
            )
        };
        if jobs.iter().any(brings) {
            return None;
        }
        let open: Vec<&&Job> = jobs.iter().filter(|job| !is_told(job)).collect();
        if open.is_empty() {
            return Some((exporter.who, Severity::Error));
        }
        // Jobs that take what is annotated bring an exporter only where there is one.
        let is_elsewhere = open.iter().all(|job| takes_annotated(job))
            && !self.index.workloads().iter().any(|pods| exporter.is(pods))
            && self.of_chart(exporter).is_none();
        let is_near = open.iter().all(|job| stays_in_namespaces(job));
        let of_nodes = exporter.is_of_containers()
            && jobs.iter().any(|job| kubelet::page(job) == Some(kubelet::Page::Own));
        let severity = match (is_near, of_nodes) {
            (true, true) => Severity::Error,
            (true, false) | (false, true) => Severity::Warning,
            (false, false) => return None,
        };
        is_elsewhere.then_some((exporter.who, severity))
    }

    /// The verdict on a metric that others than the target expose.
    pub fn by_exporter(
        &self,
        object: &Object<'_>,
        metric: &str,
        server: Option<&str>,
        passages: Option<&[Passage]>,
    ) -> Verdict {
        let Some(exporter) = of(metric) else { return Verdict::CannotTell(String::new()) };
        let who = exporter.who;
        let (mut nearly, mut open) = (None, None);
        // Its own pods, where they are here.
        let own = self
            .index
            .workloads()
            .iter()
            .filter(|pods| exporter.is(pods) && !are_environments(pods.object.path, object.path));
        for pods in own {
            let own_passages = self.passages(pods);
            match self.by_ways(object, metric, Some(pods), Some(&own_passages)) {
                scraped @ Verdict::Scraped { .. } => return scraped,
                not @ Verdict::NotScraped { .. } => {
                    nearly.get_or_insert(not);
                }
                Verdict::CannotTell(why) => {
                    open.get_or_insert(why);
                }
            }
        }
        let jobs = self
            .configs
            .jobs_near(|file| nearness(&self.sources.get(file).name, object.path))
            .into_iter()
            .filter(|job| !are_environments(&self.sources.get(job.file).name, object.path));
        for job in jobs {
            match self.of_job(exporter, job, metric) {
                Some(scraped @ Verdict::Scraped { .. }) => return scraped,
                Some(not @ Verdict::NotScraped { .. }) => {
                    nearly.get_or_insert(not);
                }
                Some(Verdict::CannotTell(why)) => {
                    open.get_or_insert(why);
                }
                None => {}
            }
        }
        if let Some(key) = exporter.part
            && (exporter.starts != "container_" || KEPT.iter().any(|kept| metric.starts_with(kept)))
        {
            match self.operators.part(key) {
                Some(Ok(by)) => {
                    let what = format!("kube-prometheus-stack, which brings {who}");
                    return Verdict::Scraped { by, what, job: String::new() };
                }
                Some(Err(_)) => {
                    let why = format!(
                        "it comes from {who}, which the values of kube-prometheus-stack switch off (`{key}`)"
                    );
                    open.get_or_insert(why);
                }
                None => {}
            }
        }
        if exporter.starts == "container_"
            && open.is_none()
            && chart::is_dropped(metric)
            && let Some(by) = self.operators.keeping_the_list()
        {
            let why = format!("it comes from {who}, and kube-prometheus-stack drops it after the scrape");
            let help = "ask for another metric, or write `kubelet.serviceMonitor.cAdvisorMetricRelabelings` into the values";
            return Verdict::NotScraped {
                by: Some(by),
                why,
                is_sure: false,
                others: None,
                help: Some(help.to_string()),
            };
        }
        // An application may expose a name that begins so.
        let exposes = passages.into_iter().flatten().any(|passage| passage.scraped().is_some());
        if let Some(nearly) = nearly {
            return match nearly {
                Verdict::NotScraped { why, .. } if exposes => Verdict::CannotTell(format!(
                    "the pods that are scaled are scraped, if it is theirs; and if it comes from {who}: {why}"
                )),
                nearly => nearly,
            };
        }
        if open.is_none()
            && !exposes
            && let Some(by) = server.and_then(|server| self.complete(server))
        {
            let why = format!(
                "it comes from {who}, and this is the whole configuration of the server that is asked: none of its jobs scrapes one{}",
                self.tried()
            );
            let help = Some(format!("write a job for {who}"));
            return Verdict::NotScraped { by: Some(by), why, is_sure: true, others: None, help };
        }
        if open.is_none() {
            match self.of_chart(exporter) {
                Some(scraped @ Verdict::Scraped { .. }) => return scraped,
                Some(Verdict::CannotTell(why)) => open = Some(why),
                _ => {}
            }
        }
        let looks = self.index.monitors.iter().find(|monitor| {
            let wanted = pairs(monitor.at(&["spec", "selector", "matchLabels"]));
            let is_meant =
                exporter.is_in(&monitor.name) || wanted.values().any(|value| exporter.is_in(value));
            is_meant
                && self.index.services_labelled(&wanted, monitor).is_empty()
                && self.index.pods_labelled(&wanted, monitor).is_empty()
        });
        if let Some(monitor) = looks {
            return Verdict::CannotTell(format!(
                "`{metric}` comes from {who}: the {} `{}` may scrape it, and what it selects is not here",
                monitor.kind(),
                monitor.name
            ));
        }
        Verdict::CannotTell(open.unwrap_or_else(|| {
            format!(
                "`{metric}` comes from {who}, and neither that nor a monitor or job for it is among these files"
            )
        }))
    }

    /// A release of a chart that brings the exporter, and a monitor for it where its values ask for one.
    ///
    /// Sources: kubernetes/ingress-nginx charts/ingress-nginx/values.yaml; bitnami/charts bitnami/rabbitmq/values.yaml:
    /// metrics, and the monitor, are off unless the values switch them on.
    fn of_chart(&self, exporter: &Exporter) -> Option<Verdict> {
        let release = |object: &&&Object<'_>| {
            let path: &[&str] = match object.kind() {
                "HelmRelease" => &["spec", "chart", "spec", "chart"],
                _ => &["spec", "source", "chart"],
            };
            object.text(path).is_some_and(|chart| exporter.is_in(chart))
        };
        let object = *self.index.releases.iter().find(release)?;
        let values =
            object.at(&["spec", "values"]).or_else(|| object.at(&["spec", "source", "helm", "valuesObject"]));
        let is_open = object.at(&["spec", "valuesFrom"]).is_some()
            || object.at(&["spec", "source", "helm", "valueFiles"]).is_some()
            || object.at(&["spec", "source", "helm", "values"]).is_some();
        let on = |path: &[&str]| {
            let inner: Vec<&str> = ["controller"].into_iter().chain(path.iter().copied()).collect();
            let at = |path: &[&str]| values.and_then(|values| values.at(path)).and_then(Node::as_written);
            at(path).or_else(|| at(&inner)).is_some_and(|value| value == "true")
        };
        let has_monitor = ["serviceMonitor", "podMonitor"]
            .iter()
            .any(|monitor| on(&["metrics", monitor, "enabled"]) || on(&[monitor, "enabled"]));
        let (kind, name) = (object.kind(), &object.name);
        if has_monitor {
            let what = format!("a monitor of the {kind} `{name}`");
            return Some(Verdict::Scraped { by: object.name_place(), what, job: String::new() });
        }
        let who = exporter.who;
        Some(Verdict::CannotTell(if is_open {
            format!(
                "it comes from {who}, which the {kind} `{name}` installs, and not all of its values are here"
            )
        } else {
            format!(
                "it comes from {who}, which the {kind} `{name}` installs, and its values switch no monitor on (`metrics.enabled` and `metrics.serviceMonitor.enabled`)"
            )
        }))
    }

    /// What a job that was written for an exporter does.
    fn of_job(&self, exporter: &Exporter, job: &Job, metric: &str) -> Option<Verdict> {
        let not = |by: Place, why: String, help: Option<String>| Verdict::NotScraped {
            by: Some(by),
            why: format!("{} would: {why}", job.what()),
            is_sure: !job.is_local,
            others: None,
            help,
        };
        let path = job.node.get("metrics_path").or_else(|| job.node.get("metricsPath"));
        let path = path.and_then(Node::as_written).unwrap_or_default();
        // Whatever is asked for the page of the containers has them.
        let is_named = exporter.is_in(&job.name) || exporter.part == Some("kubelet") && exporter.is_in(&path);
        let scrapes = || Verdict::Scraped { by: job.name_place(), what: job.what(), job: job.name.clone() };
        let mut blocked = None;
        for (_, node, address) in job.addresses() {
            let port = address.rsplit_once(':').map_or("", |(_, port)| port);
            // cAdvisor on a machine of its own, which shares the port with half of all applications.
            let is_beside = exporter.is_of_containers()
                && port == "8080"
                && ["localhost", "127.0.0.1", "host.docker.internal"].contains(&host(&address));
            let is_it = exporter.is_in(&address) || exporter.listens_at(port) || is_beside;
            if !is_named && !is_it {
                continue;
            }
            // An exporter for many is asked about its targets.
            if is_probe(job) {
                return Some(scrapes());
            }
            if exporter.others.contains(&port) {
                let why = format!("`{address}` is the program itself, which does not answer a scrape there");
                let help = format!("write the address of {}", exporter.who);
                blocked.get_or_insert(not(job.place(node), why, Some(help)));
                continue;
            }
            let first = host(&address).split('.').next().unwrap_or_default();
            let services: Vec<&Service<'_>> = self.index.services_named(first).collect();
            if services.iter().any(|service| names(host(&address), service))
                && !job.is_local
                && let Some(why) = no_such_port(&address, &services)
            {
                blocked.get_or_insert(not(job.place(node), why, None));
                continue;
            }
            let mut labels = Labels::new();
            labels.insert("__address__".to_string(), address.clone());
            match through(job, vec![labels]) {
                Some(Ok(passed)) => match scraped(job, passed).drops(metric) {
                    Some(by) => {
                        let why = "this rule drops the metric after the scrape".to_string();
                        blocked.get_or_insert(not(by, why, Some(format!("let the rule keep `{metric}`"))));
                    }
                    None => return Some(scrapes()),
                },
                Some(Err((rule, value))) => {
                    blocked.get_or_insert(not(job.place(rule), describe(rule, &value), None));
                }
                None => {}
            }
        }
        if blocked.is_some() {
            return blocked;
        }
        let discoveries = job.list("kubernetes_sd_configs", "kubernetesSDConfigs");
        let texts = job.list("relabel_configs", "relabelings").iter().flat_map(|rule| {
            ["regex", "replacement"]
                .into_iter()
                .filter_map(|key| relabel::field(rule, key, key)?.as_written())
        });
        let is_meant = is_named || texts.chain([path]).any(|text| exporter.is_in(&text));
        let by_name = job.list("dns_sd_configs", "dnsSDConfigs").iter();
        let mut asked = by_name.flat_map(|found| found.get("names").map(Node::items).unwrap_or_default());
        if asked.any(|name| is_named || name.as_str().is_some_and(|name| exporter.is_in(name))) {
            let who = exporter.who;
            return Some(Verdict::CannotTell(format!("{} looks for {who} by its name", job.what())));
        }
        if exporter.is_of_containers()
            && let Some(page) = kubelet::page(job)
        {
            let what = || format!("what {} asks the nodes for is decided in the cluster", job.what());
            match page.has(metric) {
                Some(false) => return None,
                None => return Some(Verdict::CannotTell(what())),
                Some(true) => {}
            }
        } else if discoveries.is_empty() || !is_meant {
            return None;
        }
        let is_of_nodes = discoveries.iter().any(|discovery| {
            discovery.get("role").and_then(Node::as_str).is_some_and(|role| role.eq_ignore_ascii_case("node"))
        });
        // Every cluster has nodes, and each of them a kubelet.
        if is_of_nodes && exporter.part == Some("kubelet") {
            return Some(match scraped(job, (Labels::new(), Vec::new())).drops(metric) {
                Some(by) => {
                    let why = "this rule drops the metric after the scrape".to_string();
                    not(by, why, Some(format!("let the rule keep `{metric}`")))
                }
                None => scrapes(),
            });
        }
        Some(Verdict::CannotTell(format!(
            "{} looks for {} in the cluster, and that is not among these files",
            job.what(),
            exporter.who
        )))
    }

    /// The configuration of the server that a trigger asks, where it is here as a whole and all of its addresses can be
    /// followed.
    pub fn complete(&self, server: &str) -> Option<Place> {
        let is_known = |address: &str| {
            let host = host(address);
            let first = host.split('.').next().unwrap_or_default();
            ["localhost", "127.0.0.1"].contains(&host)
                || self.index.services_named(first).any(|service| names(host, service))
        };
        let ([_], [_]) = (self.configs.seen.as_slice(), self.configs.hosts.as_slice()) else { return None };
        let is_told = |job: &Job| job.addresses().all(|(.., address)| is_known(&address));
        self.lists_only(server).filter(|_| self.configs.jobs.iter().all(is_told))
    }

    /// The same, wherever its addresses lead: it lists them all, and finds none by itself.
    pub fn lists_only(&self, server: &str) -> Option<Place> {
        let configs = &self.configs;
        let place = configs.seen.first()?;
        let is_told = |job: &Job| {
            let mut keys = job.node.entries().iter().map(|entry| entry.key.as_str());
            let path = job.node.get("metrics_path").and_then(Node::as_str);
            !keys.any(|key| key.ends_with("_sd_configs") || key.ends_with("SDConfigs"))
                && path != Some("/federate")
        };
        let is_whole = configs.open.is_none()
            && configs.pushes.is_none()
            && self.operators.is_empty()
            && configs.jobs.iter().all(is_told);
        if !is_whole {
            return None;
        }
        let host = host(server);
        let first = host.split('.').next().unwrap_or_default();
        let mut services = self.index.services_named(first).filter(|service| names(host, service));
        let mut hosts = configs.hosts.iter().filter(|config| !config.is_empty());
        services.any(|service| hosts.any(|config| self.runs(service, config))).then_some(*place)
    }

    /// Whether a Service leads to a Prometheus with this ConfigMap.
    fn runs(&self, service: &Service<'_>, config: &str) -> bool {
        self.index.workloads().iter().filter(|pods| service.selects(pods)).any(|pods| {
            let volumes = pods.object.at(&["spec", "template", "spec", "volumes"]);
            let mounts =
                |volume: &Node| volume.at(&["configMap", "name"]).and_then(Node::as_str) == Some(config);
            pods.images().any(|image| image.contains("prometheus"))
                && volumes.map(Node::items).unwrap_or_default().iter().any(mounts)
        })
    }
}

/// Whether all that a job finds is annotated.
fn takes_annotated(job: &Job) -> bool {
    let finders = job.node.entries().iter().filter(|entry| entry.key.ends_with("_sd_configs"));
    let mut kinds = finders.map(|entry| entry.key.as_str());
    kinds.all(|kind| kind == "kubernetes_sd_configs")
        && job.list("relabel_configs", "relabelings").iter().any(|rule| {
            let keeps = relabel::field(rule, "action", "action").and_then(Node::as_str) == Some("keep");
            keeps && relabel::sources(rule).any(|source| source.contains("_annotation_"))
        })
}

/// Whether a job looks into the namespaces alone that it lists.
fn stays_in_namespaces(job: &Job) -> bool {
    let finders = job.list("kubernetes_sd_configs", "kubernetesSDConfigs");
    let is_listed = |finder: &Node| {
        let names = finder.at(&["namespaces", "names"]).map(Node::items).unwrap_or_default();
        let is_written = |name: &Node| name.as_str().is_some_and(|name| !has_variable(name));
        // Where the exporters are, by custom.
        let is_of_the_cluster =
            |name: &Node| name.as_str().is_some_and(|name| name == "kube-system" || name.contains("monitor"));
        !names.is_empty() && names.iter().all(is_written) && !names.iter().any(is_of_the_cluster)
    };
    !finders.is_empty() && finders.iter().all(is_listed)
}
