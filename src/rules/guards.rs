//! What applies Git again and again, and what keeps it from setting numbers of replicas.
//!
//! Sources: argoproj/argo-cd docs/user-guide/auto_sync.md, "Automatic Self-Healing"; docs/user-guide/sync-options.md, "Respect
//! ignore difference configs"; fluxcd/kustomize-controller docs/spec/v1/kustomizations.md, "Controlling the apply behavior
//! of resources".

use crate::finding::{Finding, Severity};
use crate::inventory::{Inventory, Object};
use crate::manifest::Node;
use crate::source::{FileId, Place, Sources};

/// An Application of Argo CD, as far as numbers of replicas are concerned.
struct Syncer {
    who: String,
    /// Folders that it applies, from where slogen looks, and whether those inside count as well; empty: not known.
    folders: Vec<(String, bool)>,
    /// Where it says that what differs is set again at once.
    heals: Option<Place>,
    /// Differences in `/spec/replicas` that are not reported.
    ignored: Vec<Ignored>,
    /// Whether syncs leave alone what is ignored.
    respects: bool,
}

/// An entry of `ignoreDifferences` that means the number of replicas.
struct Ignored {
    /// None: of any kind.
    kind: Option<String>,
    place: Place,
    /// Why it does not count.
    flaw: Option<&'static str>,
}

pub(super) struct Guards {
    syncers: Vec<Syncer>,
}

impl Guards {
    pub(super) fn new(sources: &Sources, inventory: &Inventory<'_>) -> Self {
        let all = inventory.kind("Application").chain(inventory.kind("ApplicationSet"));
        Guards { syncers: all.filter_map(|application| Syncer::of(sources, application)).collect() }
    }

    /// Whether the number is not set again after all.
    pub(super) fn hold(
        &self,
        sources: &Sources,
        inventory: &Inventory<'_>,
        (scaler, finding): (&Object<'_>, &Finding),
        kind: &str,
    ) -> bool {
        let object = object_at(inventory, finding.place);
        let once = |object: &Object<'_>| {
            let annotation = object.at(&["metadata", "annotations", "kustomize.toolkit.fluxcd.io/ssa"]);
            annotation.and_then(Node::as_str) == Some("IfNotPresent")
        };
        let paths = paths(sources, inventory, scaler, finding.place);
        let leaves_alone =
            |syncer: &Syncer| syncer.respects && syncer.ignores(kind).is_some() && syncer.may_apply(&paths);
        let is_lent = |object: &Object<'_>| is_template(inventory, object);
        self.syncers.iter().any(leaves_alone) || object.is_some_and(|object| once(object) || is_lent(object))
    }

