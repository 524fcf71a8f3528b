//! How long `slogen check` takes, on generated repositories of realistic shape: 94 % of the files below 4 KiB, one in ten
//! of a kind that slogen knows.
//!
//! Run with `cargo bench --bench inspect`. The peer is the bare parser: reading every file and walking its events with
//! the same YAML reader, on as many threads.

mod shared;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use granit_parser::{Options, Parser};
use rayon::prelude::*;

use shared::median;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Workload, Service, monitor and scaler of one application.
fn application(number: usize) -> [(&'static str, String); 2] {
    let name = format!("app-{number}");
    let workload = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: team-{0}\n  labels: {{app: {name}}}\nspec:\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n        - name: app\n          image: example/{name}:1\n          ports:\n            - {{name: http, containerPort: 8080}}\n          resources:\n            requests: {{cpu: 100m, memory: 128Mi}}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: team-{0}\n  labels: {{app: {name}}}\nspec:\n  selector: {{app: {name}}}\n  ports:\n    - {{name: http, port: 80, targetPort: http}}\n",
        number % 40
    );
    let scaler = format!(
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: {name}\n  namespace: team-{0}\nspec:\n  scaleTargetRef:\n    name: {name}\n  minReplicaCount: 2\n  maxReplicaCount: 20\n  triggers:\n    - type: prometheus\n      metadata:\n        serverAddress: http://prometheus.monitoring.svc:9090\n        query: sum(rate(http_requests_total{{namespace=\"team-{0}\",job=\"{name}\"}}[2m]))\n        threshold: \"20\"\n---\napiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: {name}\n  namespace: team-{0}\nspec:\n  selector:\n    matchLabels: {{app: {name}}}\n  endpoints:\n    - port: http\n",
        number % 40
    );
    [("workload", workload), ("scaler", scaler)]
}

/// Something else: values, pipelines, objects of kinds that slogen does not know.
fn other(number: usize) -> String {
    let mut text = match number % 3 {
        0 => format!(
            "name: build-{number}\non: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
        ),
        1 => format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings-{number}\ndata:\n"),
        _ => format!(
            "# values of chart {number}\nreplicaCount: 1\nimage:\n  repository: example/x\nsettings:\n"
        ),
    };
    // One in sixteen is large.
    let lines = if number.is_multiple_of(16) { 240 } else { 18 + number % 40 };
    for line in 0..lines {
        let _ = match number % 3 {
            0 => writeln!(text, "      - name: step {line}\n        run: make step-{line}"),
            _ => writeln!(text, "  key-{line}: \"value {line} of {number}\""),
        };
    }
    text
}

fn repository(folder: &Path, files: usize) {
    for number in 0..files {
        let at = folder.join(format!("team-{}/area-{}", number % 40, number % 400));
        fs::create_dir_all(&at).expect("writable");
        if number % 10 == 0 {
            let which = (number / 10) % 2;
            let (name, text) = &application(number / 20)[which];
            fs::write(at.join(format!("{name}-{number}.yaml")), text).expect("writable");
        } else {
            fs::write(at.join(format!("other-{number}.yaml")), other(number)).expect("writable");
        }
    }
}

fn check(folder: &Path, threads: usize) {
    let status = Command::new(env!("CARGO_BIN_EXE_slogen"))
        .args(["check", "--format", "json", "."])
        .current_dir(folder)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("slogen runs");
    assert!(status.code().is_some_and(|code| code < 2), "slogen check: {status}");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let walk = ignore::WalkBuilder::new(folder).hidden(false).require_git(false).build();
    walk.filter_map(Result::ok).map(ignore::DirEntry::into_path).filter(|path| path.is_file()).collect()
}

/// Walks to every file, reads it, and walks its events.
fn parse(folder: &Path, threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let events: usize = files_below(folder)
            .par_iter()
            .map(|path| {
                let text = fs::read_to_string(path).expect("readable");
                let mut events = Parser::new_from_str_with_options(&text, Options::default());
                let mut count = 0;
                while let Some(Ok(_)) = events.next_event() {
                    count += 1;
                }
                count
            })
            .sum();
        assert!(events > 0);
    });
}

fn main() {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let scratch =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-inspect-{}", std::process::id()));
    for (files, times) in [(1, 31), (1_000, 15), (46_000, 5)] {
        let folder = scratch.join(files.to_string());
        fs::create_dir_all(&folder).expect("writable");
        repository(&folder, files);
        let two = median(times, || check(&folder, 2));
        if files == 1 {
            println!("1 file: {:.1} ms", ms(two));
            continue;
        }
        let one = median(times, || check(&folder, 1));
        let (bare_one, bare_two) = (median(times, || parse(&folder, 1)), median(times, || parse(&folder, 2)));
        println!(
            "{files} files: {:.0} ms on two threads, {:.0} ms on one ({:.2} times faster); parsing all of it: {:.0} ms and {:.0} ms; ratio {:.2} and {:.2}",
            ms(two),
            ms(one),
            one.as_secs_f64() / two.as_secs_f64(),
            ms(bare_two),
            ms(bare_one),
            two.as_secs_f64() / bare_two.as_secs_f64(),
            one.as_secs_f64() / bare_one.as_secs_f64(),
        );
    }
    fs::remove_dir_all(&scratch).expect("removable");
}
