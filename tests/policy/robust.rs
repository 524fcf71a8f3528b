//! Hostile input: no panic, places inside of the file, the same answer twice.

use proptest::prelude::*;
use slogen::policy;
use slogen::source::{FileId, SourceFile};

use crate::support::{compiled, files};

/// Reads a text and checks what must hold for any text.
fn holds(text: &str) {
    let file = SourceFile::new("policy.toml", text);
    let once = policy::read(FileId(0), &file);
    for finding in &once.findings {
        let places = finding.related.iter().map(|related| related.place).chain([finding.place]);
        for place in places {
            let range = place.span.range();
            assert!(range.start <= range.end && range.end <= text.len(), "{finding:?}");
            assert!(text.is_char_boundary(range.start) && text.is_char_boundary(range.end), "{finding:?}");
        }
    }
    assert_eq!(once.findings, policy::read(FileId(0), &file).findings);
    if once.policy.is_some() {
        // What can be read can be compiled; slogen's own templates print what is decided.
        compiled("policy.toml", text);
    }
}

fn gallery() -> Vec<String> {
    files("policies", "toml").iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect()
}

/// Any cut of a text at character boundaries.
fn slice(text: &str, from: usize, length: usize) -> (usize, usize) {
    let snap = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = snap(from % (text.len() + 1));
    (start, snap(start + length).max(start))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        holds(&text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        holds(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn mutated_policies_never_panic(
        which in any::<prop::sample::Index>(),
        cuts in proptest::collection::vec((any::<usize>(), 0_usize..40, any::<usize>(), 0_u8..4, any::<char>()), 1..4),
    ) {
        let gallery = gallery();
        let mut text = gallery[which.index(gallery.len())].clone();
        for (from, length, to, how, c) in cuts {
            let (start, end) = slice(&text, from, length);
            let piece = text[start..end].to_string();
            match how {
                0 => text.replace_range(start..end, ""),
                1 => {
                    let (at, _) = slice(&text, to, 0);
                    text.insert_str(at, &piece);
                }
                2 => text.replace_range(start..end, &c.to_string()),
                _ => text.replace_range(start..end, &to.to_string()),
            }
        }
        holds(&text);
    }

    #[test]
    fn any_value_in_any_key_never_panics(
        which in any::<prop::sample::Index>(),
        line in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just("\"\"".to_string()), Just("-1".to_string()), Just("9223372036854775807".to_string()),
            Just("1e308".to_string()), Just("nan".to_string()), Just("[]".to_string()), Just("{}".to_string()),
            Just("1979-05-27".to_string()), Just("'''\na\n'''".to_string()), Just("\"1e9999\"".to_string()),
            Just("\"99999999999999999999s\"".to_string()), Just("true".to_string()), Just("\"\\u0000\"".to_string()),
            "\"[a-z0-9 %./{}()\\[\\]=~]{0,20}\"",
        ],
    ) {
        let gallery = gallery();
        let text = &gallery[which.index(gallery.len())];
        let lines: Vec<&str> = text.lines().collect();
        let at = line.index(lines.len());
        let changed: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(number, line)| match line.split_once(" = ") {
                Some((key, _)) if number == at => format!("{key} = {value}"),
                _ => line.to_string(),
            })
            .collect();
        holds(&changed.join("\n"));
    }
}

#[test]
fn deep_and_long_input_meets_a_limit() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1", "{a=".repeat(100_000)),
        format!("[{}]", vec!["a"; 50_000].join(".")),
        "\u{0}".repeat(1 << 16),
        format!("version = 1\n#{}", "x".repeat(2 << 20)),
    ] {
        holds(&text);
    }
    let query = format!("version = 1\n[signal.a]\ntype = \"query\"\nquery = '{}'\n", "(".repeat(200_000));
    holds(&query);
}
