//! Everything that slogen can say, in one list; and the rules that look at manifests.

pub mod alerting;
pub mod alertmanager;
pub mod allow;
pub mod analysis;
pub mod autoscaler;
pub mod compose;
pub mod conflict;
pub mod filled;
mod guards;
pub mod http;
pub mod kustomize;
pub mod patched;
mod released;
pub mod repository;
pub mod scaler;
pub mod workload;

use crate::finding::Rule;
use crate::{config, lint, manifest, policy, schema, scrape};

/// All rules, by id.
pub fn all() -> Vec<&'static Rule> {
    let families = [
        policy::rules::RULES,
        lint::rules::RULES,
        manifest::rules::RULES,
        conflict::RULES,
        kustomize::RULES,
        scaler::RULES,
        autoscaler::RULES,
        http::RULES,
        workload::RULES,
        alerting::RULES,
        alertmanager::RULES,
        analysis::RULES,
        allow::RULES,
        config::RULES,
        schema::rules::RULES,
        scrape::rules::RULES,
    ];
    let mut all: Vec<&'static Rule> = families.into_iter().flatten().copied().collect();
    all.sort_by_key(|rule| rule.id);
    all
}

/// The rule of that id or code; the family may be left out where the rest is unambiguous.
pub fn find(id: &str) -> Option<&'static Rule> {
    let all = all();
    let named = |rule: &&&Rule| rule.id == id || !id.is_empty() && rule.code.eq_ignore_ascii_case(id);
    let exact = all.iter().find(named);
    let mut endings = all.iter().filter(|rule| rule.id.split('/').nth(1) == Some(id));
    exact.or_else(|| endings.next().filter(|_| endings.next().is_none())).copied()
}

/// The id that is nearly written so.
pub fn nearest_id(id: &str) -> Option<&'static str> {
    let ids: Vec<&'static str> = all().into_iter().map(|rule| rule.id).collect();
    let near = crate::finding::nearest(id, ids.iter().copied())?;
    ids.iter().copied().find(|known| *known == near)
}
