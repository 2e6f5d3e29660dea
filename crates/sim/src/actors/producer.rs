//! Puts records, each with data that no other one has, and tries again what was refused or may
//! have been lost.

use anyhow::anyhow;
use model::Timestamp;
use runtime::Clock;
use weir_client::kinesis::{PutRecordsInput, PutRecordsRequestEntry, PutRecordsResultEntry};
use weir_client::{Client, Error, ErrorCode};

use super::pause;
use crate::checkers::throttle::Refusal;
use crate::history::Outcome;
use crate::run::{Run, STREAM};

const BATCHES: std::ops::Range<u64> = 5..60;
const BATCH_RECORDS: std::ops::Range<u64> = 1..20;
const RECORD_BYTES: std::ops::Range<u64> = 0..3000;
/// With the limits of AWS, so that they are met.
const LARGE_RECORD_BYTES: std::ops::Range<u64> = 0..25_000;
const KEYS: u64 = 50;
const ATTEMPTS_MAX: u64 = 4;
const PAUSE_MS: std::ops::Range<u64> = 0..12;
const RETRY_MS: std::ops::Range<u64> = 5..200;

/// One producer in one life of a node.
pub(crate) struct Producer {
    pub(crate) run: Run,
    pub(crate) client: Client,
    /// What its records begin with: the life and the producer.
    pub(crate) name: String,
}

struct Record {
    key: String,
    content: String,
}

impl Producer {
    pub(crate) async fn work(self) {
        for batch in 0..self.run.world.entropy.within(BATCHES) {
            self.put(batch).await;
            pause(&self.run, PAUSE_MS).await;
        }
    }

    /// Puts a batch; answers whether all of it was acknowledged in the end.
    pub(crate) async fn put(&self, batch: u64) -> bool {
        let mut records = self.batch(batch);
        for _ in 0..ATTEMPTS_MAX {
            records = self.attempt(records).await;
            if records.is_empty() {
                return true;
            }
            pause(&self.run, RETRY_MS).await;
        }
        false
    }

    fn batch(&self, batch: u64) -> Vec<Record> {
        let entropy = &self.run.world.entropy;
        let bytes = if self.run.profile.aws_limits { LARGE_RECORD_BYTES } else { RECORD_BYTES };
        let record = |index| {
            let length = usize::try_from(entropy.within(bytes.clone())).unwrap_or_default();
            let content = format!("{}.{batch}.{index} {}", self.name, "x".repeat(length));
            Record { key: format!("k{}", entropy.within(0..KEYS)), content }
        };
        (0..entropy.within(BATCH_RECORDS)).map(record).collect()
    }

    /// Tries once; gives back what was not acknowledged.
    async fn attempt(&self, records: Vec<Record>) -> Vec<Record> {
        let Run { world, .. } = &self.run;
        let attempts: Vec<_> = {
            let mut history = self.run.history();
            records.iter().map(|it| history.sending(&it.content, &it.key)).collect()
        };
        let (after_failure, sent) = (world.disk.sync_failed(), world.clock.now());
        let answer = self.client.call(input(&records)).await;
        let results = match answer {
            Ok(output) => output.records,
            Err(error) => {
                self.run.trace.event(format_args!("producer {}: {error}", self.name));
                if is_refusal(&error) {
                    let mut history = self.run.history();
                    for (record, attempt) in records.iter().zip(attempts) {
                        history.answered(&record.content, attempt, Outcome::Refused);
                    }
                }
                return records;
            }
        };
        let mut left = Vec::new();
        for ((record, attempt), result) in records.into_iter().zip(attempts).zip(results) {
            let outcome = outcome(&result);
            self.run.history().answered(&record.content, attempt, outcome.clone());
            match outcome {
                Outcome::Acknowledged(_) if after_failure => {
                    let what = anyhow!("{}: acknowledged after a failed sync", record.content);
                    self.run.require(Err(what));
                }
                Outcome::Acknowledged(_) => {}
                Outcome::Unknown => left.push(record),
                Outcome::Refused => {
                    self.run.refusals().extend(self.refusal(&result, &record, sent));
                    left.push(record);
                }
            }
        }
        left
    }

    fn refusal(
        &self,
        result: &PutRecordsResultEntry,
        record: &Record,
        sent: Timestamp,
    ) -> Option<Refusal> {
        let message = result.error_message.as_deref()?.strip_prefix("Rate exceeded for shard ")?;
        let (shard, _) = message.split_once(' ')?;
        let bytes = (record.key.len() + record.content.len()) as u64;
        let answered = self.run.world.clock.now();
        let life = self.name.split('.').next().unwrap_or_default().to_owned();
        Some(Refusal { life, shard: shard.to_owned(), sent, answered, bytes })
    }
}

fn input(records: &[Record]) -> PutRecordsInput {
    let entries = records.iter().map(|record| PutRecordsRequestEntry {
        data: record.content.clone().into(),
        partition_key: Some(record.key.clone()),
        ..PutRecordsRequestEntry::default()
    });
    PutRecordsInput {
        records: entries.collect(),
        stream_name: Some(STREAM.into()),
        ..PutRecordsInput::default()
    }
}

/// Whether the answer says that nothing was put, and not only that nobody knows.
fn is_refusal(error: &Error) -> bool {
    let Some(code) = error.code() else { return matches!(error, Error::Connect { .. }) };
    let unknown = [
        ErrorCode::InternalFailure,
        ErrorCode::InternalFailureException,
        ErrorCode::ServiceUnavailable,
    ];
    !unknown.contains(&code)
}

fn outcome(result: &PutRecordsResultEntry) -> Outcome {
    match (&result.shard_id, &result.sequence_number, result.error_code.as_deref()) {
        (Some(shard), Some(number), None) => {
            let number = number.parse().expect("a node gives well-formed sequence numbers");
            Outcome::Acknowledged((shard.clone(), number))
        }
        (_, _, Some(code)) if code == ErrorCode::ProvisionedThroughputExceeded.name() => {
            Outcome::Refused
        }
        _ => Outcome::Unknown,
    }
}
