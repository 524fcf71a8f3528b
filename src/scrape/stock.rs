//! Pods of a stock image that is known to have no `/metrics`, and that are scraped.
//!
//! Sources: docker-library/docs (nginx, httpd, redis, postgres, mysql, mongo, busybox: none of them has an endpoint of
//! metrics as it comes); kubernetes/examples (hpa-example is a page of PHP); hashicorp/http-echo, traefik/whoami README.md.

use super::rules::OTHER_PROTOCOL;
use super::target::Pods;
use super::way::{Passage, Scraped};
use super::world::World;
use crate::finding::Finding;
use crate::manifest::{Node, has_variable};
use crate::source::Place;

/// Images without their registry, and what to scrape instead. One with a folder is meant with it.
const STOCK: [(&[&str], &str); 7] = [
    (
        &["nginx", "nginxinc/nginx-unprivileged", "nginxdemos/hello", "openresty/openresty"],
        "run nginx-prometheus-exporter (9113) beside it, and scrape that",
    ),
    (&["httpd", "bitnami/apache"], "run apache_exporter (9117) beside it, and scrape that"),
    (&["redis", "valkey/valkey"], "run redis_exporter (9121) beside it, and scrape that"),
    (&["postgres"], "run postgres_exporter (9187) beside it, and scrape that"),
    (&["mysql", "mariadb"], "run mysqld_exporter (9104) beside it, and scrape that"),
    (&["mongo"], "run mongodb_exporter (9216) beside it, and scrape that"),
    (
        &[
            "busybox",
            "hpa-example",
            "php",
            "wordpress",
            "hashicorp/http-echo",
            "traefik/whoami",
            "containous/whoami",
            "kennethreitz/httpbin",
            "google-samples/hello-app",
            "paulbouwer/hello-kubernetes",
            "polinux/stress",
        ],
        "take the annotation or monitor away, or run a program that has metrics",
    ),
];

/// Registries whose images are those of the makers.
const REGISTRIES: [&str; 9] = [
    "docker.io/library/",
    "docker.io/",
    "library/",
    "registry.k8s.io/",
    "k8s.gcr.io/",
    "gcr.io/",
    "public.ecr.aws/docker/library/",
    "us-docker.pkg.dev/google-samples/containers/gke/",
    "mirror.gcr.io/library/",
];

/// What to scrape instead of an image.
fn stock(image: &str) -> Option<&'static str> {
    let bare = image.split('@').next().unwrap_or(image);
    let bare = match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => bare,
    };
    let bare = REGISTRIES.iter().find_map(|registry| bare.strip_prefix(registry)).unwrap_or(bare);
    STOCK.iter().find(|(names, _)| names.contains(&bare)).map(|(_, help)| *help)
}

/// Whether all containers run images that have no metrics.
pub fn is_stock(pods: &Pods<'_>) -> bool {
    let mut images = pods.images().peekable();
    images.peek().is_some() && images.all(|image| stock(image).is_some())
}

/// The help for pods whose containers are all stock, and run as they come.
fn silent(pods: &Pods<'_>) -> Option<(Place, &'static str)> {
    let containers = pods.object.containers();
    let template = pods.object.at(&["spec", "template", "spec"])?;
    let mut help = None;
    for container in containers {
        let image = container.get("image")?;
        let own = stock(image.as_str().filter(|text| !has_variable(text))?)?;
        // A page of its own may come with the files, and words of its own start something else.
        let is_changed = ["command", "args", "volumeMounts", "lifecycle"].iter().any(|key| {
            container.get(key).is_some_and(|node| !(*key == "volumeMounts" && only_data(node, template)))
        });
        if is_changed {
            return None;
        }
        help.get_or_insert((pods.object.place(image), own));
    }
    let has_more = template.get("initContainers").is_some() || !pods.object.patched.is_empty();
    help.filter(|_| !has_more)
}

/// Whether what is mounted holds data, and no configuration.
fn only_data(mounts: &Node, template: &Node) -> bool {
    let volumes = template.get("volumes").map(Node::items).unwrap_or_default();
    mounts.items().iter().all(|mount| {
        let name = mount.get("name").and_then(Node::as_str);
        let volume = volumes.iter().find(|volume| volume.get("name").and_then(Node::as_str) == name);
        // A claim of a StatefulSet stands elsewhere.
        volume.is_none_or(|volume| {
            ["configMap", "secret", "projected"].iter().all(|key| volume.get(key).is_none())
        })
    })
}

/// Whether something is told inside of the monitor of this name.
fn is_told(world: &World<'_>, by: Place, told: &[Place]) -> bool {
    let monitor = world.index.monitors.iter().find(|object| object.name_place() == by);
    monitor.is_some_and(|object| {
        let whole = object.document.node.span;
        told.iter().any(|place| {
            place.file == by.file && whole.start <= place.span.start && place.span.end <= whole.end
        })
    })
}

/// `told`: places of which something is told already.
pub fn check(world: &World<'_>, told: &[Place]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for pods in world.index.workloads() {
        let Some((image, help)) = silent(pods) else { continue };
        let template = pods.object.at(&["spec", "template", "metadata", "annotations"]);
        let entry = |name: &str| {
            template.map(Node::entries).unwrap_or_default().iter().find(|entry| entry.key == name)
        };
        let is_true =
            |name: &str| entry(name).is_some_and(|entry| entry.node.as_written().as_deref() == Some("true"));
        let path = pods.annotations.get("prometheus.io/path").map_or("/metrics", String::as_str);
        let by = if is_true("prometheus.io/scrape") && path == "/metrics" {
            let port = entry("prometheus.io/port").map(|entry| pods.object.place(&entry.node));
            // The port of a database is told by itself.
            if port.is_some_and(|port| told.contains(&port)) {
                continue;
            }
            entry("prometheus.io/scrape").map(|entry| Place::new(pods.object.document.file, entry.key_span))
        } else {
            let passages = world.passages(pods);
            let is_monitor =
                |way: &&Scraped| way.is_monitor && way.endpoints.iter().all(|(_, path)| path == "/metrics");
            passages.iter().filter_map(Passage::scraped).find(is_monitor).map(|way| way.by)
        };
        let Some(by) = by.filter(|by| !is_told(world, *by, told)) else { continue };
        findings.push(
            Finding::new(
                &OTHER_PROTOCOL,
                by,
                format!(
                    "the image of {} `{}` has no metrics to scrape",
                    pods.object.kind(),
                    pods.object.name
                ),
            )
            .related(image, "as it comes, it answers `/metrics` with 404, or not at all")
            .why(
                "each scrape fails: `up` stays 0, no series of it comes, and an alert on `up` fires for ever",
            )
            .help(help),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::stock;

    #[test]
    fn knows_images_as_they_come() {
        for (image, expected) in [
            ("nginx:1.27-alpine", true),
            ("docker.io/library/nginx", true),
            ("registry.k8s.io/hpa-example", true),
            ("ghcr.io/acme/nginx:1", false),
            ("acme/redis", false),
            ("nginx/nginx-prometheus-exporter:1.3", false),
        ] {
            assert_eq!(stock(image).is_some(), expected, "{image}");
        }
    }
}
