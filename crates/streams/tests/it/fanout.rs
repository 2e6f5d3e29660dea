//! SubscribeToShard: what is sent, when, for how long, and to whom.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::time::Instant;
use wire::event_stream::{Decoder, Event};
use wire::kinesis::*;
use wire::{ApiError, Handlers};

use crate::world::{Node, World, refusal, text};

mod sharing;

/// A subscription, read to where the test is.
struct Follower(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

impl Follower {
    /// The next message as it is sent.
    async fn message(&mut self) -> Option<Bytes> {
        self.0.next().await
    }

    async fn next(&mut self) -> Option<Event> {
        let message = self.message().await?;
        let mut decoder = Decoder::default();
        decoder.push(&message);
        let event = decoder.next_event().unwrap().expect("a message is whole");
        assert!(decoder.is_empty(), "one message at a time");
        Some(event)
    }

    async fn event(&mut self) -> SubscribeToShardEvent {
        match self.next().await.expect("the subscription lasts") {
            Event::Payload { kind, encoding, payload } => {
                assert_eq!(kind, SubscribeToShardEvent::KIND);
                wire::codec::decode_output(encoding, &payload).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The texts of the next events with records, up to `count` of them.
    async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            texts.extend(self.event().await.records.iter().map(text));
        }
        texts
    }
}

fn position(kind: ShardIteratorType) -> StartingPosition {
    StartingPosition { kind, ..Default::default() }
}

fn after(number: &str) -> StartingPosition {
    StartingPosition {
        kind: ShardIteratorType::AfterSequenceNumber,
        sequence_number: Some(number.into()),
        timestamp: None,
    }
}

const LATEST: ShardIteratorType = ShardIteratorType::Latest;
const OLDEST: ShardIteratorType = ShardIteratorType::TrimHorizon;

impl Node {
    async fn try_subscribe(
        &self,
        consumer: &str,
        shard: &str,
        position: StartingPosition,
    ) -> Result<Follower, ApiError> {
        let input = SubscribeToShardInput {
            consumer_arn: consumer.into(),
            shard_id: shard.into(),
            starting_position: position,
            ..Default::default()
        };
        let events = self.streams.subscribe_to_shard(&self.caller, input).await?;
        Ok(Follower(events.into_messages()))
    }

    /// Subscribes and reads that it succeeded.
    async fn subscribe(&self, consumer: &str, shard: &str, position: StartingPosition) -> Follower {
        let mut follower = self.try_subscribe(consumer, shard, position).await.unwrap();
        // It is there before anything is waited for.
        let first = follower.next().now_or_never().expect("at once");
        assert_eq!(first, Some(Event::InitialResponse));
        follower
    }

    /// Stream `s` and the ARN of its consumer `c`.
    async fn with_consumer(&self, shards: i32) -> String {
        self.create("s", shards).await;
        self.register("c").await.unwrap().consumer_arn
    }
}

#[tokio::test(start_paused = true)]
async fn records_are_pushed_when_they_are_put() {
    let node = World::new().start().await;
    let consumer = node.with_consumer(1).await;
    node.put("s", "k", "before").await.unwrap();
    let mut follower = node.subscribe(&consumer, "0", position(LATEST)).await;
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let waiting = follower.event();
        let putting = async {
            let put = node.put("s", "key", &format!("v{round}")).await.unwrap();
            (put, Instant::now())
        };
        let (event, (put, when)) = tokio::join!(waiting, putting);
        assert_eq!(when.elapsed(), Duration::ZERO, "nothing waits for a timer");
        let [record] = &event.records[..] else { panic!("{event:?}") };
        assert_eq!(
            (text(record), record.partition_key.as_deref()),
            (format!("v{round}"), Some("key"))
        );
        assert_eq!(record.sequence_number, put.sequence_number);
        assert!(record.approximate_arrival_timestamp.is_some() && record.encryption_type.is_none());
        assert_eq!(event.continuation_sequence_number, Some(put.sequence_number));
        assert_eq!((event.millis_behind_latest, event.child_shards), (0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_subscription_says_so_every_five_seconds_and_ends_after_its_lifetime() {
    let mut world = World::new();
    world.fanout.subscription_lifetime = Duration::from_secs(60);
    let node = world.start().await;
    let consumer = node.with_consumer(1).await;
    let begun = Instant::now();
    let mut follower = node.subscribe(&consumer, "0", position(OLDEST)).await;
    let (mut last, mut events) = (begun, 0);
    while let Some(event) = follower.next().await {
        let Event::Payload { encoding, payload, .. } = event else { panic!("{event:?}") };
        let event: SubscribeToShardEvent = wire::codec::decode_output(encoding, &payload).unwrap();
        assert!(event.records.is_empty() && event.continuation_sequence_number.is_some());
        assert!(last.elapsed() <= Duration::from_secs(5));
        (last, events) = (Instant::now(), events + 1);
    }
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert!((12..=13).contains(&events), "{events}");
    assert!(follower.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_is_five_minutes_unless_it_is_set() {
    let node = World::new().start().await;
    let consumer = node.with_consumer(1).await;
    let begun = Instant::now();
    let mut follower = node.subscribe(&consumer, "0", position(LATEST)).await;
    while follower.message().await.is_some() {}
    assert_eq!(begun.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_taken_over_after_five_seconds_and_not_before() {
    let node = World::new().start().await;
    let consumer = node.with_consumer(2).await;
    let other = node.register("d").await.unwrap().consumer_arn;
    let mut first = node.subscribe(&consumer, "0", position(LATEST)).await;
    let mut beside = node.subscribe(&consumer, "1", position(LATEST)).await;
    let mut besides = node.subscribe(&other, "0", position(LATEST)).await;
    tokio::time::sleep(Duration::from_millis(4900)).await;
    let text = "Another active subscription exists for this consumer: \
                000000000001:s:shardId-000000000000:c";
    let refused = node.try_subscribe(&consumer, "0", position(LATEST)).await.map(|_| ());
    assert_eq!(refusal(refused), format!("ResourceInUseException: {text}"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut second = node.subscribe(&consumer, "0", position(LATEST)).await;
    let last = loop {
        match first.next().await.unwrap() {
            Event::Payload { .. } => {}
            other => break other,
        }
    };
    let Event::Refusal(error) = last else { panic!("{last:?}") };
    assert_eq!(error.to_string(), format!("ResourceInUseException: {text}"));
    assert!(first.next().await.is_none());
    node.put_at("s", "0", "v").await;
    for follower in [&mut second, &mut besides] {
        assert_eq!(follower.texts(1).await, ["v"]);
    }
    assert!(beside.event().await.records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn aws_keeps_the_place_of_who_left_and_limits_the_calls() {
    let node = World::aws().start().await;
    let consumer = node.with_consumer(1).await;
    drop(node.subscribe(&consumer, "0", position(LATEST)).await);
    let refused = async || {
        let refused = node.try_subscribe(&consumer, "0", position(LATEST)).await;
        refusal(refused.map(|_| ()))
    };
    assert!(refused().await.starts_with("ResourceInUseException: Another active subscription"));
    assert_eq!(
        refused().await,
        "LimitExceededException: Rate exceeded for consumer c and shard shardId-000000000000 in \
         stream s under account 000000000001."
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(node.subscribe(&consumer, "0", position(LATEST)).await);
    let page = node.meters.render();
    for line in [
        r#"weir_streams_subscribe_to_shard_success_total{account="000000000001",region="us-east-1",stream="s",consumer="c"} 2"#,
        r#"weir_streams_subscribe_to_shard_rate_exceeded_total{account="000000000001",region="us-east-1",stream="s",consumer="c"} 1"#,
        r#"weir_streams_subscriptions{account="000000000001",region="us-east-1",stream="s",consumer="c"} 0"#,
    ] {
        assert!(page.contains(line), "no {line} in\n{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_starting_position_begins_where_an_iterator_would() {
    let world = World::new();
    let node = world.start().await;
    let consumer = node.with_consumer(1).await;
    let mut numbers = Vec::new();
    let mut times = Vec::new();
    for n in 0..4 {
        times.push(runtime::Clock::now(&*world.clock));
        numbers.push(node.put("s", "k", &format!("v{n}")).await.unwrap().sequence_number);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let shard = &node.shards("s", None).await.unwrap()[0];
    let start = shard.sequence_number_range.starting_sequence_number.clone();
    let at = |number: &str| StartingPosition {
        kind: ShardIteratorType::AtSequenceNumber,
        ..after(number)
    };
    let at_time = |time| StartingPosition {
        kind: ShardIteratorType::AtTimestamp,
        sequence_number: None,
        timestamp: Some(time),
    };
    for (position, expected) in [
        (position(OLDEST), 0),
        (at(&start), 0),
        (after(&start), 0),
        (at(&numbers[2]), 2),
        (after(&numbers[2]), 3),
        (at_time(times[1]), 1),
        (at_time(model::Timestamp::from_seconds(1)), 0),
        (position(LATEST), 4),
        (after(&numbers[3]), 4),
    ] {
        let mut follower = node.subscribe(&consumer, "0", position.clone()).await;
        let late = node.put("s", "k", "late").await.unwrap();
        let first = follower.texts(1).await.remove(0);
        let expected = if expected == 4 { "late".into() } else { format!("v{expected}") };
        assert_eq!(first, expected, "{position:?}");
        // The next position in the table reads from before this record, or after it.
        numbers[3] = late.sequence_number;
    }
}

#[tokio::test(start_paused = true)]
async fn going_on_after_the_last_event_loses_nothing_and_repeats_nothing() {
    let mut world = World::new();
    world.fanout.subscription_lifetime = Duration::from_secs(7);
    let node = world.start().await;
    let consumer = node.with_consumer(1).await;
    let (mut put, mut got) = (0, Vec::new());
    let mut begin = position(LATEST);
    for round in 0..12 {
        let mut follower = node.subscribe(&consumer, "0", begin.clone()).await;
        // Some subscriptions hear only heart-beats, some are left in the middle, some last.
        for _ in 0..round % 4 {
            node.put("s", "k", &put.to_string()).await.unwrap();
            put += 1;
        }
        let mut patience = if round % 3 == 0 { 1 } else { 100 };
        while patience > 0
            && let Some(event) = follower.next().await
        {
            let Event::Payload { encoding, payload, .. } = event else { panic!("{event:?}") };
            let event: SubscribeToShardEvent =
                wire::codec::decode_output(encoding, &payload).unwrap();
            got.extend(event.records.iter().map(|record| text(record).parse::<usize>().unwrap()));
            begin = after(&event.continuation_sequence_number.unwrap());
            patience -= 1;
        }
        drop(follower);
        node.put("s", "k", &put.to_string()).await.unwrap();
        put += 1;
    }
    let mut follower = node.subscribe(&consumer, "0", begin).await;
    while got.len() < put {
        got.extend(follower.texts(1).await.iter().map(|text| text.parse::<usize>().unwrap()));
    }
    assert_eq!(got, (0..put).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_its_shard_and_tells_the_children() {
    let node = World::new().start().await;
    let consumer = node.with_consumer(1).await;
    node.put("s", "k", "old").await.unwrap();
    let mut follower = node.subscribe(&consumer, "0", position(OLDEST)).await;
    assert_eq!(follower.texts(1).await, ["old"]);
    let half = (1_u128 << 127).to_string();
    let (ended, split) = tokio::join!(follower.event(), node.split("s", "0", &half));
    split.unwrap();
    let children = |event: &SubscribeToShardEvent| {
        assert_eq!(event.continuation_sequence_number, None);
        let children = event.child_shards.clone().unwrap();
        let child = |child: &ChildShard| {
            let range = &child.hash_key_range;
            assert!(!range.starting_hash_key.is_empty() && !range.ending_hash_key.is_empty());
            format!("{} of {}", child.shard_id, child.parent_shards.join("+"))
        };
        children.iter().map(child).collect::<Vec<_>>().join(", ")
    };
    let of_split = "shardId-000000000001 of shardId-000000000000, \
                    shardId-000000000002 of shardId-000000000000";
    assert_eq!(children(&ended), of_split);
    assert!(follower.next().await.is_none());

    // Who comes later gets the records and the end, or at the tip the end at once.
    let mut late = node.subscribe(&consumer, "0", position(OLDEST)).await;
    let all = late.event().await;
    assert_eq!(all.records.iter().map(text).collect::<Vec<_>>(), ["old"]);
    assert_eq!(children(&all), of_split);
    assert!(late.next().await.is_none());
    let mut tip = node.subscribe(&consumer, "0", position(LATEST)).await;
    let end = tip.event().await;
    assert!(end.records.is_empty());
    assert_eq!(children(&end), of_split);

    let mut left = node.subscribe(&consumer, "1", position(OLDEST)).await;
    let mut right = node.subscribe(&consumer, "2", position(OLDEST)).await;
    node.put_at("s", "0", "left").await;
    node.put_at("s", &half, "right").await;
    assert_eq!(left.texts(1).await, ["left"]);
    assert_eq!(right.texts(1).await, ["right"]);
    node.merge("s", "1", "2").await.unwrap();
    for parent in [&mut left, &mut right] {
        let of_merge = "shardId-000000000003 of shardId-000000000001+shardId-000000000002";
        assert_eq!(children(&parent.event().await), of_merge);
        assert!(parent.next().await.is_none());
    }
    let mut child = node.subscribe(&consumer, "3", position(OLDEST)).await;
    node.put("s", "k", "joined").await.unwrap();
    assert_eq!(child.texts(1).await, ["joined"]);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_its_consumer_and_with_its_stream() {
    let node = World::new().start().await;
    let consumer = node.with_consumer(1).await;
    let other = node.register("d").await.unwrap().consumer_arn;
    let mut follower = node.subscribe(&consumer, "0", position(LATEST)).await;
    let mut stays = node.subscribe(&other, "0", position(LATEST)).await;
    let begun = Instant::now();
    node.deregister(&consumer).await.unwrap();
    assert_eq!(follower.next().await, None);
    node.put("s", "k", "v").await.unwrap();
    assert_eq!(stays.texts(1).await, ["v"]);
    let input = DeleteStreamInput {
        stream_name: Some("s".into()),
        enforce_consumer_deletion: Some(true),
        ..Default::default()
    };
    node.streams.delete_stream(&node.caller, input).await.unwrap();
    assert_eq!(stays.next().await, None);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_subscribed_to_is_refused_before_anything_is_sent() {
    let world = World::slow(Duration::from_millis(200));
    let node = world.start().await;
    node.create("s", 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let consumer = node.register("c").await.unwrap();
    let second = consumer.consumer_creation_timestamp.as_seconds();
    let consumer = consumer.consumer_arn;
    let refused = async |consumer: &str, shard: &str, position: StartingPosition| {
        refusal(node.try_subscribe(consumer, shard, position).await.map(|_| ()))
    };
    assert_eq!(
        refused(&consumer, "0", position(LATEST)).await,
        format!(
            "ResourceInUseException: Consumer c with creation timestamp {second} under stream: s, \
             account 000000000001 is not in ACTIVE status."
        )
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        refused(&consumer, "7", position(LATEST)).await,
        "ResourceNotFoundException: Shard shardId-000000000007 in stream s under account \
         000000000001 does not exist"
    );
    let other = consumer.replace("consumer/c:", "consumer/d:");
    assert_eq!(
        refused(&other, "0", position(LATEST)).await,
        format!("ResourceNotFoundException: Consumer {other}, account 000000000001 not found.")
    );
    assert_eq!(
        refused(&consumer, "0", after("x")).await,
        "InvalidArgumentException: StartingSequenceNumber x used in SubscribeToShard on shard \
         shardId-000000000000 in stream s under account 000000000001 is invalid."
    );
    let missing = position(ShardIteratorType::AtSequenceNumber);
    let text = refused(&consumer, "0", missing).await;
    assert!(text.starts_with("InvalidArgumentException: Must either specify (1)"), "{text}");
    let input = SubscribeToShardInput {
        consumer_arn: consumer.clone(),
        shard_id: "0".into(),
        starting_position: position(LATEST),
        dry_run: Some(true),
        ..Default::default()
    };
    let dry = node.streams.subscribe_to_shard(&node.caller, input).await.map(|_| ());
    assert!(refusal(dry).starts_with("DryRunOperationException"));
    node.subscribe(&consumer, "0", position(LATEST)).await;
}

#[tokio::test(start_paused = true)]
async fn aws_gives_a_consumer_two_mebibytes_a_second() {
    let node = World::aws().start().await;
    let consumer = node.with_consumer(1).await;
    let other = node.register("d").await.unwrap().consumer_arn;
    let large = "x".repeat(512 * 1024 - 1);
    for _ in 0..20 {
        node.put("s", "k", &large).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let begun = Instant::now();
    let mut follower = node.subscribe(&consumer, "0", position(OLDEST)).await;
    let mut other = node.subscribe(&other, "0", position(OLDEST)).await;
    // The tip is ten seconds ahead, and the two of them do not share their rate.
    assert!(follower.event().await.millis_behind_latest >= 9_000);
    let (texts, others) = tokio::join!(follower.texts(19), other.texts(20));
    assert_eq!((texts.len(), others.len()), (19, 20));
    // Ten mebibytes, of which the last event is not waited for.
    let elapsed = begun.elapsed().as_millis();
    assert!((4_740..=4_760).contains(&elapsed), "{elapsed} ms");
}
