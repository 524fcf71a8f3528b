//! What a person is told in full: of each file the worst, and of each rule the first; the rest in a line.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::source::FileId;

/// Findings of one file that are told in full. What tells more is switched off.
const MOST_PER_FILE: usize = 5;

/// Splits what is told in full from what is folded; both keep their order.
pub fn split(findings: &[Finding], with_notes: bool) -> (Vec<Finding>, Vec<&Finding>) {
    if with_notes {
        return (findings.to_vec(), Vec::new());
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
    let mut shown = Vec::new();
    let mut folded = Vec::new();
    for (finding, is_told) in findings.iter().zip(is_told) {
        if is_told {
            shown.push(finding.clone());
        } else {
            folded.push(finding);
        }
    }
    (shown, folded)
}
