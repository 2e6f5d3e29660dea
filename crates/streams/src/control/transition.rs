//! Completes what is pending: the second half of every change that takes its time.
//!
//! Each kind is idempotent up to its last step, one transaction that also ends the pending state:
//! seals and deletions of logs may be repeated, and whoever comes second finds nothing pending.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use model::{HashKeyRange, ShardId, Timestamp};
use storage::{Commit, Log};
use tokio::time::Instant;

use super::{Control, plan};
use crate::catalog::{
    Change, Edit, Incarnation, Pending, ShardMetrics, ShardRecord, Snapshot, Stream, StreamRecord,
};
use crate::error::Result;

/// How long after a failure to try again.
const RETRY: Duration = Duration::from_secs(1);

/// What waits for its moment: that moment, and when it is by tokio's clock.
type Due = BTreeMap<Incarnation, (Timestamp, Instant)>;

impl Control {
    /// Completes every pending change when it is due, for ever.
    pub(crate) async fn run_transitions(self) {
        let mut due = Due::default();
        loop {
            let snapshot = self.catalog.snapshot();
            self.schedule(&snapshot, &mut due);
            for stream in snapshot.streams.values() {
                if is_due(&due, stream.record.incarnation) {
                    let completed = self.complete(stream).await;
                    settle(&mut due, stream, stream.record.incarnation, completed);
                }
                for consumer in &stream.consumers {
                    if is_due(&due, consumer.record.incarnation) {
                        let completed = self.complete_consumer(stream, consumer).await;
                        settle(&mut due, stream, consumer.record.incarnation, completed);
                    }
                }
            }
            let next = due.values().map(|(_, at)| *at).min();
            tokio::select! {
                biased;
                changed = self.catalog.changed_since(&snapshot) => {
                    if changed.is_err() { return }
                }
                () = sleep_until(next) => {}
            }
        }
    }

    /// Notes when each pending change is due: by the wall clock, but never later than a whole
    /// delay from when this process first saw it, whatever the wall clock does.
    fn schedule(&self, snapshot: &Snapshot, due: &mut Due) {
        let pending: BTreeMap<_, _> =
            snapshot.streams.values().flat_map(|stream| pending_in(stream)).collect();
        due.retain(|id, (known, _)| pending.get(id) == Some(known));
        for (id, moment) in pending {
            let left = Duration::from_millis(moment.millis_since(self.clock.now()));
            let left = left.min(self.rules.transition_delay);
            due.entry(id).or_insert_with(|| (moment, Instant::now() + left));
        }
    }

    /// Completes what is pending in `stream` and its consumers.
    pub(crate) async fn complete_all(&self, stream: &Arc<Stream>) -> Result<()> {
        for consumer in &stream.consumers {
            self.complete_consumer(stream, consumer).await?;
        }
        self.complete(stream).await
    }

    /// Completes what is pending in `stream`, if anything is.
    pub(crate) async fn complete(&self, stream: &Arc<Stream>) -> Result<()> {
        let Some(pending) = &stream.record.pending else { return Ok(()) };
        match &pending.change {
            Change::Create { shards } => self.open_shards(stream, *shards).await,
            Change::Delete => self.forget(stream).await,
            Change::Split { .. }
            | Change::Merge { .. }
            | Change::Scale { .. }
            | Change::Grow { .. }
            | Change::Adapt { .. } => self.reshard(stream).await,
            Change::Encrypt { with } => {
                let encryption = with.clone();
                self.finish(stream, move |stream, edit| {
                    let record =
                        StreamRecord { encryption, pending: None, ..stream.record.clone() };
                    edit.put_stream(&stream.key, record);
                })
                .await
            }
            Change::Configure { record_kib_max, monitored } => {
                let settings = (*record_kib_max, *monitored);
                self.finish(stream, move |stream, edit| configure(stream, edit, settings)).await
            }
        }
    }

    async fn open_shards(&self, stream: &Arc<Stream>, count: NonZeroU32) -> Result<()> {
        self.finish(stream, move |stream, edit| {
            let opened = stream.record.created;
            for (index, range) in (0..).zip(HashKeyRange::uniform(count)) {
                let record = ShardRecord::initial(edit.new_log(), range, opened);
                edit.put_shard(&stream.key, ShardId::new(index), record);
            }
            let next_shard = count.get();
            let record = StreamRecord { next_shard, pending: None, ..stream.record.clone() };
            edit.put_stream(&stream.key, record);
        })
        .await
    }

