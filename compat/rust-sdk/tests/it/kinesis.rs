//! Records, iterators, resharding, errors: JSON 1.1 over HTTP/1.1.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::client::Waiters;
use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::operation::RequestId;
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::{
    ChildShard, PutRecordsRequestEntry, Record, ScalingType, Shard, ShardFilter, ShardFilterType,
    ShardIteratorType, StreamStatus,
};

use crate::client;

pub(crate) const FIRST: &str = "shardId-000000000000";
const READS_MAX: usize = 1000;
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A client and an active stream of its own.
pub(crate) struct Lab {
    pub(crate) kinesis: Client,
    pub(crate) stream: String,
}

impl Lab {
    pub(crate) async fn start(shards: i32) -> Self {
        static STREAMS: AtomicU32 = AtomicU32::new(0);
        let number = STREAMS.fetch_add(1, Ordering::Relaxed);
        let lab = Self { kinesis: client(), stream: format!("rust-{number}") };
        let create = lab.kinesis.create_stream().stream_name(&lab.stream).shard_count(shards);
        create.send().await.unwrap();
        lab.wait_until_active().await;
        lab
    }

    /// Quicker than the SDK's waiter, which asks every ten seconds.
    pub(crate) async fn wait_until_active(&self) {
        loop {
            let describe = self.kinesis.describe_stream_summary().stream_name(&self.stream);
            let described = describe.send().await.unwrap();
            match described.stream_description_summary.unwrap().stream_status {
                StreamStatus::Active => return,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    pub(crate) async fn put(&self, value: &str) -> String {
        let put = self.kinesis.put_record().stream_name(&self.stream).partition_key("k");
        put.data(Blob::new(value)).send().await.unwrap().sequence_number
    }

    async fn iterator(&self, shard: &str, start: Start<'_>) -> String {
        let get = self.kinesis.get_shard_iterator().stream_name(&self.stream).shard_id(shard);
        let get = match start {
            Start::TrimHorizon => get.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Start::Latest => get.shard_iterator_type(ShardIteratorType::Latest),
            Start::At(number) => get
                .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
                .starting_sequence_number(number),
            Start::After(number) => get
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(number),
            Start::Time(time) => {
                get.shard_iterator_type(ShardIteratorType::AtTimestamp).timestamp(time)
            }
        };
        get.send().await.unwrap().shard_iterator.unwrap()
    }

    /// Everything from the iterator on, and the children if that ends a closed shard.
    async fn read(&self, mut position: String) -> (Vec<Record>, Vec<ChildShard>) {
        let mut records = Vec::new();
        for _ in 0..READS_MAX {
            let answer = self.kinesis.get_records().shard_iterator(&position).send().await.unwrap();
            let caught_up = answer.records.is_empty() && answer.millis_behind_latest == Some(0);
            records.extend(answer.records);
            match answer.next_shard_iterator {
                None => return (records, answer.child_shards.expect("an end names the children")),
                Some(_) if caught_up => return (records, Vec::new()),
                Some(next) => position = next,
            }
        }
        panic!("no end after {READS_MAX} reads");
    }

    async fn read_from(&self, shard: &str, start: Start<'_>) -> (Vec<Record>, Vec<ChildShard>) {
        self.read(self.iterator(shard, start).await).await
    }

    async fn shards(&self, filter: ShardFilterType) -> Vec<Shard> {
        let filter = ShardFilter::builder().r#type(filter).build().unwrap();
        let list = self.kinesis.list_shards().stream_name(&self.stream).shard_filter(filter);
        list.send().await.unwrap().shards.unwrap()
    }
}

enum Start<'a> {
    TrimHorizon,
    Latest,
    At(&'a str),
    After(&'a str),
    Time(DateTime),
}

pub(crate) fn texts(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| str::from_utf8(record.data.as_ref()).unwrap()).collect()
}

#[tokio::test]
async fn records_come_back_as_they_were_put() {
    let lab = Lab::start(2).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let entry = |key: &str, data: &[u8]| {
        let entry = PutRecordsRequestEntry::builder().partition_key(key).explicit_hash_key("0");
        entry.data(Blob::new(data)).build().unwrap()
    };
    let put = lab.kinesis.put_records().stream_name(&lab.stream);
    let put = put.records(entry("鍵🔑", &every_byte)).records(entry("empty", b""));
    let answer = put.send().await.unwrap();
    assert_eq!(answer.failed_record_count, Some(0));

    let (records, _) = lab.read_from(FIRST, Start::TrimHorizon).await;
    let keys: Vec<_> = records.iter().filter_map(|record| record.partition_key()).collect();
    assert_eq!(keys, ["鍵🔑", "empty"]);
    assert_eq!(records[0].data.as_ref(), every_byte);
    assert_eq!(records[1].data.as_ref(), b"");
    for (result, record) in answer.records.iter().zip(&records) {
        assert_eq!(result.shard_id(), Some(FIRST));
        assert_eq!(result.sequence_number(), Some(record.sequence_number.as_str()));
    }
}

#[tokio::test]
async fn the_five_iterator_types_start_where_they_say() {
    let lab = Lab::start(1).await;
    lab.put("0").await;
    let second = lab.put("1").await;
    lab.put("2").await;
    let latest = lab.iterator(FIRST, Start::Latest).await;

    let (all, _) = lab.read_from(FIRST, Start::TrimHorizon).await;
    assert_eq!(texts(&all), ["0", "1", "2"]);
    assert_eq!(texts(&lab.read_from(FIRST, Start::At(&second)).await.0), ["1", "2"]);
    assert_eq!(texts(&lab.read_from(FIRST, Start::After(&second)).await.0), ["2"]);
    let arrival = |record: &Record| record.approximate_arrival_timestamp.unwrap();
    let time = arrival(&all[1]);
    let expected: Vec<_> = all.iter().filter(|record| arrival(record) >= time).cloned().collect();
    assert_eq!(lab.read_from(FIRST, Start::Time(time)).await.0, expected);
    lab.put("new").await;
    assert_eq!(texts(&lab.read(latest).await.0), ["new"]);
}

#[tokio::test]
async fn a_closed_shard_is_read_to_its_end_through_a_split_and_a_merge() {
    let lab = Lab::start(1).await;
    lab.put("old").await;
    let split = lab.kinesis.split_shard().stream_name(&lab.stream).shard_to_split(FIRST);
    split.new_starting_hash_key((1_u128 << 127).to_string()).send().await.unwrap();
    lab.wait_until_active().await;
    let (records, children) = lab.read_from(FIRST, Start::TrimHorizon).await;
    assert_eq!(texts(&records), ["old"]);
    let [low, high] = children.try_into().expect("a split has two children");
    assert_eq!(
        (&low.parent_shards, &high.parent_shards),
        (&vec![FIRST.into()], &vec![FIRST.into()])
    );

    let merge = lab.kinesis.merge_shards().stream_name(&lab.stream).shard_to_merge(&low.shard_id);
    merge.adjacent_shard_to_merge(&high.shard_id).send().await.unwrap();
    lab.wait_until_active().await;
    let (_, children) = lab.read_from(&low.shard_id, Start::Latest).await;
    let whole = children[0].hash_key_range.as_ref().unwrap();
    assert_eq!(whole.starting_hash_key, "0");
    assert_eq!(whole.ending_hash_key, u128::MAX.to_string());
    assert_eq!(children[0].parent_shards, [low.shard_id, high.shard_id]);

    let scale = lab.kinesis.update_shard_count().stream_name(&lab.stream).target_shard_count(2);
    let scaled = scale.scaling_type(ScalingType::UniformScaling).send().await.unwrap();
    assert_eq!((scaled.current_shard_count, scaled.target_shard_count), (Some(1), Some(2)));
    lab.wait_until_active().await;
    assert_eq!(lab.shards(ShardFilterType::AtLatest).await.len(), 2);
    assert_eq!(lab.shards(ShardFilterType::AtTrimHorizon).await.len(), 1);
}

#[tokio::test]
async fn streams_are_listed_tagged_kept_longer_and_deleted() {
    let lab = Lab::start(3).await;
    let Lab { kinesis, stream } = &lab;
    let mut pages = kinesis.list_streams().limit(1).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.extend(page.unwrap().stream_names);
    }
    assert!(names.contains(stream) && names.is_sorted(), "{names:?}");
    let described = kinesis.describe_stream_summary().stream_name(stream).send().await.unwrap();
    let summary = described.stream_description_summary.unwrap();
    assert_eq!(summary.open_shard_count, 3);

    kinesis
        .tag_resource()
        .resource_arn(&summary.stream_arn)
        .tags("team", "river")
        .send()
        .await
        .unwrap();
    let tags = kinesis.list_tags_for_stream().stream_name(stream).send().await.unwrap().tags;
    assert_eq!((tags[0].key.as_str(), tags[0].value()), ("team", Some("river")));
    let longer = kinesis.increase_stream_retention_period().stream_name(stream);
    longer.retention_period_hours(48).send().await.unwrap();
    let exists = kinesis.wait_until_stream_exists().stream_name(stream);
    exists.wait(WAIT_MAX).await.unwrap();
    assert!(kinesis.describe_limits().send().await.unwrap().open_shard_count >= 3);

    kinesis.delete_stream().stream_name(stream).send().await.unwrap();
    let gone = kinesis.wait_until_stream_not_exists().stream_name(stream);
    gone.wait(WAIT_MAX).await.unwrap();
}

#[tokio::test]
async fn errors_are_awss() {
    let lab = Lab::start(1).await;
    let absent = lab.kinesis.describe_stream().stream_name("absent").send().await.unwrap_err();
    let text = "Stream absent under account 000000000000 not found.";
    assert_eq!((absent.code(), absent.message()), (Some("ResourceNotFoundException"), Some(text)));
    assert!(absent.request_id().is_some());
    assert!(absent.into_service_error().is_resource_not_found_exception());

    let again = lab.kinesis.create_stream().stream_name(&lab.stream).shard_count(1);
    let again = again.send().await.unwrap_err().into_service_error();
    assert!(again.is_resource_in_use_exception(), "{again:?}");
    let garbage = lab.kinesis.get_records().shard_iterator("garbage").send().await;
    let garbage = garbage.unwrap_err().into_service_error();
    assert!(garbage.is_invalid_argument_exception(), "{garbage:?}");
    let spaces = lab.kinesis.create_stream().stream_name("no spaces").shard_count(1).send().await;
    assert_eq!(spaces.unwrap_err().code(), Some("ValidationException"));
}
