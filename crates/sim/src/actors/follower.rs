//! An enhanced fan-out consumer of every shard.
//!
//! It keeps what came together with where to go on, as an application does that writes both in
//! one transaction. So whatever is cut and wherever it crashes, it must get each record once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use runtime::{Policy, Tasks};
use tokio::time::sleep;
use weir_client::kinesis::{
    ConsumerStatus, DescribeStreamConsumerInput, DescribeStreamSummaryInput,
    RegisterStreamConsumerInput, ShardIteratorType, StartingPosition, SubscribeToShardEvent,
    SubscribeToShardInput,
};
use weir_client::{Client, Error, ErrorCode};

use super::reader;
use crate::checkers::records::Read;
use crate::history::Progress;
use crate::run::{Run, STREAM};

const CONSUMER: &str = "follower";
const LOOK_EVERY: Duration = Duration::from_millis(10);
const BETWEEN: Duration = Duration::from_millis(1);
const AFTER_FAILURE: Duration = Duration::from_millis(50);
/// After so many events at most a subscription is dropped for another one.
const EVENTS_MAX: u64 = 8;

/// How far it is, by shard: the shards that it came to. Clones are the same follower.
#[derive(Clone, Default)]
pub(crate) struct Follower(Arc<Mutex<BTreeMap<String, Followed>>>);

#[derive(Default)]
struct Followed {
    progress: Progress,
    /// Where to go on; from the beginning if nothing came.
    continuation: Option<String>,
    ended: bool,
}

impl Follower {
    /// Follows the stream in tasks of `tasks`, until these end.
    pub(crate) fn start(&self, run: &Run, client: Client, tasks: &Tasks) {
        let (run, tasks) = (run.clone(), tasks.clone());
        let following = Following { followed: self.clone(), run, client, tasks };
        following.tasks.clone().spawn("sim.follower", Policy::Report, async move {
            while let Err(error) = following.begin().await {
                following.run.trace.event(format_args!("follower: {error}"));
                sleep(AFTER_FAILURE).await;
            }
        });
    }

    /// Sums up how far it is, for the trace.
    pub(crate) fn records(&self) -> u64 {
        let last = |it: &Followed| it.progress.0.map(|last| last.index());
        self.followed().values().filter_map(last).sum()
    }

    /// Of which shards it has not the last record that was read there.
    pub(crate) fn behind(&self, read: &Read) -> Vec<String> {
        let followed = self.followed();
        let last = |shard: &String| followed.get(shard).and_then(|it| it.progress.0);
        let behind = |(shard, records): &(&String, &Vec<_>)| {
            let end = records.last().map(|seen: &crate::history::Seen| seen.number);
            end.is_some() && last(shard) != end
        };
        read.iter().filter(behind).map(|(shard, _)| shard.clone()).collect()
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

    fn end(&self, shard: &str) {
        if let Some(it) = self.followed().get_mut(shard) {
            it.ended = true;
        }
    }

    /// Keeps an event, and gives the children that it leads to.
    fn keep(&self, run: &Run, shard: &str, event: SubscribeToShardEvent) -> Result<Vec<String>> {
        let mut followed = self.followed();
        let it = followed.get_mut(shard).expect("only known shards are followed");
        for record in event.records {
            run.history().saw(shard, &mut it.progress, reader::seen(record)?)?;
        }
        it.ended = event.continuation_sequence_number.is_none();
        it.continuation = event.continuation_sequence_number;
        let mut children = Vec::new();
        for child in event.child_shards.unwrap_or_default() {
            let ended = |parent| followed.get(parent).is_some_and(|it: &Followed| it.ended);
            if child.parent_shards.iter().all(ended) && !followed.contains_key(&child.shard_id) {
                followed.insert(child.shard_id.clone(), Followed::default());
                children.push(child.shard_id);
            }
        }
        Ok(children)
    }
}

/// A follower in one life of a node.
#[derive(Clone)]
struct Following {
    followed: Follower,
    run: Run,
    client: Client,
    tasks: Tasks,
}

impl Following {
    async fn begin(&self) -> Result<(), Error> {
        let consumer = self.register().await?;
        let listed = reader::shards(&self.client).await?;
        let unfinished: Vec<_> = {
            let mut followed = self.followed.followed();
            // Parents come first, unless they expired.
            for shard in &listed {
                let parents = [&shard.parent_shard_id, &shard.adjacent_parent_shard_id];
                let waits = |parent: &String| {
                    let is_listed = listed.iter().any(|it| it.shard_id == *parent);
                    is_listed && !followed.get(parent).is_some_and(|it| it.ended)
                };
                if !parents.into_iter().flatten().any(waits) {
                    followed.entry(shard.shard_id.clone()).or_default();
                }
            }
            let unfinished = followed.iter().filter(|(_, it)| !it.ended);
            unfinished.map(|(shard, _)| shard.clone()).collect()
        };
        for shard in unfinished {
            self.follow(consumer.clone(), shard);
        }
        Ok(())
    }

    /// Registers the consumer unless it is there, and waits until it may subscribe.
    async fn register(&self) -> Result<String, Error> {
        let input = DescribeStreamSummaryInput {
            stream_name: Some(STREAM.into()),
            ..DescribeStreamSummaryInput::default()
        };
        let stream_arn = self.client.call(input).await?.stream_description_summary.stream_arn;
        let input = RegisterStreamConsumerInput {
            stream_arn: stream_arn.clone(),
            consumer_name: CONSUMER.into(),
            ..RegisterStreamConsumerInput::default()
        };
        match self.client.call(input).await {
            Ok(_) => self.run.trace.event("the follower is registered"),
            Err(error) if error.code() == Some(ErrorCode::ResourceInUse) => {}
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
                    // A node that is ending ends subscriptions as soon as they begin.
                    Ok(None) => sleep(BETWEEN).await,
                    Err(error) => {
                        following.run.trace.event(format_args!("follower of {shard}: {error}"));
                        // The shard has expired. Its children are found in the next life.
                        if error.code() == Some(ErrorCode::ResourceNotFound) {
                            return following.followed.end(&shard);
                        }
                        sleep(AFTER_FAILURE).await;
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
        for _ in 0..=self.run.world.entropy.within(0..EVENTS_MAX) {
            let Some(event) = subscription.next().await? else { return Ok(None) };
            self.run.trace.event(format_args!("follower of {shard}: {} came", event.records.len()));
            let ended = event.continuation_sequence_number.is_none();
            match self.followed.keep(&self.run, shard, event) {
                Ok(children) if ended => return Ok(Some(children)),
                Ok(_) => {}
                Err(broken) => self.run.require(Err(broken.context("as the follower saw it"))),
            }
        }
        Ok(None)
    }
}
