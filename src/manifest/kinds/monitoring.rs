//! monitoring.coreos.com/v1: ServiceMonitor, PodMonitor, PrometheusRule.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::keda::{Metadata, object};

const DURATION: &str =
    "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$";

object! {
    /// Pods behind a Service.
    ServiceMonitor "ServiceMonitor" {
        #[schemars(regex(pattern = r"^monitoring\.coreos\.com/v1$"))]
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: ServiceMonitorSpec,
    }
}

object! {
    /// Which Services, and what of them.
    ServiceMonitorSpec "ServiceMonitorSpec" {
        selector: Selector,
        namespace_selector: Option<Namespaces>,
        #[schemars(length(min = 1))]
        endpoints: Vec<Endpoint>,
        job_label: Option<String>,
    }
}

object! {
    /// Pods without a Service.
    PodMonitor "PodMonitor" {
        #[schemars(regex(pattern = r"^monitoring\.coreos\.com/v1$"))]
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: PodMonitorSpec,
    }
}

object! {
    /// Which pods, and what of them.
    PodMonitorSpec "PodMonitorSpec" {
        selector: Selector,
        namespace_selector: Option<Namespaces>,
        #[schemars(length(min = 1))]
        pod_metrics_endpoints: Vec<Endpoint>,
        job_label: Option<String>,
    }
}

object! {
    /// Labels that an object must carry.
    Selector "LabelSelector" {
        match_labels: Option<BTreeMap<String, String>>,
    }
}

object! {
    /// Where to look.
    Namespaces "NamespaceSelector" {
        any: Option<bool>,
        match_names: Option<Vec<String>>,
    }
}

object! {
    /// One port to scrape.
    Endpoint "Endpoint" {
        /// A name; a number here finds nothing.
        #[schemars(regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
        port: String,
        path: Option<String>,
        #[schemars(regex(pattern = "^(http|https)$"))]
        scheme: Option<String>,
        #[schemars(regex(pattern = DURATION))]
        interval: Option<String>,
        #[schemars(regex(pattern = DURATION))]
        scrape_timeout: Option<String>,
        honor_labels: Option<bool>,
        relabelings: Option<Vec<Relabeling>>,
        metric_relabelings: Option<Vec<Relabeling>>,
    }
}

object! {
    /// One step of relabelling.
    Relabeling "RelabelConfig" {
        source_labels: Option<Vec<String>>,
        separator: Option<String>,
        target_label: Option<String>,
        regex: Option<String>,
        replacement: Option<String>,
        #[schemars(regex(pattern = "^(replace|keep|drop|hashmod|labelmap|labeldrop|labelkeep|lowercase|uppercase|keepequal|dropequal)$"))]
        action: Option<String>,
    }
}

object! {
    /// Alerts and records for the operator.
    PrometheusRule "PrometheusRule" {
        #[schemars(regex(pattern = r"^monitoring\.coreos\.com/v1$"))]
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: RuleSpec,
    }
}

object! {
    /// The groups.
    RuleSpec "PrometheusRuleSpec" {
        groups: Vec<RuleGroup>,
    }
}

object! {
    /// Rules that are evaluated together.
    RuleGroup "RuleGroup" {
        #[schemars(length(min = 1))]
        name: String,
        #[schemars(regex(pattern = DURATION))]
        interval: Option<String>,
        rules: Vec<Rule>,
    }
}

object! {
    /// One alert or record.
    Rule "Rule" {
        alert: Option<String>,
        record: Option<String>,
        expr: String,
        #[schemars(rename = "for", regex(pattern = DURATION))]
        lasting: Option<String>,
        labels: Option<BTreeMap<String, String>>,
        annotations: Option<BTreeMap<String, String>>,
    }
}
