//! GetShardIterator and GetRecords.

use model::Timestamp;
use model::limits::{GET_RECORDS_BYTES_MAX, GET_RECORDS_MAX};
use tokio::time::Instant;
use wire::kinesis::*;
use wire::{Caller, Operation};

use super::position::Wanted;
use super::streams::at;
use super::writing::count_call;
use super::{address, shapes};
use crate::catalog::{Shard, Stream, StreamKey};
use crate::control::Control;
use crate::error::{Error, Result, shard_gone, shard_rate_text};
use crate::shard::cursor::{self, Budget, Cursor};
use crate::shard::events::Throttled;
use crate::shard::iterator::ShardIterator;
use crate::shard::throttle::Limit;
use crate::{Inner, Mode};

impl Inner {
    pub(super) async fn get_shard_iterator(
        &self,
        caller: &Caller,
        input: GetShardIteratorInput,
    ) -> Result<GetShardIteratorOutput> {
        let GetShardIteratorInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::GetShardIterator, name, arn)?;
        let id = address::shard(&key, &input.shard_id)?;
        let now = self.control.clock.now();
        let snapshot = self.control.catalog.snapshot();
        let stream = snapshot.stream(&key).ok_or_else(|| shard_gone(&key, id))?;
        let shard = stream.shard(id).filter(|shard| shard.is_visible(stream.horizon(now)));
        let shard = shard.ok_or_else(|| shard_gone(&key, id))?;
        let wanted = Wanted {
            operation: Operation::GetShardIterator,
            kind: input.shard_iterator_type,
            number: input.starting_sequence_number.as_deref(),
            time: input.timestamp,
        };
        let position = wanted.position(stream, shard, now)?;
        if input.dry_run == Some(true) {
            return Err(Error::DryRun);
        }
        let within = shard.live(&self.control.storage).reads.lock().take_iterator(now);
        if let Err(limit) = within
            && !self.lets_read(stream, shard, limit, &caller.principal, now)
        {
            return Err(Error::Throttled(shard_rate_text(&key, id)));
        }
        let next = self.cursor(stream, shard, now).resolve(position).await?;
        let token = ShardIterator::new(stream, id, next).seal(&self.sealer, now);
        Ok(GetShardIteratorOutput { shard_iterator: Some(token) })
    }

    pub(super) async fn get_records(
        &self,
        caller: &Caller,
        input: GetRecordsInput,
    ) -> Result<GetRecordsOutput> {
        let started = Instant::now();
        let now = self.control.clock.now();
        let iterator = ShardIterator::open(&input.shard_iterator, &self.sealer, now)?;
        check_named(caller, &iterator, input.stream_arn.as_deref())?;
        let ShardIterator { stream: key, incarnation, shard: id, next } = &iterator;
        let snapshot = self.control.catalog.snapshot();
        let stream = snapshot.same_stream(key, *incarnation);
        let stream = stream.ok_or_else(|| shard_gone(key, *id))?;
        let shard = stream.shard(*id).filter(|shard| shard.is_visible(stream.horizon(now)));
        let shard = shard.ok_or_else(|| shard_gone(key, *id))?;
        if input.dry_run == Some(true) {
            return Err(Error::DryRun);
        }
        let within = self.throttle_read(caller, stream, shard, now)?;
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok());
        let budget = Budget {
            records: limit.unwrap_or(GET_RECORDS_MAX).min(GET_RECORDS_MAX),
            bytes: GET_RECORDS_BYTES_MAX,
        };
        let read = self.cursor(stream, shard, now).read(*next, budget).await?;
        let bytes = read.bytes();
        if within {
            shard.live(&self.control.storage).reads.lock().charge(bytes, now);
        }
        self.count_read(stream, shard, &read, now);
        let output = self.records_output(stream, shard, read, now);
        count_call(&stream.counters.get_records, bytes, true, started);
        Ok(output)
    }

    /// The stream that an iterator reads.
    pub(super) fn iterated_stream(&self, token: &str) -> Result<StreamKey> {
        let now = self.control.clock.now();
        Ok(ShardIterator::open(token, &self.sealer, now)?.stream)
    }

    pub(super) fn cursor<'a>(
        &'a self,
        stream: &'a Stream,
        shard: &'a Shard,
        now: Timestamp,
    ) -> Cursor<'a> {
        let Control { storage, keys, .. } = &self.control;
        Cursor { stream, shard, storage, keys, now }
    }

    /// Whether a call is within the shard's rate; refuses it if it must be.
    fn throttle_read(
        &self,
        caller: &Caller,
        stream: &Stream,
        shard: &Shard,
        now: Timestamp,
    ) -> Result<bool> {
        let taken = shard.live(&self.control.storage).reads.lock().take_call(now);
        let Err(limit) = taken else { return Ok(true) };
        if self.lets_read(stream, shard, limit, &caller.principal, now) {
            return Ok(false);
        }
        stream.counters.get_records.calls.add(1);
        let StreamKey { name, account, .. } = &stream.key;
        let id = shard.id;
        Err(Error::Throttled(format!("Rate exceeded for Shard - {account}/{name}/{id}")))
    }

    /// Whether a read over the shard's rate is let through; takes note of it either way.
    fn lets_read(
        &self,
        stream: &Stream,
        shard: &Shard,
        limit: Limit,
        principal: &str,
        now: Timestamp,
    ) -> bool {
        let refused = self.control.rules.limits.mode == Mode::Aws;
        let throttled = Throttled { shard: shard.id, limit, refused, principal, hash: None };
        stream.events.note(now, throttled);
        if !refused {
            stream.counters.reads_over_rate.add(1);
            return true;
        }
        shard.live(&self.control.storage).counters.reads_throttled.add(1);
        stream.counters.reads_throttled.add(1);
        false
    }

    fn count_read(&self, stream: &Stream, shard: &Shard, read: &cursor::Records, now: Timestamp) {
        let live = shard.live(&self.control.storage);
        let (records, bytes) = (read.records.len() as u64, read.bytes());
        live.counters.outgoing_records.add(records);
        live.counters.outgoing_bytes.add(bytes as u64);
        stream.counters.get_records_records.add(records);
        if let Some(last) = read.records.last() {
            let age = now.millis_since(last.arrived);
            live.counters.iterator_age_ms.set(age);
            stream.counters.get_records_iterator_age_ms.set(age);
        }
    }

    fn records_output(
        &self,
        stream: &Stream,
        shard: &Shard,
        read: cursor::Records,
        now: Timestamp,
    ) -> GetRecordsOutput {
        let next = ShardIterator::new(stream, shard.id, read.next);
        GetRecordsOutput {
            next_shard_iterator: (!read.ended).then(|| next.seal(&self.sealer, now)),
            child_shards: read
                .ended
                .then(|| stream.children(shard.id).map(shapes::child).collect()),
            millis_behind_latest: Some(i64::try_from(read.millis_behind).unwrap_or(i64::MAX)),
            records: read.records.into_iter().map(shapes::record).collect(),
        }
    }
}

/// The iterator must be of the region that the caller talks to, and of the stream that the request
/// names if it names one. Whether the caller may read that stream was decided before.
fn check_named(caller: &Caller, iterator: &ShardIterator, arn: Option<&str>) -> Result<()> {
    let invalid = || Error::Invalid("Invalid ShardIterator.".into());
    let (_, region) = address::home(caller)?;
    if iterator.stream.region != region {
        return Err(invalid());
    }
    let Some(arn) = arn else { return Ok(()) };
    let named = address::by_arn(caller, Operation::GetRecords, arn)?;
    if named == iterator.stream { Ok(()) } else { Err(invalid()) }
}
