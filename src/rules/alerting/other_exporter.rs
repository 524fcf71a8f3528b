//! Metrics of an exporter that was there before the program had one of its own.
//!
//! Sources: haproxy/haproxy addons/promex/README (`haproxy_backend_status` and `haproxy_server_status`, with the label
//! `state`); prometheus/haproxy_exporter haproxy_exporter.go (`haproxy_up`, `haproxy_backend_up`, `haproxy_server_up`).

use super::OTHER_EXPORTER;
use super::walk::Alert;
use crate::finding::Finding;
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::{Place, Span};

/// Names of the old exporter of HAProxy, and what to ask for instead.
const OF_HAPROXY: [(&str, &str); 3] = [
    ("haproxy_backend_up", "haproxy_backend_status{state=\"UP\"}"),
    ("haproxy_server_up", "haproxy_server_status{state=\"UP\"}"),
    ("haproxy_up", "up{job=\"…\"}"),
];

/// The place at which HAProxy's own exporter is switched on, where no other one is beside it.
pub(super) fn own_of_haproxy(inventory: &Inventory<'_>) -> Option<Place> {
    let is_old = |object: &Object<'_>| {
        let is_called = |text: &str| text.contains("haproxy-exporter") || text.contains("haproxy_exporter");
        is_called(&object.name)
            || object
                .at(&["spec", "template", "spec", "containers"])
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .any(|container| container.get("image").and_then(Node::as_str).is_some_and(is_called))
    };
    if inventory.objects.iter().any(is_old) {
        return None;
    }
    inventory.kind("ConfigMap").find_map(|object| {
        let data = object.at(&["data"]).map(Node::entries).unwrap_or_default();
        let entry = data.iter().find(|entry| {
            entry.node.as_str().is_some_and(|text| text.contains("use-service prometheus-exporter"))
        })?;
        Some(Place::new(object.document.file, entry.key_span))
    })
}

pub(super) fn check(alert: &Alert<'_>, own: Place) -> Option<Finding> {
    alert.expression.selectors().iter().find_map(|selector| {
        let metric = selector.name.as_deref()?;
        let (_, instead) = OF_HAPROXY.iter().find(|(name, _)| *name == metric)?;
        let start = selector.span.start as usize;
        Some(
            Finding::new(
                &OTHER_EXPORTER,
                alert.place(Span::new(start, start + metric.len())),
                format!("HAProxy itself has no `{metric}`"),
            )
            .related(own, "its own exporter is switched on here")
            .why("the name is that of haproxy_exporter, a program beside HAProxy that is not among these files: no series matches, and the alert never fires")
            .help(format!("write `{instead}`")),
        )
    })
}
