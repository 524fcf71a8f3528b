//! The pages of the rules: their examples do what the page says.

use crate::support::{compiled, told};
use slogen::policy;

/// Fenced TOML below a heading.
fn examples(page: &str, heading: &str) -> Vec<String> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    section
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default().to_string())
        .collect()
}

#[test]
fn every_page_has_its_sections() {
    for rule in slogen::rules::all() {
        let headings: Vec<&str> = rule.page.lines().filter(|line| line.starts_with('#')).collect();
        let title = format!("# {}", rule.id);
        let expected = [
            title.as_str(),
            "## Why it matters",
            "## Fires",
            "## Stays silent",
            "## How to fix",
            "## Sources",
        ];
        assert_eq!(headings, expected, "the page of {}", rule.id);
    }
}

#[test]
fn examples_of_policy_rules_fire_and_stay_silent() {
    // These need two policies, or a file of a megabyte; other tests show them.
    let elsewhere = ["policy/shared-output", "policy/shared-target", "policy/too-large"];
    for rule in policy::rules::RULES.iter().filter(|rule| !elsewhere.contains(&rule.id)) {
        let (fires, silent) = (examples(rule.page, "Fires"), examples(rule.page, "Stays silent"));
        assert!(!fires.is_empty() && !silent.is_empty(), "{} lacks an example", rule.id);
        for text in fires {
            let (sources, compiled) = compiled("policy.toml", &text);
            let ids: Vec<&str> = compiled.findings.iter().map(|finding| finding.rule.id).collect();
            assert!(ids.contains(&rule.id), "the example of {} gives {ids:?}", rule.id);
            let others = told(&sources, &compiled).iter().filter(|told| !told.starts_with(rule.id)).count();
            assert_eq!(others, 0, "the example of {} gives {ids:?}", rule.id);
        }
        for text in silent {
            let (sources, compiled) = compiled("policy.toml", &text);
            assert_eq!(told(&sources, &compiled), Vec::<String>::new(), "the mended example of {}", rule.id);
            assert!(compiled.findings.iter().all(|finding| finding.rule.id != rule.id), "{}", rule.id);
        }
    }
}

#[test]
fn ids_are_unique() {
    let all = slogen::rules::all();
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
}
