//! PutRecord and PutRecords.

use std::sync::Arc;

use model::limits::PUT_RECORDS_BYTES_MAX;
use model::{HashKey, SequenceNumber};
use tokio::time::Instant;
use wire::kinesis::*;
use wire::{ApiError, Caller, ErrorCode, Operation};

use super::{shapes, streams::at};
use crate::Inner;
use crate::catalog::{Distribution, Snapshot, Stream, StreamKey};
use crate::error::{Error, Result, no_such_stream, shard_rate_text};
use crate::metrics::CallCounters;
use crate::router::{Outcome, Router, hash_of};
use crate::shard::writer::Put;

impl Inner {
    pub(super) async fn put_record(
        &self,
        caller: &Caller,
        input: PutRecordInput,
    ) -> Result<PutRecordOutput, ApiError> {
        let started = Instant::now();
        let PutRecordInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::PutRecord, name, arn)?;
        let (snapshot, stream) = self.writable(&key)?;
        let record = Member {
            index: None,
            key: input.partition_key.as_deref(),
            explicit_hash_key: input.explicit_hash_key.as_deref(),
            data: &input.data,
        };
        let put = record.put(&stream)?;
        if let Some(number) = &input.sequence_number_for_ordering {
            self.check_ordering(&stream, put.hash, number)?;
        }
        self.check_key(&stream)?;
        if input.dry_run == Some(true) {
            return Err(Error::DryRun.into());
        }
        let outcomes = self.router(caller).put(snapshot, stream.clone(), &[put]).await;
        let outcome = outcomes.first().copied().unwrap_or(Outcome::Failed);
        let written = matches!(outcome, Outcome::Written { .. });
        count_call(&stream.counters.put_record, put.bytes(), written, started);
        match outcome {
            Outcome::Written { shard, number } => Ok(PutRecordOutput {
                shard_id: shard.to_string(),
                sequence_number: number.to_string(),
                encryption_type: shapes::encryption_of_records(&stream),
            }),
            Outcome::Throttled { shard } => {
                stream.counters.writes_throttled.add(1);
                Err(Error::Throttled(shard_rate_text(&key, shard)).into())
            }
            Outcome::Failed => Err(ApiError::bare(ErrorCode::InternalFailure)),
        }
    }

    pub(super) async fn put_records(
        &self,
        caller: &Caller,
        input: PutRecordsInput,
    ) -> Result<PutRecordsOutput> {
        let started = Instant::now();
        let PutRecordsInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::PutRecords, name, arn)?;
        let (snapshot, stream) = self.writable(&key)?;
        let mut records = Vec::with_capacity(input.records.len());
        for (index, entry) in input.records.iter().enumerate() {
            let member = Member {
                index: Some(index + 1),
                key: entry.partition_key.as_deref(),
                explicit_hash_key: entry.explicit_hash_key.as_deref(),
                data: &entry.data,
            };
            records.push(member.put(&stream)?);
        }
        let bytes: usize = records.iter().map(Put::bytes).sum();
        if bytes > PUT_RECORDS_BYTES_MAX {
            return Err(Error::Invalid("Records size exceeds 10 MB limit".into()));
        }
        self.check_key(&stream)?;
        if input.dry_run == Some(true) {
            return Err(Error::DryRun);
        }
        let outcomes = self.router(caller).put(snapshot, stream.clone(), &records).await;
        let output = put_records_output(&stream, &outcomes);
        count_put_records(&stream, &outcomes);
        let any_written = outcomes.len() > output.failed_record_count as usize;
        count_call(&stream.counters.put_records, bytes, any_written, started);
        Ok(output)
    }

    fn router<'a>(&'a self, caller: &'a Caller) -> Router<'a> {
        let control = &self.control;
        Router {
            catalog: &control.catalog,
            storage: &control.storage,
            keys: &control.keys,
            clock: control.clock.as_ref(),
            mode: control.rules.limits.mode,
            principal: &caller.principal,
        }
    }

    /// A stream that takes records; one that has no shards yet is not found yet.
    fn writable(&self, key: &StreamKey) -> Result<(Arc<Snapshot>, Arc<Stream>)> {
        let snapshot = self.control.catalog.snapshot();
        let stream = snapshot.stream(key).filter(|stream| stream.open_shards().len() > 0);
        let stream = stream.ok_or_else(|| no_such_stream(key))?.clone();
        Ok((snapshot, stream))
    }

    /// Any number is taken that is not from the future. The shard's own last record may be a
    /// little ahead of a clock that stepped back.
    fn check_ordering(&self, stream: &Stream, hash: HashKey, text: &str) -> Result<()> {
        let control = &self.control;
        let shard = &stream.shards[stream.route(hash)];
        let newest = shard.live(&control.storage).log.state().last_time;
        let latest = control.clock.now().max(newest).max(shard.record.opened);
        let number = text.parse::<SequenceNumber>().ok();
        if number.is_some_and(|number| number.time() <= latest) {
            return Ok(());
        }
        let StreamKey { name, account, .. } = &stream.key;
        Err(Error::Invalid(format!(
            "ExclusiveMinimumSequenceNumber {text} used in PutRecord on stream {name} under \
             account {account} is invalid."
        )))
    }
}