    async fn forget(&self, stream: &Arc<Stream>) -> Result<()> {
        // First the records: a crash in between leaves a stream that is still DELETING.
        let logs = stream.shards.iter().map(|shard| shard.record.log);
        let logs: Vec<_> = logs.map(|log| self.storage.log(log)).collect();
        durably(&logs, Log::delete).await?;
        self.keys.forget_stream(stream.record.incarnation.0).await?;
        self.finish(stream, |stream, edit| edit.remove_stream(&stream.key)).await
    }

    async fn reshard(&self, stream: &Arc<Stream>) -> Result<()> {
        let Some(Pending { change, .. }) = stream.record.pending.clone() else { return Ok(()) };
        let parents = plan::parents(stream, &change);
        let parents: BTreeMap<_, _> =
            parents.into_iter().filter_map(|id| Some((id, stream.shard(id)?.record))).collect();
        let logs: Vec<_> = parents.values().map(|shard| self.storage.log(shard.log)).collect();
        durably(&logs, Log::seal).await?;
        // Sealed: nothing arrives there any more, so this is after their last records.
        let arrived = logs.iter().map(|log| log.state().last_time).max().unwrap_or_default();
        let opened = parents.values().map(|shard| shard.opened).max().unwrap_or_default();
        let moment = self.clock.now().max(arrived).max(opened);
        self.finish(stream, move |stream, edit| {
            switch(stream, edit, &change, parents, moment);
        })
        .await
    }

    /// Edits the stream, unless what was pending is done already or was given up meanwhile.
    async fn finish(
        &self,
        stream: &Arc<Stream>,
        change: impl FnOnce(&Stream, &mut Edit) + Send + 'static,
    ) -> Result<()> {
        let seen = stream.clone();
        let decide = move |snapshot: &Snapshot, edit: &mut Edit| {
            let now = snapshot.same_stream(&seen.key, seen.record.incarnation);
            if let Some(now) = now.filter(|now| now.record.pending == seen.record.pending) {
                change(now, edit);
            }
            Ok(())
        };
        self.catalog.change(decide).await?;
        Ok(())
    }
}

/// What is pending in a stream, and from which moment on it may be completed.
fn pending_in(stream: &Stream) -> impl Iterator<Item = (Incarnation, Timestamp)> {
    let own = stream.record.pending.as_ref().map(|p| (stream.record.incarnation, p.due));
    let consumers = stream.consumers.iter().map(|consumer| &consumer.record);
    let consumers = consumers.filter_map(|c| Some((c.incarnation, c.pending.as_ref()?.due)));
    own.into_iter().chain(consumers)
}

fn is_due(due: &Due, id: Incarnation) -> bool {
    due.get(&id).is_some_and(|(_, at)| *at <= Instant::now())
}

/// Forgets what was completed, and puts off what was not.
fn settle(due: &mut Due, stream: &Stream, id: Incarnation, completed: Result<()>) {
    let Err(error) = completed else {
        due.remove(&id);
        return;
    };
    tracing::warn!(stream = %stream.key.name, %error, "a change waits");
    if let Some((_, at)) = due.get_mut(&id) {
        *at = Instant::now() + RETRY;
    }
}

/// Closes the parents and opens the children, all at once; unless the parents are others by now,
/// so that they are not the ones that were sealed.
fn switch(
    stream: &Stream,
    edit: &mut Edit,
    change: &Change,
    parents: BTreeMap<ShardId, ShardRecord>,
    moment: Timestamp,
) {
    if !plan::parents(stream, change).iter().eq(parents.keys()) {
        return;
    }
    let (next, others) = (stream.record.next_shard, stream.open_shards().len() - parents.len());
    let plan = plan::Plan::new(parents, next, moment, || edit.new_log()).beside(others);
    let (shards, next_shard) = plan.carry_out(change);
    for (id, record) in shards {
        edit.put_shard(&stream.key, id, record);
    }
    let record = StreamRecord { next_shard, pending: None, ..stream.record.clone() };
    edit.put_stream(&stream.key, record);
}

fn configure(stream: &Stream, edit: &mut Edit, settings: (u32, ShardMetrics)) {
    let (record_kib_max, monitored) = settings;
    let record = StreamRecord { record_kib_max, monitored, pending: None, ..stream.record.clone() };
    edit.put_stream(&stream.key, record);
}

/// Does the same to all logs, then waits until all of it is durable.
async fn durably(logs: &[Log], act: impl Fn(&Log) -> storage::Result<Commit>) -> Result<()> {
    let commits: Vec<_> = logs.iter().map(act).collect::<storage::Result<_>>()?;
    for commit in commits {
        commit.durable().await?;
    }
    Ok(())
}

async fn sleep_until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next).await,
        None => std::future::pending().await,
    }
}
