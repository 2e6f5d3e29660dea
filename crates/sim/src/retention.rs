//! How long records are kept, as far as clients can know it.

use std::collections::BTreeSet;

use model::Timestamp;
use model::limits::RETENTION_HOURS_MIN;

const HOUR_MS: u64 = 3_600_000;

/// The periods, in hours, of which one is in force.
#[derive(Debug)]
pub(crate) struct Retention(BTreeSet<u32>);

impl Default for Retention {
    fn default() -> Self {
        Self(BTreeSet::from([RETENTION_HOURS_MIN]))
    }
}

impl Retention {
    /// The shortest period that may be in force.
    pub(crate) fn hours(&self) -> u32 {
        self.0.first().copied().unwrap_or(RETENTION_HOURS_MIN)
    }

    /// A change was sent.
    pub(crate) fn changing(&mut self, hours: u32) {
        self.0.insert(hours);
    }

    /// It was answered that the change is made.
    pub(crate) fn changed(&mut self, hours: u32) {
        self.0 = BTreeSet::from([hours]);
    }

    /// What arrived before may have expired; the epoch while the stream is too young for that.
    pub(crate) fn horizon(&self, now: Timestamp) -> Timestamp {
        now.minus_millis(u64::from(self.hours()) * HOUR_MS)
    }
}
