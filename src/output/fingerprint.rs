//! What stays the same of a finding when lines move.

use crate::finding::Finding;
use crate::source::Sources;

/// FNV-1a over rule, file and message.
pub fn fingerprint(sources: &Sources, finding: &Finding) -> u64 {
    let file = sources.get(finding.place.file);
    let parts = [finding.rule.id, "\0", &file.name, "\0", &finding.message];
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}
