//! TOML text comes in; a [`Policy`], complete and consistent, goes out, or findings that say why not.

pub mod check;
pub mod rules;
pub mod schema;
pub mod toml_text;
mod valid;
pub mod written;

pub use valid::*;

use crate::finding::{self, Finding};
use crate::source::{FileId, SourceFile};

/// A policy is a page or two. What is larger is something else by mistake.
const MOST_BYTES: usize = 1 << 20;

/// What a read gives: findings always, the policy only if none of them is an error.
#[derive(Debug)]
pub struct Reading {
    pub policy: Option<Policy>,
    pub findings: Vec<Finding>,
}

/// Reads one policy and tells everything that is wrong with it at once.
pub fn read(file: FileId, source: &SourceFile) -> Reading {
    if source.text.len() > MOST_BYTES {
        let place = crate::source::Place::file_start(file);
        let finding = Finding::new(
            &rules::TOO_LARGE,
            place,
            format!("this file has {} bytes; a policy has at most {MOST_BYTES}", source.text.len()),
        );
        return Reading {
            policy: None,
            findings: vec![finding.help("is it a policy at all? Split it into one file per workload")],
        };
    }
    let (document, mut findings) = written::read::<written::Document>(file, &source.text);
    let policy = if findings.iter().any(|finding| finding.rule == &rules::SYNTAX) {
        None
    } else {
        check::check(file, source, &document, &mut findings)
    };
    finding::sort(&mut findings);
    findings.dedup();
    Reading { policy: policy.filter(|_| !findings.iter().any(Finding::is_error)), findings }
}
