//! The cards; the pages stand in `rules/`.

use crate::finding::cards;

cards! {
    "scaler":
    UNKNOWN_KEY Warning "unknown-key" "a key of the metadata that the scaler does not read";
    REMOVED_KEY Note "removed-key" "a key of the metadata that newer KEDA does not read";
    RESOURCE_TYPE Error "resource-type" "`type` in the metadata of cpu or memory";
    MISPLACED_METRIC_TYPE Error "misplaced-metric-type" "`metricType` inside of the metadata";
    UNKNOWN_TYPE Error "unknown-type" "a trigger of a type that KEDA does not have";
    NOT_A_TRUTH_VALUE Error "not-a-truth-value" "a switch that is neither true nor false";
    WRONG_CHOICE Error "wrong-choice" "a word that the scaler does not know";
    COMBINATION Error "combination" "keys or values that do not go together";
    UNREAD_KEY Error "unread-key" "a key that its scaler reads only from elsewhere";
    MISSING_KEY Error "missing-key" "a trigger without what it needs";
    NOT_A_NUMBER Error "not-a-number" "a threshold that KEDA cannot read";
    NOT_JSON Error "not-json" "a query that has to be JSON, and is none";
    METRIC_TYPE Error "metric-type" "a metric type that the trigger cannot have";
    RESOURCE_VALUE Error "resource-value" "a target of cpu or memory that KEDA cannot read";
    CACHED Error "cached-resource" "cached metrics where there is nothing to cache";
    REPLICA_ORDER Error "replica-order" "idle, minimum and maximum out of order";
    IDLE_NOT_ZERO Warning "idle-not-zero" "an idle count that the HPA fights";
    RESOURCE_ONLY_ZERO Error "resource-only-zero" "scale to zero on cpu and memory alone";
    NAME_TOO_LONG Error "name-too-long" "a name that is too long for the HPA";
    DUPLICATE_TRIGGER Error "duplicate-trigger" "two triggers of one name";
    OWNERSHIP Warning "ownership" "an annotation about HPAs that has no effect";
    PAUSED Warning "paused" "a pause that is not what it says";
    CUSTOM_KIND Error "custom-kind" "a target that KEDA does not find";
    NO_EFFECT Note "no-effect" "a setting that does nothing here";
    ACTIVATION Warning "activation-above-threshold" "work for a pod that wakes none";
    EMPTY_IS_ZERO Note "empty-is-zero" "a metric that nobody scrapes reads as 0";
    DEAD_FALLBACK Warning "dead-fallback" "a fallback that never comes";
    NO_FALLBACK Note "no-fallback" "an error, and nothing that stands in for the metric";
    FALLBACK_RANGE Warning "fallback-range" "a fallback outside of minimum and maximum";
    FALLBACK_LOW Warning "fallback-low" "a fallback that takes pods away while the load is high";
    FALLBACK_ON_RESOURCES Error "fallback-on-resources" "a fallback for cpu and memory alone";
    FORMULA Error "formula" "a formula that cannot work";
    ADDRESS Error "address" "an address that KEDA cannot ask";
    HEADER Error "header" "headers or parameters that KEDA cannot send";
    TIMEOUT Warning "timeout" "a timeout that means different things";
    PLAIN_SECRET Warning "plain-secret" "a secret that stands in the ScaledObject";
    AUTHENTICATION Error "authentication" "credentials that are not used";
    REMOVED_API Error "removed-api" "an object of KEDA 1";
    CREDENTIALS_MISSING Error "credentials-missing" "a managed service that is asked without credentials";
    TENANT Note "tenant" "a store of many tenants that is not told which";
    OPEN_MAXIMUM Note "open-maximum" "no maximum that anybody chose";
    MEMORY_HOLDS Note "memory-holds" "a memory trigger that keeps the number of pods up";
    DEFAULT_BEHAVIOR Note "default-behavior" "no limit on how fast the number of pods changes";
    RESTLESS Note "restless" "a pace at which pods come and go for nothing";
    DISABLED Warning "disabled" "a direction that is switched off below a maximum that is never reached";
    COMMENT_DIFFERS Warning "comment-differs" "a comment or a name that says something else than the value beside it";
    NEVER_WAKES Warning "never-wakes" "a sleeping workload that only its own pods could wake";
    NULL_RESULT Warning "null-result" "a query that gives NULL when no row fits";
    MANY_ROWS Error "many-rows" "a query that gives more than one number";
    AVERAGE_DIVIDED Warning "average-divided" "an average or percentile divided by the number of pods";
    CONSTANT_QUERY Warning "constant-query" "a query that asks for no metric";
    COPIED_TO_HPA Note "copied-to-hpa" "a mark of Argo CD that ends up on the HPA";
    BULL_KEY Error "bull-key" "a key of BullMQ that does not tell how many jobs wait";
    PART_OF_THE_LOAD Note "part-of-the-load" "a trigger that sees only a part of the work";
    COUNTS_ITSELF Error "counts-itself" "a query that counts the pods it scales";
    OWN_SCRAPES Warning "own-scrapes" "a metric that counts the scrapes themselves";
    JOB Error "job" "a ScaledJob that starts no Jobs, or others than it says";
    SCHEDULE Error "schedule" "a schedule that KEDA refuses, or that never opens";
}
