//! The cards of everything that can be wrong with a policy. The pages stand beside each other in `rules/`.

use crate::finding::cards;

cards! {
    "policy":
    SYNTAX Error "syntax" "the file is not TOML";
    TOO_LARGE Error "too-large" "the file, or one text in it, is larger than any policy";
    UNKNOWN_KEY Error "unknown-key" "a key that the policy language does not have";
    MISSING_KEY Error "missing-key" "a key that cannot be left out";
    WRONG_TYPE Error "wrong-type" "a value of another type than the key takes";
    UNKNOWN_CHOICE Error "unknown-choice" "a word that is not among the choices";
    OUT_OF_RANGE Error "out-of-range" "a number outside of what Kubernetes or KEDA accept";
    UNSUPPORTED_VERSION Error "unsupported-version" "a version that slogen does not know or cannot read";
    UNSUPPORTED_FEATURE Error "unsupported-feature" "something that the stated KEDA, Kubernetes or Prometheus cannot do";
    INVALID_NAME Error "invalid-name" "a name that Kubernetes or Prometheus refuse";
    INVALID_LABEL Error "invalid-label" "a label that Kubernetes or Prometheus refuse";
    INVALID_ADDRESS Error "invalid-address" "an address that KEDA cannot ask";
    INVALID_HEADER Error "invalid-header" "a header or parameter that KEDA cannot carry";
    CREDENTIALS_IN_HEADER Warning "credentials-in-header" "a secret in plain text";
    INVALID_QUANTITY Error "invalid-quantity" "a quantity that cannot be read";
    UNIT_MISSING Error "unit-missing" "a bare number where a unit decides what it means";
    UNIT_MISMATCH Error "unit-mismatch" "a quantity of another kind than the signal measures";
    UNIT_UNKNOWN Error "unit-unknown" "a metric whose name does not say its unit";
    REPLICA_ORDER Error "replica-order" "idle, min and max out of order";
    IDLE_NOT_ZERO Error "idle-not-zero" "an idle count that the HPA fights";
    INVALID_METRIC Error "invalid-metric" "a metric that is no name and no selector";
    METRIC_KIND Error "metric-kind" "a metric whose name says that it is of another kind";
    UNSCOPED_METRIC Error "unscoped-metric" "a metric from elsewhere without a label that names this workload";
    THRESHOLD_ORDER Error "threshold-order" "activate, scale and alert out of order";
    ALERT_ORDER Error "alert-order" "alerts of one signal out of order";
    THRESHOLD_UNREACHABLE Error "threshold-unreachable" "a threshold that no value can reach";
    THRESHOLD_RESOLUTION Error "threshold-resolution" "a threshold that KEDA's three decimals lose";
    QUERY_MEANING Error "query-meaning" "a query that contradicts its stated meaning";
    WINDOW_TOO_SHORT Error "window-too-short" "a window that holds fewer than four scrapes";
    PROMISE_BROKEN Error "promise-broken" "a promise that the settings cannot keep";
    NO_EFFECT Note "no-effect" "a setting that does nothing in this policy";
    DUPLICATE_SIGNAL Error "duplicate-signal" "two signals that ask for the same thing";
    NO_SIGNAL Error "no-signal" "a policy without a signal";
    NEVER_WAKES Error "never-wakes" "a sleeping workload that only its own pods could wake";
    RESOURCE_ONLY_ZERO Error "resource-only-zero" "scale to zero on cpu and memory alone";
    INVALID_SCHEDULE Error "invalid-schedule" "a schedule that KEDA refuses, or that never opens";
    UNKNOWN_TIME_ZONE Error "unknown-time-zone" "a time zone that no list has";
    REQUIRE_COUNT Error "require-count" "`require` that does not fit the signals";
    REQUIRE_RESOURCE Error "require-resource" "`require` with signals that cannot take part";
    FORMULA Error "formula" "a formula that cannot work";
    FALLBACK_RANGE Error "fallback-range" "a fallback outside of min and max";
    UNKNOWN_ITEM Error "unknown-item" "a waiver for an item that the checklist does not have";
    INVALID_DATE Error "invalid-date" "a day that is not in the calendar";
    CAPACITY_ORDER Error "capacity-order" "baseline, typical, peak and max out of order";
    SHARED_OUTPUT Error "shared-output" "two policies that write the same folder";
    SHARED_TARGET Error "shared-target" "two policies for one workload";
}
