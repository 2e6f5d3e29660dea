//! What is written into the audit stream.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::{Deserialize, Serialize};

/// What is written into the audit stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Write a record of every call of the control plane, carried out or refused, into the stream
    /// `weir-audit` of the reserved account. Such a call is answered when its record is durable.
    pub enabled: bool,
    /// The same for every call that moves records, which costs each of them one more write.
    pub data_plane: bool,
    /// How long the records are kept: whole hours, from `24h` to `8760h`.
    #[serde(with = "friendly")]
    pub retention: Duration,
}

const HOUR_SECONDS: u64 = 3600;
const RETENTION_HOURS: std::ops::RangeInclusive<u64> = 24..=8760;

impl Audit {
    pub(super) fn new(enabled: bool) -> Self {
        // As long as AWS shows events without a trail.
        let retention = Duration::from_secs(90 * 24 * HOUR_SECONDS);
        Self { enabled, data_plane: false, retention }
    }

    /// What contradicts itself: the setting, and why.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.data_plane && !self.enabled {
            return Some(("audit.data_plane", "without audit.enabled nothing is written"));
        }
        let whole = self.retention.as_secs().is_multiple_of(HOUR_SECONDS);
        if !whole || !RETENTION_HOURS.contains(&self.hours()) {
            return Some(("audit.retention", "it is whole hours, from 24h to 8760h"));
        }
        None
    }

    fn hours(&self) -> u64 {
        self.retention.as_secs() / HOUR_SECONDS
    }

    /// How long the records are kept.
    pub(crate) fn retention_hours(&self) -> u32 {
        u32::try_from(self.hours()).unwrap_or(u32::MAX)
    }
}
