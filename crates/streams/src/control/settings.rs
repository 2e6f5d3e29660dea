//! Settings of a stream that change by way of UPDATING: the largest record, and which per-shard
//! metrics are switched on.

use model::Timestamp;

use super::{Rules, active};
use crate::catalog::{Change, Edit, ShardMetrics, Snapshot, Stream, StreamKey, StreamRecord};
use crate::error::Result;

/// EnableEnhancedMonitoring and DisableEnhancedMonitoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Monitor {
    On(ShardMetrics),
    Off(ShardMetrics),
}

impl Monitor {
    /// What is on afterwards.
    pub(crate) fn after(self, before: ShardMetrics) -> ShardMetrics {
        match self {
            Self::On(more) => before.with(more),
            Self::Off(fewer) => before.without(fewer),
        }
    }
}

/// UpdateMaxRecordSize. The size it has already is accepted, and changes nothing.
pub(crate) fn resize(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    key: &StreamKey,
    record_kib_max: u32,
) -> Result<()> {
    let stream = active(snapshot, key)?;
    let monitored = stream.record.monitored;
    configure(stream, edit, rules, now, Change::Configure { record_kib_max, monitored });
    Ok(())
}

/// Switches per-shard metrics.
pub(crate) fn monitor(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    key: &StreamKey,
    wanted: Monitor,
) -> Result<()> {
    let stream = active(snapshot, key)?;
    let monitored = wanted.after(stream.record.monitored);
    let record_kib_max = stream.record.record_kib_max;
    configure(stream, edit, rules, now, Change::Configure { record_kib_max, monitored });
    Ok(())
}

fn configure(stream: &Stream, edit: &mut Edit, rules: &Rules, now: Timestamp, change: Change) {
    let pending = rules.pending(change, now);
    edit.put_stream(&stream.key, StreamRecord { pending, ..stream.record.clone() });
}
