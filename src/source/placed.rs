use super::{FileId, Span};

/// A stretch of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub file: FileId,
    pub span: Span,
}

impl Place {
    pub fn new(file: FileId, span: Span) -> Self {
        Place { file, span }
    }

    /// The whole file, pointed at by its first character.
    pub fn file_start(file: FileId) -> Self {
        Place::new(file, Span::at(0))
    }
}

/// A value that remembers where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    pub value: T,
    pub place: Place,
}

impl<T> Placed<T> {
    pub fn new(value: T, place: Place) -> Self {
        Placed { value, place }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { value: change(self.value), place: self.place }
    }

    pub fn as_ref(&self) -> Placed<&T> {
        Placed { value: &self.value, place: self.place }
    }
}
