//! Findings as people and programs get them.

use proptest::prelude::*;
use slogen::finding::{Finding, Rule, Severity};
use slogen::output::{Format, Style, people, render};
use slogen::source::{FileId, Place, SourceFile, Sources, Span};

static RULE: Rule =
    Rule { id: "test/rule", code: "", severity: Severity::Error, summary: "a rule", page: "# test/rule\n" };

fn world(text: &str) -> Sources {
    let mut sources = Sources::default();
    sources.add(SourceFile::new("dir/a file.toml", text));
    sources
}

fn place(start: usize, end: usize) -> Place {
    Place::new(FileId(0), Span::new(start, end))
}

const ALL: [Format; 4] = [Format::Human, Format::Json, Format::Sarif, Format::Github];

#[test]
fn a_person_sees_the_line_the_caret_the_reason_and_the_help() {
    let text = "a = 1\r\n\tname = \"größe 漢字\"  # x\r\n";
    let at = text.find("\"größe").expect("there");
    let sources = world(text);
    let finding = Finding::new(&RULE, place(at, at + "\"größe 漢字\"".len()), "this is wrong")
        .label("here")
        .related(place(0, 1), "as opposed to this")
        .why("3 pods are not 5")
        .help("write something else");
    insta::assert_snapshot!(render(Format::Human, &sources, &[finding], &Style::default()), @r#"
    error[test/rule]: this is wrong
     --> dir/a file.toml:2:9
      |
    1 | a = 1
      | - as opposed to this
    2 |     name = "größe 漢字"  # x
      |            ^^^^^^^^^^^^ here
      |
      = why: 3 pods are not 5
      = help: write something else

    1 error (slogen explain test/rule)
    "#);
}

#[test]
fn a_rule_is_told_in_full_once_and_templates_are_counted() {
    let mut sources = Sources::default();
    let files: Vec<FileId> =
        (0..13).map(|at| sources.add(SourceFile::new(format!("{at}.yaml"), "replicas: 2\n"))).collect();
    let at = |file: usize| Place::new(files[file], Span::new(10, 11));
    let mut findings: Vec<Finding> = (0..12)
        .map(|file| {
            let count = if file == 3 { 3 } else { 2 };
            Finding::new(&RULE, at(file), format!("{count} replicas")).why("why")
        })
        .collect();
    let template = slogen::manifest::read(files[12], "name: {{ .Values.name }}\n");
    findings.extend(template.findings);
    insta::assert_snapshot!(people(&sources, &findings, false, &Style::default()), @r"
    error[test/rule]: 2 replicas
     --> 0.yaml:1:11
      |
    1 | replicas: 2
      |           ^
      |
      = why: why
      also 1.yaml:1:11
      also 2.yaml:1:11
      also 3.yaml:1:11: 3 replicas
      also 4.yaml:1:11
      also 5.yaml:1:11
      also 6.yaml:1:11
      also 7.yaml:1:11
      also 8.yaml:1:11
      also 9.yaml:1:11
      also 10.yaml:1:11
      also 11.yaml:1:11

    12 errors, 1 note (slogen explain test/rule)
    1 template not read, 12.yaml: render it first, `helm template … | slogen lint -`
    ");
    // Where many files have notes alone, their rules are counted.
    let mut notes = findings[..12].to_vec();
    for note in &mut notes[1..] {
        note.severity = Severity::Note;
    }
    let text = people(&sources, &notes, false, &Style::default());
    assert!(text.contains("\n11 notes in 11 files: test/rule (11)\n(--notes"), "{text}");
    let text = people(&sources, &notes[..5], false, &Style::default());
    assert!(text.contains("\n1.yaml: 1 note: test/rule (line 1)\n2.yaml: 1 note"), "{text}");
    let whole = people(&sources, &findings, true, &Style::default());
    assert_eq!(whole.matches("= why").count(), 12, "{whole}");
    assert!(whole.ends_with("`helm template … | slogen lint -`\n"), "{whole}");
}

#[test]
fn github_gets_at_most_ten_the_worst_first() {
    let sources = world("a\nb\n");
    let mut findings: Vec<Finding> =
        (0..12).map(|number| Finding::new(&RULE, place(0, 1), format!("number {number}, 100%"))).collect();
    findings[11].severity = Severity::Warning;
    findings[0].severity = Severity::Note;
    let text = render(Format::Github, &sources, &findings, &Style::default());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 10);
    assert_eq!(
        lines[0],
        "::error file=dir/a file.toml,line=1,endLine=1,col=1,endColumn=2,title=test/rule::number 1, 100%25"
    );
    assert_eq!(lines[9], "::error title=slogen::1 error, 1 warning, 1 note more: see the log");
}

#[test]
fn sarif_has_what_code_scanning_reads() {
    let sources = world("a = 1\nb = 2\n");
    let finding =
        Finding::new(&RULE, place(6, 7), "wrong").help("right").replace(true, "write c", place(6, 7), "c");
    let again = finding.clone();
    let text = render(Format::Sarif, &sources, &[finding, again], &Style::default());
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["version"], "2.1.0");
    let run = &value["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(1));
    let results = run["results"].as_array().expect("a list");
    let first = &results[0];
    assert_eq!(first["ruleId"], "test/rule");
    assert_eq!(first["level"], "error");
    let location = &first["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "dir/a%20file.toml");
    assert_eq!(location["region"]["startLine"], 2);
    assert_eq!(location["region"]["startColumn"], 1);
    assert_eq!(first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"], "c");
    assert_ne!(first["partialFingerprints"], results[1]["partialFingerprints"]);
    // Clean is an empty list, not a missing one.
    let clean: serde_json::Value =
        serde_json::from_str(&render(Format::Sarif, &sources, &[], &Style::default())).expect("JSON");
    assert_eq!(clean["runs"][0]["results"], serde_json::json!([]));
}

/// The official schema, from the sources of the crate that brings it.
fn sarif_schema() -> serde_json::Value {
    let run = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program)
            .args(arguments)
            .current_dir(crate::support::root())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let version = run("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    // Crates of other platforms are not here, and need not be.
    let metadata = run(
        &std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string()),
        &["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host],
    );
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").expect("a dependency");
    let manifest = std::path::Path::new(package["manifest_path"].as_str().expect("a path"));
    let text = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).expect("a schema");
    let mut schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    // A slip of the schema itself: an unmatched bracket in the pattern of a field that we do not print.
    for (name, field) in [("run", "language"), ("toolComponent", "language")] {
        if let Some(field) = schema["definitions"][name]["properties"][field].as_object_mut() {
            field.remove("pattern");
        }
    }
    schema
}

#[test]
fn sarif_is_what_its_schema_says() {
    let validator = jsonschema::validator_for(&sarif_schema()).expect("a valid schema");
    let mut told = 0;
    for name in ["origin", "operator-broken", "managed", "broken-yaml"] {
        let (sources, findings) = crate::repositories::told(name);
        told += findings.len();
        let text = render(Format::Sarif, &sources, &findings, &Style::default());
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
    }
    assert!(told > 30, "only {told} findings");
    // The judge can fail.
    assert!(!validator.is_valid(&serde_json::json!({ "version": "2.1.0", "runs": [{ "results": [] }] })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_and_no_place_breaks_a_format(text in any::<String>(), message in any::<String>(), start in 0_usize..80, length in 0_usize..80) {
        let sources = world(&text);
        let finding = Finding::new(&RULE, place(start, start + length), message.clone())
            .label(message.clone())
            .why(message.clone())
            .related(place(length, start + length), message.clone())
            .replace(true, message, place(start, start + length), "x");
        for format in ALL {
            let told = render(format, &sources, std::slice::from_ref(&finding), &Style::default());
            prop_assert!(!told.contains('\u{1b}'), "{told:?}");
            if matches!(format, Format::Json | Format::Sarif) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&told).is_ok());
            }
        }
    }
}
