//! Two Services of one name of which the second says all that the first says.
//!
//! Source: kubernetes/kubernetes pkg/apis/core/v1/defaults.go, SetDefaults_Service: `type: ClusterIP`, `protocol: TCP`,
//! and `targetPort` the same as `port`.

use super::twice::is_same;
use crate::inventory::Object;
use crate::manifest::Node;

/// Whether nothing of the first is lost where the second replaces it.
pub(super) fn loses_nothing(first: &Object<'_>, last: &Object<'_>) -> bool {
    let holds = |path: &[&str]| {
        let all = first.at(path).map(Node::entries).unwrap_or_default();
        all.iter().all(|entry| {
            let theirs = last.at(path).and_then(|node| node.get(&entry.key));
            theirs.is_some_and(|theirs| is_same(&entry.node, theirs))
        })
    };
    let keys = |object: &Object<'_>| -> Vec<String> {
        let all = object.at(&["spec"]).map(Node::entries).unwrap_or_default();
        let is_default = |node: &Node| node.as_str() == Some("ClusterIP");
        let counted = all
            .iter()
            .filter(|entry| entry.key != "ports" && !(entry.key == "type" && is_default(&entry.node)));
        let mut keys: Vec<String> = counted.map(|entry| entry.key.to_string()).collect();
        keys.sort();
        keys
    };
    let same_spec = keys(first) == keys(last)
        && keys(first).iter().all(|key| {
            let path = ["spec", key.as_str()];
            first.at(&path).zip(last.at(&path)).is_some_and(|(mine, theirs)| is_same(mine, theirs))
        });
    let ports = |object: &Object<'_>| -> Vec<Vec<String>> {
        let ports = object.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
        ports.iter().map(port).collect()
    };
    holds(&["metadata", "labels"])
        && holds(&["metadata", "annotations"])
        && same_spec
        && ports(first) == ports(last)
}

/// A port with all that is written by default.
fn port(node: &Node) -> Vec<String> {
    let text = |key: &str| node.get(key).and_then(Node::as_written).map(|text| text.to_string());
    let port = text("port").unwrap_or_default();
    let with = |key: &str, default: &str| text(key).unwrap_or_else(|| default.to_string());
    vec![
        with("targetPort", &port),
        with("protocol", "TCP"),
        with("name", ""),
        with("nodePort", ""),
        with("appProtocol", ""),
        port,
    ]
}
