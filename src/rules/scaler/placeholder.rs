//! Values that nobody has filled in.
//!
//! Sources: AWS documentation and LocalStack, whose accounts are 123456789012 and 000000000000; RFC 2606 (`example.com`).

use std::collections::HashSet;

use super::address::Address;
use super::cards::ADDRESS;
use super::metadata::is_unread;
use super::{Checker, Trigger, is_known};
use crate::finding::{Finding, Severity};
use crate::inventory::Inventory;
use crate::manifest::{Entry, Node};
use crate::source::{Place, Sources};

/// Words of texts that are to be replaced.
const UNFILLED: [&str; 5] = ["your", "yours", "changeme", "placeholder", "replaceme"];

/// The same in several words.
const PHRASES: [&str; 4] = ["change-me", "replace-me", "replace-with", "fill-me"];

/// Numbers of accounts and of subscriptions that are nobody's.
const NOBODY: [&str; 5] =
    ["123456789012", "000000000000", "111122223333", "111111111111", "00000000-0000-0000-0000-000000000000"];

/// Parts of the keys of texts in languages of their own, and of what is none of KEDA's names.
const TEXTS: [&str; 11] = [
    "query",
    "filter",
    "expression",
    "formula",
    "selector",
    "headers",
    "parameters",
    "pattern",
    "condition",
    "timezone",
    "location",
];

/// Whether somebody has left a gap to be filled in: surely, or by the looks of it.
pub fn gap(text: &str) -> Option<Severity> {
    let small = text.to_lowercase();
    let is_marked = small.contains('<') || small.contains('>');
    let flat = small.replace(['_', ' '], "-");
    let is_open =
        |word: &str| UNFILLED.contains(&word) || word.len() > 3 && word.bytes().all(|byte| byte == b'x');
    if is_marked
        || small.split(|c: char| !c.is_alphanumeric()).any(is_open)
        || PHRASES.iter().any(|phrase| flat.contains(phrase))
    {
        return Some(Severity::Error);
    }
    let host = Address::read(&small).map_or(small.clone(), |address| address.host.to_string());
    let host = host.split(':').next().unwrap_or_default();
    let of_examples = ["example.com", "example.org", "example.net"];
    let is_example = of_examples.iter().any(|end| host == *end || host.ends_with(&format!(".{end}")));
    let is_nobodys = small.split(['/', ':', '.']).any(|word| NOBODY.contains(&word));
    // What stands in for Amazon on the own machine has such an account.
    let is_local = ["localhost", "localstack", "elasticmq", "moto"].iter().any(|word| host.contains(word));
    (is_example || is_nobodys && !is_local).then_some(Severity::Warning)
}

/// Keys that are read only where a TriggerAuthentication brings a pod identity.
///
/// Sources: kedacore/keda pkg/scalers/azure_servicebus_scaler.go, azure_blob_scaler.go, azure_queue_scaler.go,
/// azure_eventhub_scaler.go.
const OF_IDENTITIES: [(&str, &str); 5] = [
    ("azure-servicebus", "namespace"),
    ("azure-blob", "accountName"),
    ("azure-queue", "accountName"),
    ("azure-eventhub", "eventHubNamespace"),
    ("azure-eventhub", "storageAccountName"),
];

fn is_text(key: &str) -> bool {
    let small = key.to_lowercase();
    TEXTS.iter().any(|part| small.contains(part))
}

/// Folders and files that are there to be copied.
pub(super) fn is_illustration(path: &str) -> bool {
    const WORDS: [&str; 10] = [
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "docs",
        "template",
        "templates",
        "tutorial",
    ];
    path.to_lowercase().split(['/', '.', '-', '_']).any(|word| WORDS.contains(&word))
}

impl Checker<'_> {
    /// The address of a Prometheus is looked at as such.
    pub(super) fn placeholders(&mut self, trigger: &Trigger<'_>) {
        if trigger.is_resource() || trigger.kind == "cron" || is_illustration(self.object.path) {
            return;
        }
        let is_elsewhere = trigger.entry("awsEndpoint").is_some();
        let has_identity = trigger.node.get("authenticationRef").is_some();
        let mut told: Vec<(&Entry, Severity)> = Vec::new();
        for entry in trigger.metadata.map(Node::entries).unwrap_or_default() {
            let key = entry.key.as_str();
            let is_told = key == "serverAddress" && trigger.kind == "prometheus";
            // Numbers and switches are looked at as such.
            let is_value = super::values::is_value(trigger.kind, key);
            // What the scaler does not read stands in nobody's way; that it is unread is told as such.
            let is_unread = is_unread(trigger.kind, key);
            if is_told || is_elsewhere || is_value || is_unread || key.ends_with("FromEnv") || is_text(key) {
                continue;
            }
            let gap = entry.node.as_str().filter(|text| is_known(text)).and_then(gap);
            if gap.is_some() && OF_IDENTITIES.contains(&(trigger.kind, key)) && !has_identity {
                let why = "the scaler reads it with a pod identity alone, and the trigger has no `authenticationRef`";
                self.no_effect(entry, key, why.to_string(), "leave it out");
                continue;
            }
            told.extend(gap.map(|severity| (entry, severity)));
        }
        let Some((first, severity)) = told.iter().rev().max_by_key(|(_, severity)| *severity).copied() else {
            return;
        };
        // What else is wrong with them is the same story.
        let places: Vec<Place> = told.iter().map(|(entry, _)| self.place(&entry.node)).collect();
        self.findings.retain(|finding| !places.contains(&finding.place));
        let place = self.place(&first.node);
        let message = format!("`{}` is a placeholder", first.key.escape_debug());
        let mut finding = Finding::new(&ADDRESS, place, message)
            .why("KEDA takes it as it stands and finds nothing there: it has no metric, and nothing scales by this trigger")
            .help("write the real value, or let an overlay replace it");
        for other in places.into_iter().filter(|other| *other != place) {
            finding = finding.related(other, "and this");
        }
        finding.severity = severity;
        // A number is filled in as well: a script makes the object of this one.
        if is_template(&self.object.document.node) {
            finding.severity = Severity::Note;
            finding = finding.why(
                "this looks like a template that a script fills in; as it stands KEDA finds nothing there",
            );
        }
        self.push(finding);
    }
}

