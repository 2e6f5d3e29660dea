//! ExplainStream: what is known of a stream's traffic and of the decisions about it.

use model::{HashKey, Timestamp};
use wire::admin::{self, CureAction, ExplainStreamInput, ExplainStreamOutput, ShardLimit};
use wire::{ApiError, Caller, Operation};

use super::{shapes, streams::at};
use crate::catalog::{Distribution, ScalingAction, ScalingDecision, Stream, StreamMode};
use crate::control::autoscale::{self, HOT, ShardTraffic};
use crate::control::{existing, scaling};
use crate::error::Result;
use crate::shard::events::ThrottleEvent;
use crate::shard::load::HeavyKey;
use crate::shard::throttle::Limit;
use crate::{Inner, Mode, Streams};

/// Events that one answer shows.
const EVENTS_SHOWN: usize = 100;
/// Shards that one answer shows.
const SHARDS_SHOWN: usize = 100;
/// Keys of a shard that are shown: the heaviest, and only those with this part of the weight.
const KEYS_SHOWN: usize = 5;
const KEY_SHARE_MIN: f64 = 0.01;

impl Streams {
    /// Carries out ExplainStream, one of Weir's own operations.
    pub async fn explain_stream(
        &self,
        caller: &Caller,
        input: ExplainStreamInput,
    ) -> Result<ExplainStreamOutput, ApiError> {
        Ok(self.inner().explain_stream(caller, &input)?)
    }
}

impl Inner {
    fn explain_stream(
        &self,
        caller: &Caller,
        input: &ExplainStreamInput,
    ) -> Result<ExplainStreamOutput> {
        let ExplainStreamInput { stream_name: name, stream_arn: arn } = input;
        let key = at(caller, Operation::ExplainStream, name, arn)?;
        let (snapshot, now) = (self.control.catalog.snapshot(), self.control.clock.now());
        let stream = existing(&snapshot, &key)?;
        let mut traffic = scaling::traffic(stream, now);
        let on_demand = stream.record.mode == StreamMode::OnDemand;
        let ceiling = self.control.bounds(&snapshot, stream, now).shards_max;
        let events = stream.events.latest().into_iter().take(EVENTS_SHOWN);
        let throttled = events.map(|event| throttle_event(event, &traffic)).collect();
        traffic.retain(|shard| shard.offered.records > 0);
        let used = |shard: &ShardTraffic| shard.use_of_capacity(now);
        traffic.sort_by(|a, b| used(b).total_cmp(&used(a)).then_with(|| a.id.cmp(&b.id)));
        traffic.truncate(SHARDS_SHOWN);
        let peak = stream.scaling.peaks.most(now);
        let decisions = stream.scaling.decisions.iter().rev().map(decision).collect();
        Ok(ExplainStreamOutput {
            stream_name: key.name.to_string(),
            stream_arn: stream.arn().to_string(),
            stream_status: shapes::status(stream),
            stream_mode_details: shapes::mode(stream),
            limits_enforced: self.control.rules.limits.mode == Mode::Aws,
            open_shard_count: shapes::int(stream.open_shards().len()),
            shards_ceiling: on_demand.then(|| shapes::int(ceiling)),
            peak_permille: on_demand.then_some((peak * 1000.0) as i64),
            throttled,
            shards: traffic.iter().map(|shard| shard_traffic(stream, shard, now)).collect(),
            decisions,
        })
    }
}

fn throttle_event(event: ThrottleEvent, traffic: &[ShardTraffic]) -> admin::ThrottleEvent {
    let keys = traffic.iter().flat_map(|shard| &shard.shape.keys);
    let named = keys.filter(|key| key.share >= KEY_SHARE_MIN);
    let hash = event.hash();
    let named = hash.and_then(|hash| named.clone().find(|key| key.hash == Some(hash)));
    admin::ThrottleEvent {
        first_at: event.first,
        last_at: event.last,
        shard_id: event.shard.to_string(),
        limit: match event.limit {
            Limit::WriteBytes => ShardLimit::WriteBytes,
            Limit::WriteRecords => ShardLimit::WriteRecords,
            Limit::ReadBytes => ShardLimit::ReadBytes,
            Limit::ReadCalls => ShardLimit::ReadCalls,
            Limit::IteratorCalls => ShardLimit::IteratorCalls,
        },
        refused: event.refused,
        principal: event.principal.into(),
        count: long(event.count),
        hash_key: hash.map(|hash| hash.to_string()),
        partition_key: named.map(|key| key.key.clone()),
    }
}

