//! The cards; the pages stand in `rules/`.

use crate::finding::cards;

cards! {
    "conflict":
    SECOND_AUTOSCALER Error "second-autoscaler" "another autoscaler on the same workload";
    REPLICAS_PINNED Warning "replicas-pinned" "a manifest that sets the number of pods that the autoscaler decides";
    TARGET_MISSING Error "target-missing" "a workload that the manifests do not have";
    REQUEST_MISSING Error "request-missing" "a container without the request that a signal is compared with";
    CONTAINER_MISSING Error "container-missing" "a container that the pod template does not have";
    POD_LABELS Error "pod-labels" "pod labels that the pod template does not carry";
    SERVICE_MISSING Error "service-missing" "no Service with the labels that the ServiceMonitor selects";
    PORT_MISSING Error "port-missing" "a port that the Service or the container does not have";
}
