//! A real Prometheus scrapes pods with the generated configuration and answers the generated queries.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::exporter::Pod;
use crate::support::{compiled, read, scratch};

/// The generated job, with Kubernetes' discovery replaced by a file that carries the same `__meta_kubernetes_*`
/// labels; the relabelling stays as it is.
pub fn with_file_discovery(config: &str, targets: &str) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for line in config.lines() {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with("kubernetes_sd_configs:") {
            out.push_str(&format!(
                "    file_sd_configs:\n      - files: [{targets}]\n        refresh_interval: 1s\n"
            ));
            skipping = true;
            continue;
        }
        skipping = skipping && indent > 4;
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    assert!(out.contains("file_sd_configs"), "there was no discovery to replace:\n{config}");
    out
}

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path) -> Server {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("a bound socket has an address").port()
        };
        let log = std::fs::File::create(folder.join("prometheus.log")).expect("writable");
        let child = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus is installed (Debian: prometheus)");
        let server = Server { child, port };
        server.wait("Prometheus to be ready", Duration::from_secs(30), || {
            server.get("/-/ready").is_some_and(|answer| answer.contains("Ready"))
        });
        server
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_string())
    }

    fn api(&self, path: &str) -> Value {
        let body = self.get(path).expect("Prometheus answers");
        let value: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        assert_eq!(value["status"], "success", "{path}: {value}");
        value["data"].clone()
    }

    /// The values of an instant query, one per series.
    fn query(&self, query: &str) -> Vec<f64> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let data = self.api(&format!("/api/v1/query?query={encoded}"));
        assert_eq!(data["resultType"], "vector", "{query}");
        let series = data["result"].as_array().expect("a vector is a list");
        series
            .iter()
            .map(|one| one["value"][1].as_str().expect("a text").parse().expect("a number"))
            .collect()
    }

    fn wait(&self, what: &str, most: Duration, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < most, "waited {most:?} for {what}");
            sleep(Duration::from_millis(200));
        }
    }
}

fn target(port: u16, pod: &str, changes: &[(&str, &str)]) -> Value {
    let mut labels = serde_json::json!({
        "__meta_kubernetes_namespace": "default",
        "__meta_kubernetes_pod_name": pod,
        "__meta_kubernetes_pod_label_app": "inference",
        "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_container_init": "false",
        "__meta_kubernetes_pod_container_port_name": "http",
        "__meta_kubernetes_pod_container_port_number": "8000",
    });
    for (name, value) in changes {
        labels[*name] = (*value).into();
    }
    serde_json::json!({ "targets": [format!("127.0.0.1:{port}")], "labels": labels })
}

