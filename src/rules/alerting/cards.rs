//! The cards; the pages stand in `rules/`.

use crate::finding::cards;

cards! {
    "alerting":
    REMOVED_METRIC Error "removed-metric" "a metric that KEDA has under another name";
    LABEL_GONE Warning "label-gone" "a text that names a label which the alert does not have";
    PERCENT_TWICE Warning "percent-twice" "a percentage of a percentage in a text";
    SHARE_AS_PERCENT Warning "share-as-percent" "a share with a percent sign behind it";
    ABOVE_LIMIT Error "above-limit" "an alert above what the pods may use";
    TRIGGER_INDEX Note "trigger-index" "a trigger that is named by its position";
    FIRES_ASLEEP Warning "fires-asleep" "an alert that takes a sleeping workload for a dead one";
    NO_LIMIT Warning "no-limit" "a share of a limit that not every container has";
    NO_SHARE Warning "no-share" "a rate per second that the text calls a percentage";
    ONE_RESTART Note "one-restart" "a single restart that is told as many";
    BEYOND_RETENTION Warning "beyond-retention" "a rule that looks further back than Prometheus keeps";
    BETWEEN_RUNS Error "between-runs" "an alert on an old run that fires before the next one is due";
    FAILED_JOB Warning "failed-job" "an alert on a failed Job that does not end";
    FINISHED_POD Warning "finished-pod" "an alert that pods fire which have done their work";
    FEW_REPLICAS Error "few-replicas" "an alert below more replicas than there are to be";
    IDLE_VALUE Warning "idle-value" "an alert on no traffic that one idle value of a label fires";
    ONE_EVENT Warning "one-event" "an alert that a single event never fires";
    PER_SECOND Warning "per-second" "a rate per second that the text tells per minute";
    OPPOSITE Error "opposite" "an alert that fires while its text does not hold";
    BUDGET Warning "budget" "an error budget whose numbers contradict each other";
    ABSENT_UP Warning "absent-up" "an alert on a missing target that a failing one does not fire";
    EXPORTER_UP Warning "exporter-up" "`up` of an exporter, taken for that of its program";
    NO_SUCH_SERIES Warning "no-such-series" "series that the exporter among these files does not give";
    FADING Warning "fading" "a rate below a part of a mean that falls with it";
    NOT_RECORDED Error "not-recorded" "a recorded series, or a label of one, that no rule gives";
    OTHER_UNIT Error "other-unit" "a limit in another unit than the text says";
    OTHER_NAMESPACE Warning "other-namespace" "an alert on a namespace in which nothing of the repository lives";
    OTHER_QUEUE Warning "other-queue" "an alert on another queue than the one by which the workload is scaled";
    OTHER_WAIT Warning "other-wait" "a text that tells a longer time than the alert waits";
    OTHER_EXPORTER Warning "other-exporter" "a metric of an exporter that is not the one in use";
    STANDARD_LABEL Warning "standard-label" "a label that Istio's standard metrics do not have";
    TEMPLATE_FUNCTION Error "template-function" "a text that Prometheus cannot read as a template";
    BACK_OFF Warning "back-off" "more restarts in a window than a crash loop has";
}