fn shard_traffic(stream: &Stream, shard: &ShardTraffic, now: Timestamp) -> admin::ShardTraffic {
    let keys = shard.shape.keys.iter().take(KEYS_SHOWN);
    let keys = keys.filter(|key| key.share >= KEY_SHARE_MIN).map(|key| admin::HeavyKey {
        partition_key: key.key.clone(),
        hash_key: key.hash.map(|hash| hash.to_string()),
        bytes_permille: permille(key.bytes_share),
        records_permille: permille(key.records_share),
    });
    admin::ShardTraffic {
        shard_id: shard.id.to_string(),
        starting_hash_key: shard.range.start().to_string(),
        ending_hash_key: shard.range.end().to_string(),
        seconds: shard.seconds(now) as i32,
        bytes: long(shard.offered.bytes),
        records: long(shard.offered.records),
        over_rate: long(shard.offered.over),
        use_permille: permille(shard.use_of_capacity(now)),
        heavy_keys: keys.collect(),
        cures: cures(stream, shard, now),
    }
}

/// What would help a shard, if it is hot.
fn cures(stream: &Stream, shard: &ShardTraffic, now: Timestamp) -> Vec<admin::Cure> {
    if !shard.is_hot(now) {
        return Vec::new();
    }
    let none = admin::Cure {
        action: CureAction::Split,
        new_starting_hash_key: None,
        below_permille: None,
        partition_key: None,
        salts: None,
    };
    let split = autoscale::relief(shard).map(|cut| admin::Cure {
        new_starting_hash_key: Some(cut.at.to_string()),
        below_permille: Some(permille(cut.below)),
        ..none.clone()
    });
    // Where records are spread evenly their keys decide nothing.
    let by_key = stream.record.distribution == Distribution::ByKey;
    let salt = |key: &HeavyKey| {
        let salts = autoscale::salts(key, shard.offered, shard.seconds(now))?;
        Some(admin::Cure {
            action: CureAction::Salt,
            partition_key: Some(key.key.clone()),
            salts: Some(shapes::int(salts)),
            ..none.clone()
        })
    };
    let salted = shard.shape.keys.iter().filter(|_| by_key).filter_map(salt);
    split.into_iter().chain(salted).collect()
}

fn decision(decision: &ScalingDecision) -> admin::ScalingDecision {
    let ScalingDecision { at, shard, action, inputs } = decision;
    let (mut below, mut share, mut split_at, mut hash, mut right) = (None, None, None, None, None);
    let action = match *action {
        ScalingAction::Split { at, below_permille } => {
            (split_at, below) = (Some(at), Some(below_permille));
            admin::ScalingAction::Split
        }
        ScalingAction::Merge { right: neighbour } => {
            right = Some(neighbour);
            admin::ScalingAction::Merge
        }
        ScalingAction::HoldForOneKey { hash: place, share_permille } => {
            (hash, share) = (place, Some(share_permille));
            admin::ScalingAction::HoldForOneKey
        }
        ScalingAction::HoldAtCeiling { .. } => admin::ScalingAction::HoldAtCeiling,
    };
    let text = |key: Option<HashKey>| key.map(|key| key.to_string());
    admin::ScalingDecision {
        decided_at: *at,
        shard_id: shard.to_string(),
        action,
        adjacent_shard_id: right.map(|id| id.to_string()),
        new_starting_hash_key: text(split_at),
        below_permille: below.map(shapes::int),
        hash_key: text(hash),
        share_permille: share.map(shapes::int),
        use_permille: shapes::int(inputs.used_permille),
        seconds: shapes::int(inputs.seconds),
        bytes: long(inputs.bytes),
        records: long(inputs.records),
        over_rate: long(inputs.over),
        open_shard_count: shapes::int(inputs.open_shards),
        reason: reason(decision),
    }
}

/// A decision in a sentence.
fn reason(decision: &ScalingDecision) -> String {
    let inputs = &decision.inputs;
    let percent = |permille: u32| f64::from(permille) / 10.0;
    let (used, seconds) = (percent(inputs.used_permille), inputs.seconds);
    let over = match inputs.over {
        0 => String::new(),
        over => format!(", {over} of {} records over its rate", inputs.records),
    };
    let asked = format!("it was asked for {used} % of its throughput in {seconds} s{over}");
    match decision.action {
        ScalingAction::Split { below_permille, .. } => format!(
            "{asked}: more than {} %; {} % of the weight goes to the lower half",
            HOT * 100.0,
            percent(below_permille)
        ),
        ScalingAction::Merge { .. } => {
            let coldest = autoscale::COLD * 100.0;
            format!("together they were asked for {used} %, and for less than {coldest} % at most")
        }
        ScalingAction::HoldForOneKey { share_permille, .. } => format!(
            "{asked}, but one key has {} % of the weight: no split relieves it, only salting that \
             key",
            percent(share_permille)
        ),
        ScalingAction::HoldAtCeiling { shards } => format!(
            "{asked}, but the stream has {shards} shards, as many as limits.on_demand_mibps allows"
        ),
    }
}

fn permille(part: f64) -> i32 {
    (part * 1000.0).round() as i32
}

fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