#[test]
#[ignore = "needs a real Prometheus (Debian: prometheus)"]
fn a_real_prometheus_scrapes_the_right_pods_and_answers_as_computed_by_hand() {
    // The origin policy with a faster clock, so that the test takes seconds; and an alert that must fire.
    let text = read("policies/inference.toml")
        .replace("interval  = \"15s\"", "interval  = \"1s\"")
        .replace("window    = \"1m\"", "window    = \"5s\"")
        .replace("activate  = \"300ms\"\nscale     = \"500ms\"", "scale     = \"200ms\"")
        .replace("above = \"1s\", for = \"5m\"", "above = \"300ms\", for = \"1s\"");
    let output = compiled("inference.toml", &text).1.output.expect("compiles");
    let folder = scratch("prometheus");
    let file = |name: &str| {
        let found = output.bundle.files.iter().find(|file| file.name == name);
        found.unwrap_or_else(|| panic!("{name} was not written")).text.clone()
    };
    let config = with_file_discovery(&file("scrape-config.yaml"), "targets.json");
    let global = "global:\n  evaluation_interval: 1s\nrule_files:\n  - rules.yaml\n";
    std::fs::write(folder.join("prometheus.yml"), format!("{global}{config}")).expect("writable");
    std::fs::write(folder.join("rules.yaml"), file("rules.yaml")).expect("writable");

    let right: Vec<Pod> = [5, 7, 9].into_iter().map(Pod::start).collect();
    let wrong: Vec<Pod> = (0..5).map(|_| Pod::start(1_000)).collect();
    let mut targets: Vec<Value> =
        right.iter().enumerate().map(|(at, pod)| target(pod.port, &format!("inference-{at}"), &[])).collect();
    targets.push(target(wrong[0].port, "other-0", &[("__meta_kubernetes_pod_label_app", "other")]));
    targets.push(target(wrong[1].port, "inference-8", &[("__meta_kubernetes_pod_phase", "Pending")]));
    targets.push(target(
        wrong[2].port,
        "inference-0",
        &[("__meta_kubernetes_pod_container_port_number", "9000")],
    ));
    targets.push(target(wrong[3].port, "inference-9", &[("__meta_kubernetes_pod_container_init", "true")]));
    targets.push(target(
        wrong[4].port,
        "other-1",
        &[("__meta_kubernetes_pod_label_app", "inference-canary")],
    ));
    let targets = serde_json::to_string(&targets).expect("JSON");
    std::fs::write(folder.join("targets.json"), targets).expect("writable");

    let server = Server::start(&folder);
    let queries: Vec<String> = output
        .plan
        .scaler
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.kind {
            slogen::model::TriggerKind::Prometheus { query, .. } => Some(query.clone()),
            _ => None,
        })
        .collect();
    let [latency, queue] = queries.as_slice() else { panic!("two queries: {queries:?}") };

    // Busy: all requests between 0.25 s and 0.5 s, so the p95 is 0.25 + 0.25 × 0.95; 5 + 7 + 9 wait.
    let long = Duration::from_secs(30);
    server.wait("three pods", long, || server.query("sum(up == 1)") == [3.0]);
    server.wait(
        "the latency",
        long,
        || matches!(server.query(latency).as_slice(), [value] if (value - 0.4875).abs() < 1e-9),
    );
    assert_eq!(server.query(queue), [21.0]);
    let scrape = server.api("/api/v1/targets?state=active");
    let active = scrape["activeTargets"].as_array().expect("a list");
    let mut pods: Vec<&str> =
        active.iter().map(|target| target["labels"]["pod"].as_str().expect("a label")).collect();
    pods.sort_unstable();
    assert_eq!(pods, ["inference-0", "inference-1", "inference-2"]);
    for target in active {
        assert_eq!(target["labels"]["job"], "default/inference");
        assert_eq!(target["labels"]["namespace"], "default");
    }
    assert!(wrong.iter().all(|pod| pod.scrapes() == 0), "a pod of somebody else was scraped");

    // The rules are loaded and the alert fires.
    server.wait("the alert", long, || {
        let alerts = server.api("/api/v1/alerts");
        alerts["alerts"].as_array().expect("a list").iter().any(|alert| {
            alert["labels"]["alertname"] == "InferenceLatencyP95High" && alert["state"] == "firing"
        })
    });
    let rules = server.api("/api/v1/rules");
    let loaded = rules["groups"][0]["rules"].as_array().expect("a list");
    assert_eq!(loaded.len(), output.plan.rules.alerts.len());
    assert!(loaded.iter().all(|rule| rule["health"] == "ok"), "{loaded:?}");

    // Idle: one series, 0; not NaN, not nothing.
    right.iter().for_each(Pod::idle);
    server.wait("the idle latency", long, || server.query(latency) == [0.0]);
    server.wait("the idle queue", long, || server.query(queue) == [0.0]);

    // Gone: nothing at all, which KEDA is told to take for an error.
    right.iter().for_each(Pod::die);
    server.wait("the latency to be gone", long, || server.query(latency).is_empty());
    server.wait("the queue to be gone", long, || server.query(queue).is_empty());
}
