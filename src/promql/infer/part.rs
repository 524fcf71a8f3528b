//! Whether one expression counts a part of what another counts: their quotient is then a ratio from 0 to 1.

use super::super::ast::*;

/// Whether `part` is never more than `whole`, both counting the same series.
pub(super) fn is_part_of(part: &Node, whole: &Node) -> bool {
    within(part, whole, 0)
}

fn within(part: &Node, whole: &Node, depth: usize) -> bool {
    let (part, whole) = (part.bare(), whole.bare());
    if depth > 32 {
        return false;
    }
    // What makes the part no larger, and the whole no smaller.
    if let Kind::Binary(binary) = &part.kind {
        return match binary.operator {
            Operator::Or if is_zero(&binary.right) => within(&binary.left, whole, depth + 1),
            Operator::Subtract => within(&binary.left, whole, depth + 1),
            operator if operator.is_comparison() && !binary.returns_bool => {
                within(&binary.left, whole, depth + 1)
            }
            _ => false,
        };
    }
    match &whole.kind {
        Kind::Call(call) if call.function.name == "clamp_min" => {
            return within(part, &call.arguments[0], depth + 1);
        }
        Kind::Binary(binary) => {
            return match binary.operator {
                Operator::Add => {
                    within(part, &binary.left, depth + 1) || within(part, &binary.right, depth + 1)
                }
                Operator::Or => within(part, &binary.left, depth + 1),
                operator if operator.is_comparison() && !binary.returns_bool => {
                    within(part, &binary.left, depth + 1)
                }
                _ => false,
            };
        }
        _ => {}
    }
    match (&part.kind, &whole.kind) {
        (Kind::Aggregate(one), Kind::Aggregate(other)) => {
            let same = one.operator == other.operator
                && one.grouping == other.grouping
                && one.without == other.without;
            matches!(one.operator, "sum" | "count")
                && same
                && within(&one.expression, &other.expression, depth + 1)
        }
        (Kind::Call(one), Kind::Call(other)) => {
            let name = one.function.name;
            matches!(name, "rate" | "increase" | "irate" | "sum_over_time" | "count_over_time")
                && name == other.function.name
                && within(&one.arguments[0], &other.arguments[0], depth + 1)
        }
        (Kind::Range(one, first), Kind::Range(other, second)) => {
            first.seconds().is_some() && first.seconds() == second.seconds() && within(one, other, depth + 1)
        }
        (Kind::Selector(one), Kind::Selector(other)) => selects_part(one, other),
        _ => false,
    }
}

fn is_zero(node: &Node) -> bool {
    match &node.bare().kind {
        Kind::Call(call) if call.function.name == "vector" => {
            matches!(call.arguments[0].bare().kind, Kind::Number(number) if number.value == 0.0)
        }
        _ => false,
    }
}

/// Levels of which the first is never more than the second.
///
/// Sources: google/cadvisor metrics/prometheus.go; prometheus/node_exporter collector; kubernetes/kubernetes
/// pkg/kubelet/metrics/collectors/volume_stats.go; prometheus/client_golang prometheus/process_collector.go;
/// prometheus/mysqld_exporter README.md.
const PARTS: [(&str, &str); 19] = [
    ("container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total"),
    ("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
    ("node_filesystem_free_bytes", "node_filesystem_size_bytes"),
    ("node_filesystem_files_free", "node_filesystem_files"),
    ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
    ("node_memory_MemFree_bytes", "node_memory_MemTotal_bytes"),
    ("node_memory_SwapFree_bytes", "node_memory_SwapTotal_bytes"),
    ("kubelet_volume_stats_used_bytes", "kubelet_volume_stats_capacity_bytes"),
    ("kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"),
    ("kubelet_volume_stats_inodes_used", "kubelet_volume_stats_inodes"),
    ("kubelet_volume_stats_inodes_free", "kubelet_volume_stats_inodes"),
    ("process_open_fds", "process_max_fds"),
    ("hikaricp_connections_active", "hikaricp_connections_max"),
    ("nodejs_heap_size_used_bytes", "nodejs_heap_size_total_bytes"),
    ("go_memstats_heap_inuse_bytes", "go_memstats_heap_sys_bytes"),
    ("node_nf_conntrack_entries", "node_nf_conntrack_entries_limit"),
    ("node_filefd_allocated", "node_filefd_maximum"),
    ("rabbitmq_process_open_fds", "rabbitmq_process_max_fds"),
    ("kube_node_status_allocatable", "kube_node_status_capacity"),
];

/// Whether the first selects a part of what the second does.
fn selects_part(part: &Selector, whole: &Selector) -> bool {
    let (Some(one), Some(other)) = (part.name.as_deref(), whole.name.as_deref()) else { return false };
    let counts = ["_total", "_count", "_bucket"].iter().any(|suffix| one.ends_with(suffix));
    let one_bucket = || {
        let le = |matcher: &Matcher| matcher.name == "le" && matcher.operator == MatchOperator::Equal;
        one.strip_suffix("_bucket") == other.strip_suffix("_count").filter(|_| one.ends_with("_bucket"))
            && part.matchers.iter().any(le)
    };
    let has = |wanted: &Matcher| {
        part.matchers.iter().any(|matcher| {
            (&matcher.name, matcher.operator, &matcher.value)
                == (&wanted.name, wanted.operator, &wanted.value)
        })
    };
    let plain = |modifiers: &Modifiers| modifiers.offset.is_none() && modifiers.at.is_none();
    (counts && (one == other || one_bucket()) || PARTS.contains(&(one, other)))
        && plain(&part.modifiers)
        && plain(&whole.modifiers)
        && whole.matchers.iter().all(|wanted| has(wanted) || wanted.name == "le" && wanted.value == "+Inf")
}
