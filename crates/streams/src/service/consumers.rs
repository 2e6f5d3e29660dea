//! The control plane of enhanced fan-out: consumers, their description, their tags.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use model::ConsumerArn;
use model::limits::LIST_CONSUMERS_MAX;
use wire::kinesis::*;
use wire::{Caller, Operation};

use super::address::{self, ConsumerNamed};
use super::listing::{check_age, invalid_token, page_size};
use super::shapes;
use crate::Inner;
use crate::catalog::{Incarnation, StreamKey};
use crate::control::consumers::{self, NewConsumer};
use crate::control::rates::Rated;
use crate::control::{existing, tags};
use crate::error::{Error, Result, no_such_consumer, no_such_stream};
use crate::sealed::Kind;

/// What a token of ListStreamConsumers says.
#[derive(Encode, Decode)]
pub(super) struct ConsumersPage {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
    #[n(2)]
    name: String,
    #[n(3)]
    incarnation: Incarnation,
    /// The last consumer of the page before.
    #[n(4)]
    after: String,
    #[n(5)]
    issued: u64,
}

impl Inner {
    pub(super) async fn register_stream_consumer(
        &self,
        caller: &Caller,
        input: RegisterStreamConsumerInput,
    ) -> Result<RegisterStreamConsumerOutput> {
        let RegisterStreamConsumerInput { stream_arn, consumer_name, tags, .. } = input;
        let key = address::by_arn(caller, Operation::RegisterStreamConsumer, &stream_arn)?;
        self.rate(Rated::RegisterStreamConsumer, &key)?;
        let tags = tags.unwrap_or_default();
        tags::check_new(&key, &tags)?;
        let name = consumer_name.parse().map_err(|e| Error::Invalid(format!("{e}")))?;
        let new = NewConsumer { key: key.clone(), name, tags };
        let name = new.name.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            consumers::register(snapshot, edit, rules, now, new)
        };
        self.control.change(&key, decide).await?;
        let snapshot = self.control.catalog.snapshot();
        let (stream, consumer) = consumers::named(&snapshot, &key, &name, None)?;
        // As it was accepted, even if it takes no time.
        let consumer = shapes::consumer(stream, consumer);
        let consumer = Consumer { consumer_status: ConsumerStatus::Creating, ..consumer };
        Ok(RegisterStreamConsumerOutput { consumer })
    }

    pub(super) async fn deregister_stream_consumer(
        &self,
        caller: &Caller,
        input: DeregisterStreamConsumerInput,
    ) -> Result<()> {
        let (key, named) = address::consumer(
            caller,
            Operation::DeregisterStreamConsumer,
            (
                input.consumer_arn.as_deref(),
                input.stream_arn.as_deref(),
                input.consumer_name.as_deref(),
            ),
        )?;
        self.rate(Rated::DeregisterStreamConsumer, &key)?;
        let of = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            let (name, second) = match &named {
                ConsumerNamed::ByArn(arn) => (arn.name(), Some(arn.created_seconds())),
                ConsumerNamed::ByName(name) => (name, None),
            };
            consumers::deregister(snapshot, edit, rules, now, (&of, name, second))
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) fn describe_stream_consumer(
        &self,
        caller: &Caller,
        input: DescribeStreamConsumerInput,
    ) -> Result<DescribeStreamConsumerOutput> {
        let (key, named) = address::consumer(
            caller,
            Operation::DescribeStreamConsumer,
            (
                input.consumer_arn.as_deref(),
                input.stream_arn.as_deref(),
                input.consumer_name.as_deref(),
            ),
        )?;
        self.rate(Rated::DescribeStreamConsumer, &key)?;
        let snapshot = self.control.catalog.snapshot();
        let (stream, consumer) = match &named {
            ConsumerNamed::ByArn(arn) => {
                consumers::named(&snapshot, &key, arn.name(), Some(arn.created_seconds()))
                    .map_err(|_| no_such_consumer(&key, arn))?
            }
            ConsumerNamed::ByName(name) => consumers::named(&snapshot, &key, name, None)?,
        };
        let Consumer { consumer_name, consumer_arn, consumer_status, consumer_creation_timestamp } =
            shapes::consumer(stream, consumer);
        let consumer_description = ConsumerDescription {
            consumer_name,
            consumer_arn,
            consumer_status,
            consumer_creation_timestamp,
            stream_arn: stream.arn().to_string(),
        };
        Ok(DescribeStreamConsumerOutput { consumer_description })
    }

    pub(super) fn list_stream_consumers(
        &self,
        caller: &Caller,
        input: ListStreamConsumersInput,
    ) -> Result<ListStreamConsumersOutput> {
        let key = address::by_arn(caller, Operation::ListStreamConsumers, &input.stream_arn)?;
        self.rate(Rated::ListStreamConsumers, &key)?;
        let now = self.control.clock.now();
        let snapshot = self.control.catalog.snapshot();
        let stream = existing(&snapshot, &key)?;
        let created = input.stream_creation_timestamp;
        if created.is_some_and(|c| c.as_seconds() != stream.record.created.as_seconds()) {
            return Err(no_such_stream(&key));
        }
        let after = match &input.next_token {
            None => None,
            Some(_) if created.is_some() => {
                return Err(Error::Invalid(
                    "NextToken and StreamCreationTimestamp cannot be provided together.".into(),
                ));
            }
            Some(token) => {
                let page: Option<ConsumersPage> = self.sealer.open(Kind::ConsumersPage, token);
                let page = page.filter(|page| page.is_of(&key)).ok_or_else(invalid_token)?;
                check_age(page.issued, now)?;
                let same = page.incarnation == stream.record.incarnation;
                Some(if same { page.after } else { return Err(no_such_stream(&key)) })
            }
        };
        let after = |name: &str| after.as_deref().is_none_or(|after| name > after);
        let mut consumers = stream.consumers.iter().filter(|c| after(c.name.as_str()));
        let limit = page_size(input.max_results, LIST_CONSUMERS_MAX);
        let page: Vec<_> = consumers.by_ref().take(limit).collect();
        let more = consumers.next().and(page.last()).map(|last| ConsumersPage {
            account: key.account.to_string(),
            region: key.region.to_string(),
            name: key.name.to_string(),
            incarnation: stream.record.incarnation,
            after: last.name.to_string(),
            issued: now.as_millis(),
        });
        Ok(ListStreamConsumersOutput {
            consumers: Some(page.iter().map(|c| shapes::consumer(stream, c)).collect()),
            next_token: more.map(|page| self.sealer.seal(Kind::ConsumersPage, &page)),
        })
    }

    pub(super) async fn tag_consumer(
        &self,
        key: StreamKey,
        arn: ConsumerArn,
        tags: BTreeMap<String, String>,
    ) -> Result<()> {
        self.rate(Rated::TagResource, &key)?;
        let of = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, _: &_, _| {
            tags::add_to_consumer(snapshot, edit, (&of, &arn), tags)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn untag_consumer(
        &self,
        key: StreamKey,
        arn: ConsumerArn,
        tag_keys: Vec<String>,
    ) -> Result<()> {
        self.rate(Rated::UntagResource, &key)?;
        let of = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, _: &_, _| {
            tags::remove_from_consumer(snapshot, edit, (&of, &arn), &tag_keys)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) fn consumer_tags(&self, key: &StreamKey, arn: &ConsumerArn) -> Result<Vec<Tag>> {
        self.rate(Rated::ListTagsForResource, key)?;
        let snapshot = self.control.catalog.snapshot();
        let second = Some(arn.created_seconds());
        let (_, consumer) = consumers::named(&snapshot, key, arn.name(), second)?;
        Ok(shapes::tags(&consumer.record.tags))
    }
}

impl ConsumersPage {
    fn is_of(&self, key: &StreamKey) -> bool {
        let StreamKey { account, region, name } = key;
        self.account == account.to_string()
            && self.region == region.as_str()
            && self.name == name.as_str()
    }
}