impl Checker<'_> {
    /// A query that somebody is to write, `<query>` or `REPLACE_WITH_QUERY`. Whether it has been told: what else is wrong
    /// with its text is no news.
    pub(super) fn placeholder_query(&mut self, trigger: &Trigger<'_>, entry: &Entry) -> bool {
        let Some(text) = entry.node.as_str().map(str::trim) else { return false };
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-: ".contains(&byte));
        let is_marked = text.starts_with('<') && text.ends_with('>') && text.lines().count() == 1;
        let is_gap = is_marked || is_word && gap(text) == Some(Severity::Error);
        if !is_gap || trigger.kind != "prometheus" {
            return false;
        }
        if !is_illustration(self.object.path) {
            let place = self.place(&entry.node);
            self.push(
                Finding::new(&ADDRESS, place, "`query` is a placeholder")
                    .why("Prometheus takes it as it stands: KEDA has no metric, and nothing scales by this trigger")
                    .help("write the query, such as `sum(rate(http_requests_total{…}[2m]))`"),
            );
        }
        true
    }
}

/// Whether several values stand between angle brackets, in capitals, where one of them is no part of a trigger: a number
/// of replicas, an image.
fn is_template(root: &Node) -> bool {
    fn count(node: &Node, is_metadata: bool, all: &mut [usize; 2]) {
        let inner = node.as_str().and_then(|text| text.strip_prefix('<')?.strip_suffix('>'));
        let is_gap = inner.is_some_and(|inner| {
            !inner.is_empty()
                && inner
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        });
        all[usize::from(is_metadata)] += usize::from(is_gap);
        node.items().iter().for_each(|item| count(item, is_metadata, all));
        for entry in node.entries() {
            count(&entry.node, is_metadata || entry.key == "triggers", all);
        }
    }
    let mut all = [0, 0];
    count(root, false, &mut all);
    all[0] > 0 && all[0] + all[1] >= 3
}

/// Takes out what only looks like a gap: a password that is, word for word, the value of a Secret of the same files.
pub fn leave_out_real(sources: &Sources, inventory: &Inventory<'_>, findings: &mut Vec<Finding>) {
    let is_one =
        |finding: &Finding| finding.rule == &ADDRESS && finding.message.ends_with("is a placeholder");
    if !findings.iter().any(is_one) {
        return;
    }
    // A script that fills in one file of a folder fills in the others.
    let folder = |finding: &Finding| {
        let path = sources.get(finding.place.file).name.as_str();
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    };
    let is_note = |finding: &&Finding| is_one(finding) && finding.severity == Severity::Note;
    let filled: HashSet<&str> = findings.iter().filter(is_note).map(folder).collect();
    for finding in findings.iter_mut().filter(|finding| is_one(finding)) {
        let text = sources.get(finding.place.file).text.get(finding.place.span.range()).unwrap_or_default();
        let gap = text.trim_matches(['"', '\'']);
        if !gap.starts_with('<') {
            continue;
        }
        // The same gap in other files: whoever applies them fills in both.
        let is_shared = || {
            let mut others = sources.iter().filter(|(file, _)| *file != finding.place.file);
            gap.ends_with('>') && gap.len() > 4 && others.any(|(_, other)| other.text.contains(gap))
        };
        if filled.contains(folder(finding)) || is_shared() {
            finding.severity = Severity::Note;
        }
    }
    let mut values: HashSet<&str> = HashSet::new();
    for secret in inventory.kind("Secret") {
        let texts = secret.at(&["stringData"]).map(Node::entries).unwrap_or_default();
        values.extend(texts.iter().filter_map(|entry| entry.node.as_str()));
    }
    let is_real = |place: Place| {
        let text = sources.get(place.file).text.get(place.span.range()).unwrap_or_default();
        let words = text.split(['/', ':', '@', '"', '\'']);
        let mut gaps = words.filter(|word| gap(word) == Some(Severity::Error)).peekable();
        gaps.peek().is_some() && gaps.all(|word| values.contains(word))
    };
    findings.retain(|finding| !(is_one(finding) && is_real(finding.place)));
}

#[cfg(test)]
mod tests {
    use super::gap;
    use crate::finding::Severity;

    #[test]
    fn finds_what_nobody_has_filled_in() {
        for text in [
            "<host>:6379",
            "amqp://YOUR-HOST:5672",
            "CHANGE_ME",
            "your_queue",
            "https://xxxx.servicebus.windows.net",
            "REPLACE-WITH-URL",
        ] {
            assert_eq!(gap(text), Some(Severity::Error), "{text}");
        }
        for text in ["https://sqs.eu-west-1.amazonaws.com/123456789012/orders", "redis.example.com:6379"] {
            assert_eq!(gap(text), Some(Severity::Warning), "{text}");
        }
        for text in [
            "orders",
            "redis.shop.svc:6379",
            "http://localhost:4566/000000000000/orders",
            "tours",
            "1234567890",
        ] {
            assert_eq!(gap(text), None, "{text}");
        }
    }
}
