/// How an item stands. `Unknown` and `Manual` never count as passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pass,
    Fail,
    Warn,
    /// A fact that files do not hold; the item names the command that would settle it.
    Unknown,
    /// Only a person can say so.
    Manual,
    /// Does not apply, and the item says why.
    NotApplicable,
    /// Set aside in the policy, with a reason, an owner and a day.
    Waived,
}

/// The production checklist of one policy, in the order in which it is read.
#[derive(Clone, Debug)]
pub struct Checklist {
    pub items: Vec<Item>,
}

#[derive(Clone, Debug)]
pub struct Item {
    /// Stable: waivers refer to it.
    pub id: &'static str,
    pub group: &'static str,
    pub title: &'static str,
    pub status: Status,
    /// What was found, in one or two sentences with numbers.
    pub finding: String,
    /// Why anybody should care, in one sentence.
    pub why: &'static str,
    pub evidence: Vec<Evidence>,
    /// What would settle or mend it: a command, or what to write.
    pub next: Option<String>,
}

/// Something that a reader can look at or run again.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// A place in the policy.
    Policy { file: String, line: usize, column: usize },
    /// A line of a generated file.
    Generated { file: String, line: usize },
    /// A place in a manifest that was given.
    Manifest { file: String, line: usize, column: usize },
    /// A value, and how it was computed.
    Computed { formula: String, result: String },
    /// What a person vouches for.
    Attestation { by: String, date: String, text: String },
}
