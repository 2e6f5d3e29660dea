//! The consumer, on a service with a small stream in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use model::Timestamp;
use weir_client::kinesis::{
    ChildShard, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, GetShardIteratorOutput,
    ListShardsInput, ListShardsOutput, Record, Shard, ShardFilterType, ShardIteratorType,
};
use weir_client::{ApiError, Client, Consumer, ConsumerConfig, Error, ErrorCode, Position};

use crate::service::{Received, Reply, attempts, client};

/// One shard: its records are numbers, which are their sequence numbers and arrival times, too.
#[derive(Default)]
struct FakeShard {
    parents: Vec<&'static str>,
    children: Vec<&'static str>,
    records: Vec<u64>,
}

#[derive(Clone, Default)]
struct Stream(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    shards: BTreeMap<&'static str, FakeShard>,
    /// Refusals to give to the next reads, last first.
    refusals: Vec<ErrorCode>,
    /// Every iterator request, as (shard, type, sequence number or time).
    iterators: Vec<(String, ShardIteratorType, Option<u64>)>,
}

impl Stream {
    /// A split of `a` into `b` and `c`, and a merge of those into `d`, with two records a shard.
    fn resharded() -> Self {
        let stream = Self::default();
        stream.add("a", &[], &["b", "c"], &[1, 2]);
        stream.add("b", &["a"], &["d"], &[3, 5]);
        stream.add("c", &["a"], &["d"], &[4, 6]);
        stream.add("d", &["b", "c"], &[], &[7, 8]);
        stream
    }

