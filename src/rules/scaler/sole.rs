//! Whether the pods of a workload are the only ones of a repository that could expose a metric of their own name.

use super::own::{OF_OTHERS, neighbours};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

/// Words of what hands on the metrics of others.
const HANDING_ON: [&str; 7] =
    ["exporter", "pushgateway", "statsd", "otel", "collector", "telegraf", "adapter"];

/// Whether its pods are scraped, and every other workload here is a program that tells of itself alone.
pub(super) fn is_sole(inventory: &Inventory<'_>, workload: &Object<'_>) -> bool {
    let is_other = |other: &Object<'_>| {
        let images = other.containers().iter().filter_map(|node| node.get("image")?.as_str());
        let mut images = images.peekable();
        let hands_on = |text: &str| HANDING_ON.iter().any(|word| text.contains(word));
        images.peek().is_none()
            || hands_on(&other.name)
            || images.any(|image| hands_on(image) || !OF_OTHERS.iter().any(|part| image.contains(part)))
    };
    is_scraped(inventory, workload) && !neighbours(inventory, workload).any(is_other)
}

/// Whether an annotation or a monitor asks for its pods.
fn is_scraped(inventory: &Inventory<'_>, workload: &Object<'_>) -> bool {
    const ASKS: &str = "prometheus.io/scrape";
    let asks = |node: Option<&Node>| {
        node.map(Node::pairs).into_iter().flatten().any(|(key, value)| key == ASKS && value == "true")
    };
    let services = inventory.services_of(workload);
    let is_annotated = asks(workload.at(&["spec", "template", "metadata", "annotations"]))
        || workload.added_pod_annotations.iter().any(|(key, value)| key == ASKS && value == "true")
        || services.iter().any(|service| asks(service.at(&["metadata", "annotations"])));
    let takes = |monitor: &Object<'_>, labels: &[(String, String)]| {
        let mut wanted =
            monitor.at(&["spec", "selector", "matchLabels"]).map(Node::pairs).into_iter().flatten();
        let mut count = 0;
        wanted.all(|(key, value)| {
            count += 1;
            labels.iter().any(|(own, other)| own == key && *other == value)
        }) && count > 0
    };
    is_annotated
        || inventory.kind("PodMonitor").any(|monitor| takes(monitor, &workload.pod_labels()))
        || inventory
            .kind("ServiceMonitor")
            .any(|monitor| services.iter().any(|service| takes(monitor, &service.labels())))
}
