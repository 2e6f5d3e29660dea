//! What a run counts.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// An hour; what takes longer counts as that.
const MICROS_MAX: u64 = 3_600_000_000;

/// Latencies in microseconds, to three digits.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, MICROS_MAX, 3);
        Self(histogram.expect("the bounds and three digits are allowed"))
    }
}

impl Latencies {
    pub(super) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("their bounds are the same");
    }

    pub(super) fn percentile(&self, percentile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_percentile(percentile))
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }
}

/// What was done, and how long it took.
#[derive(Clone, Debug, Default)]
pub(super) struct Stats {
    pub(super) elapsed: Duration,
    pub(super) requests: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Entries of PutRecords that were refused because a shard was too busy.
    pub(super) throttled: u64,
    /// Refusals and failures by their names, of requests and of other entries.
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) latencies: Latencies,
}

impl Stats {
    /// Adds what another connection did in the same time.
    pub(super) fn merge(&mut self, other: &Self) {
        self.elapsed = self.elapsed.max(other.elapsed);
        self.requests += other.requests;
        self.records += other.records;
        self.bytes += other.bytes;
        self.throttled += other.throttled;
        for (name, count) in &other.errors {
            *self.errors.entry(name.clone()).or_default() += count;
        }
        self.latencies.merge(&other.latencies);
    }

    pub(super) fn count_error(&mut self, name: impl Into<String>) {
        *self.errors.entry(name.into()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_connections_together() {
        let (mut odd, mut even) = (Latencies::default(), Latencies::default());
        for millis in 1..=1000 {
            let half = if millis % 2 == 0 { &mut even } else { &mut odd };
            half.record(Duration::from_millis(millis));
        }
        odd.merge(&even);
        assert_eq!(odd.count(), 1000);
        for (percentile, millis) in [(50.0, 500.0), (99.0, 990.0), (99.9, 999.0)] {
            let found = odd.percentile(percentile).as_secs_f64() * 1000.0;
            assert!((found / millis - 1.0).abs() < 0.002, "{percentile}: {found}");
        }
        odd.record(Duration::from_secs(86_400));
        assert!(odd.max() >= Duration::from_secs(3600));
    }
}
