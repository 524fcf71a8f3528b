//! The cards of the catalogue. The pages stand beside each other in `rules/`.

use crate::finding::cards;

cards! {
    "promql":
    SYNTAX Error "syntax" "PromQL that does not parse";
    "Q001" SCALAR_RESULT Error "scalar-result" "a query that gives a scalar or a text";
    "Q002" RANGE_RESULT Error "range-result" "a query that gives a range of values";
    "Q003" MANY_SERIES Error "many-series" "a scaler's query that can give more than one series";
    "Q004" OR_MIXES_LABELS Error "or-mixes-labels" "both sides of `or` stay, because their labels differ";
    "Q005" ROOT_FILTER Warning "root-filter" "a scaler's query that gives nothing below a limit";
    "Q006" BOOL_VALUE Warning "bool-value" "a scaler's query that gives 0 or 1";
    "H101" LE_DROPPED Error "le-dropped" "`le` aggregated away before a quantile";
    "H102" NOT_BUCKETS Error "not-buckets" "a quantile of something that has no buckets";
    "H103" QUANTILE_WITHOUT_RATE Error "quantile-without-rate" "a quantile over the whole life of the pods";
    "H104" QUANTILE_RANGE Error "quantile-range" "a quantile outside of 0 to 1";
    "H107" LE_MATCHER Error "le-matcher" "a quantile of some of the buckets";
    "H108" NO_SUCH_BUCKET Error "no-such-bucket" "a bucket that the histogram does not have";
    "H109" LE_TEXT Warning "le-text" "`le` written as Prometheus 3 does not store it";
    "H110" ABOVE_LAST_BUCKET Error "above-last-bucket" "a threshold at or above the last bucket";
    "H114" SUM_OF_BUCKETS Error "sum-of-buckets" "buckets summed up: each event counts many times";
    PERCENTILES_ADDED Warning "percentiles-added" "percentiles of several pods that are added up, or averaged";
    "C201" RAW_COUNTER Warning "raw-counter" "a counter read without a rate";
    "C204" WINDOW_TOO_SHORT Error "window-too-short" "a window that cannot hold two scrapes";
    "C205" WINDOW_FRAGILE Warning "window-fragile" "a window that one failed scrape empties";
    "C207" IRATE Warning "irate" "`irate` for scaling";
    "C208" RATE_OF_AGGREGATE Error "rate-of-aggregate" "a rate taken after the sum";
    RATE_OF_GAUGE Warning "rate-of-gauge" "a rate of what goes up and down";
    OTHER_WINDOW Warning "other-window" "a part and its whole over different times";
    OLD_NAME Warning "old-name" "a name that its exporter has given up";
    MOMENT_AS_SPAN Error "moment-as-span" "a moment that is compared like a span of time";
    NO_SUCH_VALUE Error "no-such-value" "a value that a label never has";
    "Z301" NAN_WHEN_IDLE Note "nan-when-idle" "NaN while nothing happens";
    "Z302" NAN_NOT_CURED Warning "nan-not-cured" "`or vector(0)` beside a NaN";
    "Z303" HIDES_DEAD_METRIC Warning "hides-dead-metric" "0 instead of an error when the metric is gone";
    "Z305" DIVISION_BY_ZERO Error "division-by-zero" "a division by 0";
    "Z306" ABSENT_AS_VALUE Error "absent-as-value" "`absent` as the value to scale by";
    "L401" UNSCOPED Warning "unscoped" "a metric of every tenant in the cluster";
    "L402" NO_SUCH_LABEL Error "no-such-label" "a label that the series do not have";
    "L406" ANCHORED_PATTERN Error "anchored-pattern" "a pattern for status codes that matches none";
    "L409" INVALID_PATTERN Error "invalid-pattern" "a pattern that Prometheus refuses";
    "L410" CONTRADICTION Error "contradiction" "matchers that no series satisfies";
    "L411" DROPPED_LABEL Error "dropped-label" "grouping or matching by a label that is gone";
    "L412" LABELS_NEVER_MATCH Error "labels-never-match" "two sides whose labels differ";
    DIVIDED_BY_ITSELF Error "divided-by-itself" "a ratio of series to themselves";
    COUNTED_TWICE Warning "counted-twice" "a sum of pods and of their own containers, or of both ends of a request";
    NEVER_RESOLVES Warning "never-resolves" "an alert on what stays true from the first accident on";
    ALWAYS_FIRES Warning "always-fires" "an alert that nothing holds back";
    SILENT_AT_NONE Warning "silent-at-none" "an alert on too few that is silent for none";
    CLAMPED_DIVISOR Warning "clamped-divisor" "a share whose divisor is held at 1 a second or more";
    COUNTS_ZEROS Error "counts-zeros" "a count of series that say 0 or 1";
    "U501" TIME_UNIT Warning "time-unit" "seconds against milliseconds";
    "U502" RATIO_PERCENT Warning "ratio-percent" "a ratio against percent";
    "U504" BELOW_RESOLUTION Warning "below-resolution" "a threshold that KEDA's three decimals lose";
    "U505" LEVEL_DIVIDED Error "level-divided" "a latency or ratio divided by the number of pods";
    "U506" TOTAL_NOT_DIVIDED Warning "total-not-divided" "a total that is not divided by the number of pods";
    "U509" UNREACHABLE Error "unreachable" "a threshold that no value can reach";
    "T602" FUTURE Error "future" "a window that reaches into the future";
    "T603" FIXED_TIME Error "fixed-time" "a moment that never changes";
    "T605" COSTLY_SUBQUERY Warning "costly-subquery" "a subquery that computes hundreds of points";
    "T610" NEEDS_NEWER Error "needs-newer" "syntax that this Prometheus does not have";
    "T614" OTHER_DIALECT Error "other-dialect" "MetricsQL, or a template that is not rendered";
}
