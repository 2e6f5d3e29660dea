//! Carries out what [`super::autoscale`] decides about on-demand streams.
//!
//! Decisions and the change of shards that follows from them are one transaction, so whatever
//! happened to the shards has its reason beside it. A stream that is not ACTIVE waits.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::limits::{SHARDS_DEFAULT, WARM_MIBPS_PER_SHARD};

use super::autoscale::{Bounds, ShardTraffic, WINDOW_SLOTS, decide, demand};
use super::{Control, capacity};
use crate::catalog::{
    Change, Edit, Merge, Pending, Scaling, ScalingAction, ScalingDecision, Snapshot, Split, Status,
    Stream, StreamMode, StreamRecord,
};
use crate::error::Result;
use crate::shard::load::{Amount, Shape};

impl Control {
    /// Looks at every on-demand stream once in a `period`, for ever.
    pub(crate) async fn run_scaling(self, period: Duration) {
        loop {
            tokio::time::sleep(period).await;
            self.scale_streams().await;
        }
    }

    async fn scale_streams(&self) {
        let snapshot = self.catalog.snapshot();
        for stream in snapshot.streams.values() {
            let wanted = stream.record.mode == StreamMode::OnDemand;
            if wanted
                && stream.status() == Status::Active
                && let Err(error) = self.scale(&snapshot, stream).await
            {
                tracing::warn!(stream = %stream.key.name, %error, "scaling waits");
            }
        }
    }

    async fn scale(&self, snapshot: &Snapshot, stream: &Arc<Stream>) -> Result<()> {
        let now = self.clock.now();
        let traffic = traffic(stream, now);
        let mut scaling = Scaling::clone(&stream.scaling);
        let risen = scaling.peaks.note(now, demand(now, &traffic));
        let decisions = decide(now, &traffic, &scaling, self.bounds(snapshot, stream, now));
        if decisions.is_empty() && !risen {
            return Ok(());
        }
        scaling.keep(&decisions);
        for decision in &decisions {
            tracing::info!(stream = %stream.key.name, shard = %decision.shard, ?decision, "scaling");
        }
        let seen = stream.clone();
        let decide = move |snapshot: &Snapshot, edit: &mut Edit| {
            let stream = snapshot.same_stream(&seen.key, seen.record.incarnation);
            // Decided on other shards, it may mean nothing any more; the next round sees them.
            let Some(stream) = stream.filter(|now| now.record == seen.record) else {
                return Ok(());
            };
            edit.put_scaling(&stream.key, scaling);
            if let Some(change) = change(&decisions) {
                let pending = Some(Pending { change, due: now });
                edit.put_stream(&stream.key, StreamRecord { pending, ..stream.record.clone() });
            }
            Ok(())
        };
        self.catalog.change(decide).await?;
        match self.catalog.snapshot().stream(&stream.key) {
            Some(stream) => self.complete(stream).await,
            None => Ok(()),
        }
    }

    /// Between how many shards a stream scales by itself.
    pub(crate) fn bounds(&self, snapshot: &Snapshot, stream: &Stream, now: Timestamp) -> Bounds {
        let committed = snapshot.is_committed(&stream.key, now);
        let warm = stream.record.warm_mibps.filter(|_| committed).map(capacity::shards_for);
        let warm = warm.unwrap_or_default() as usize;
        let ceiling = (self.rules.limits.on_demand_mibps / WARM_MIBPS_PER_SHARD) as usize;
        Bounds { shards_max: ceiling.max(warm), shards_min: warm.max(SHARDS_DEFAULT as usize) }
    }
}

/// The open shards of a stream, in the order of their hash keys, with their traffic.
pub(crate) fn traffic(stream: &Stream, now: Timestamp) -> Vec<ShardTraffic> {
    let shards = stream.open_shards().map(|shard| {
        let (range, opened) = (shard.record.range, shard.record.opened);
        let (offered, peak, shape) = (Amount::default(), 0.0, Shape::default());
        let mut traffic = ShardTraffic { id: shard.id, range, opened, offered, peak, shape };
        if let Some(live) = shard.used() {
            let mut load = live.load.lock();
            load.tick(now);
            (traffic.offered, traffic.shape) = (load.recent(WINDOW_SLOTS), load.shape());
            if stream.record.mode == StreamMode::OnDemand {
                load.peaks.note(now, traffic.use_of_capacity(now));
            }
            // What the owner released is not kept for what it was once asked for.
            let forgotten = stream.scaling.is_released(now);
            traffic.peak = if forgotten { 0.0 } else { load.peaks.most(now) };
        }
        traffic
    });
    shards.collect()
}

/// What decisions do to the shards, if they do anything.
fn change(decisions: &[ScalingDecision]) -> Option<Change> {
    let (mut splits, mut merges) = (Vec::new(), Vec::new());
    for ScalingDecision { shard, action, .. } in decisions {
        match *action {
            ScalingAction::Split { at, .. } => splits.push(Split { shard: *shard, at }),
            ScalingAction::Merge { right } => merges.push(Merge { left: *shard, right }),
            ScalingAction::HoldForOneKey { .. } | ScalingAction::HoldAtCeiling { .. } => {}
        }
    }
    let any = !splits.is_empty() || !merges.is_empty();
    any.then_some(Change::Adapt { splits, merges })
}
