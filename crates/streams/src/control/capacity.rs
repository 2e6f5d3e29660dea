//! What the owner of a stream says about its capacity: its mode, how much of it is kept warm, and
//! how records are spread over its shards.

use std::num::NonZeroU32;

use model::limits::{
    SHARDS_DEFAULT, STREAM_MODE_CHANGES_PER_DAY, WARM_MIBPS_MAX, WARM_MIBPS_PER_SHARD,
};
use model::{AccountId, Region, Timestamp};

use super::quotas::Quota;
use super::{Rules, active, existing, lifecycle, reshard};
use crate::catalog::{
    AccountRecord, Change, Commitment, Distribution, Edit, Scaling, Snapshot, Stream, StreamKey,
    StreamMode, StreamRecord,
};
use crate::error::{Error, Result};

const DAY_MS: u64 = 24 * 3_600_000;

/// UpdateStreamMode: the stream has its mode at once, keeps its shards, and is UPDATING for a
/// while. The mode that it has already is no change.
pub(crate) fn switch(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    key: &StreamKey,
    (mode, warm_mibps): (StreamMode, Option<u32>),
) -> Result<()> {
    let stream = active(snapshot, key)?;
    check_warm(snapshot, key, mode, warm_mibps, now)?;
    if mode == stream.record.mode && warm_mibps.is_none() {
        return Ok(());
    }
    let mut record = stream.record.clone();
    if mode != record.mode {
        record.mode_changes = changes_of_the_day(rules, stream, now)?;
        record.mode = mode;
        lifecycle::check_mode_quota(snapshot, rules, key, mode)?;
        if mode == StreamMode::Provisioned {
            let open = stream.open_shards().len() as u32;
            reshard::check_shard_limit(snapshot, rules, key, open)?;
            // Neither exists for provisioned streams.
            (record.distribution, record.warm_mibps) = (Distribution::ByKey, None);
        }
    }
    let shards = warm_mibps.map_or(0, shards_for);
    record.warm_mibps = warm_mibps.or(record.warm_mibps);
    record.pending = rules.pending(Change::Grow { shards }, now);
    edit.put_stream(key, record);
    Ok(())
}

/// The switches of the last day with the one that is asked for, unless they are too many.
fn changes_of_the_day(rules: &Rules, stream: &Stream, now: Timestamp) -> Result<Vec<Timestamp>> {
    let mut changes = stream.record.mode_changes.clone();
    changes.retain(|change| now.millis_since(*change) < DAY_MS);
    if changes.len() >= STREAM_MODE_CHANGES_PER_DAY && rules.refuses(Quota::ModeChanges) {
        let StreamKey { name, account, .. } = &stream.key;
        return Err(Error::LimitExceeded(format!(
            "Stream {name} under account {account} has reached the limit of \
             {STREAM_MODE_CHANGES_PER_DAY} UpdateStreamMode calls in 24 hours."
        )));
    }
    changes.push(now);
    let excess = changes.len().saturating_sub(STREAM_MODE_CHANGES_PER_DAY);
    changes.drain(..excess);
    Ok(changes)
}

/// UpdateStreamWarmThroughput: opens shards until there are enough; with no more than
/// before it lets go of what was kept, and the stream shrinks as its traffic allows.
pub(crate) fn warm(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    key: &StreamKey,
    mibps: u32,
) -> Result<()> {
    let stream = active(snapshot, key)?;
    check_warm(snapshot, key, stream.record.mode, Some(mibps), now)?;
    if stream.record.warm_mibps.is_some_and(|before| mibps <= before) {
        let mut scaling = Scaling::clone(&stream.scaling);
        scaling.release(now);
        edit.put_scaling(key, scaling);
    }
    let pending = rules.pending(Change::Grow { shards: shards_for(mibps) }, now);
    let warm_mibps = Some(mibps);
    edit.put_stream(key, StreamRecord { warm_mibps, pending, ..stream.record.clone() });
    Ok(())
}

