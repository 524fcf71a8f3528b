use std::collections::HashSet;

/// Number of a file in [`Sources`], in the order in which the files were named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A place as editors count it: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

/// One text and the name under which the user knows it.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as the user named it, with forward slashes.
    pub name: String,
    pub text: String,
    line_starts: Vec<u32>,
}

impl SourceFile {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at as u32 + 1)).collect();
        SourceFile { name: name.into(), text, line_starts }
    }

    /// Line and column of a byte; a byte past the end counts as the end.
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let offset = offset.min(self.text.len() as u32);
        let line = self.line_starts.partition_point(|start| *start <= offset) - 1;
        let before = &self.text.as_bytes()[self.line_starts[line] as usize..offset as usize];
        let column = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        LineColumn { line: line + 1, column: column + 1 }
    }

    /// Whether slogen wrote it.
    pub fn is_generated(&self) -> bool {
        self.text.lines().next().is_some_and(|line| line.contains(super::MARK))
    }

    /// The last part of the path: what stays the same wherever the tool is started.
    pub fn base_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// All texts of one run. Filled once at the edge, then only read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// Names of files that were read, and hold no kind of which anybody here speaks.
    passed_over: HashSet<String>,
}

impl Sources {
    pub fn add(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        FileId(self.files.len() as u32 - 1)
    }

    pub fn get(&self, file: FileId) -> &SourceFile {
        &self.files[file.0 as usize]
    }

    /// Notes a file of objects that are of no interest: they exist, and are none of those that are spoken of.
    pub fn pass_over(&mut self, name: impl Into<String>) {
        self.passed_over.insert(name.into());
    }

    pub fn is_passed_over(&self, name: &str) -> bool {
        self.passed_over.contains(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(number, file)| (FileId(number as u32), file))
    }

    /// Whether a word stands in one of the files, in a line that is no comment of YAML.
    pub fn speak_of(&self, word: &str) -> bool {
        let is_said = |line: &str| !line.trim_start().starts_with('#') && line.contains(word);
        self.files.iter().any(|file| file.text.contains(word) && file.text.lines().any(is_said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let file = SourceFile::new("a", "é = 1\r\nb = \"ü\"\n");
        assert_eq!(file.line_column(0), LineColumn { line: 1, column: 1 });
        assert_eq!(file.line_column(3), LineColumn { line: 1, column: 3 });
        assert_eq!(file.line_column(8), LineColumn { line: 2, column: 1 });
        assert_eq!(file.line_column(9_999), LineColumn { line: 3, column: 1 });
    }

    #[test]
    fn comments_say_nothing() {
        let mut sources = Sources::default();
        sources.add(SourceFile::new("a", "a: 1\n  # or redis-exporter\nb: kafka-exporter # and more\n"));
        assert!(sources.speak_of("kafka-exporter"));
        assert!(!sources.speak_of("redis-exporter"));
    }
}
