//! Wall-clock time. Elapsed time comes from `tokio::time::Instant`, which simulation drives too.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Tells the wall-clock time, which may step backwards: callers that need it to rise say so.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(elapsed.as_millis().try_into().unwrap_or(u64::MAX))
    }
}
