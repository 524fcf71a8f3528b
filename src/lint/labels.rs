//! Selectors and labels: what is selected, what can be there, what can meet.

use super::repair::replace;
use super::{Lint, Linter, rules};
use crate::finding::{Severity, nearest};
use crate::promql::ast::*;
use crate::source::Span;

/// Labels that tell what happened, not to whom.
const KINDS: [&str; 20] = [
    "code",
    "status",
    "status_code",
    "http_status",
    "response_code",
    "method",
    "le",
    "quantile",
    "phase",
    "condition",
    "type",
    "reason",
    "mode",
    "state",
    "direction",
    "result",
    "resource",
    "unit",
    "operation",
    "level",
];

/// Labels that hold the path of a request.
const PAGES: [&str; 8] = ["endpoint", "handler", "http_route", "path", "request_path", "route", "uri", "url"];

/// Labels that hold the code of an HTTP response.
const CODES: [&str; 9] = [
    "code",
    "status",
    "status_code",
    "statuscode",
    "http_status",
    "http_status_code",
    "http_code",
    "response_code",
    "http_response_status_code",
];

impl Linter<'_> {
    pub(super) fn selector(&mut self, index: usize, selector: &Selector) {
        let info = &self.analysis.nodes[index];
        if let Some(reason) = &info.empty.always {
            let (span, text) = (reason.span, reason.text.clone());
            let why = self.reads_nothing();
            self.push(Lint::new(&rules::CONTRADICTION, span, text).why(why).help("leave one of the two out"));
        }
        self.unscoped(index, selector);
        for matcher in &selector.matchers {
            if matcher.name == "le" {
                self.le_matcher(index, selector, matcher);
            }
            self.anchored_pattern(selector, matcher);
            let known = self.context.facts.labels.as_ref();
            if known.is_some_and(|known| !known.contains(&matcher.name))
                && matcher.excludes_empty()
                && !is_reserved(&matcher.name)
            {
                let why = "no series is selected: ";
                let nothing = self.reads_nothing();
                self.no_such_label_because(matcher.span, &matcher.name, format!("{why}{nothing}"));
            }
        }
        self.renamed(index, selector);
        self.renamed_label(selector);
        self.no_such_value(selector);
        self.raw_counter(index, selector);
        self.counted_twice(index, selector);
        self.reported_twice(index, selector);
        self.modifiers(index, &selector.modifiers);
    }

    fn unscoped(&mut self, index: usize, selector: &Selector) {
        if self.context.scaler().is_none() {
            return;
        }
        let says = |matcher: &&Matcher| {
            matches!(matcher.operator, MatchOperator::Equal | MatchOperator::RegexMatch)
                && matcher.excludes_empty()
                && ![".*", ".+"].contains(&matcher.value.as_str())
                && matcher.name != "__name__"
                // The root of every application.
                && matcher.value != "/"
                && !KINDS.contains(&matcher.name.as_str())
                // Which page was asked for, not whose: every application has a `/health`.
                && !(matcher.value.starts_with('/') && PAGES.contains(&matcher.name.as_str()))
        };
        if selector.matchers.iter().any(|matcher| says(&matcher)) {
            return;
        }
        // A recording rule has aggregated already, and its own labels say of what.
        if selector.metric().is_some_and(|name| super::is_recorded(name) || is_of_machines(name)) {
            return;
        }
        // Nobody else has a name that an application made up for itself.
        let is_own = selector.metric().is_some_and(|name| !super::generic::is_generic(name));
        if is_own && self.context.facts.namespace.is_none() {
            return;
        }
        let span = self.analysis.nodes[index].node.span;
        // One word is enough for all selectors of a query: they are mended together.
        if let Some(first) = self.found.iter_mut().find(|lint| *lint.rule == rules::UNSCOPED) {
            first.related.push((span, "nor this".into()));
            return;
        }
        let what = selector.metric().map_or("these series are".to_string(), |name| format!("`{name}` is"));
        let lint = Lint::new(&rules::UNSCOPED, span, format!("nothing says whose {what}"))
            .label("the series of every namespace")
            .why("the load of all workloads with this metric is added up, and answered by this one");
        let lint = match &self.context.facts.namespace {
            Some(namespace) => lint
                .severity(Severity::Error)
                .help(format!("write `{{namespace=\"{namespace}\"}}`, and what names the workload")),
            None => lint.help(match selector.metric() {
                // Source: kubernetes/ingress-nginx internal/ingress/metric/collectors/nginx_status.go: labels of the
                // controller alone; socket.go: those of each Ingress.
                Some(name) if name.starts_with("nginx_ingress_controller_nginx_process_") => {
                    "it has labels of the controller only: write `nginx_ingress_controller_requests{ingress=\"…\"}`, which counts for each Ingress"
                }
                Some(name) if name.starts_with("nginx_ingress_controller_") => {
                    "write a matcher for the Ingress of the workload, `{ingress=\"…\"}`"
                }
                _ => "write a matcher for the workload, such as `{namespace=\"…\", service=\"…\"}`",
            }),
        };
        self.push(lint);
    }

    /// A label that the scrape path and the exporter do not give.
    pub(super) fn no_such_label(&mut self, span: Span, name: &str, why: &'static str) {
        self.no_such_label_because(span, name, why.to_string());
    }

    fn no_such_label_because(&mut self, span: Span, name: &str, why: String) {
        let known = self.context.facts.labels.as_deref().unwrap_or_default();
        let lint =
            Lint::new(&rules::NO_SUCH_LABEL, span, format!("the series have no label `{name}`")).why(why);
        let lint = match nearest(name, known.iter().map(String::as_str)) {
            Some(word) => lint.help(format!("did you mean `{word}`? The labels are {}", known.join(", "))),
            None => lint.help(format!("the labels are {}", known.join(", "))),
        };
        self.push(lint);
    }

    /// `code=~"5"`: patterns are anchored, and a code has three digits.
    fn anchored_pattern(&mut self, selector: &Selector, matcher: &Matcher) {
        let value = matcher.value.as_str();
        let is_code = CODES.contains(&matcher.name.as_str()) && matcher.operator == MatchOperator::RegexMatch;
        let letters = value.chars().any(|c| c.is_alphabetic() && !matches!(c, 'x' | 'X'));
        if !is_code || letters || value.len() > 64 || !value.contains(|c: char| c.is_ascii_digit()) {
            return;
        }
        // What almost all are, without compiling anything.
        let fits = |part: &str| {
            matches!(part.as_bytes(), [b'1'..=b'5' | b'.', b'0'..=b'9' | b'.', b'0'..=b'9' | b'.'])
        };
        if value.split('|').any(fits) {
            return;
        }
        let Ok(pattern) = regex::Regex::new(&format!("^(?s:{value})$")) else { return };
        if (100..=599).any(|code| pattern.is_match(&code.to_string())) {
            return;
        }
        let plain = value.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'x' | 'X' | '|'));
        let widened: Vec<String> = value
            .split('|')
            .map(|part| {
                let mut part = part.replace(['x', 'X'], ".");
                while part.len() < 3 {
                    part.push('.');
                }
                part
            })
            .collect();
        let good = widened.join("|");
        let lint = Lint::new(
            &rules::ANCHORED_PATTERN,
            matcher.value_span,
            format!("no status code matches `{value}`"),
        )
        .label("a pattern has to match the whole value")
        .why(self.reads_nothing());
        // Some exporters count by class, and store `5xx` itself.
        let by_class = value.split('|').all(|part| matches!(part.as_bytes(), [b'1'..=b'5', b'x', b'x']));
        let classes = ["haproxy_", "nginx_vts_", "nginx_server_", "nginx_upstream_"];
        if by_class
            && selector
                .name
                .as_deref()
                .is_some_and(|name| classes.iter().any(|prefix| name.starts_with(prefix)))
        {
            return;
        }
        let lint = if by_class { lint.severity(Severity::Warning) } else { lint };
        let widens = plain && widened.iter().all(|part| part.len() == 3);
        self.push(if widens {
            lint.help(format!("write `{}=~\"{good}\"`", matcher.name)).repair(
                true,
                format!("write \"{good}\""),
                replace(matcher.value_span, format!("\"{good}\"")),
            )
        } else {
            lint.help(format!("write `{}=~\"5..\"` for all codes from 500 to 599", matcher.name))
        });
    }

    /// Two vectors that are to meet: by labels that are there, and that are the same.
    pub(super) fn joined(&mut self, index: usize, binary: &Binary) {
        let children = &self.analysis.nodes[index].children;
        let (left, right) = (children[0], children[1]);
        let is_vector = |at: usize| self.analysis.nodes[at].value_type == ValueType::Vector;
        if !is_vector(left) || !is_vector(right) {
            return;
        }
        if let Some(matching) = &binary.matching
            && matching.on
        {
            for name in &matching.labels {
                let can = |at: usize| self.analysis.nodes[at].labels.can_have(name);
                let without = match (can(left), can(right)) {
                    (true, true) => continue,
                    (false, _) => left,
                    _ => right,
                };
                self.dropped(
                    without,
                    name,
                    matching.span,
                    format!("`{name}` is gone before it is matched on"),
                );
            }
            return;
        }
        if matches!(binary.operator, Operator::Or | Operator::Unless) {
            return;
        }
        let ignored: &[String] = binary.matching.as_ref().map_or(&[], |matching| &matching.labels);
        let labels = |at: usize| {
            let mut names = self.analysis.nodes[at].labels.complete()?;
            names.retain(|name| !ignored.iter().any(|label| label == name));
            Some(names)
        };
        let (Some(mine), Some(theirs)) = (labels(left), labels(right)) else { return };
        if mine == theirs {
            return;
        }
        let show = |names: &[&str]| {
            if names.is_empty() { "no labels".to_string() } else { format!("`{}`", names.join("`, `")) }
        };
        let common: Vec<&str> = mine.iter().filter(|name| theirs.contains(name)).copied().collect();
        let reason = |at: usize| {
            let labels = &self.analysis.nodes[at].labels;
            (labels.span, labels.why)
        };
        let ((left_span, left_why), (right_span, right_why)) = (reason(left), reason(right));
        let message = format!(
            "the left side has {}, the right side {}: no series has a partner",
            show(&mine),
            show(&theirs)
        );
        let lint = Lint::new(&rules::LABELS_NEVER_MATCH, binary.operator_span, message)
            .why(self.reads_nothing())
            .related(left_span, left_why)
            .related(right_span, right_why);
        let side = if common.len() == theirs.len() {
            Some("group_left")
        } else if common.len() == mine.len() {
            Some("group_right")
        } else {
            None
        };
        let is_and = binary.operator == Operator::And;
        let modifier = match side {
            _ if is_and => Some(format!("on ({})", common.join(", "))),
            Some(side) => Some(format!("on ({}) {side} ()", common.join(", "))),
            None => None,
        };
        let lint = match modifier {
            Some(modifier) if binary.matching.is_none() => {
                let mut at = binary.operator_span.end as usize;
                if binary.returns_bool {
                    let rest = &self.text[at..binary.right.span.start as usize];
                    at += rest.to_ascii_lowercase().rfind("bool").map_or(0, |bool| bool + 4);
                }
                let at = Span::at(at);
                lint.help(format!(
                    "write `{} {modifier} …`, or group both sides by the same labels",
                    binary.operator.text()
                ))
                .repair(
                    false,
                    format!("write `{modifier}`"),
                    vec![(at, format!(" {modifier}"))],
                )
            }
            _ => lint.help("group both sides by the same labels"),
        };
        self.push(lint);
    }
}

/// Whether a metric is about machines or the cluster itself: no series of it belongs to a workload.
///
/// Sources: prometheus/node_exporter collector; kubernetes/kube-state-metrics docs/metrics/cluster/node-metrics.md.
fn is_of_machines(metric: &str) -> bool {
    const STARTS: [&str; 9] = [
        "node_",
        "kube_node_",
        "machine_",
        "windows_",
        "apiserver_",
        "etcd_",
        "coredns_",
        "cluster_autoscaler_",
        "karpenter_",
    ];
    STARTS.iter().any(|start| metric.starts_with(start))
}

fn is_reserved(name: &str) -> bool {
    matches!(name, "le" | "quantile" | "__name__")
}
