//! How the files on the disk differ from what the policies say.

use similar::TextDiff;

use super::disk::Changes;

/// A unified diff, from the disk to what should be there.
pub fn diff(changes: &Changes) -> String {
    let mut out = String::new();
    for (path, before, after) in &changes.written {
        let name = path.display().to_string();
        let old = if before.is_some() { name.as_str() } else { "/dev/null" };
        one(&mut out, before.as_deref().unwrap_or(""), after, old, &name);
    }
    for (path, before) in &changes.removed {
        one(&mut out, before, "", &path.display().to_string(), "/dev/null");
    }
    out
}

fn one(out: &mut String, before: &str, after: &str, old: &str, new: &str) {
    let diff = TextDiff::from_lines(before, after);
    out.push_str(&diff.unified_diff().context_radius(3).header(old, new).to_string());
}
