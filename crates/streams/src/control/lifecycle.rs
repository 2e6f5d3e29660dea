//! Creating and deleting streams.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use model::Timestamp;
use model::limits::{ON_DEMAND_STREAMS_MAX, RETENTION_HOURS_MIN, STREAMS_IN_TRANSITION_MAX};

use super::quotas::Quota;
use super::{Rules, capacity, existing, not_in};
use crate::catalog::{
    Change, Consumer, Distribution, Edit, ShardMetrics, Snapshot, Status, StreamKey, StreamMode,
    StreamRecord,
};
use crate::error::{Error, Result, shard_limit, transition_limit};

/// A stream to create.
pub(crate) struct NewStream {
    pub(crate) key: StreamKey,
    /// For provisioned streams.
    pub(crate) shards: Option<NonZeroU32>,
    pub(crate) mode: StreamMode,
    pub(crate) record_kib_max: u32,
    pub(crate) distribution: Distribution,
    /// For on-demand streams.
    pub(crate) warm_mibps: Option<u32>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// CreateStream: the stream is there, CREATING, without shards.
pub(crate) fn create(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    new: NewStream,
) -> Result<()> {
    let NewStream { key, shards, mode, record_kib_max, distribution, warm_mibps, tags } = new;
    let StreamKey { name, account, .. } = &key;
    capacity::check_distribution(mode, distribution)?;
    if snapshot.stream(&key).is_some() {
        return Err(Error::InUse(format!("Stream {name} under account {account} already exists.")));
    }
    capacity::check_warm(snapshot, &key, mode, warm_mibps, now)?;
    let shards = shards.unwrap_or_else(|| capacity::first_shards(warm_mibps));
    check_quotas(snapshot, rules, &key, mode, shards)?;
    let record = StreamRecord {
        incarnation: edit.new_incarnation(),
        created: now,
        retention_hours: RETENTION_HOURS_MIN,
        trimmed_to: Timestamp::default(),
        mode,
        record_kib_max,
        tags,
        next_shard: 0,
        rescaled: Vec::new(),
        encryption: None,
        monitored: ShardMetrics::default(),
        pending: rules.pending(Change::Create { shards }, now),
        policy: None,
        distribution,
        warm_mibps,
        mode_changes: Vec::new(),
        encryption_changes: None,
    };
    edit.put_stream(&key, record);
    Ok(())
}

fn check_quotas(
    snapshot: &Snapshot,
    rules: &Rules,
    key: &StreamKey,
    mode: StreamMode,
    shards: NonZeroU32,
) -> Result<()> {
    let StreamKey { account, region, .. } = key;
    if mode == StreamMode::Provisioned {
        let (current, limit) =
            (snapshot.provisioned_shards(*account, region), rules.limits.shards_per_account);
        if current.saturating_add(shards.get()) > limit {
            return Err(shard_limit(key, current, limit, shards.get()));
        }
    }
    check_mode_quota(snapshot, rules, key, mode)?;
    check_transitions(snapshot, rules, key)
}

/// Whether the account may have one more stream of this mode.
pub(super) fn check_mode_quota(
    snapshot: &Snapshot,
    rules: &Rules,
    key: &StreamKey,
    mode: StreamMode,
) -> Result<()> {
    let StreamKey { account, region, .. } = key;
    let streams = snapshot.streams_of(*account, region);
    let on_demand = streams.filter(|s| s.record.mode == StreamMode::OnDemand).count();
    let over = mode == StreamMode::OnDemand && on_demand >= ON_DEMAND_STREAMS_MAX;
    if over && rules.refuses(Quota::OnDemandStreams) {
        return Err(Error::LimitExceeded(format!(
            "This request would exceed the limit on the number of On-Demand streams for the \
             account {account} in {region}. Current On-Demand streams count: {on_demand}. Limit: \
             {ON_DEMAND_STREAMS_MAX}."
        )));
    }
    Ok(())
}

fn check_transitions(snapshot: &Snapshot, rules: &Rules, key: &StreamKey) -> Result<()> {
    let streams = snapshot.streams_of(key.account, &key.region);
    let moving = streams.filter(|s| matches!(s.status(), Status::Creating | Status::Deleting));
    let over = moving.count() >= STREAMS_IN_TRANSITION_MAX;
    if over && rules.refuses(Quota::StreamsInTransition) {
        return Err(transition_limit(key.account, STREAMS_IN_TRANSITION_MAX));
    }
    Ok(())
}

/// DeleteStream: the stream is DELETING, and its consumers with it, if that was asked for; what
/// was pending is given up.
pub(crate) fn delete(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    (key, with_consumers): (&StreamKey, bool),
) -> Result<()> {
    let stream = existing(snapshot, key)?;
    let stays = |consumer: &&Consumer| stream.consumer_status(consumer) != Status::Deleting;
    match stream.status() {
        Status::Deleting => return Err(not_in(stream, "ACTIVE")),
        _ if !with_consumers && stream.consumers.iter().any(|c| stays(&c)) => {
            let StreamKey { name, account, .. } = key;
            return Err(Error::InUse(format!(
                "Stream {name} under account {account} has registered consumers. Deregister them, \
                 or set EnforceConsumerDeletion."
            )));
        }
        // It counts among those in transition already.
        Status::Creating => {}
        Status::Active | Status::Updating => check_transitions(snapshot, rules, key)?,
    }
    let pending = rules.pending(Change::Delete, now);
    edit.put_stream(key, StreamRecord { pending, ..stream.record.clone() });
    Ok(())
}
