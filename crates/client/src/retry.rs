//! When to try again and after how long: exponential back-off with full jitter, which spreads
//! the retries of many clients evenly instead of sending them in waves.

use std::time::Duration;

use crate::ClientConfig;

/// How often and how patiently a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    attempts_max: u32,
    backoff: Duration,
    backoff_max: Duration,
}

impl Policy {
    pub(crate) fn new(config: &ClientConfig) -> Self {
        Self {
            attempts_max: config.attempts_max,
            backoff: config.backoff,
            backoff_max: config.backoff_max,
        }
    }

    /// How long to wait after `attempts` failed attempts, or `None` when that was the last one.
    /// `chance` is any number, evenly spread.
    pub(crate) fn delay(&self, attempts: u32, chance: u64) -> Option<Duration> {
        (attempts < self.attempts_max).then(|| self.pause(attempts, chance))
    }

    /// How long to wait after `attempts` failed attempts, if there always is a next one.
    pub(crate) fn pause(&self, attempts: u32, chance: u64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let ceiling = self.backoff.saturating_mul(1 << doublings).min(self.backoff_max);
        let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        // The high half of the product is `chance` scaled to 0..nanos.
        let scaled = (u128::from(chance) * u128::from(nanos)) >> u64::BITS;
        Duration::from_nanos(u64::try_from(scaled).expect("it is below nanos"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        attempts_max: 5,
        backoff: Duration::from_millis(100),
        backoff_max: Duration::from_millis(500),
    };

    fn longest(attempts: u32) -> Option<u128> {
        POLICY.delay(attempts, u64::MAX).map(|delay| delay.as_micros().div_ceil(1000))
    }

    #[test]
    fn the_longest_wait_doubles_up_to_its_maximum_and_ends_with_the_attempts() {
        let waits: Vec<_> = (1..=5).map(longest).collect();
        assert_eq!(waits, [Some(100), Some(200), Some(400), Some(500), None]);
    }

    #[test]
    fn the_jitter_spreads_over_the_whole_wait() {
        assert_eq!(POLICY.pause(2, 0), Duration::ZERO);
        assert_eq!(POLICY.pause(2, u64::MAX / 2 + 1), Duration::from_millis(100));
        assert!(POLICY.pause(2, u64::MAX) < Duration::from_millis(200));
    }

    #[test]
    fn many_failures_do_not_overflow_the_wait() {
        assert!(POLICY.pause(u32::MAX, u64::MAX) < POLICY.backoff_max);
    }
}
