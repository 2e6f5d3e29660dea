//! SubscribeToShard: the call, and its events on the wire.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::ConsumerArn;
use tokio::time::Instant;
use wire::kinesis::*;
use wire::{ApiError, Caller, Events, Operation, event_stream};

use super::position::Wanted;
use super::{address, shapes};
use crate::Inner;
use crate::catalog::StreamKey;
use crate::control::consumers;
use crate::error::{Error, Result, shard_gone};
use crate::shard::cursor::Record;
use crate::shard::fanout::{Batch, Begin, Denied, Next, Subscription};

/// About what a record takes in an event beside its data and its key.
const RECORD_OVERHEAD: usize = 160;
/// About what an event takes beside its records.
const EVENT_OVERHEAD: usize = 512;

impl Inner {
    pub(super) async fn subscribe_to_shard(
        &self,
        caller: &Caller,
        input: SubscribeToShardInput,
    ) -> Result<Events> {
        let SubscribeToShardInput { consumer_arn, shard_id, starting_position, dry_run, .. } =
            input;
        let operation = Operation::SubscribeToShard;
        let (key, arn) = address::consumer_by_arn(caller, operation, &consumer_arn)?;
        let id = address::shard(&key, &shard_id)?;
        let now = self.control.clock.now();
        let snapshot = self.control.catalog.snapshot();
        let (stream, consumer) = consumers::active(&snapshot, &key, &arn)?;
        let shard = stream.shard(id).filter(|shard| shard.is_visible(stream.horizon(now)));
        let shard = shard.ok_or_else(|| shard_gone(&key, id))?;
        let StartingPosition { kind, sequence_number, timestamp } = &starting_position;
        let number = sequence_number.as_deref();
        let wanted = Wanted { operation, kind: *kind, number, time: *timestamp };
        let position = wanted.position(stream, shard, now)?;
        if dry_run == Some(true) {
            return Err(Error::DryRun);
        }
        let from = self.cursor(stream, shard, now).resolve(position).await?;
        let mode = self.control.rules.limits.mode;
        let holding = consumer.live.take(id, mode, Instant::now());
        let holding =
            holding.map_err(|denied| refused(denied, &key, &arn, &shard.id.to_string()))?;
        let subscription = Subscription::new(Begin {
            control: self.control.clone(),
            stream,
            shard,
            consumer: (consumer.name.clone(), consumer.record.incarnation),
            holding,
            from,
            lifetime: self.fanout.subscription_lifetime,
            encode,
        });
        let taken_over = refused(Denied::Held, &key, &arn, &shard.id.to_string());
        Ok(events(subscription, taken_over))
    }
}

/// The messages of a subscription: first of all, and at once, that it began.
fn events(subscription: Subscription, taken_over: Error) -> Events {
    let begun = (subscription, Some(taken_over), false);
    let messages = stream::unfold(begun, async |(mut subscription, mut taken_over, begun)| {
        if !begun {
            let begun = (subscription, taken_over, true);
            return Some((event_stream::initial_response(), begun));
        }
        let message = match subscription.next().await? {
            Next::Event(message) => message,
            Next::TakenOver => exception(taken_over.take()?),
            Next::Failed(error) => exception(error),
        };
        Some((message, (subscription, taken_over, true)))
    });
    Events::new(messages.fuse())
}

/// The message of a refusal that comes when the answer has begun.
fn exception(error: Error) -> Bytes {
    event_stream::exception(&ApiError::from(error))
}

fn encode(batch: Batch<'_>) -> Bytes {
    let Batch { stream, shard, records, millis_behind, continuation } = batch;
    let size = |record: &Record| record.bytes() * 4 / 3 + RECORD_OVERHEAD;
    let bytes = EVENT_OVERHEAD + records.iter().map(size).sum::<usize>();
    let children = || stream.children(shard.id).map(shapes::child).collect();
    let event = SubscribeToShardEvent {
        records: records.into_iter().map(shapes::record).collect(),
        continuation_sequence_number: continuation.map(|number| number.to_string()),
        millis_behind_latest: i64::try_from(millis_behind).unwrap_or(i64::MAX),
        child_shards: continuation.is_none().then(children),
    };
    event_stream::event(SubscribeToShardEvent::KIND, &event, bytes)
}

fn refused(denied: Denied, key: &StreamKey, arn: &ConsumerArn, shard: &str) -> Error {
    let (StreamKey { name, account, .. }, consumer) = (key, arn.name());
    match denied {
        Denied::Held => Error::InUse(format!(
            "Another active subscription exists for this consumer: \
             {account}:{name}:{shard}:{consumer}"
        )),
        Denied::TooFast => Error::LimitExceeded(format!(
            "Rate exceeded for consumer {consumer} and shard {shard} in stream {name} under \
             account {account}."
        )),
    }
}
