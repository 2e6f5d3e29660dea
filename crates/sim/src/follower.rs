//! An enhanced fan-out consumer of every shard.
//!
//! It keeps what came together with where to go on, as an application does that writes both in
//! one transaction. So whatever is cut and wherever it crashes, it must get each record once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::{Policy, Tasks};
use tokio::time::sleep;
use weir_client::kinesis::{
    ConsumerStatus, DescribeStreamConsumerInput, DescribeStreamSummaryInput, ListShardsInput,
    RegisterStreamConsumerInput, ShardIteratorType, StartingPosition, SubscribeToShardEvent,
    SubscribeToShardInput,
};
use weir_client::{Client, Error, ErrorCode};

use crate::history::Read;
use crate::trace::Trace;
use crate::world::SimWorld;

const CONSUMER: &str = "follower";
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// After so many events at most a subscription is dropped for another one.
const EVENTS_MAX: u64 = 8;

/// What it got so far, by shard: the shards that it came to.
#[derive(Clone, Default)]
pub(crate) struct Follower(Arc<Mutex<BTreeMap<String, Followed>>>);

#[derive(Default)]
struct Followed {
    records: Vec<(model::SequenceNumber, String)>,
    /// Where to go on; from the beginning if nothing came.
    continuation: Option<String>,
    ended: bool,
}

impl Follower {
    /// Follows the stream in tasks of `tasks`, until these end.
    pub(crate) fn start(
        &self,
        (world, trace): (&SimWorld, &Trace),
        (stream, client): (&'static str, Client),
        tasks: &Tasks,
    ) {
        let (world, trace, tasks) = (world.clone(), trace.clone(), tasks.clone());
        let following = Following { followed: self.clone(), world, trace, client, tasks };
        following.tasks.clone().spawn("sim.follower", Policy::Report, async move {
            while let Err(error) = following.begin(stream).await {
                following.trace.event(format_args!("follower: {error}"));
                sleep(LOOK_EVERY).await;
            }
        });
    }

    /// Every record that came, in the order in which it came.
    pub(crate) fn read(&self) -> Read {
        let followed = self.followed();
        followed.iter().map(|(shard, it)| (shard.clone(), it.records.clone())).collect()
    }

    /// Numbers of shards and of records.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let followed = self.followed();
        (followed.len(), followed.values().map(|it| it.records.len()).sum())
    }

    fn followed(&self) -> MutexGuard<'_, BTreeMap<String, Followed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_of(&self, shard: &str) -> StartingPosition {
        match self.followed()[shard].continuation.clone() {
            None => StartingPosition {
                kind: ShardIteratorType::TrimHorizon,
                ..StartingPosition::default()
            },
            number => StartingPosition {
                kind: ShardIteratorType::AfterSequenceNumber,
                sequence_number: number,
                timestamp: None,
            },
        }
    }

    /// Keeps an event, and gives the children that it leads to.
    fn keep(&self, shard: &str, event: SubscribeToShardEvent) -> Vec<String> {
        let mut followed = self.followed();
        let it = followed.get_mut(shard).expect("only known shards are followed");
        for record in event.records {
            let number = record.sequence_number.parse();
            let content = String::from_utf8(record.data.to_vec());
            it.records.push((
                number.expect("a node gives well-formed sequence numbers"),
                content.expect("producers send text"),
            ));
        }
        it.ended = event.continuation_sequence_number.is_none();
        it.continuation = event.continuation_sequence_number;
        let mut children = Vec::new();
        for child in event.child_shards.unwrap_or_default() {
            let ended = |parent| followed.get(parent).is_some_and(|it: &Followed| it.ended);
            if child.parent_shards.iter().all(ended) {
                followed.entry(child.shard_id.clone()).or_default();
                children.push(child.shard_id);
            }
        }
        children
    }
}

/// A follower between two crashes.
#[derive(Clone)]
struct Following {
    followed: Follower,
    world: SimWorld,
    trace: Trace,
    client: Client,
    tasks: Tasks,
}

impl Following {
    async fn begin(&self, stream: &str) -> Result<(), Error> {
        let consumer = self.register(stream).await?;
        if self.followed.followed().is_empty() {
            let input =
                ListShardsInput { stream_name: Some(stream.into()), ..ListShardsInput::default() };
            let shards = self.client.call(input).await?.shards.unwrap_or_default().into_iter();
            let oldest = shards.filter(|shard| shard.parent_shard_id.is_none());
            let oldest = oldest.map(|shard| (shard.shard_id, Followed::default()));
            self.followed.followed().extend(oldest);
        }
        let followed = self.followed.followed();
        for (shard, _) in followed.iter().filter(|(_, it)| !it.ended) {
            self.follow(consumer.clone(), shard.clone());
        }
        Ok(())
    }

    /// Registers the consumer unless it is there, and waits until it may subscribe.
    async fn register(&self, stream: &str) -> Result<String, Error> {
        let input = DescribeStreamSummaryInput {
            stream_name: Some(stream.into()),
            ..DescribeStreamSummaryInput::default()
        };
        let stream_arn = self.client.call(input).await?.stream_description_summary.stream_arn;
        let input = RegisterStreamConsumerInput {
            stream_arn: stream_arn.clone(),
            consumer_name: CONSUMER.into(),
            ..RegisterStreamConsumerInput::default()
        };
        match self.client.call(input).await {
            Ok(_) => self.trace.event("the follower is registered"),
            Err(Error::Service { error, .. }) if error.code == ErrorCode::ResourceInUse => {}
            Err(error) => return Err(error),
        }
        loop {
            let input = DescribeStreamConsumerInput {
                stream_arn: Some(stream_arn.clone()),
                consumer_name: Some(CONSUMER.into()),
                ..DescribeStreamConsumerInput::default()
            };
            let consumer = self.client.call(input).await?.consumer_description;
            if consumer.consumer_status == ConsumerStatus::Active {
                return Ok(consumer.consumer_arn);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn follow(&self, consumer: String, shard: String) {
        let following = self.clone();
        self.tasks.spawn("sim.follower", Policy::Report, async move {
            loop {
                match following.subscribe(&consumer, &shard).await {
                    Ok(Some(children)) => {
                        for child in children {
                            following.follow(consumer.clone(), child);
                        }
                        return;
                    }
                    Ok(None) => {}
                    Err(error) => {
                        following.trace.event(format_args!("follower of {shard}: {error}"));
                        sleep(LOOK_EVERY).await;
                    }
                }
            }
        });
    }

    /// One subscription. At the end of the shard it gives the children to follow.
    async fn subscribe(&self, consumer: &str, shard: &str) -> Result<Option<Vec<String>>, Error> {
        let input = SubscribeToShardInput {
            consumer_arn: consumer.into(),
            shard_id: shard.into(),
            starting_position: self.followed.start_of(shard),
            ..SubscribeToShardInput::default()
        };
        let mut subscription = self.client.subscribe(input).await?;
        for _ in 0..=self.world.entropy.within(0..EVENTS_MAX) {
            let Some(event) = subscription.next().await? else { return Ok(None) };
            self.trace.event(format_args!("follower of {shard}: {} came", event.records.len()));
            let ended = event.continuation_sequence_number.is_none();
            let children = self.followed.keep(shard, event);
            if ended {
                return Ok(Some(children));
            }
        }
        Ok(None)
    }
}
