//! Wall-clock time that passes with tokio's paused clock and can be set back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::Timestamp;
use runtime::Clock;
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z, so that simulated sequence numbers look like real ones.
const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// The simulated wall clock.
#[derive(Debug)]
pub struct SimClock {
    started: Instant,
    skew_ms: AtomicI64,
}

impl SimClock {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), skew_ms: AtomicI64::new(0) }
    }

    /// Time passes while nothing runs.
    pub fn step_ahead(&self, step: Duration) {
        let step_ms = i64::try_from(step.as_millis()).expect("a step is shorter than an age");
        self.skew_ms.fetch_add(step_ms, Ordering::Relaxed);
    }

    /// Sets the clock back, as an operator or a time service may.
    pub fn step_back(&self, step: Duration) {
        let step_ms = i64::try_from(step.as_millis()).expect("a step is shorter than an age");
        self.skew_ms.fetch_sub(step_ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let true_ms = START.as_millis() + elapsed_ms;
        Timestamp::from_millis(true_ms.saturating_add_signed(self.skew_ms.load(Ordering::Relaxed)))
    }
}
