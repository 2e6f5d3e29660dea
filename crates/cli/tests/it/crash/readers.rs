//! Readers that go on across kills: by polling, and by enhanced fan-out.
//!
//! What a reader was shown is durable, comes once and in order, and nothing is left out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use model::SequenceNumber;
use weir_client::kinesis::{
    DescribeStreamConsumerInput, DescribeStreamSummaryInput, GetRecordsInput,
    GetShardIteratorInput, Record, RegisterStreamConsumerInput, ShardFilter, ShardFilterType,
    ShardIteratorType, StartingPosition, SubscribeToShardInput,
};
use weir_client::{Client, Error, ErrorCode, Result};

use super::ledger::{Id, Shards, id_of};

/// Between two rounds of polling.
const PAUSE: Duration = Duration::from_millis(20);
const CONSUMER: &str = "follower";

/// What a reader has seen, by shard.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeMap<String, Shard>>>);

#[derive(Default)]
struct Shard {
    records: BTreeMap<SequenceNumber, Id>,
    last: Option<SequenceNumber>,
    /// Where the last poll said to go on.
    iterator: Option<String>,
    /// It was read to its end.
    ended: bool,
}

impl Seen {
    /// Takes what came next from a shard.
    fn take(&self, shard: &str, records: &[Record]) {
        let mut seen = self.0.lock().unwrap();
        let seen = seen.entry(shard.to_owned()).or_default();
        for record in records {
            let number: SequenceNumber = record.sequence_number.parse().unwrap();
            let id = id_of(record.partition_key.as_ref().unwrap(), &record.data);
            assert!(seen.last < Some(number), "{id:?} of {shard} comes after a later one");
            seen.last = Some(number);
            seen.records.insert(number, id);
        }
    }

    fn with<T>(&self, shard: &str, read: impl FnOnce(&mut Shard) -> T) -> T {
        read(self.0.lock().unwrap().entry(shard.to_owned()).or_default())
    }

    pub(crate) fn records(&self) -> usize {
        self.0.lock().unwrap().values().map(|shard| shard.records.len()).sum()
    }

    /// Compares what was shown with what is there after a restart, and forgets what has expired.
    pub(crate) fn verify(&self, reader: &str, listing: &Shards) {
        let mut seen = self.0.lock().unwrap();
        seen.retain(|shard, _| listing.contains_key(shard));
        for (shard, seen) in seen.iter_mut() {
            let there = &listing[shard];
            let Some(first) = there.keys().next() else { continue };
            seen.records.retain(|number, _| number >= first);
            for (number, id) in &seen.records {
                assert_eq!(there.get(number), Some(id), "{reader} was shown it in {shard}");
            }
            let Some(first) = seen.records.keys().next() else { continue };
            for (number, id) in there.range(first..=&seen.last.unwrap()) {
                let shown = seen.records.contains_key(number);
                assert!(shown, "{reader} was not shown {id:?} of {shard}");
            }
        }
    }
}