    fn add(
        &self,
        id: &'static str,
        parents: &[&'static str],
        children: &[&'static str],
        records: &[u64],
    ) {
        let (parents, children) = (parents.to_vec(), children.to_vec());
        let shard = FakeShard { parents, children, records: records.to_vec() };
        self.0.lock().unwrap().shards.insert(id, shard);
    }

    fn put(&self, shard: &'static str, record: u64) {
        self.0.lock().unwrap().shards.get_mut(shard).unwrap().records.push(record);
    }

    fn client(&self) -> Client {
        let stream = self.clone();
        client(attempts(1), move |received| stream.answer(received))
    }

    fn answer(&self, received: &Received) -> Reply {
        let mut state = self.0.lock().unwrap();
        if let Some(input) = received.input::<ListShardsInput>() {
            return received.answer::<ListShardsInput>(state.list(&input));
        }
        if let Some(input) = received.input::<GetShardIteratorInput>() {
            let shard_iterator = Some(state.iterator(&input));
            let output = GetShardIteratorOutput { shard_iterator };
            return received.answer::<GetShardIteratorInput>(output);
        }
        let input = received.input::<GetRecordsInput>().expect("it is GetRecords");
        match state.refusals.pop() {
            Some(code) => Reply::Refusal(ApiError::bare(code)),
            None => received.answer::<GetRecordsInput>(state.read(&input.shard_iterator)),
        }
    }
}

impl State {
    /// One shard a page, to see that pages are followed.
    fn list(&self, input: &ListShardsInput) -> ListShardsOutput {
        let open_only = |input: &ListShardsInput| {
            let filter = input.shard_filter.as_ref();
            filter.is_some_and(|filter| filter.kind == ShardFilterType::AtLatest)
        };
        let (page, open_only) = match &input.next_token {
            Some(token) => (token[1..].parse().unwrap(), token.starts_with('o')),
            None => (0, open_only(input)),
        };
        let mut shards =
            self.shards.iter().filter(|(_, shard)| !open_only || shard.children.is_empty());
        let parents = |index: usize, shard: &FakeShard| shard.parents.get(index).map(|&p| p.into());
        let shard = shards.nth(page).map(|(id, shard)| Shard {
            shard_id: (*id).into(),
            parent_shard_id: parents(0, shard),
            adjacent_parent_shard_id: parents(1, shard),
            ..Shard::default()
        });
        let mark = if open_only { 'o' } else { 'a' };
        let next_token = shards.next().map(|_| format!("{mark}{}", page + 1));
        ListShardsOutput { shards: Some(shard.into_iter().collect()), next_token }
    }

    /// An iterator is the shard's name and how many of its records are before it.
    fn iterator(&mut self, input: &GetShardIteratorInput) -> String {
        let number = input.starting_sequence_number.as_ref().map(|text| text.parse().unwrap());
        let time = input.timestamp.map(Timestamp::as_millis);
        let kind = input.shard_iterator_type;
        self.iterators.push((input.shard_id.clone(), kind, number.or(time)));
        let records = &self.shards[input.shard_id.as_str()].records;
        let before = match kind {
            ShardIteratorType::TrimHorizon => 0,
            ShardIteratorType::Latest => records.len(),
            ShardIteratorType::AtTimestamp => {
                records.partition_point(|&record| record < time.unwrap())
            }
            ShardIteratorType::AtSequenceNumber | ShardIteratorType::AfterSequenceNumber => {
                records.partition_point(|&record| record <= number.unwrap())
            }
        };
        format!("{}:{before}", input.shard_id)
    }

    /// One record a read.
    fn read(&self, iterator: &str) -> GetRecordsOutput {
        let (id, before) = iterator.split_once(':').unwrap();
        let before: usize = before.parse().unwrap();
        let shard = &self.shards[id];
        let Some(&record) = shard.records.get(before) else {
            let is_closed = !shard.children.is_empty();
            let children = shard.children.iter().map(|child| ChildShard {
                shard_id: (*child).into(),
                parent_shards: self.shards[child].parents.iter().map(|&p| p.into()).collect(),
                ..ChildShard::default()
            });
            return GetRecordsOutput {
                next_shard_iterator: (!is_closed).then(|| iterator.to_owned()),
                millis_behind_latest: Some(0),
                child_shards: is_closed.then(|| children.collect()),
                records: Vec::new(),
            };
        };
        let record = Record {
            sequence_number: record.to_string(),
            approximate_arrival_timestamp: Some(Timestamp::from_millis(record)),
            partition_key: Some("key".into()),
            ..Record::default()
        };
        let behind = i64::from(before + 1 < shard.records.len() || !shard.children.is_empty());
        GetRecordsOutput {
            records: vec![record],
            next_shard_iterator: Some(format!("{id}:{}", before + 1)),
            millis_behind_latest: Some(behind),
            child_shards: None,
        }
    }
}

fn to_the_end(from: Position) -> ConsumerConfig {
    ConsumerConfig { from, until_caught_up: true, ..ConsumerConfig::new("events") }
}

async fn read_all(client: Client, config: ConsumerConfig) -> Vec<(String, u64)> {
    let mut consumer = Consumer::open(client, config).await.unwrap();
    let mut read = Vec::new();
    while let Some(received) = consumer.next().await.unwrap() {
        read.push((received.shard_id.to_string(), received.sequence_number.parse().unwrap()));
    }
    read
}

fn of_shard(read: &[(String, u64)], shard: &str) -> Vec<u64> {
    read.iter().filter(|(id, _)| id == shard).map(|(_, record)| *record).collect()
}

#[tokio::test(start_paused = true)]
async fn all_shards_are_read_once_parents_before_children() {
    let stream = Stream::resharded();
    let read = read_all(stream.client(), to_the_end(Position::Beginning)).await;
    assert_eq!(read.len(), 8);
    assert_eq!(of_shard(&read[..2], "a"), [1, 2]);
    assert_eq!(of_shard(&read[2..6], "b"), [3, 5]);
    assert_eq!(of_shard(&read[2..6], "c"), [4, 6]);
    assert_eq!(of_shard(&read[6..], "d"), [7, 8]);
}

#[tokio::test(start_paused = true)]
async fn reading_from_a_moment_skips_older_records_in_every_shard() {
    let stream = Stream::resharded();
    let from = Position::At(Timestamp::from_millis(5));
    let read = read_all(stream.client(), to_the_end(from)).await;
    assert!(of_shard(&read, "a").is_empty());
    assert_eq!(of_shard(&read, "b"), [5]);
    assert_eq!(of_shard(&read, "c"), [6]);
    assert_eq!(of_shard(&read, "d"), [7, 8]);
}

#[tokio::test(start_paused = true)]
async fn reading_from_the_end_gives_what_is_put_after_the_consumer_was_opened() {
    let stream = Stream::resharded();
    let config = ConsumerConfig { from: Position::End, ..ConsumerConfig::new("events") };
    let mut consumer = Consumer::open(stream.client(), config).await.unwrap();
    stream.put("d", 9);
    let received = consumer.next().await.unwrap().unwrap();
    assert_eq!(received.sequence_number, "9");
    assert_eq!(received.arrival, Timestamp::from_millis(9));
    assert_eq!(received.record.partition_key, "key");
    assert!(consumer.next().now_or_never().is_none());
    stream.put("d", 10);
    let received = consumer.next().await.unwrap().unwrap();
    assert_eq!(received.sequence_number, "10");
}

#[tokio::test(start_paused = true)]
async fn an_expired_iterator_is_renewed_after_the_last_record() {
    let stream = Stream::default();
    stream.add("a", &[], &[], &[1, 2, 3]);
    let mut consumer =
        Consumer::open(stream.client(), to_the_end(Position::Beginning)).await.unwrap();
    consumer.next().await.unwrap().unwrap();
    stream.0.lock().unwrap().refusals.push(ErrorCode::ExpiredIterator);
    for number in ["2", "3"] {
        assert_eq!(consumer.next().await.unwrap().unwrap().sequence_number, number);
    }
    assert!(consumer.next().await.unwrap().is_none());
    let renewed = stream.0.lock().unwrap().iterators[1].clone();
    assert_eq!(renewed, ("a".into(), ShardIteratorType::AfterSequenceNumber, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn after_an_error_reading_goes_on_where_it_was() {
    let stream = Stream::default();
    stream.add("a", &[], &[], &[1, 2]);
    let mut consumer =
        Consumer::open(stream.client(), to_the_end(Position::Beginning)).await.unwrap();
    consumer.next().await.unwrap().unwrap();
    stream.0.lock().unwrap().refusals.push(ErrorCode::AccessDenied);
    let error = consumer.next().await.unwrap_err();
    assert!(matches!(error, Error::Service { .. }), "{error}");
    assert_eq!(consumer.next().await.unwrap().unwrap().sequence_number, "2");
    assert!(consumer.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_shard_is_read_later() {
    let stream = Stream::resharded();
    let throttles = [ErrorCode::ProvisionedThroughputExceeded; 30];
    stream.0.lock().unwrap().refusals.extend(throttles);
    let read = read_all(stream.client(), to_the_end(Position::Beginning)).await;
    assert_eq!(read.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_gone_is_read_to_its_end() {
    let stream = Stream::resharded();
    stream.0.lock().unwrap().refusals.push(ErrorCode::ResourceNotFound);
    let read = read_all(stream.client(), to_the_end(Position::Beginning)).await;
    assert!(of_shard(&read, "a").is_empty());
    assert_eq!(read.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_idle_shard_is_asked_only_once_per_interval() {
    let stream = Stream::default();
    stream.add("a", &[], &[], &[]);
    let mut consumer =
        Consumer::open(stream.client(), ConsumerConfig::new("events")).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(600), consumer.next()).await;
    assert!(waited.is_err());
    // Refusing the fourth read fails the consumer only if there is one.
    stream.0.lock().unwrap().refusals.push(ErrorCode::AccessDenied);
    let waited = tokio::time::timeout(Duration::from_millis(100), consumer.next()).await;
    assert!(waited.is_err());
    let waited = tokio::time::timeout(Duration::from_millis(100), consumer.next()).await;
    assert!(waited.is_ok_and(|outcome| outcome.is_err()));
}
