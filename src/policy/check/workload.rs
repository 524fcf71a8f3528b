//! `[workload]`.

use std::collections::BTreeMap;

use super::names::{is_dns_label, shown};
use super::{Checker, rules};
use crate::finding::Finding;
use crate::model::WorkloadReference;
use crate::policy::written::{Document, Workload};
use crate::source::{Place, Placed};

type Checked = (Placed<WorkloadReference>, BTreeMap<String, String>);

impl Checker<'_> {
    pub(super) fn workload(&mut self, document: &Document, root: Place) -> Option<Checked> {
        let table = self.required(&document.workload, "workload", root, "[workload]\nname = \"…\"")?;
        let written = &table.value;
        let (kind, api_version) = self.kind(written);
        let namespace = self.namespace(written);
        let pods = self.kubernetes_labels(&written.pods);
        if let Some(named) = written.pods.get()
            && named.value.0.is_empty()
        {
            self.push(
                Finding::new(&rules::INVALID_LABEL, named.place, "no label: this selects every pod")
                    .why("the monitors would scrape all pods of the namespace as this workload")
                    .help("write the labels of the pod template, or leave `pods` out"),
            );
        }
        let name = self.required(&written.name, "name", table.place, "name = \"inference\"")?;
        let take_over = document.scaling.value().is_some_and(|s| s.take_over.get().is_some());
        // Source of both limits: kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go.
        let (most, because) = if take_over {
            (63, "KEDA refuses a ScaledObject with a name longer than 63 characters")
        } else {
            (54, "KEDA names the HPA `keda-hpa-<name>` and refuses more than 63 characters")
        };
        if !self.object_name(name, "a workload", most, because) {
            return None;
        }
        let pods = if pods.is_empty() {
            BTreeMap::from([("app.kubernetes.io/name".to_string(), name.value.clone())])
        } else {
            pods
        };
        let reference = WorkloadReference { api_version, kind, name: name.value.clone(), namespace };
        Some((Placed::new(reference, name.place), pods))
    }

    fn kind(&mut self, written: &Workload) -> (String, String) {
        let kind = written.kind.value().map_or("Deployment", String::as_str);
        let built_in = ["Deployment", "StatefulSet"].contains(&kind);
        if let Some(placed) = written.kind.get() {
            if !kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
                || !kind.starts_with(|c: char| c.is_ascii_uppercase())
            {
                self.push(
                    Finding::new(
                        &rules::INVALID_NAME,
                        placed.place,
                        format!("{} is not a kind", shown(kind)),
                    )
                    .help("write it as in the manifest, such as \"Deployment\" or \"StatefulSet\""),
                );
            } else if !built_in && written.api_version.is_missing() {
                // Source: kedacore/keda apis/keda/v1alpha1/gvkr.go: an empty apiVersion means apps/v1.
                self.push(
                    Finding::new(
                        &rules::MISSING_KEY,
                        placed.place,
                        format!("the key `api_version` is missing for the kind {}", shown(kind)),
                    )
                    .why("without it KEDA looks for the kind in `apps/v1` and does not find it")
                    .help("write `api_version = \"argoproj.io/v1alpha1\"`, or whatever the manifest has"),
                );
            }
        }
        let api_version = written.api_version.value().map_or("apps/v1", String::as_str);
        if let Some(placed) = written.api_version.get()
            && !is_api_version(api_version)
        {
            self.push(
                Finding::new(
                    &rules::INVALID_NAME,
                    placed.place,
                    format!("{} is not an API version", shown(api_version)),
                )
                .help("write group and version, such as \"apps/v1\""),
            );
        }
        (kind.to_string(), api_version.to_string())
    }

    fn namespace(&mut self, written: &Workload) -> String {
        let Some(placed) = written.namespace.get() else {
            return "default".to_string();
        };
        if !is_dns_label(&placed.value) {
            self.push(
                Finding::new(
                    &rules::INVALID_NAME,
                    placed.place,
                    format!("{} is not a name for a namespace", shown(&placed.value)),
                )
                .why("Kubernetes takes lower-case letters, digits and `-`, at most 63, and refuses the rest"),
            );
        }
        placed.value.clone()
    }
}

fn is_api_version(text: &str) -> bool {
    let version = |part: &str| is_dns_label(part) && part.starts_with('v');
    match text.split_once('/') {
        Some((group, part)) => super::names::is_dns_subdomain(group) && version(part),
        None => version(text),
    }
}