    /// What the Applications make of a pinned number: worse, or only hidden.
    pub(super) fn judge(
        &self,
        sources: &Sources,
        inventory: &Inventory<'_>,
        (scaler, mut finding): (&Object<'_>, Finding),
        kind: &str,
    ) -> Finding {
        let paths = paths(sources, inventory, scaler, finding.place);
        let mut own = self.syncers.iter().filter(|syncer| syncer.may_apply(&paths));
        let healing = own.clone().find(|syncer| {
            syncer.heals.is_some() && syncer.ignores(kind).is_none() && syncer.applies(&paths)
        });
        if let Some((syncer, place)) = healing.and_then(|syncer| Some((syncer, syncer.heals?))) {
            finding.severity = Severity::Error;
            finding.why = Some(format!(
                "the {} takes every scaling for a difference and takes it back within seconds: the autoscaler cannot scale at all",
                syncer.who
            ));
            let finding = finding.related(place, "what differs from Git is set again at once");
            return match syncer.flaw(kind) {
                Some((place, flaw)) => finding.related(place, flaw),
                None => finding,
            };
        }
        if let Some((place, flaw)) = own.clone().find_map(|syncer| syncer.flaw(kind)) {
            return finding.related(place, flaw);
        }
        let Some((syncer, place)) = own.find_map(|syncer| Some((syncer, syncer.ignores(kind)?))) else {
            return finding;
        };
        finding.help = finding.help.map(|help| {
            format!("{help}; or let syncs leave it alone: `RespectIgnoreDifferences=true` in `syncPolicy.syncOptions` of the {}", syncer.who)
        });
        finding.related(place, "only keeps Argo CD from reporting the difference")
    }
}

impl Syncer {
    fn of(sources: &Sources, application: &Object<'_>) -> Option<Self> {
        let spec = if application.kind() == "Application" {
            application.at(&["spec"])?
        } else {
            application.at(&["spec", "template", "spec"])?
        };
        let list = |node: &Node, path: &[&str]| node.at(path).map(Node::items).unwrap_or_default().to_vec();
        let several = list(spec, &["sources"]);
        let folders = spec.get("source").into_iter().chain(&several).filter_map(|source| {
            // Of such a folder only some files are applied.
            if ["include", "exclude"].iter().any(|key| source.at(&["directory", key]).is_some()) {
                return None;
            }
            let path = source.get("path")?.as_str()?.trim_matches('/');
            let path = path.strip_prefix("./").unwrap_or(path);
            let deep =
                source.at(&["directory", "recurse"]).and_then(Node::as_written).as_deref() == Some("true");
            (!path.contains("{{")).then(|| (located(sources, path), deep))
        });
        let heals = spec.at(&["syncPolicy", "automated", "selfHeal"]);
        let mut ignored = Vec::new();
        for entry in spec.get("ignoreDifferences").map(Node::items).unwrap_or_default() {
            let named = |key: &str, text: &str| {
                let nodes = entry.get(key).map(Node::items).unwrap_or_default();
                nodes.iter().find(|node| node.as_str() == Some(text))
            };
            let node = named("jsonPointers", "/spec/replicas")
                .or_else(|| named("jqPathExpressions", ".spec.replicas"));
            let kind = entry.get("kind").and_then(Node::as_str).filter(|kind| *kind != "*");
            let flawed = ["spec/replicas", ".spec.replicas", "spec.replicas"];
            let pointer = || flawed.iter().find_map(|text| named("jsonPointers", text));
            let flaw = match node {
                Some(_) => of_other_group(entry, kind),
                None => Some("this ignores nothing: a JSON pointer begins with `/`, as `/spec/replicas`"),
            };
            ignored.extend(node.or_else(pointer).map(|node| Ignored {
                kind: kind.map(str::to_string),
                place: application.place(node),
                flaw,
            }));
        }
        Some(Syncer {
            who: format!("{} `{}`", application.kind(), application.name),
            folders: folders.collect(),
            heals: heals
                .filter(|node| node.as_written().as_deref() == Some("true"))
                .map(|node| application.place(node)),
            ignored,
            respects: list(spec, &["syncPolicy", "syncOptions"])
                .iter()
                .any(|option| option.as_str() == Some("RespectIgnoreDifferences=true")),
        })
    }

    fn ignores(&self, kind: &str) -> Option<Place> {
        self.entries(kind).find(|entry| entry.flaw.is_none()).map(|entry| entry.place)
    }

    /// The entry that was meant to ignore it, and why it does not.
    fn flaw(&self, kind: &str) -> Option<(Place, &'static str)> {
        self.entries(kind).find_map(|entry| Some((entry.place, entry.flaw?)))
    }

    fn entries(&self, kind: &str) -> impl Iterator<Item = &Ignored> {
        self.ignored.iter().filter(move |entry| entry.kind.as_deref().is_none_or(|own| own == kind))
    }

    /// Whether it surely applies one of these files.
    fn applies(&self, paths: &[String]) -> bool {
        self.folders.iter().any(|(folder, deep)| {
            let inside = |path: &String| {
                path.strip_prefix(folder.as_str()).is_some_and(|rest| *deep || !rest.contains('/'))
            };
            paths.iter().any(inside)
        })
    }

