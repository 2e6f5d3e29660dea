//! SubscribeToShard: events over HTTP/1.1, across a split.

use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardError;
use aws_sdk_kinesis::primitives::event_stream::EventReceiver;
use aws_sdk_kinesis::types::error::SubscribeToShardEventStreamError;
use aws_sdk_kinesis::types::{
    ConsumerStatus, ShardIteratorType, StartingPosition, SubscribeToShardEvent,
    SubscribeToShardEventStream,
};

use crate::kinesis::{FIRST, Lab, texts};

const MIDDLE: &str = "170141183460469231731687303715884105728";

type Events = EventReceiver<SubscribeToShardEventStream, SubscribeToShardEventStreamError>;

impl Lab {
    /// The ARN of a new, active consumer.
    async fn register(&self) -> String {
        let summary = self.kinesis.describe_stream_summary().stream_name(&self.stream);
        let summary = summary.send().await.unwrap().stream_description_summary.unwrap();
        let register = self.kinesis.register_stream_consumer().stream_arn(summary.stream_arn);
        let registered = register.consumer_name("reader").send().await.unwrap();
        let arn = registered.consumer.unwrap().consumer_arn;
        loop {
            let describe = self.kinesis.describe_stream_consumer().consumer_arn(&arn);
            let described = describe.send().await.unwrap().consumer_description.unwrap();
            match described.consumer_status {
                ConsumerStatus::Active => return arn,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    async fn subscribe(
        &self,
        consumer: &str,
        shard: &str,
    ) -> Result<Events, SubscribeToShardError> {
        let start = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon);
        let subscribe = self.kinesis.subscribe_to_shard().consumer_arn(consumer).shard_id(shard);
        let subscribe = subscribe.starting_position(start.build().unwrap());
        match subscribe.send().await {
            Ok(answer) => Ok(answer.event_stream),
            Err(error) => Err(error.into_service_error()),
        }
    }
}

/// The next event, unless the stream of events is over.
async fn next(events: &mut Events) -> Option<SubscribeToShardEvent> {
    match events.recv().await.unwrap()? {
        SubscribeToShardEventStream::SubscribeToShardEvent(event) => Some(event),
        other => panic!("an event of another kind: {other:?}"),
    }
}

/// The texts of the next records; heart-beats before them are passed over.
async fn receive(events: &mut Events) -> Vec<String> {
    loop {
        let event = next(events).await.expect("the events go on");
        assert!(!event.continuation_sequence_number.is_empty());
        assert!(event.child_shards.is_none());
        if !event.records.is_empty() {
            return texts(&event.records).into_iter().map(str::to_owned).collect();
        }
    }
}

#[tokio::test]
async fn records_are_pushed_across_a_split() {
    let lab = Lab::start(1).await;
    let consumer = lab.register().await;
    lab.put("kept").await;
    let mut events = lab.subscribe(&consumer, FIRST).await.unwrap();
    assert_eq!(receive(&mut events).await, ["kept"]);
    for value in ["0", "1", "2"] {
        lab.put(value).await;
        assert_eq!(receive(&mut events).await, [value]);
    }
    let split = lab.kinesis.split_shard().stream_name(&lab.stream).shard_to_split(FIRST);
    split.new_starting_hash_key(MIDDLE).send().await.unwrap();
    lab.wait_until_active().await;
    let mut last = next(&mut events).await.unwrap();
    while let Some(event) = next(&mut events).await {
        assert!(last.child_shards.is_none(), "nothing follows the end of a shard");
        last = event;
    }
    let children = last.child_shards.expect("the last event names the children");
    // The SDK reads the absent number as an empty one.
    assert_eq!(last.continuation_sequence_number, "");
    assert_eq!(children.len(), 2);
    for (child, start) in children.iter().zip(["0", MIDDLE]) {
        assert_eq!(child.parent_shards, [FIRST]);
        assert_eq!(child.hash_key_range.as_ref().unwrap().starting_hash_key, start);
    }
    lab.put("after").await;
    let mut following = Vec::new();
    for child in &children {
        following.push(lab.subscribe(&consumer, &child.shard_id).await.unwrap());
    }
    let [lower, upper] = &mut following[..] else { panic!("two children") };
    let after = tokio::select! {
        texts = receive(lower) => texts,
        texts = receive(upper) => texts,
    };
    assert_eq!(after, ["after"]);
}

#[tokio::test]
async fn a_refused_subscription_is_an_error_and_no_stream() {
    let lab = Lab::start(1).await;
    let consumer = lab.register().await;
    let _events = lab.subscribe(&consumer, FIRST).await.unwrap();
    let in_use = lab.subscribe(&consumer, FIRST).await.unwrap_err();
    assert!(in_use.is_resource_in_use_exception(), "{in_use:?}");
    let whose = format!("000000000000:{}:{FIRST}:reader", lab.stream);
    let text = format!("Another active subscription exists for this consumer: {whose}");
    assert_eq!(in_use.message(), Some(text.as_str()));
    for (consumer, shard) in
        [(&*consumer, "shardId-000000000009"), (&format!("{consumer}9"), FIRST)]
    {
        let absent = lab.subscribe(consumer, shard).await.unwrap_err();
        assert!(absent.is_resource_not_found_exception(), "{absent:?}");
    }
}
