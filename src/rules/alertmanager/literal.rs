//! Variables in a file that a container of Alertmanager mounts as it is.
//!
//! Source: prometheus/alertmanager config/config.go, LoadFile: the environment is not looked at.

use super::{Configuration, NOT_FILLED_IN};
use crate::finding::Finding;
use crate::inventory::{Inventory, folder, join};
use crate::manifest::{Entry, Node, has_variable};
use crate::source::Place;

pub(super) fn check(configuration: &Configuration<'_>, inventory: &Inventory<'_>) -> Option<Finding> {
    let object = configuration.object;
    let is_file = object.kind().is_empty() && object.document.node.get("route").is_some();
    let node = variable(configuration.root, 0).filter(|_| is_file)?;
    let place = mount(object.path, inventory)?;
    let text = node.as_str()?;
    let at = text.find("${")?;
    let name = text[at..].split_inclusive('}').next()?;
    let is_address = text.trim_start().starts_with("${");
    Some(
        Finding::new(&NOT_FILLED_IN, configuration.place(node), format!("Alertmanager does not fill in `{name}`"))
            .related(place, "the file is mounted here as it is")
            .why(if is_address {
                "it reads no environment variables: an address that begins with `${` is refused, and a password is these very letters"
            } else {
                "it reads no environment variables: the letters `${…}` are sent as they stand, and nobody is told of an alert"
            })
            .help("mount a secret, and write `api_url_file`, `auth_password_file` or the like; or make the file with `envsubst` before it is mounted"),
    )
}

fn variable(node: &Node, depth: usize) -> Option<&Node> {
    const MOST_LEVELS: usize = 12;
    if depth > MOST_LEVELS {
        return None;
    }
    let is_it =
        node.as_str().is_some_and(|text| text.contains("${") && has_variable(text) && !text.contains("{{"));
    if is_it {
        return Some(node);
    }
    let mut below = node.entries().iter().map(|entry| &entry.node).chain(node.items());
    below.find_map(|inner| variable(inner, depth + 1))
}

/// Where a service of Docker Compose mounts a file for an Alertmanager that begins as it is made.
fn mount(path: &str, inventory: &Inventory<'_>) -> Option<Place> {
    inventory.objects.iter().filter(|object| object.kind().is_empty()).find_map(|object| {
        let services = object.at(&["services"]).map(Node::entries).unwrap_or_default();
        let is_alertmanager = |entry: &&Entry| {
            let image = entry.node.get("image").and_then(Node::as_str);
            image.is_some_and(|image| image.contains("prom/alertmanager"))
                && entry.node.get("entrypoint").is_none()
        };
        services.iter().filter(is_alertmanager).find_map(|entry| {
            let volumes = entry.node.get("volumes").map(Node::items).unwrap_or_default();
            let volume = volumes.iter().find(|volume| {
                let from = match volume.as_str() {
                    Some(text) => text.split(':').next(),
                    None => volume.get("source").and_then(Node::as_str),
                };
                from.is_some_and(|from| from.starts_with('.') && join(folder(object.path), from) == path)
            })?;
            Some(object.place(volume))
        })
    })
}