/// Whether the owner may have so much throughput kept warm.
pub(crate) fn check_warm(
    snapshot: &Snapshot,
    key: &StreamKey,
    mode: StreamMode,
    mibps: Option<u32>,
    now: Timestamp,
) -> Result<()> {
    let StreamKey { name, account, region } = key;
    let Some(mibps) = mibps else { return Ok(()) };
    if mode == StreamMode::Provisioned {
        return Err(Error::Invalid(format!(
            "WarmThroughputMiBps is only supported for streams in On-Demand mode. Stream {name} \
             under account {account} is in Provisioned mode."
        )));
    }
    if !snapshot.is_committed(key, now) {
        return Err(Error::Invalid(format!(
            "WarmThroughputMiBps needs MinimumThroughputBillingCommitment to be enabled for the \
             account {account} in {region}."
        )));
    }
    if mibps > WARM_MIBPS_MAX {
        return Err(Error::LimitExceeded(format!(
            "Warm throughput of stream {name} under account {account} cannot be more than \
             {WARM_MIBPS_MAX} MiBps. Requested: {mibps} MiBps."
        )));
    }
    Ok(())
}

/// The shards that take so much.
pub(crate) fn shards_for(mibps: u32) -> u32 {
    mibps.div_ceil(WARM_MIBPS_PER_SHARD)
}

/// The shards that an on-demand stream starts with.
pub(crate) fn first_shards(warm_mibps: Option<u32>) -> NonZeroU32 {
    let shards = warm_mibps.map_or(SHARDS_DEFAULT, |mibps| shards_for(mibps).max(SHARDS_DEFAULT));
    NonZeroU32::new(shards).unwrap_or(NonZeroU32::MIN)
}

/// UpdateStreamRecordDistributionStrategy: for the records that come from now on.
pub(crate) fn distribute(
    snapshot: &Snapshot,
    edit: &mut Edit,
    key: &StreamKey,
    distribution: Distribution,
) -> Result<()> {
    let stream = existing(snapshot, key)?;
    check_distribution(stream.record.mode, distribution)?;
    if distribution != stream.record.distribution {
        edit.put_stream(key, StreamRecord { distribution, ..stream.record.clone() });
    }
    Ok(())
}

pub(crate) fn check_distribution(mode: StreamMode, distribution: Distribution) -> Result<()> {
    if mode == StreamMode::Provisioned && distribution == Distribution::Even {
        return Err(Error::Invalid(
            "RecordDistributionStrategy AUTO is only supported in On-Demand mode.".into(),
        ));
    }
    Ok(())
}

/// UpdateAccountSettings: a commitment lasts a day at least, and then until its end was asked for.
pub(crate) fn commit(
    snapshot: &Snapshot,
    edit: &mut Edit,
    now: Timestamp,
    of: (AccountId, Region),
    wanted: bool,
) {
    let known = snapshot.commitment(of.0, &of.1);
    let holding = known.filter(|commitment| commitment.holds(now));
    let commitment = match (holding, wanted) {
        (None, true) => Some(Commitment { started: now, revoked: None }),
        (Some(holding), true) => Some(Commitment { revoked: None, ..holding }),
        (Some(holding), false) => {
            Some(Commitment { revoked: holding.revoked.or(Some(now)), ..holding })
        }
        (None, false) => known,
    };
    if commitment != known {
        edit.put_account(of, AccountRecord { commitment });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_lasts_a_day_and_then_ends_when_asked() {
        let start = Timestamp::from_seconds(1_700_000_000);
        let after = |hours: u64| Timestamp::from_millis(start.as_millis() + hours * 3_600_000);
        let running = Commitment { started: start, revoked: None };
        assert!(running.holds(after(10_000)));
        let early = Commitment { revoked: Some(after(1)), ..running };
        assert!(early.holds(after(23)) && !early.holds(after(24)));
        assert_eq!(early.end(), Some(after(24)));
        let late = Commitment { revoked: Some(after(30)), ..running };
        assert!(late.holds(after(29)) && !late.holds(after(30)));
    }
}
