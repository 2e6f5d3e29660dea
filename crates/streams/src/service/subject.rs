//! What a request is about, as policies see it.
//!
//! Invariant: a request is resolved here by the very functions that its handler uses, so that
//! what is decided on and what is done cannot be two things.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{ConsumerArn, ConsumerName, StreamArn};
use security::policy::Policy;
use wire::{ApiError, Caller, Operation, Target};

use super::address::{self, ConsumerNamed, Resource};
use super::listing;
use crate::catalog::{Consumer, Stream, StreamKey};
use crate::error::Result;
use crate::{Inner, Streams, is_reserved};

/// A stream or a consumer that a request is about. It need not exist.
pub struct Subject {
    key: StreamKey,
    stream: Option<Arc<Stream>>,
    consumer: Option<NamedConsumer>,
}

/// The consumer that a request is about.
struct NamedConsumer {
    name: ConsumerName,
    /// The second of its registration, if the request says it.
    second: Option<u64>,
}

impl Subject {
    /// Its ARN, in the only way to write it. A consumer that is named without the second of its
    /// registration has one without that, as in AWS, and if it exists its own as well.
    pub fn arns(&self) -> Vec<String> {
        let stream = self.key.arn();
        let Some(NamedConsumer { name, second }) = &self.consumer else {
            return vec![stream.to_string()];
        };
        let named = format!("{stream}/consumer/{name}");
        if let Some(second) = second {
            return vec![format!("{named}:{second}")];
        }
        let registered =
            self.consumer().map(|c| format!("{named}:{}", c.record.created.as_seconds()));
        [named].into_iter().chain(registered).collect()
    }

    /// The 12 digits of the account that owns it.
    pub fn account(&self) -> String {
        self.key.account.to_string()
    }

    /// Whether it is one of the streams that the node keeps for itself.
    pub fn is_the_node_s(&self) -> bool {
        is_reserved(self.key.account)
    }

    /// Its policy, if it has one.
    pub fn policy(&self) -> Option<&Policy> {
        match &self.consumer {
            None => self.stream.as_ref()?.policy.as_deref(),
            Some(_) => self.consumer()?.policy.as_deref(),
        }
    }

    /// The value of its tag with this key, in lower case.
    pub fn tag(&self, key: &str) -> Option<&str> {
        let tags: &BTreeMap<String, String> = match &self.consumer {
            None => &self.stream.as_ref()?.record.tags,
            Some(_) => &self.consumer()?.record.tags,
        };
        tags.iter().find(|(tag, _)| tag.to_lowercase() == key).map(|(_, value)| &**value)
    }

    fn consumer(&self) -> Option<&Consumer> {
        let NamedConsumer { name, second } = self.consumer.as_ref()?;
        let consumer = self.stream.as_ref()?.consumer(name)?;
        second.is_none_or(|s| consumer.record.created.as_seconds() == s).then_some(consumer)
    }
}

impl Streams {
    /// The stream or consumer that a request is about; none if it is about none in particular.
    /// What names nothing that could exist is refused as its handler would refuse it.
    pub fn subject(
        &self,
        caller: &Caller,
        operation: Operation,
        target: &Target<'_>,
    ) -> Result<Option<Subject>, ApiError> {
        Ok(self.0.subject(caller, operation, target)?)
    }
}

impl Streams {
    /// The stream or consumer that an ARN names, in whatever account and region.
    pub fn named(&self, arn: &str) -> Option<Subject> {
        let (stream, consumer) = match arn.parse::<ConsumerArn>() {
            Ok(arn) => (arn.stream().clone(), Some(ConsumerNamed::ByArn(arn).into())),
            Err(_) => (arn.parse::<StreamArn>().ok()?, None),
        };
        let (account, region) = (stream.account(), stream.region().clone());
        let key = StreamKey { account, region, name: stream.name().clone() };
        let stream = self.0.control.catalog.snapshot().stream(&key).cloned();
        Some(Subject { key, stream, consumer })
    }
}

impl Inner {
    fn subject(
        &self,
        caller: &Caller,
        operation: Operation,
        target: &Target<'_>,
    ) -> Result<Option<Subject>> {
        let (key, consumer) = match *target {
            Target::Stream { name, arn } => (address::stream(caller, operation, name, arn)?, None),
            Target::ShardsPage { name, arn, token } => match token {
                Some(token) => (self.listed_stream(caller, token)?, None),
                None => (listing::named_stream(caller, name, arn)?, None),
            },
            Target::Iterator { token, .. } => (self.iterated_stream(token)?, None),
            Target::Consumer { arn, stream, name } => {
                let (key, named) = address::consumer(caller, operation, (arn, stream, name))?;
                (key, Some(named.into()))
            }
            Target::Resource(arn) => match address::resource(caller, operation, arn)? {
                Resource::Stream(key) => (key, None),
                Resource::Consumer(key, arn) => (key, Some(ConsumerNamed::ByArn(arn).into())),
            },
            _ => return Ok(None),
        };
        let stream = self.control.catalog.snapshot().stream(&key).cloned();
        Ok(Some(Subject { key, stream, consumer }))
    }
}

impl From<ConsumerNamed> for NamedConsumer {
    fn from(named: ConsumerNamed) -> Self {
        match named {
            ConsumerNamed::ByArn(arn) => {
                Self { name: arn.name().clone(), second: Some(arn.created_seconds()) }
            }
            ConsumerNamed::ByName(name) => Self { name, second: None },
        }
    }
}
