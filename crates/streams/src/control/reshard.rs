//! Splitting, merging and scaling: the checks at the call, in AWS's order.

use std::num::NonZeroU32;

use model::limits::{UPDATE_SHARD_COUNT_MAX, UPDATE_SHARD_COUNTS_PER_DAY};
use model::{HashKey, ShardId, Timestamp};

use super::quotas::Quota;
use super::{Rules, active, provisioned};
use crate::catalog::{Change, Edit, Shard, Snapshot, Stream, StreamKey, StreamRecord};
use crate::error::{Error, Result, no_such_shard, shard_limit};

const DAY_MS: u64 = 24 * 3_600_000;

/// SplitShard.
pub(crate) fn split(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    key: &StreamKey,
    (shard, at): (ShardId, HashKey),
) -> Result<()> {
    let stream = active(snapshot, key)?;
    provisioned(stream)?;
    let parent = shard_in(stream, shard, now)?;
    check_shard_limit(snapshot, rules, key, 1)?;
    check_open(stream, parent)?;
    let range = parent.record.range;
    if range.split_at(at).is_none() {
        let StreamKey { name, account, .. } = key;
        return Err(Error::Invalid(format!(
            "NewStartingHashKey {at} used in SplitShard() on shard {shard} in stream {name} under \
             account {account} is not both greater than one plus the shard's StartingHashKey {} \
             and less than the shard's EndingHashKey {}.",
            range.start(),
            range.end()
        )));
    }
    let pending = rules.pending(Change::Split { shard, at }, now);
    edit.put_stream(key, StreamRecord { pending, ..stream.record.clone() });
    Ok(())
}

/// MergeShards.
pub(crate) fn merge(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    key: &StreamKey,
    (left, right): (ShardId, ShardId),
) -> Result<()> {
    let stream = active(snapshot, key)?;
    provisioned(stream)?;
    let (a, b) = (shard_in(stream, left, now)?, shard_in(stream, right, now)?);
    check_open(stream, a)?;
    check_open(stream, b)?;
    if a.record.range.merge(b.record.range).is_none() {
        let StreamKey { name, account, .. } = key;
        return Err(Error::Invalid(format!(
            "Shards {left} and {right} in stream {name} under account {account} are not an \
             adjacent pair of shards eligible for merging"
        )));
    }
    let pending = rules.pending(Change::Merge { left, right }, now);
    edit.put_stream(key, StreamRecord { pending, ..stream.record.clone() });
    Ok(())
}

/// UpdateShardCount.
pub(crate) fn scale(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    key: &StreamKey,
    target: NonZeroU32,
) -> Result<()> {
    let stream = active(snapshot, key)?;
    provisioned(stream)?;
    let current = stream.open_shards().len() as u32;
    check_target(current, target.get())?;
    check_shard_limit(snapshot, rules, key, target.get().saturating_sub(current))?;
    let mut rescaled = stream.record.rescaled.clone();
    rescaled.retain(|call| now.millis_since(*call) < DAY_MS);
    if rescaled.len() >= UPDATE_SHARD_COUNTS_PER_DAY && rules.refuses(Quota::ShardCountUpdates) {
        let StreamKey { name, account, .. } = key;
        return Err(Error::LimitExceeded(format!(
            "Stream {name} under account {account} has reached the limit of \
             {UPDATE_SHARD_COUNTS_PER_DAY} UpdateShardCount calls in 24 hours."
        )));
    }
    rescaled.push(now);
    let excess = rescaled.len().saturating_sub(UPDATE_SHARD_COUNTS_PER_DAY);
    rescaled.drain(..excess);
    let pending = rules.pending(Change::Scale { target }, now);
    edit.put_stream(key, StreamRecord { rescaled, pending, ..stream.record.clone() });
    Ok(())
}

fn check_target(current: u32, target: u32) -> Result<()> {
    let counts = format!("Current open shard count: {current} Target shard count: {target}");
    if target > UPDATE_SHARD_COUNT_MAX {
        return Err(Error::Invalid(format!(
            "UpdateShardCount cannot scale to more than {UPDATE_SHARD_COUNT_MAX} shards. {counts}"
        )));
    }
    if u64::from(target) > 2 * u64::from(current) {
        return Err(Error::Invalid(format!(
            "UpdateShardCount cannot scale up over double your current open shard count. {counts}"
        )));
    }
    if 2 * u64::from(target) < u64::from(current) {
        return Err(Error::Invalid(format!(
            "UpdateShardCount cannot scale down below half your current open shard count. {counts}"
        )));
    }
    Ok(())
}

pub(super) fn check_shard_limit(
    snapshot: &Snapshot,
    rules: &Rules,
    key: &StreamKey,
    more: u32,
) -> Result<()> {
    let current = snapshot.provisioned_shards(key.account, &key.region);
    let limit = rules.limits.shards_per_account;
    if more > 0 && current.saturating_add(more) > limit {
        return Err(shard_limit(key, current, limit, more));
    }
    Ok(())
}

fn shard_in(stream: &Stream, id: ShardId, now: Timestamp) -> Result<&Shard> {
    let shard = stream.shard(id).filter(|shard| shard.is_visible(stream.horizon(now)));
    shard.ok_or_else(|| no_such_shard(&stream.key, id))
}

fn check_open(stream: &Stream, shard: &Shard) -> Result<()> {
    if shard.record.is_open() {
        return Ok(());
    }
    let StreamKey { name, account, .. } = &stream.key;
    Err(Error::Invalid(format!(
        "Shard {} in stream {name} under account {account} has already been merged or split, and \
         thus is not eligible for merging or splitting.",
        shard.id
    )))
}
