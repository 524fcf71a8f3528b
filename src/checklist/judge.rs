//! Puts the items together, and applies the waivers.

use super::groups;
use super::{Checklist, Evidence, Item, Status};
use crate::finding::Finding;
use crate::plan::{File, Plan};
use crate::policy::Policy;
use crate::source::{Place, Sources};

/// Everything that the checklist looks at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    pub policy: &'f Policy,
    pub plan: &'f Plan,
    /// The rendered files, for their line numbers.
    pub files: &'f [File],
    pub sources: &'f Sources,
    /// What the given manifests showed; None where none were given.
    pub conflicts: Option<&'f [Finding]>,
    /// The day on which waivers are judged, if one was given.
    pub date: Option<&'f str>,
}

pub fn judge(facts: &Facts) -> Checklist {
    let mut items = Vec::new();
    items.extend(groups::scrape(facts));
    items.extend(groups::autoscaling(facts));
    items.extend(groups::alerts(facts));
    items.extend(groups::proof(facts));
    for item in &mut items {
        waive(facts, item);
    }
    Checklist { items }
}

/// A waiver turns anything that is not passed into `waived`, until its last day has passed.
fn waive(facts: &Facts, item: &mut Item) {
    let Some(waiver) = facts.policy.waivers.iter().find(|waiver| waiver.item.value == item.id) else {
        return;
    };
    let evidence = facts.policy_place(waiver.item.place);
    item.evidence.push(evidence);
    if facts.date.is_some_and(|date| date > waiver.expires.value.as_str()) {
        item.status = Status::Fail;
        item.finding = format!("The waiver of {} has expired on {}.", waiver.owner, waiver.expires.value);
        item.next = Some("Settle the item, or renew the waiver with a reason.".to_string());
        return;
    }
    if item.status == Status::Pass {
        item.finding = format!("{} A waiver is not needed any more.", item.finding);
        return;
    }
    item.status = Status::Waived;
    item.finding = format!("Waived by {} until {}: {}", waiver.owner, waiver.expires.value, waiver.reason);
    item.next = None;
}

impl Facts<'_> {
    pub(super) fn policy_place(&self, place: Place) -> Evidence {
        let file = self.sources.get(place.file);
        let at = file.line_column(place.span.start);
        Evidence::Policy { file: file.base_name().to_string(), line: at.line, column: at.column }
    }

    pub(super) fn manifest_place(&self, place: Place) -> Evidence {
        let file = self.sources.get(place.file);
        let at = file.line_column(place.span.start);
        Evidence::Manifest { file: file.name.clone(), line: at.line, column: at.column }
    }

    /// The first line of a generated file that holds `needle`.
    pub(super) fn generated(&self, name: &str, needle: &str) -> Option<Evidence> {
        let file = self.files.iter().find(|file| file.name == name)?;
        let line = file.text.lines().position(|line| line.contains(needle))?;
        Some(Evidence::Generated { file: name.to_string(), line: line + 1 })
    }

    /// Findings of these rules among the conflicts.
    pub(super) fn conflicts_of(&self, ids: &[&str]) -> Vec<&Finding> {
        self.conflicts.unwrap_or_default().iter().filter(|finding| ids.contains(&finding.rule.id)).collect()
    }
}
