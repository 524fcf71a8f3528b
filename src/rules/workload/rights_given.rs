//! What a ServiceAccount may list, by the bindings and roles of a repository.
//!
//! Source: kubernetes/kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go: a ClusterRoleBinding gives rights everywhere, a
//! RoleBinding in its own namespace alone.

use crate::inventory::{Inventory, Object};
use crate::manifest::Node;

pub(super) struct Rights<'i> {
    bindings: Vec<&'i Object<'i>>,
    roles: Vec<&'i Object<'i>>,
}

impl<'i> Rights<'i> {
    pub fn new(inventory: &'i Inventory<'i>) -> Self {
        Rights {
            bindings: inventory.kind("ClusterRoleBinding").chain(inventory.kind("RoleBinding")).collect(),
            roles: inventory.kind("ClusterRole").chain(inventory.kind("Role")).collect(),
        }
    }

    /// The bindings of an account in the namespace of an object; of any account where none is named.
    pub fn of(&self, account: Option<&str>, home: &Object<'_>) -> Vec<&'i Object<'i>> {
        let is_bound = |binding: &&&Object<'_>| {
            binding.at(&["subjects"]).map(Node::items).unwrap_or_default().iter().any(|subject| {
                let text = |key: &str| subject.get(key).and_then(Node::as_str);
                text("kind") == Some("ServiceAccount")
                    && text("namespace").is_none_or(|namespace| home.may_be_in(namespace))
                    && account.is_none_or(|wanted| text("name") == Some(wanted))
            })
        };
        self.bindings.iter().filter(is_bound).copied().collect()
    }

    /// The roles that a binding may mean; empty where they are not here.
    fn roles_of(&self, binding: &Object<'_>) -> Vec<&'i Object<'i>> {
        let text = |key: &str| binding.text(&["roleRef", key]);
        let (Some(kind), Some(name)) = (text("kind"), text("name")) else { return Vec::new() };
        let is_it = |role: &&&Object<'_>| {
            role.kind() == kind && role.is_called(name) && (kind == "ClusterRole" || role.meets(binding))
        };
        self.roles.iter().filter(is_it).copied().collect()
    }

    /// Whether one of these bindings lets its account list a resource in a namespace, or everywhere where none is named. A
    /// role that is not here may give anything.
    pub fn lists(&self, bindings: &[&Object<'_>], resource: &str, namespace: Option<&str>) -> bool {
        bindings.iter().any(|binding| {
            let reaches = binding.kind() == "ClusterRoleBinding"
                || binding.namespace.is_none()
                || namespace.is_some_and(|wanted| binding.namespace.as_deref() == Some(wanted));
            let roles = self.roles_of(binding);
            reaches && (roles.is_empty() || roles.iter().any(|role| gives(role, resource)))
        })
    }

    /// The first of these bindings whose role is here and lets its account list a resource.
    pub fn example<'b>(&self, bindings: &[&'b Object<'b>], resource: &str) -> Option<&'b Object<'b>> {
        let gives = |binding: &&&Object<'_>| self.roles_of(binding).iter().any(|role| gives(role, resource));
        bindings.iter().find(gives).copied()
    }

    /// The binding of one namespace whose role is here, is about discovery, and gives too little for it.
    pub fn too_little<'b>(&self, bindings: &[&'b Object<'b>], namespace: &str) -> Option<&'b Object<'b>> {
        let is_about = |role: &&Object<'_>| gives(role, "services") || gives(role, "pods");
        let is_here = |binding: &&&Object<'_>| {
            binding.namespace.as_deref() == Some(namespace) && self.roles_of(binding).iter().any(is_about)
        };
        bindings.iter().find(is_here).copied()
    }

    /// The role that is asked first, to be shown.
    pub fn role(&self, bindings: &[&Object<'_>]) -> Option<&'i Object<'i>> {
        bindings.iter().find_map(|binding| self.roles_of(binding).first().copied())
    }
}

fn gives(role: &Object<'_>, resource: &str) -> bool {
    // What other roles bring in, or a patch, is not known.
    if role.at(&["aggregationRule"]).is_some() || !role.patched.is_empty() {
        return true;
    }
    let group = if resource == "endpointslices" { "discovery.k8s.io" } else { "" };
    role.at(&["rules"]).map(Node::items).unwrap_or_default().iter().any(|rule| {
        let has = |key: &str, wanted: &str| {
            let all = rule.get(key).map(Node::items).unwrap_or_default();
            all.iter()
                .filter_map(Node::as_str)
                .any(|one| one == wanted || one == "*" || one.contains(['$', '{']))
        };
        has("apiGroups", group)
            && has("resources", resource)
            && has("verbs", "list")
            && rule.get("resourceNames").is_none()
    })
}