    fn may_apply(&self, paths: &[String]) -> bool {
        self.folders.is_empty() || self.applies(paths)
    }
}

/// What is wrong with the `group` of an entry: it is compared with that of the object, and none is that of Pods and
/// Services.
///
/// Source: argoproj/argo-cd util/argo/normalizers/diff_normalizer.go, Normalize.
fn of_other_group(entry: &Node, kind: Option<&str>) -> Option<&'static str> {
    let own = match kind? {
        "Deployment" | "StatefulSet" | "ReplicaSet" => "apps",
        "Rollout" => "argoproj.io",
        _ => return None,
    };
    let group = entry.get("group").and_then(Node::as_str).unwrap_or_default();
    let is_open = group.contains(['*', '?', '[', '{', '$']);
    match group {
        _ if is_open || group == own => None,
        "" if own == "apps" => {
            Some("this ignores nothing: without `group: apps` it is for kinds of the core group")
        }
        "" => Some("this ignores nothing: without `group: argoproj.io` it is for kinds of the core group"),
        _ => Some("this ignores nothing: its `group` is not that of the kind"),
    }
}

/// Whether a Rollout takes its template from a Deployment, which then has no pods of its own.
fn is_template(inventory: &Inventory<'_>, object: &Object<'_>) -> bool {
    let is_meant = |rollout: &Object<'_>| {
        rollout.text(&["spec", "workloadRef", "name"]) == Some(object.document.name())
            && rollout.text(&["spec", "workloadRef", "kind"]) == Some(object.kind())
            && rollout.meets(object)
    };
    inventory.kind("Rollout").any(is_meant)
}

/// A folder of the repository, with its `/`, as the paths of the sources have it: the repository may be looked at from
/// above, and the shallowest folder of that name is the one at its top.
fn located(sources: &Sources, folder: &str) -> String {
    if folder.is_empty() || folder == "." {
        return String::new();
    }
    let inner = format!("/{folder}/");
    let starts = sources.iter().filter_map(|(_, source)| {
        let path = format!("/{}", source.name);
        path.find(&inner).map(|at| path[1..at + inner.len()].to_string())
    });
    starts.min_by_key(|start| start.matches('/').count()).unwrap_or(format!("{folder}/"))
}

/// The object in which a place is.
fn object_at<'i, 'd>(inventory: &'i Inventory<'d>, place: Place) -> Option<&'i Object<'d>> {
    inventory.objects.iter().find(|object| {
        let span = object.document.node.span;
        object.document.file == place.file && span.start <= place.span.start && place.span.end <= span.end
    })
}

/// The file of a place, and the kustomizations that build its object with the number that stands there, the outer ones
/// as far as they hold the autoscaler.
fn paths(sources: &Sources, inventory: &Inventory<'_>, scaler: &Object<'_>, place: Place) -> Vec<String> {
    let object = object_at(inventory, place);
    let mut files = vec![place.file];
    files.extend(object.into_iter().flat_map(|object| object.built_by.iter().copied()));
    let is_scaled = |file: &&FileId| {
        scaler.renders.is_empty()
            || scaler.renders.iter().any(|render| !render.is_deleted && render.way.contains(file))
    };
    for workload in inventory.objects.iter().filter(|object| !object.is_fragment) {
        for (at, render) in workload.renders.iter().enumerate() {
            let number = workload.number(Some(at), "replicas");
            let is_followed = !render.is_open && !render.is_deleted;
            let Some(number) = number.filter(|number| is_followed && number.place == Some(place)) else {
                continue;
            };
            // A number that a patch sets is that of the whole; what no patch touches is the same on all of the way.
            let most = if number.is_changed { 1 } else { render.way.len() };
            files.extend(render.way.iter().take(most).filter(&is_scaled));
        }
    }
    files.sort();
    files.dedup();
    files.into_iter().map(|file| sources.get(file).name.clone()).collect()
}
