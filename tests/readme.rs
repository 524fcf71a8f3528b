//! The README shows what the program really does.

use std::path::Path;
use std::process::Command;

use crate::support::{compiled, root, scratch};

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("the README is there")
}

/// The fenced blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    readme()
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default().to_string())
        .collect()
}

#[test]
fn the_first_command_prints_what_the_readme_says() {
    let folder = scratch("readme");
    let block = &blocks("console")[0];
    let (command, shown) = block.split_once('\n').expect("a command and its output");
    let arguments = command.strip_prefix("$ cargo run --release -- ").expect("cargo runs slogen").split(' ');
    std::fs::create_dir_all(folder.join("policies")).expect("writable");
    std::fs::copy(root().join("policies/inference.toml"), folder.join("policies/inference.toml"))
        .expect("copied");
    let output = Command::new(env!("CARGO_BIN_EXE_slogen"))
        .args(arguments)
        .current_dir(&folder)
        .env_remove("COLUMNS")
        .output()
        .expect("it runs");
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told, shown, "the README shows another output");
}

#[test]
fn the_query_of_the_readme_is_explained_as_shown() {
    let block = &blocks("console")[2];
    let (command, shown) = block.split_once('\n').expect("a command and its output");
    let query =
        command.strip_prefix("$ cargo run --release -- promql '").and_then(|rest| rest.strip_suffix('\''));
    let output = Command::new(env!("CARGO_BIN_EXE_slogen"))
        .args(["promql", query.expect("one query in quotes")])
        .env_remove("COLUMNS")
        .output()
        .expect("it runs");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(told.concat(), *shown, "the README shows another output");
}

#[test]
fn the_policy_of_the_readme_compiles() {
    let (sources, compiled) = compiled("policy.toml", &blocks("toml")[0]);
    assert_eq!(crate::support::told(&sources, &compiled), Vec::<String>::new());
}

#[test]
fn the_coverage_of_the_readme_is_that_of_a_repository() {
    let output = Command::new(env!("CARGO_BIN_EXE_slogen"))
        .args(["check", "--coverage"])
        .current_dir(root().join("tests/repositories/operator-broken"))
        .output()
        .expect("it runs");
    let shown = blocks("text").into_iter().find(|block| block.starts_with("scaler ")).expect("a table");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.starts_with(&shown), "the README shows another output:\n{told}");
}

#[test]
fn the_configuration_of_the_readme_is_read() {
    let folder = scratch("readme-config");
    std::fs::write(folder.join("slogen.toml"), &blocks("toml")[1]).expect("writable");
    let output = Command::new(env!("CARGO_BIN_EXE_slogen"))
        .arg("config")
        .current_dir(&folder)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_emitted_file_is_explained() {
    let readme = readme();
    let (_, compiled) = compiled("policy.toml", &blocks("toml")[0]);
    let output = compiled.output.expect("it compiles");
    for file in &output.bundle.files {
        assert!(readme.contains(&format!("`{}`", file.name)), "{} is not in the README", file.name);
    }
}

#[test]
fn links_of_the_readme_lead_somewhere() {
    let readme = readme();
    let mut seen = 0;
    for link in readme.split("](").skip(1) {
        let target = link.split(')').next().unwrap_or_default();
        if !target.contains("://") && !target.starts_with('#') {
            assert!(Path::new(&root()).join(target).exists(), "{target} is not there");
            seen += 1;
        }
    }
    assert!(seen >= 3);
}