/// A record of a request, with what names it in texts.
struct Member<'a> {
    /// Its place in PutRecords, from 1 on.
    index: Option<usize>,
    key: Option<&'a str>,
    explicit_hash_key: Option<&'a str>,
    data: &'a [u8],
}

impl<'a> Member<'a> {
    /// The record, if the stream takes records of its size.
    fn put(&self, stream: &Stream) -> Result<Put<'a>> {
        if self.key.is_none() && stream.record.distribution == Distribution::ByKey {
            let path = self.path("partitionKey");
            return Err(violation(&format!("Value null at '{path}'"), "Member must not be null"));
        }
        let max = stream.record.record_kib_max as usize * 1024;
        let bytes = self.key.map_or(0, str::len) + self.data.len();
        if bytes <= max {
            return Ok(Put { hash: self.hash(stream)?, key: self.key, data: self.data });
        }
        let (n, path) = (self.data.len(), self.path("data"));
        Err(violation(
            &format!("Value 'java.nio.HeapByteBuffer[pos=0 lim={n} cap={n}]' at '{path}'"),
            &format!("Member must have length less than or equal to {max}"),
        ))
    }

    /// Where it goes. A stream that spreads its records evenly looks at none of their keys.
    fn hash(&self, stream: &Stream) -> Result<HashKey> {
        if stream.record.distribution == Distribution::Even {
            return Ok(stream.next_even_key());
        }
        let Some(explicit) = self.explicit_hash_key else {
            return Ok(hash_of(self.key.unwrap_or_default()));
        };
        explicit.parse().map_err(|_| {
            Error::Invalid(format!(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. \
                 Specified value was {explicit}"
            ))
        })
    }

    fn path(&self, member: &str) -> String {
        match self.index {
            None => member.to_owned(),
            Some(index) => format!("records.{index}.member.{member}"),
        }
    }
}

fn violation(what: &str, constraint: &str) -> Error {
    Error::Validation(format!(
        "1 validation error detected: {what} failed to satisfy constraint: {constraint}"
    ))
}

fn put_records_output(stream: &Stream, outcomes: &[Outcome]) -> PutRecordsOutput {
    let key = &stream.key;
    let failure = |code: ErrorCode, message: String| PutRecordsResultEntry {
        error_code: Some(code.name().to_owned()),
        error_message: Some(message),
        ..PutRecordsResultEntry::default()
    };
    let entry = |outcome: &Outcome| match *outcome {
        Outcome::Written { shard, number } => PutRecordsResultEntry {
            sequence_number: Some(number.to_string()),
            shard_id: Some(shard.to_string()),
            ..PutRecordsResultEntry::default()
        },
        Outcome::Throttled { shard } => {
            failure(ErrorCode::ProvisionedThroughputExceeded, shard_rate_text(key, shard))
        }
        Outcome::Failed => {
            failure(ErrorCode::InternalFailure, "Internal service failure.".to_owned())
        }
    };
    let failed = outcomes.iter().filter(|o| !matches!(o, Outcome::Written { .. })).count();
    PutRecordsOutput {
        failed_record_count: shapes::int(failed),
        records: outcomes.iter().map(entry).collect(),
        encryption_type: shapes::encryption_of_records(stream),
    }
}

fn count_put_records(stream: &Stream, outcomes: &[Outcome]) {
    let count = |wanted: fn(&&Outcome) -> bool| outcomes.iter().filter(wanted).count() as u64;
    let throttled = count(|outcome| matches!(outcome, Outcome::Throttled { .. }));
    let counters = &stream.counters;
    counters.put_records_total.add(outcomes.len() as u64);
    counters.put_records_successful.add(count(|o| matches!(o, Outcome::Written { .. })));
    counters.put_records_failed.add(count(|o| matches!(o, Outcome::Failed)));
    counters.put_records_throttled.add(throttled);
    counters.writes_throttled.add(throttled);
}

/// Notes the outcome of a call on a stream.
pub(super) fn count_call(counters: &CallCounters, bytes: usize, success: bool, started: Instant) {
    counters.calls.add(1);
    let elapsed = started.elapsed().as_micros();
    counters.microseconds.add(u64::try_from(elapsed).unwrap_or(u64::MAX));
    if success {
        counters.successes.add(1);
        counters.bytes.add(bytes as u64);
    }
}
