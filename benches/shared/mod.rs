//! What the benchmarks share.

use std::time::{Duration, Instant};

/// The median time of a run, after one to warm up.
pub fn median(times: usize, mut run: impl FnMut()) -> Duration {
    run();
    let mut all: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    all.sort();
    all[all.len() / 2]
}
