//! When the next request of a connection is due.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A connection's timetable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// As soon as the last one is answered.
    Closed,
    /// Every `interval`, whatever happens.
    Open { next: Instant, interval: Duration },
}

impl Pace {
    /// The timetable of connection `index` of `connections` that together send `rate` records a
    /// second in requests of `batch`, evenly spread.
    pub(super) fn open(
        start: Instant,
        rate: NonZeroU32,
        batch: u16,
        index: u32,
        connections: NonZeroU32,
    ) -> Self {
        let apart = Duration::from_secs_f64(f64::from(batch) / f64::from(rate.get()));
        Self::Open { next: start + apart * index, interval: apart * connections.get() }
    }

    /// Waits for the next request's turn and tells since when it waits to be answered. A request
    /// that is due while the connection is busy has waited since then; one that finds it idle is
    /// due when the timer lets it go, so the timer's coarseness is not the server's latency.
    pub(super) async fn next(&mut self) -> Instant {
        let Self::Open { next, interval } = self else { return Instant::now() };
        let due = *next;
        *next += *interval;
        if due <= Instant::now() {
            return due;
        }
        sleep_until(due).await;
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_that_a_slow_one_held_up_have_waited_since_they_were_due() {
        let start = Instant::now();
        let rate = NonZeroU32::new(1000).expect("it is not 0");
        let connections = NonZeroU32::new(2).expect("it is not 0");
        let mut pace = Pace::open(start, rate, 5, 1, connections);
        // 1000 records a second in fives: every 5 ms, the two connections taking turns.
        assert_eq!(pace.next().await, start + Duration::from_millis(5));
        advance(Duration::from_millis(35)).await;
        assert_eq!(pace.next().await, start + Duration::from_millis(15));
        assert_eq!(pace.next().await, start + Duration::from_millis(25));
        assert_eq!(pace.next().await, start + Duration::from_millis(35));
        assert_eq!(pace.next().await, start + Duration::from_millis(45));
    }
}
