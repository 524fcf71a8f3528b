//! What several tests need: the gallery, a compiled policy, a folder of one's own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use slogen::compile::{Compiled, World, compile};
use slogen::emit::Templates;
use slogen::source::{SourceFile, Sources};

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files of a folder with this extension, by name.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|other| other == extension))
        .collect();
    files.sort();
    files
}

pub fn name(path: &Path) -> String {
    path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

/// Compiles one text under a name, without manifests.
pub fn compiled(file_name: &str, text: &str) -> (Sources, Compiled) {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new(file_name, text));
    let templates = Templates::default();
    let world = World { sources: &sources, templates: &templates, manifests: None, date: None };
    let compiled = compile(file, &world).expect("slogen's own templates print what is decided");
    (sources, compiled)
}

/// `rule line:column` of every finding that is not a note.
pub fn told(sources: &Sources, compiled: &Compiled) -> Vec<String> {
    compiled
        .findings
        .iter()
        .filter(|finding| finding.severity != slogen::finding::Severity::Note)
        .map(|finding| {
            let at = sources.get(finding.place.file).line_column(finding.place.span.start);
            format!("{} {}:{}", finding.rule.id, at.line, at.column)
        })
        .collect()
}

/// A new empty folder below the build directory.
pub fn scratch(what: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{what}-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the build directory can be written");
    folder
}

/// Runs the program in a folder.
pub fn slogen(folder: &Path, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_slogen"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
}
