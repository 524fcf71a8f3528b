//! The cards; the pages stand in `rules/`.

use crate::finding::cards;

cards! {
    "workload":
    SELECTOR_MISMATCH Error "selector-mismatch" "a selector that the pod template does not satisfy";
    OVERLAPPING_SELECTORS Warning "overlapping-selectors" "two autoscaled workloads that select each other's pods";
    CANARY Error "canary" "an autoscaler on a Deployment that Flagger scales to 0";
    DISRUPTION_BUDGET Warning "disruption-budget" "a budget that lets no pod go, or protects none";
    VERTICAL_AUTOSCALER Warning "vertical-autoscaler" "two controllers that read the same resource";
    METRICS_API Error "metrics-api" "the API of external metrics belongs to somebody else";
    TARGET_ELSEWHERE Warning "target-elsewhere" "an autoscaler whose target is called or placed otherwise";
    CREDENTIALS Error "credentials" "a TriggerAuthentication that does not give what the trigger needs";
    PROMETHEUS_PORT Warning "prometheus-port" "an address whose Service has no such port";
    NOT_PROMETHEUS Error "not-prometheus" "a Prometheus trigger whose address is something else";
    SERVICE_NAME Warning "service-name" "an address to which no Service answers";
    SERVICE_NOWHERE Error "service-nowhere" "a Service beside a scaled or scraped workload that leads to no pods";
    MISSING_KEY Error "missing-key" "a variable of a scaled or scraped workload from a key that is not there";
    ENVIRONMENT Warning "environment" "a variable that the target's container does not have";
    INJECTED_SIDECAR Warning "injected-sidecar" "a sidecar without the request that the autoscaler compares with, or that counts beside it";
    PROBE_VARIABLE Warning "probe-variable" "a variable in a probe that the kubelet does not fill in";
    IDLE_TARGET Warning "idle-target" "a target that an idle process reaches";
    ABOVE_LIMIT Warning "above-limit" "a target of cpu or memory that the limit keeps out of reach";
    EXTERNAL_METRIC Warning "external-metric" "an external metric for which nobody answers";
    HPA_NAME Error "hpa-name" "a HorizontalPodAutoscaler that belongs to two";
    APPLIED_TWICE Warning "applied-twice" "two objects of one name, of which one is lost";
    WATCHES_ANOTHER Warning "watches-another" "a trigger that watches something else than the pods work on";
    SECOND_CONSUMER Warning "second-consumer" "a Deployment that takes the work of a ScaledJob";
    CONFIG_MISSING Note "config-missing" "a ConfigMap or ServiceAccount that the pods need and no file has";
    PARTITIONS Warning "partitions" "more pods than partitions of the topic that they read";
    OFFSETS_TOPIC Error "offsets-topic" "a Kafka that cannot keep the offsets of consumer groups";
    TOPIC_ELSEWHERE Warning "topic-elsewhere" "a Kafka topic in a namespace where its operator does not look";
    QUOTA Warning "quota" "a quota that holds fewer pods than the autoscaler may start";
    EGRESS_PORT Warning "egress-port" "a NetworkPolicy that names the port of a Service instead of that of the pods";
    KEDA_KEPT_OUT Error "keda-kept-out" "a NetworkPolicy between KEDA and what its trigger asks";
    OWN_DATABASE Warning "own-database" "a database in a file, under several pods";
    ONE_NODE_VOLUME Warning "one-node-volume" "a volume of one node, under pods that are to be on several";
    LOCKED_DATA Warning "locked-data" "an update that starts a second Prometheus on the data of the first";
    STALE_MOUNT Warning "stale-mount" "a configuration that no reload of Prometheus ever sees";
    ASLEEP Warning "asleep" "a workload that sleeps while requests lead to it";
    NAMESPACE_ORDER Note "namespace-order" "a Namespace that is applied after what lives in it";
    DISCOVERY_RIGHTS Warning "discovery-rights" "a Prometheus that may not list what it discovers";
    UNEXPANDED Error "unexpanded" "a reference to a variable that Kubernetes leaves as it stands";
    GRACE_PERIOD Warning "grace-period" "a hook that sleeps longer than the pod is given";
    POD_SECURITY Error "pod-security" "pods that their namespace does not admit";
    RESOURCE_AMOUNT Error "resource-amount" "an amount of memory or cpu in the wrong unit, or a limit below the request";
    PROBE_PORT Error "probe-port" "a probe for a port that the container does not name";
    LIMIT_RANGE Error "limit-range" "amounts that the LimitRange of the namespace does not allow";
    SPREAD Warning "spread" "rules about where pods may be, against how many there are to be";
    KNATIVE Error "knative" "annotations by which Knative does not scale";
    SCALED_BY_HAND Warning "scaled-by-hand" "a CronJob that sets what an autoscaler decides";
    POD_REFUSED Error "pod-refused" "a pod template that the API server does not take";
    REMOVED_API Error "removed-api" "a version of Kubernetes' own kinds that clusters do not have any more";
    AGENTS Warning "agents" "build agents that a scale-in ends in the middle of a build";
    DUMPED Warning "dumped" "an object that was taken out of a cluster as it was";
    SECRET_ENCODING Error "secret-encoding" "a value of a Secret under `data` that is no base64";
    UPDATE_STRATEGY Error "update-strategy" "a strategy by which no pod can be replaced";
}
