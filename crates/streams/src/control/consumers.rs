//! Registering and removing enhanced fan-out consumers.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::limits::{CONSUMERS_CREATING_MAX, CONSUMERS_PER_COMMITTED_STREAM};
use model::{ConsumerArn, ConsumerName, Timestamp};

use super::quotas::Quota;
use super::{Control, Rules, existing, not_in};
use crate::catalog::{
    Consumer, ConsumerChange, ConsumerPending, ConsumerRecord, Edit, Snapshot, Status, Stream,
    StreamKey, StreamMode,
};
use crate::error::{Error, Result, no_such_consumer, no_such_stream};

/// Consumers of one stream where AWS's quota is not kept: what a stream costs stays bounded.
const CONSUMERS_MAX: usize = 1000;

/// A consumer to register.
pub(crate) struct NewConsumer {
    pub(crate) key: StreamKey,
    pub(crate) name: ConsumerName,
    pub(crate) tags: BTreeMap<String, String>,
}

/// RegisterStreamConsumer: the consumer is there, CREATING.
pub(crate) fn register(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    new: NewConsumer,
) -> Result<()> {
    let NewConsumer { key, name, tags } = new;
    let stream = existing(snapshot, &key)?;
    if !matches!(stream.status(), Status::Active | Status::Updating) {
        return Err(not_in(stream, "ACTIVE or UPDATING"));
    }
    if stream.consumer(&name).is_some() {
        let StreamKey { name: stream, account, .. } = &key;
        return Err(Error::InUse(format!(
            "Consumer {name} under stream {stream} already exists for account {account}."
        )));
    }
    check_quotas(snapshot, stream, rules, now)?;
    let change = ConsumerChange::Register;
    let record = ConsumerRecord {
        incarnation: edit.new_incarnation(),
        created: now,
        tags,
        pending: Some(ConsumerPending { change, due: rules.due(now) }),
        policy: None,
    };
    edit.put_consumer(&key, &name, record);
    Ok(())
}

fn check_quotas(snapshot: &Snapshot, stream: &Stream, rules: &Rules, now: Timestamp) -> Result<()> {
    let StreamKey { name, account, .. } = &stream.key;
    let on_demand = stream.record.mode == StreamMode::OnDemand;
    let committed = on_demand && snapshot.is_committed(&stream.key, now);
    let more = if committed { CONSUMERS_PER_COMMITTED_STREAM } else { 0 };
    let limit = (rules.limits.consumers_per_stream as usize).max(more);
    let current = stream.consumers.len();
    let over = current >= limit && rules.refuses(Quota::Consumers);
    if over || current >= CONSUMERS_MAX {
        return Err(Error::LimitExceeded(format!(
            "This request would exceed the limit on the number of consumers of stream {name} \
             under account {account}. Current consumer count: {current}. Limit: {limit}."
        )));
    }
    let is_new = |consumer: &&Consumer| stream.consumer_status(consumer) == Status::Creating;
    let creating = stream.consumers.iter().filter(is_new).count();
    if creating >= CONSUMERS_CREATING_MAX && rules.refuses(Quota::ConsumersCreating) {
        return Err(Error::LimitExceeded(format!(
            "This request would exceed the limit on the number of consumers of stream {name} \
             under account {account} that can simultaneously be in CREATING. Limit: \
             {CONSUMERS_CREATING_MAX}."
        )));
    }
    Ok(())
}

/// DeregisterStreamConsumer: the consumer is DELETING. Again: nothing changes.
pub(crate) fn deregister(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    (key, name, created_seconds): (&StreamKey, &ConsumerName, Option<u64>),
) -> Result<()> {
    let (stream, consumer) = named(snapshot, key, name, created_seconds)?;
    if stream.consumer_status(consumer) == Status::Deleting {
        return Ok(());
    }
    let change = ConsumerChange::Deregister;
    let pending = Some(ConsumerPending { change, due: rules.due(now) });
    edit.put_consumer(key, name, ConsumerRecord { pending, ..consumer.record.clone() });
    Ok(())
}

/// The consumer of a name, if it was registered in that second.
pub(crate) fn named<'s>(
    snapshot: &'s Snapshot,
    key: &StreamKey,
    name: &ConsumerName,
    created_seconds: Option<u64>,
) -> Result<(&'s Arc<Stream>, &'s Consumer)> {
    let stream = snapshot.stream(key).ok_or_else(|| no_such_stream(key))?;
    let is_meant =
        |c: &&Consumer| created_seconds.is_none_or(|s| c.record.created.as_seconds() == s);
    let consumer = stream.consumer(name).filter(is_meant);
    consumer.map(|consumer| (stream, consumer)).ok_or_else(|| match created_seconds {
        None => no_such_consumer(key, name),
        Some(second) => {
            let arn = ConsumerArn::new(stream.arn(), name.clone(), Timestamp::from_seconds(second));
            no_such_consumer(key, arn)
        }
    })
}

/// The consumer of an ARN, if it is ACTIVE.
pub(crate) fn active<'s>(
    snapshot: &'s Snapshot,
    key: &StreamKey,
    arn: &ConsumerArn,
) -> Result<(&'s Arc<Stream>, &'s Consumer)> {
    let (stream, consumer) = named(snapshot, key, arn.name(), Some(arn.created_seconds()))?;
    if stream.consumer_status(consumer) == Status::Active {
        return Ok((stream, consumer));
    }
    let StreamKey { name, account, .. } = key;
    Err(Error::InUse(format!(
        "Consumer {} with creation timestamp {} under stream: {name}, account {account} is not in \
         ACTIVE status.",
        consumer.name,
        arn.created_seconds()
    )))
}

impl Control {
    /// Completes what is pending of a consumer, if anything is.
    pub(super) async fn complete_consumer(
        &self,
        stream: &Arc<Stream>,
        consumer: &Consumer,
    ) -> Result<()> {
        let Some(pending) = consumer.record.pending.clone() else { return Ok(()) };
        let (stream, seen) = (stream.clone(), consumer.clone());
        let decide = move |snapshot: &Snapshot, edit: &mut Edit| {
            let now = snapshot.same_stream(&stream.key, stream.record.incarnation);
            let now = now.and_then(|now| now.consumer(&seen.name)).map(|now| &now.record);
            let same = |now: &&ConsumerRecord| {
                now.incarnation == seen.record.incarnation && now.pending == seen.record.pending
            };
            match (now.filter(same), pending.change) {
                (None, _) => {}
                (Some(now), ConsumerChange::Register) => {
                    let record = ConsumerRecord { pending: None, ..now.clone() };
                    edit.put_consumer(&stream.key, &seen.name, record);
                }
                (Some(_), ConsumerChange::Deregister) => {
                    edit.remove_consumer(&stream.key, &seen.name);
                }
            }
            Ok(())
        };
        self.catalog.change(decide).await?;
        Ok(())
    }
}
