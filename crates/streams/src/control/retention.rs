//! How long records are kept, and letting go of those that are not.
//!
//! Readers see nothing from before the horizon (see [`Stream::horizon`]); what is done here only
//! gives the space back, a bounded number of shards at a time.

use std::sync::Arc;
use std::time::Duration;

use model::limits::{RETENTION_HOURS_MAX, RETENTION_HOURS_MIN};
use model::{ShardId, Timestamp};

use super::{Control, active};
use crate::catalog::{Edit, Shard, Snapshot, Stream, StreamKey, StreamRecord};
use crate::error::{Error, Result};

/// Shards looked at in one run.
const SHARDS_PER_RUN: usize = 1000;

/// Which of the two operations asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Longer,
    Shorter,
}

/// IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod.
pub(crate) fn change(
    snapshot: &Snapshot,
    edit: &mut Edit,
    now: Timestamp,
    key: &StreamKey,
    direction: Direction,
    hours: i32,
) -> Result<()> {
    let stream = active(snapshot, key)?;
    let current = stream.record.retention_hours;
    let hours = check(key, direction, hours, current)?;
    // What is not kept now does not come back, whichever way the period changes.
    let mut record = StreamRecord { retention_hours: hours, ..stream.record.clone() };
    record.trimmed_to = stream.horizon(now).max(record.horizon(now));
    edit.put_stream(key, record);
    Ok(())
}

fn check(key: &StreamKey, direction: Direction, hours: i32, current: u32) -> Result<u32> {
    let name = &key.name;
    let wanted = u32::try_from(hours).ok().filter(|hours| *hours >= RETENTION_HOURS_MIN);
    let Some(wanted) = wanted else {
        return Err(Error::Invalid(format!(
            "Minimum allowed retention period is {RETENTION_HOURS_MIN} hours. Requested retention \
             period ({hours} hours) is too short."
        )));
    };
    let (comparative, other) = match direction {
        _ if wanted > RETENTION_HOURS_MAX => {
            return Err(Error::Invalid(format!(
                "Maximum allowed retention period is {RETENTION_HOURS_MAX} hours. Requested \
                 retention period ({hours} hours) is too long."
            )));
        }
        Direction::Longer if wanted < current => ("shorter", "DecreaseRetentionPeriod"),
        Direction::Shorter if wanted > current => ("longer", "IncreaseRetentionPeriod"),
        Direction::Longer | Direction::Shorter => return Ok(wanted),
    };
    Err(Error::Invalid(format!(
        "Requested retention period ({hours} hours) for stream {name} can not be {comparative} \
         than existing retention period ({current} hours). Use {other} API."
    )))
}

impl Control {
    /// Lets go of what retention does not keep, a part of the shards every `period`, for ever.
    pub(crate) async fn run_trimming(self, period: Duration) {
        let mut start = 0;
        loop {
            tokio::time::sleep(period).await;
            start = self.trim_from(start).await;
        }
    }

    /// Looks at some shards from the `start`th one on; answers where to go on.
    async fn trim_from(&self, start: usize) -> usize {
        let snapshot = self.catalog.snapshot();
        let now = self.clock.now();
        let mut seen = 0;
        let mut position = 0;
        for stream in snapshot.streams.values() {
            let skipped = start.saturating_sub(position).min(stream.shards.len());
            position += stream.shards.len();
            let shards = &stream.shards[skipped..];
            let shards = &shards[..shards.len().min(SHARDS_PER_RUN - seen)];
            seen += shards.len();
            if let Err(error) = self.trim_shards(stream, shards, now).await {
                tracing::warn!(stream = %stream.key.name, %error, "trimming waits");
            }
        }
        if start + seen >= position { 0 } else { start + seen }
    }

    async fn trim_shards(
        &self,
        stream: &Arc<Stream>,
        shards: &[Shard],
        now: Timestamp,
    ) -> Result<()> {
        let horizon = stream.horizon(now);
        let mut expired = Vec::new();
        for shard in shards {
            let log = self.storage.log(shard.record.log);
            let state = log.state();
            let expired_records = &stream.counters.expired_records;
            if !shard.is_visible(horizon) {
                log.delete()?.durable().await?;
                expired_records.add(state.next.0 - state.first.0);
                expired.push(shard.id);
                continue;
            }
            if state.first >= state.next {
                continue;
            }
            let kept = log.offset_at(horizon).await?;
            if kept > state.first {
                log.trim(kept)?.durable().await?;
                expired_records.add(kept.0 - state.first.0);
            }
        }
        if expired.is_empty() { Ok(()) } else { self.remove_shards(stream, expired).await }
    }

    async fn remove_shards(&self, stream: &Arc<Stream>, expired: Vec<ShardId>) -> Result<()> {
        let stream = stream.clone();
        let decide = move |snapshot: &Snapshot, edit: &mut Edit| {
            if snapshot.same_stream(&stream.key, stream.record.incarnation).is_some() {
                expired.iter().for_each(|shard| edit.remove_shard(&stream.key, *shard));
            }
            Ok(())
        };
        self.catalog.change(decide).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StreamKey {
        StreamKey {
            account: "000000000001".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            name: "s".parse().unwrap(),
        }
    }

    fn text(direction: Direction, hours: i32, current: u32) -> String {
        check(&key(), direction, hours, current).unwrap_err().to_string()
    }

    #[test]
    fn the_current_period_is_accepted_both_ways() {
        for direction in [Direction::Longer, Direction::Shorter] {
            assert_eq!(check(&key(), direction, 24, 24).unwrap(), 24);
        }
    }

    #[test]
    fn periods_out_of_bounds_or_the_wrong_way_are_refused_in_the_words_of_aws() {
        assert_eq!(
            text(Direction::Longer, -1, 24),
            "Minimum allowed retention period is 24 hours. Requested retention period (-1 hours) \
             is too short."
        );
        assert_eq!(
            text(Direction::Longer, 8761, 24),
            "Maximum allowed retention period is 8760 hours. Requested retention period (8761 \
             hours) is too long."
        );
        assert_eq!(
            text(Direction::Longer, 25, 48),
            "Requested retention period (25 hours) for stream s can not be shorter than existing \
             retention period (48 hours). Use DecreaseRetentionPeriod API."
        );
        assert_eq!(
            text(Direction::Shorter, 49, 48),
            "Requested retention period (49 hours) for stream s can not be longer than existing \
             retention period (48 hours). Use IncreaseRetentionPeriod API."
        );
    }
}
