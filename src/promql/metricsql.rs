//! Words of VictoriaMetrics, of templates and of older Prometheus, and what to write instead.

/// What to write for a function that Prometheus does not have.
pub fn advice(function: &str) -> Option<String> {
    let instead = match function {
        "holt_winters" => {
            return Some(
                "since Prometheus 3.0 it is called `double_exponential_smoothing`, behind a feature flag"
                    .into(),
            );
        }
        "median" => "quantile(0.5, …)",
        "median_over_time" => "quantile_over_time(0.5, …)",
        "default" => "… or vector(…)",
        "increase_pure" | "increase_prometheus" => "increase(…)",
        "rate_prometheus" => "rate(…)",
        "delta_prometheus" => "delta(…)",
        "rollup_rate" | "rollup" | "rollup_increase" | "rollup_delta" | "rollup_deriv"
        | "rollup_candlestick" => "the function for one of the results, such as `rate` or `max_over_time`",
        "range_avg" | "range_max" | "range_min" | "range_sum" | "range_median" | "running_avg"
        | "running_max" | "running_min" | "running_sum" | "range_quantile" | "range_last" | "range_first" => {
            "a function over a subquery, such as `avg_over_time(…[1h:])`"
        }
        "topk_avg" | "topk_max" | "topk_min" | "topk_last" | "topk_median" | "bottomk_avg"
        | "bottomk_max" | "bottomk_min" | "bottomk_last" | "bottomk_median" => "topk(…) or bottomk(…)",
        "label_set" | "label_copy" | "label_move" | "label_map" | "label_transform" | "label_value" => {
            "label_replace(…)"
        }
        "label_del" | "label_keep" => "sum by (…) or sum without (…)",
        "alias" | "union" => "… or …",
        "quantiles" | "quantiles_over_time" => "one quantile per query",
        "histogram_share" => "a ratio of two buckets, or `histogram_fraction` on a native histogram",
        "share_le_over_time" | "share_gt_over_time" | "share_eq_over_time" => {
            "avg_over_time((… <= bool …)[5m:])"
        }
        "count_le_over_time" | "count_gt_over_time" | "count_eq_over_time" | "count_ne_over_time" => {
            "sum_over_time((… <= bool …)[5m:])"
        }
        "distinct_over_time"
        | "mode_over_time"
        | "lag"
        | "lifetime"
        | "scrape_interval"
        | "prometheus_buckets"
        | "buckets_limit"
        | "interpolate"
        | "keep_last_value"
        | "keep_next_value"
        | "remove_resets"
        | "smooth_exponential"
        | "integrate"
        | "ideriv"
        | "tmin_over_time"
        | "tmax_over_time"
        | "zscore"
        | "zscore_over_time"
        | "outliersk"
        | "mad"
        | "geomean"
        | "geomean_over_time"
        | "sum2"
        | "sum2_over_time"
        | "distinct"
        | "any"
        | "share"
        | "drop_empty_series"
        | "drop_common_labels"
        | "limit_offset"
        | "range_over_time"
        | "hoeffding_bound_upper"
        | "hoeffding_bound_lower"
        | "ascent_over_time"
        | "descent_over_time"
        | "timestamp_with_name"
        | "now"
        | "rand" => {
            return Some(format!(
                "`{function}` belongs to MetricsQL: VictoriaMetrics knows it, Prometheus does not"
            ));
        }
        _ => return None,
    };
    Some(format!("`{function}` belongs to MetricsQL; in Prometheus write {}", quoted(instead)))
}

/// What to write for a word that stands where Prometheus expects none.
pub fn word(found: &str) -> Option<&'static str> {
    Some(match found {
        "default" => "`default` belongs to MetricsQL; in Prometheus write `… or vector(…)`",
        "if" => "`if` belongs to MetricsQL; in Prometheus write `and`",
        "ifnot" => "`ifnot` belongs to MetricsQL; in Prometheus write `unless`",
        "keep_metric_names" => "`keep_metric_names` belongs to MetricsQL; Prometheus drops names, always",
        "WITH" => "`WITH` templates belong to MetricsQL; write them out, or make a recording rule",
        _ => return None,
    })
}

fn quoted(instead: &str) -> String {
    if instead.contains('`') || instead.starts_with("one ") {
        instead.to_string()
    } else {
        format!("`{instead}`")
    }
}
