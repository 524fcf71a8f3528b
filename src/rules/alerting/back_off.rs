//! More restarts in a window than a container that keeps crashing can have.
//!
//! Source: kubernetes/kubernetes pkg/kubelet/kubelet.go, MaxContainerBackOff and backOffPeriod: a container that crashes
//! is started again at once, then after 10 seconds, and after twice as long each time, up to five minutes.

use super::BACK_OFF;
use super::walk::Alert;
use crate::finding::{Finding, Severity};
use crate::promql::ast::*;

const MOST: f64 = 300.0;
const FIRST: f64 = 10.0;

pub(super) fn check(alert: &Alert<'_>) -> Option<Finding> {
    let Kind::Binary(binary) = &alert.expression.root.bare().kind else { return None };
    let Kind::Number(limit) = binary.right.bare().kind else { return None };
    let holds = |count: usize| match binary.operator {
        Operator::Greater => count as f64 > limit.value,
        Operator::GreaterEqual => count as f64 >= limit.value,
        _ => false,
    };
    let window = increase(&binary.left)?;
    let waits = alert.waits()?;
    // Restarts more than five minutes apart; one more is the slack for what `increase` adds at the edges.
    let lasting = (window / MOST).ceil() as usize;
    let is_asked = matches!(binary.operator, Operator::Greater | Operator::GreaterEqual);
    if binary.returns_bool || !is_asked || !(60.0..=7200.0).contains(&window) || holds(lasting + 1) {
        return None;
    }
    let lasts = holds_for(window, holds);
    let (window, minutes) = (super::minutes(window), super::minutes(lasts));
    let span = binary.operator_span.to(binary.right.span);
    let text = "a container that keeps crashing restarts every five minutes in the end";
    let finding = if waits > 0.0 && lasts < waits {
        let waits_text = super::minutes(waits);
        let why = format!(
            "{text}, {lasting} times in {window} at most. More than that is only seen in its first minutes, for about {minutes}, and `for` asks for {waits_text}: the alert never fires for it"
        );
        Finding::new(&BACK_OFF, alert.place(span), "a crash loop does not restart so often for so long")
            .why(why)
    } else {
        let why = format!(
            "{text}, {lasting} times in {window} at most: the alert fires in the first minutes of a crash loop, and after about {minutes} it goes away while the pod still crashes"
        );
        let mut finding =
            Finding::new(&BACK_OFF, alert.place(span), "a crash loop that lasts does not restart so often")
                .why(why);
        finding.severity = Severity::Note;
        finding
    };
    let finding = match alert.rule.get("for").filter(|_| lasts < waits) {
        Some(node) => finding.related(alert.object.place(node), "it has to hold for so long"),
        None => finding,
    };
    Some(finding.help(
        "ask for `kube_pod_container_status_waiting_reason{reason=\"CrashLoopBackOff\"}`, or for fewer restarts in a longer window",
    ))
}

/// For how many seconds a loop of crashes without any time to run keeps the comparison true.
fn holds_for(window: f64, holds: impl Fn(usize) -> bool) -> f64 {
    let (mut at, mut pause, mut starts) = (0.0, FIRST, vec![0.0]);
    while at < window + 20.0 * MOST {
        at += pause;
        pause = (2.0 * pause).min(MOST);
        starts.push(at);
    }
    // Seconds at which a restart comes or falls out of the window.
    let mut moments: Vec<f64> = starts.iter().flat_map(|start| [*start, start + window]).collect();
    moments.sort_by(f64::total_cmp);
    let count = |now: f64| starts.iter().filter(|start| **start <= now && now < **start + window).count();
    moments.windows(2).filter(|pair| holds(count(pair[0]))).map(|pair| pair[1] - pair[0]).sum()
}

/// The window of `increase` or `changes` over restarts.
fn increase(node: &Node) -> Option<f64> {
    let Kind::Call(call) = &node.bare().kind else {
        let Kind::Aggregate(aggregate) = &node.bare().kind else { return None };
        let is_one = aggregate.operator == "max";
        return is_one.then(|| increase(&aggregate.expression)).flatten();
    };
    let Kind::Range(inner, range) = &call.arguments.first()?.bare().kind else { return None };
    let Kind::Selector(selector) = &inner.bare().kind else { return None };
    let is_meant = selector.metric() == Some("kube_pod_container_status_restarts_total")
        && matches!(call.function.name, "increase" | "changes");
    range.seconds().filter(|_| is_meant)
}

#[cfg(test)]
mod tests {
    use super::holds_for;

    #[test]
    fn a_loop_holds_for_a_while() {
        // Starts at 0, 10, 30, 70, 150, 310, 610 and every 300 from there.
        assert_eq!(holds_for(300.0, |count| count > 3), 260.0);
        assert_eq!(holds_for(300.0, |count| count > 6), 0.0);
    }
}
