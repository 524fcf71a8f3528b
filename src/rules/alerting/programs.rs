//! Queries against the exporters whose images stand among the files: names and labels that these do not give.
//!
//! Sources: nginx/nginx-prometheus-exporter README.md (metrics without labels); danihodovic/celery-exporter
//! src/exporter.py; oliver006/redis_exporter README.md; vllm-project/vllm vllm/v1/metrics/loggers.py; traefik/traefik
//! pkg/observability/metrics/prometheus.go (services are `name@provider`). What an exporter gives only when it is told to:
//! `scrape/exposed.rs`.

use super::NO_SUCH_SERIES;
use super::walk::{Alert, containers};
use crate::finding::{Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::Node;
use crate::promql::{MatchOperator, MatcherView, SelectorView};
use crate::source::{Place, Span};

/// What runs here, by its image.
pub(super) struct Programs<'i> {
    images: Vec<(&'i str, Place)>,
    /// Whether labels of targets get in the way of those of the programs.
    has_monitors: bool,
    /// CronJobs and Jobs.
    jobs: Vec<(&'i str, Place)>,
}

/// One thing that an exporter does not give.
struct Lack {
    span: Span,
    message: String,
    why: String,
    help: String,
    severity: Severity,
}

impl<'i> Programs<'i> {
    pub fn new(inventory: &'i Inventory<'i>) -> Self {
        let mut images = Vec::new();
        let mut jobs = Vec::new();
        for object in &inventory.objects {
            for container in containers(object) {
                if let Some(node) = container.get("image")
                    && let Some(image) = node.as_str()
                {
                    images.push((image, object.place(node)));
                }
            }
            if matches!(object.kind(), "CronJob" | "Job")
                && let Some(name) = object.at(&["metadata", "name"]).and_then(Node::as_str)
            {
                jobs.push((name, object.name_place()));
            }
        }
        let monitors = ["ServiceMonitor", "PodMonitor"];
        let has_monitors = monitors.into_iter().any(|kind| inventory.kind(kind).next().is_some());
        Programs { images, has_monitors, jobs }
    }

    /// The first image with one of these names in it; asked only where a query leaves no other question, as it looks at
    /// all images.
    fn runs(&self, names: &[&str]) -> Option<Place> {
        self.images
            .iter()
            .find(|(image, _)| names.iter().any(|name| image.contains(name)))
            .map(|(_, place)| *place)
    }

    /// The first image whose last part is one of these names.
    pub(super) fn runs_exactly(&self, names: &[&str]) -> Option<Place> {
        let is_it = |image: &str| {
            let last = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
            names.contains(&last.split(':').next().unwrap_or(last))
        };
        self.images.iter().find(|(image, _)| is_it(image)).map(|(_, place)| *place)
    }

    pub fn check(&self, query: &Alert<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for selector in query.expression.selectors() {
            let Some(name) = selector.name.as_deref() else { continue };
            let start = selector.span.start as usize;
            let whole = Span::new(start, start + name.len());
            let found = self
                .nginx(name, &selector)
                .or_else(|| self.celery(name, &selector))
                .or_else(|| self.redis(name, whole))
                .or_else(|| self.vllm(name, whole))
                .or_else(|| self.traefik(name, &selector))
                .or_else(|| self.job(name, &selector, query));
            let Some((place, Lack { span, message, why, help, severity })) = found else { continue };
            if findings.iter().any(|other| other.message == message) {
                continue;
            }
            let effect = if query.rule.get("query").is_some() {
                "the scaler reads 0, or an error"
            } else {
                "an alert never fires, and no error tells"
            };
            let mut finding = Finding::new(&NO_SUCH_SERIES, query.place(span), message)
                .related(place.0, place.1)
                .why(format!("{why}: {effect}"))
                .help(help);
            finding.severity = severity;
            findings.push(finding);
        }
        findings
    }

    fn nginx(&self, name: &str, selector: &SelectorView) -> Option<((Place, &'static str), Lack)> {
        const LABELS: [&str; 10] = [
            "status",
            "code",
            "status_code",
            "method",
            "path",
            "uri",
            "host",
            "server_name",
            "upstream",
            "location",
        ];
        let of_it = name == "nginx_http_requests_total" || name.starts_with("nginx_connections_");
        let others = ["vts", "nginxlog", "nginx-log", "lua", "openresty", "apisix", "kong"];
        let matcher = labelled(selector, &LABELS).filter(|_| of_it)?;
        let place = self.runs(&["nginx-prometheus-exporter", "nginx-exporter"])?;
        if self.runs(&others).is_some() {
            return None;
        }
        let label = &matcher.name;
        Some((
            (place, "this exporter reads `stub_status`, which counts all requests together"),
            Lack {
                span: matcher.span,
                message: format!("`{name}` of nginx-prometheus-exporter has no label `{label}`"),
                why: "no series is selected".to_string(),
                help: "count the requests where they are answered, in the application or the Ingress; stub_status knows no status codes".to_string(),
                severity: Severity::Error,
            },
        ))
    }

    fn celery(&self, name: &str, selector: &SelectorView) -> Option<((Place, &'static str), Lack)> {
        let matcher = labelled(selector, &["queue"])
            .filter(|_| ["celery_queue_length", "celery_active_consumer_count"].contains(&name))?;
        let place = self.runs(&["danihodovic/celery-exporter"])?;
        Some((
            (place, "this exporter calls it `queue_name`"),
            Lack {
                span: matcher.span,
                message: format!("`{name}` has no label `queue`"),
                why: "no series is selected".to_string(),
                help: format!("write `queue_name{}\"{}\"`", matcher.operator.text(), matcher.value),
                severity: Severity::Error,
            },
        ))
    }

    fn redis(&self, name: &str, span: Span) -> Option<((Place, &'static str), Lack)> {
        const OTHERS: [&str; 3] = ["redis_list_length", "redis_queue_length", "redis_list_size"];
        let place = Some(name)
            .filter(|name| OTHERS.contains(name))
            .and_then(|_| self.runs(&["oliver006/redis_exporter"]))?;
        Some((
                (place, "this exporter runs here"),
                Lack {
                    span,
                    message: format!("redis_exporter has no `{name}`"),
                    why: "no series is selected".to_string(),
                    help: "write `redis_key_size{key=\"…\"}`, and name the key in `REDIS_EXPORTER_CHECK_SINGLE_KEYS`".to_string(),
                    severity: Severity::Error,
                },
            ))
    }

    fn vllm(&self, name: &str, span: Span) -> Option<((Place, &'static str), Lack)> {
        const NAMES: [&str; 14] = [
            "num_requests_waiting",
            "num_requests_running",
            "num_requests_swapped",
            "gpu_cache_usage_perc",
            "kv_cache_usage_perc",
            "prompt_tokens_total",
            "generation_tokens_total",
            "request_success_total",
            "num_preemptions_total",
            "time_to_first_token_seconds_bucket",
            "time_per_output_token_seconds_bucket",
            "e2e_request_latency_seconds_bucket",
            "e2e_request_latency_seconds_sum",
            "e2e_request_latency_seconds_count",
        ];
        let rest = name.strip_prefix("vllm_").filter(|rest| NAMES.contains(rest))?;
        let place = self.runs(&["vllm"])?;
        // A collector on the way may have put the underscore in.
        (self.runs(&["opentelemetry-collector", "otel", "alloy"]).is_none()).then(|| {
            (
                (place, "vLLM runs here"),
                Lack {
                    span,
                    message: format!("the metrics of vLLM begin with `vllm:`, and not with `{name}`"),
                    why: "no series is selected".to_string(),
                    help: format!("write `vllm:{rest}`"),
                    severity: Severity::Error,
                },
            )
        })
    }

    fn traefik(&self, name: &str, selector: &SelectorView) -> Option<((Place, &'static str), Lack)> {
        let (label, _) = [("service", "traefik_service_"), ("router", "traefik_router_")]
            .into_iter()
            .find(|(_, start)| name.starts_with(start))?;
        let (image, place) =
            self.images.iter().find(|(image, _)| image.split(['/', ':']).any(|part| part == "traefik"))?;
        if self.has_monitors || image.contains(":1") || image.contains(":v1") {
            return None;
        }
        let matcher = labelled(selector, &[label]).filter(|matcher| {
            matcher.operator == MatchOperator::Equal
                && !matcher.value.is_empty()
                && !matcher.value.contains('@')
        })?;
        Some((
            (*place, "Traefik runs here"),
            Lack {
                span: matcher.span,
                message: format!(
                    "`{label}` of Traefik ends in its provider, as in `{}@docker`",
                    matcher.value
                ),
                why: "no series is selected".to_string(),
                help: format!(
                    "write `{label}=\"{}@docker\"`, or `{label}=~\"{}@.+\"`",
                    matcher.value, matcher.value
                ),
                severity: Severity::Error,
            },
        ))
    }

    /// `kube_job_failed{job="nightly-report"}`: `job` says who scrapes.
    fn job(
        &self,
        name: &str,
        selector: &SelectorView,
        query: &Alert<'_>,
    ) -> Option<((Place, &'static str), Lack)> {
        let label = match name {
            _ if name.starts_with("kube_job_") => "job_name",
            _ if name.starts_with("kube_cronjob_") => "cronjob",
            _ => return None,
        };
        let matcher = labelled(selector, &["job"])?;
        let value = matcher.value.trim_end_matches(".*").trim_end_matches(".+").trim_end_matches('-');
        let here =
            self.jobs.iter().find(|(job, _)| *job == value).map(|(_, place)| (*place, "this is meant"));
        let (place, severity) = match here {
            Some(place) => (place, Severity::Error),
            None => ((said(query, value)?, "this is meant"), Severity::Warning),
        };
        let help = if label == "cronjob" {
            format!("write `cronjob=\"{value}\"`")
        } else {
            format!("write `job_name=~\"{value}-.+\"`: the Jobs of a CronJob have a number behind its name")
        };
        Some((
            place,
            Lack {
                span: matcher.span,
                message: format!(
                    "`job` of `{name}` is the scrape job of kube-state-metrics, and never `{value}`"
                ),
                why: "no series is selected".to_string(),
                help,
                severity,
            },
        ))
    }
}

/// A text of an alert that speaks of a Job by its name.
fn said(query: &Alert<'_>, name: &str) -> Option<Place> {
    let told = query.rule.get("annotations").map(Node::entries).unwrap_or_default();
    let is_scrape = ["kube-state", "ksm", "kubernetes", "prometheus", "integrations"]
        .iter()
        .any(|word| name.contains(word));
    let entry = told.iter().find(|entry| entry.node.as_str().is_some_and(|text| text.contains(name)))?;
    (!is_scrape && name.len() > 3).then(|| query.object.place(&entry.node))
}

/// A matcher on one of these labels that a series without it does not pass.
fn labelled<'s>(selector: &'s SelectorView, labels: &[&str]) -> Option<&'s MatcherView> {
    selector
        .matchers
        .iter()
        .find(|matcher| labels.contains(&matcher.name.as_str()) && matcher.excludes_empty())
}
