//! What a person is told in full: of each file the worst, and of each rule the first. Of a rule that has been told in
//! full, other files get a line below it; the rest is folded into a line per file.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::source::FileId;

/// Findings of one file that are told in full. What tells more is switched off.
const MOST_PER_FILE: usize = 5;

/// A finding that is told in full, and others of its rule.
pub struct Told<'f> {
    pub finding: &'f Finding,
    pub also: Vec<&'f Finding>,
}

/// Splits what is told in full from what is folded; both keep their order.
pub fn split(findings: &[Finding], with_notes: bool) -> (Vec<Told<'_>>, Vec<&Finding>) {
    if with_notes {
        return (findings.iter().map(Told::alone).collect(), Vec::new());
    }
    let mut order: Vec<usize> = (0..findings.len()).collect();
    // Stable: of equally bad ones the first in the file.
    order.sort_by_key(|at| std::cmp::Reverse(findings[*at].severity));
    let mut told: HashMap<FileId, Vec<&str>> = HashMap::new();
    let mut is_told = vec![false; findings.len()];
    for at in order {
        let finding = &findings[at];
        let rules = told.entry(finding.place.file).or_default();
        let is_first = !rules.contains(&finding.rule.id);
        if finding.severity > Severity::Note && is_first && rules.len() < MOST_PER_FILE {
            rules.push(finding.rule.id);
            is_told[at] = true;
        }
    }
    let mut shown: Vec<Told<'_>> = Vec::new();
    let mut folded = Vec::new();
    for (finding, is_told) in findings.iter().zip(is_told) {
        if !is_told {
            folded.push(finding);
            continue;
        }
        let same = |told: &&mut Told<'_>| {
            told.finding.rule == finding.rule && told.finding.severity == finding.severity
        };
        match shown.iter_mut().find(same) {
            Some(told) => told.also.push(finding),
            None => shown.push(Told::alone(finding)),
        }
    }
    (shown, folded)
}

impl<'f> Told<'f> {
    pub fn alone(finding: &'f Finding) -> Self {
        Told { finding, also: Vec::new() }
    }
}
