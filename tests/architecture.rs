//! The arrows of the house, and its purity: which room may use which, and who may touch the world.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::root;

/// Each room, and what it may use. A room stands below everything that it uses.
const ARROWS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("finding", &["source"]),
    ("promql", &["source", "finding"]),
    ("model", &[]),
    ("lint", &["source", "finding", "promql", "model"]),
    ("policy", &["source", "finding", "promql", "lint", "model"]),
    ("plan", &["promql", "model", "policy"]),
    ("manifest", &["source", "finding"]),
    ("schema", &["source", "finding", "promql", "manifest"]),
    ("inventory", &["source", "manifest"]),
    ("scrape", &["source", "finding", "promql", "lint", "manifest", "inventory"]),
    ("config", &["source", "finding", "model", "policy"]),
    (
        "rules",
        &[
            "source",
            "finding",
            "promql",
            "lint",
            "model",
            "policy",
            "manifest",
            "schema",
            "inventory",
            "scrape",
            "config",
        ],
    ),
    ("checklist", &["source", "finding", "model", "policy", "plan"]),
    ("emit", &["source", "finding", "promql", "model", "plan", "manifest", "checklist"]),
    ("lift", &["source", "finding", "promql", "model", "manifest", "inventory"]),
    ("output", &["source", "finding"]),
    ("compile", &["source", "finding", "policy", "plan", "inventory", "rules", "checklist", "emit"]),
    ("inspect", &["source", "finding", "model", "manifest", "schema", "inventory", "scrape", "rules"]),
    (
        "cli",
        &[
            "source",
            "finding",
            "promql",
            "lint",
            "model",
            "policy",
            "plan",
            "manifest",
            "inventory",
            "scrape",
            "lift",
            "rules",
            "emit",
            "output",
            "config",
            "compile",
            "inspect",
        ],
    ),
];

/// What only the edge may do.
const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::time",
    "std::process",
    "println!",
    "eprintln!",
    "print!(",
    "stdout()",
    "stderr()",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut stack = vec![folder.to_path_buf()];
    while let Some(at) = stack.pop() {
        for entry in std::fs::read_dir(&at).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push(path);
            }
        }
    }
    all.sort();
    all
}

fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("below src");
    let first = inside.iter().next().expect("a name").to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

/// Rooms that a file uses, by `crate::room`.
fn used(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap_or_default();
            rooms.extend(
                group.split(',').map(|part| part.trim().split("::").next().unwrap_or_default().to_string()),
            );
        } else {
            rooms.insert(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
        }
    }
    rooms
}

#[test]
fn every_arrow_is_one_of_the_drawn_ones() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let room = room(&path);
        if ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: the room `{room}` is not on the map", path.display()));
            continue;
        };
        let text = std::fs::read_to_string(&path).expect("readable");
        for other in used(&text) {
            let known = ARROWS.iter().any(|(name, _)| *name == other);
            if known && other != room && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{}: `{room}` uses `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_arrows_have_one_direction() {
    for (at, (room, uses)) in ARROWS.iter().enumerate() {
        for other in *uses {
            let below = ARROWS[..at].iter().any(|(name, _)| name == other);
            assert!(below, "`{room}` uses `{other}`, which does not stand below it");
        }
    }
}

#[test]
fn only_the_edge_touches_the_world() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        if ["cli", "main"].contains(&room(&path).as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        for word in WORLD.iter().filter(|word| text.contains(**word)) {
            wrong.push(format!("{}: {word}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_says_what_comes_in_and_what_goes_out() {
    for (room, _) in ARROWS {
        let folder = root().join("src").join(room).join("mod.rs");
        let path = if folder.exists() { folder } else { root().join("src").join(format!("{room}.rs")) };
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(text.starts_with("//!"), "{}", path.display());
    }
    let map = std::fs::read_to_string(root().join("src/README.md")).expect("the map");
    for (room, _) in ARROWS {
        assert!(map.contains(&format!("`{room}")), "src/README.md does not know `{room}`");
    }
}
