//! A consumer that polls every shard and remembers only how far it is: it begins anew again and
//! again, after the last record, at it, or at the moment when it arrived.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use model::Timestamp;
use weir_client::Client;
use weir_client::kinesis::{GetRecordsInput, GetShardIteratorInput, ShardIteratorType};

use super::{pause, reader};
use crate::history::{Progress, Seen};
use crate::run::{Run, STREAM};

const PAUSE_MS: std::ops::Range<u64> = 1..40;
/// How often it asks with one iterator and those that follow it.
const CALLS: std::ops::Range<u64> = 1..5;
const RECORDS: std::ops::Range<u64> = 1..200;

/// What an iterator may still bring.
struct Asked {
    /// Nothing that arrived earlier.
    from: Option<Timestamp>,
    /// Nothing up to this index: neither what comes before the start nor what came already.
    after: u64,
}

impl Asked {
    fn of(input: &GetShardIteratorInput, point: Point) -> Self {
        let last = point.progress.0.map_or(0, |last| last.index());
        let after = match input.shard_iterator_type {
            ShardIteratorType::AfterSequenceNumber => last,
            ShardIteratorType::AtSequenceNumber => last - 1,
            _ => 0,
        };
        Self { from: input.timestamp, after }
    }

    fn check(&mut self, shard: &str, seen: &Seen) -> Result<()> {
        let Seen { number, arrived, .. } = *seen;
        let Self { from, after } = *self;
        ensure!(
            number.index() > after && from.is_none_or(|from| arrived >= from),
            "{shard}: an iterator after {after}, from {from:?} on, went back to {number}, which \
             arrived at {arrived}"
        );
        self.after = number.index();
        Ok(())
    }
}

#[derive(Clone, Copy, Default)]
struct Point {
    progress: Progress,
    arrived: Timestamp,
    ended: bool,
}

/// What outlives crashes: how far it is. Clones are the same poller.
#[derive(Clone, Default)]
pub(crate) struct Poller(Arc<Mutex<BTreeMap<String, Point>>>);

impl Poller {
    pub(crate) async fn work(self, run: Run, client: Client) {
        loop {
            if let Err(error) = self.pass(&run, &client).await {
                run.trace.event(format_args!("poller: {error:#}"));
            }
            pause(&run, PAUSE_MS).await;
        }
    }

    /// Sums up how far it is, for the trace.
    pub(crate) fn records(&self) -> u64 {
        let points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        points.values().filter_map(|point| point.progress.0).map(|last| last.index()).sum()
    }

    fn point(&self, shard: &str) -> Point {
        let mut points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *points.entry(shard.to_owned()).or_default()
    }

    async fn pass(&self, run: &Run, client: &Client) -> Result<()> {
        for shard in reader::shards(client).await? {
            if !self.point(&shard.shard_id).ended {
                self.poll(run, client, &shard.shard_id).await?;
            }
            pause(run, 0..3).await;
        }
        Ok(())
    }

    async fn poll(&self, run: &Run, client: &Client, shard: &str) -> Result<()> {
        let point = self.point(shard);
        let input = iterator_input(run, shard, point);
        let kind = input.shard_iterator_type;
        let mut asked = Asked::of(&input, point);
        let mut iterator = client.call(input).await?.shard_iterator;
        for _ in 0..run.world.entropy.within(CALLS) {
            let Some(shard_iterator) = iterator.take() else { break };
            let limit = i32::try_from(run.world.entropy.within(RECORDS)).ok();
            let input = GetRecordsInput { shard_iterator, limit, ..GetRecordsInput::default() };
            let output = reader::get_records(run, client, shard, input).await?;
            for record in output.records {
                let seen = reader::seen(record)?;
                run.require(asked.check(shard, &seen).and_then(|()| self.keep(run, shard, seen)));
            }
            iterator = output.next_shard_iterator;
            if iterator.is_none() {
                run.trace.event(format_args!("poller: {shard} ends, begun by {kind:?}"));
                self.set(shard, Point { ended: true, ..self.point(shard) });
            }
        }
        Ok(())
    }

    fn keep(&self, run: &Run, shard: &str, seen: Seen) -> Result<()> {
        let mut point = self.point(shard);
        let (number, arrived) = (seen.number, seen.arrived);
        // It may have asked for what it has already.
        if point.progress.0.is_some_and(|last| number <= last) {
            return Ok(());
        }
        run.history().saw(shard, &mut point.progress, seen)?;
        self.set(shard, Point { arrived, ..point });
        Ok(())
    }

    fn set(&self, shard: &str, point: Point) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(shard.to_owned(), point);
    }
}

fn iterator_input(run: &Run, shard: &str, point: Point) -> GetShardIteratorInput {
    let input = GetShardIteratorInput {
        stream_name: Some(STREAM.into()),
        shard_id: shard.to_owned(),
        shard_iterator_type: ShardIteratorType::TrimHorizon,
        ..GetShardIteratorInput::default()
    };
    let Some(last) = point.progress.0 else { return input };
    let starting_sequence_number = Some(last.to_string());
    let (shard_iterator_type, starting_sequence_number, timestamp) =
        match run.world.entropy.within(0..3) {
            0 => (ShardIteratorType::AfterSequenceNumber, starting_sequence_number, None),
            1 => (ShardIteratorType::AtSequenceNumber, starting_sequence_number, None),
            _ => (ShardIteratorType::AtTimestamp, None, Some(point.arrived)),
        };
    GetShardIteratorInput { shard_iterator_type, starting_sequence_number, timestamp, ..input }
}
