//! The tables beside these files: a line for each scaler, its name first, then words. Read once, as every trigger asks.

use std::collections::BTreeMap;

/// The words of each scaler.
pub(super) type Table = BTreeMap<&'static str, Vec<&'static str>>;

/// Reads a table.
pub(super) fn read(text: &'static str) -> Table {
    let line = |line: &'static str| {
        let mut words = line.split(' ');
        words.next().map(|kind| (kind, words.collect()))
    };
    text.lines().filter_map(line).collect()
}
