//! The cards; the pages stand in `rules/`.

use crate::finding::cards;

cards! {
    "scrape":
    DROPPED Error "dropped" "a rule asks for what is dropped after the scrape";
    NOT_SCRAPED Error "not-scraped" "a scaler watches a metric that nobody scrapes";
    CANNOT_TELL Note "cannot-tell" "nothing here says whether a metric is scraped";
    SCRAPED_TWICE Warning "scraped-twice" "the same pods are scraped in two ways";
    SERVICE_ADDRESS Warning "service-address" "each scrape meets a random pod";
    LABEL_MISMATCH Error "label-mismatch" "a query for labels that the scrape path does not set";
    PORT_MISSING Error "port-missing" "a monitor of a port that nobody has";
    SELECTS_NOTHING Warning "selects-nothing" "a monitor that finds no Service";
    NOT_SELECTED Warning "not-selected" "a monitor that no Prometheus takes up";
    PORT_NUMBER Error "port-number" "a number where the name of a port is wanted";
    TIMEOUT_ABOVE_INTERVAL Error "timeout-above-interval" "a scrape that takes longer than its interval";
    STALE_BETWEEN Warning "stale-between" "scrapes that are further apart than Prometheus looks back";
    DUPLICATE_JOB Error "duplicate-job" "two jobs of one name";
    RELABEL Error "relabel" "a relabelling rule that Prometheus refuses";
    NEVER_FITS Warning "never-fits" "a relabelling rule whose pattern fits no value";
    KEEPS_NOTHING Error "keeps-nothing" "rules for metrics that let nothing through";
    NO_SUCH_SERVICE Error "no-such-service" "a scrape of a name that no Service has";
    NOT_AN_ADDRESS Error "not-an-address" "a target that is no host and port";
    OTHER_PROTOCOL Error "other-protocol" "a scrape of a port that speaks something else";
    NO_TOKEN Warning "no-token" "a scrape that is refused without a token";
    NO_SUCH_JOB Error "no-such-job" "rules that ask for a job which the configuration does not have";
    NO_EXPORTER Error "no-exporter" "rules on metrics of an exporter that no job scrapes";
    NOT_EXPOSED Error "not-exposed" "a query for a name or label that its exporter does not have";
    EXPORTER_BLIND Error "exporter-blind" "an exporter that does not reach what it is for";
    COLLECTOR_CLOSED Error "collector-closed" "a collector at which Prometheus finds nothing";
    CHART_DROPS Warning "chart-drops" "rules on metrics that kube-prometheus-stack drops";
    RULES_NOT_LOADED Warning "rules-not-loaded" "rule files that the configuration does not find";
    NO_ALERTMANAGER Note "no-alertmanager" "alerts that nobody is told of";
    MOUNT_MISSING Warning "mount-missing" "a Prometheus in Docker Compose whose configuration is not where the mount says";
    CONFIG_NOT_READ Error "config-not-read" "a Prometheus that is not started with the configuration which is there";
    WRITE_REFUSED Error "write-refused" "metrics are written to a Prometheus that takes none";
    NETWORK_POLICY Warning "network-policy" "a NetworkPolicy between Prometheus and what it scrapes";
    STRICT_MTLS Warning "strict-mtls" "a plain scrape of pods that take mutual TLS only";
    NO_OPERATOR Warning "no-operator" "monitors beside a Prometheus that reads none";
    UNREAD_ANNOTATION Warning "unread-annotation" "scrape annotations that nobody reads";
    MISPLACED_ANNOTATION Warning "misplaced-annotation" "scrape annotations on the workload instead of its pods";
    PATH_DIFFERS Warning "path-differs" "a scrape of another path than the annotations of the pods say";
    ANNOTATION_PORT Warning "annotation-port" "a scrape annotation with a port that no container declares";
}
