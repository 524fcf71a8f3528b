//! A pod that exposes the origin's metrics.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One pod: a web server on a port of its own.
pub struct Pod {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    started: Instant,
    /// Requests of the past, and whether more are coming.
    counted: AtomicU64,
    busy: AtomicBool,
    gone: AtomicBool,
    queue: AtomicU64,
    scrapes: AtomicU64,
}

impl Pod {
    /// A pod that serves 100 requests per second, all of them in the bucket from 0.25 s to 0.5 s.
    pub fn start(queue: u64) -> Pod {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let state = Arc::new(State {
            started: Instant::now(),
            counted: AtomicU64::new(0),
            busy: AtomicBool::new(true),
            gone: AtomicBool::new(false),
            queue: AtomicU64::new(queue),
            scrapes: AtomicU64::new(0),
        });
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                if served.gone.load(Ordering::Relaxed) {
                    continue;
                }
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let body = served.body();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        Pod { port, state }
    }

    /// No more requests and nothing in the queue; what was counted stays.
    pub fn idle(&self) {
        self.state.counted.store(self.state.requests(), Ordering::Relaxed);
        self.state.busy.store(false, Ordering::Relaxed);
        self.state.queue.store(0, Ordering::Relaxed);
    }

    /// Does not answer any more.
    pub fn die(&self) {
        self.state.gone.store(true, Ordering::Relaxed);
    }

    pub fn scrapes(&self) -> u64 {
        self.state.scrapes.load(Ordering::Relaxed)
    }
}

impl State {
    fn requests(&self) -> u64 {
        if self.busy.load(Ordering::Relaxed) {
            self.started.elapsed().as_millis() as u64 / 10
        } else {
            self.counted.load(Ordering::Relaxed)
        }
    }

    fn body(&self) -> String {
        self.scrapes.fetch_add(1, Ordering::Relaxed);
        let count = self.requests();
        let queue = self.queue.load(Ordering::Relaxed);
        format!(
            "# TYPE inference_latency_seconds histogram
inference_latency_seconds_bucket{{le=\"0.25\"}} 0
inference_latency_seconds_bucket{{le=\"0.5\"}} {count}
inference_latency_seconds_bucket{{le=\"1\"}} {count}
inference_latency_seconds_bucket{{le=\"+Inf\"}} {count}
inference_latency_seconds_sum {count}
inference_latency_seconds_count {count}
# TYPE inference_queue_len gauge
inference_queue_len {queue}
"
        )
    }
}