/// Polls all shards until that fails.
pub(crate) async fn poll(client: &Client, stream: &str, seen: &Seen) -> Error {
    let filter = ShardFilter { kind: ShardFilterType::FromTrimHorizon, ..ShardFilter::default() };
    loop {
        let shards = match client.shards(stream, filter.clone()).await {
            Ok(shards) => shards,
            Err(error) => return error,
        };
        for shard in shards {
            match poll_shard(client, stream, &shard.shard_id, seen).await {
                Ok(()) => {}
                // It expired, or its iterator did, because a node's clock is ahead of the last's.
                Err(error) if is(&error, ErrorCode::ResourceNotFound) => {}
                Err(error) if is(&error, ErrorCode::ExpiredIterator) => {
                    seen.with(&shard.shard_id, |shard| shard.iterator = None);
                }
                Err(error) => return error,
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is(error: &Error, code: ErrorCode) -> bool {
    matches!(error, Error::Service { error, .. } if error.code == code)
}

/// Reads what a shard has now.
async fn poll_shard(client: &Client, stream: &str, shard: &str, seen: &Seen) -> Result<()> {
    let (last, iterator, ended) =
        seen.with(shard, |shard| (shard.last, shard.iterator.take(), shard.ended));
    if ended {
        return Ok(());
    }
    let mut iterator = match iterator {
        Some(iterator) => iterator,
        None => {
            let (kind, starting_sequence_number) = after(last);
            let input = GetShardIteratorInput {
                stream_name: Some(stream.to_owned()),
                shard_id: shard.to_owned(),
                shard_iterator_type: kind,
                starting_sequence_number,
                ..GetShardIteratorInput::default()
            };
            client.call(input).await?.shard_iterator.unwrap()
        }
    };
    loop {
        let input = GetRecordsInput { shard_iterator: iterator, ..GetRecordsInput::default() };
        let output = client.call(input).await?;
        seen.take(shard, &output.records);
        let Some(next) = output.next_shard_iterator else {
            seen.with(shard, |shard| shard.ended = true);
            return Ok(());
        };
        if output.records.is_empty() {
            seen.with(shard, |shard| shard.iterator = Some(next));
            return Ok(());
        }
        iterator = next;
    }
}

fn after(last: Option<SequenceNumber>) -> (ShardIteratorType, Option<String>) {
    match last {
        None => (ShardIteratorType::TrimHorizon, None),
        Some(last) => (ShardIteratorType::AfterSequenceNumber, Some(last.to_string())),
    }
}

/// Registers the consumer of a stream for the fan-out.
pub(crate) async fn register(client: &Client, stream: &str) -> Result<String> {
    let (stream_arn, consumer_name) = (arn(client, stream).await?, CONSUMER.to_owned());
    let input = RegisterStreamConsumerInput { stream_arn, consumer_name, ..Default::default() };
    Ok(client.call(input).await?.consumer.consumer_arn)
}

/// The consumer that was registered.
pub(crate) async fn registered(client: &Client, stream: &str) -> Result<String> {
    let (stream_arn, consumer_name) = (Some(arn(client, stream).await?), Some(CONSUMER.to_owned()));
    let input = DescribeStreamConsumerInput { stream_arn, consumer_name, ..Default::default() };
    Ok(client.call(input).await?.consumer_description.consumer_arn)
}

async fn arn(client: &Client, stream: &str) -> Result<String> {
    let stream_name = Some(stream.to_owned());
    let summary = DescribeStreamSummaryInput { stream_name, ..Default::default() };
    Ok(client.call(summary).await?.stream_description_summary.stream_arn)
}

/// Follows all shards, those that come later too, until that fails.
pub(crate) async fn follow(client: &Client, stream: &str, consumer: &str, seen: &Seen) -> Error {
    let filter = ShardFilter { kind: ShardFilterType::FromTrimHorizon, ..ShardFilter::default() };
    let shards = match client.shards(stream, filter).await {
        Ok(shards) => shards,
        Err(error) => return error,
    };
    let mut known: Vec<String> = shards.into_iter().map(|shard| shard.shard_id).collect();
    let start = |shard: String| follow_shard(client, consumer, shard, seen);
    let mut following: FuturesUnordered<_> = known.iter().cloned().map(start).collect();
    loop {
        match following.next().await.expect("there is always an open shard") {
            Ok(children) => {
                for child in children {
                    if !known.contains(&child) {
                        known.push(child.clone());
                        following.push(start(child));
                    }
                }
            }
            // It expired meanwhile.
            Err(error) if is(&error, ErrorCode::ResourceNotFound) => {}
            Err(error) => return error,
        }
    }
}

/// Follows a shard to its end, over as many subscriptions as it takes, and answers its children.
async fn follow_shard(
    client: &Client,
    consumer: &str,
    shard: String,
    seen: &Seen,
) -> Result<Vec<String>> {
    loop {
        let (last, ended) = seen.with(&shard, |shard| (shard.last, shard.ended));
        if ended {
            return Ok(Vec::new());
        }
        let (kind, sequence_number) = after(last);
        let input = SubscribeToShardInput {
            consumer_arn: consumer.to_owned(),
            shard_id: shard.clone(),
            starting_position: StartingPosition { kind, sequence_number, timestamp: None },
            ..SubscribeToShardInput::default()
        };
        let mut subscription = match client.subscribe(input).await {
            // One that broke is not forgotten at once.
            Err(error) if is(&error, ErrorCode::ResourceInUse) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            opened => opened?,
        };
        while let Some(event) = subscription.next().await? {
            seen.take(&shard, &event.records);
            if let Some(children) = event.child_shards.filter(|found| !found.is_empty()) {
                seen.with(&shard, |shard| shard.ended = true);
                return Ok(children.into_iter().map(|child| child.shard_id).collect());
            }
        }
    }
}
