//! Which stream or consumer a request is about.

use model::{AccountId, ConsumerArn, ConsumerName, Region, ShardId, StreamArn};
use wire::{Caller, Operation};

use crate::catalog::StreamKey;
use crate::control::quotas::Quota;
use crate::control::rates::{self, Rated};
use crate::error::{Error, Result, no_such_shard, no_such_stream};
use crate::{Inner, system};

/// The account and region that a request is for.
pub(super) fn home(caller: &Caller) -> Result<(AccountId, Region)> {
    let account = caller.account.parse().map_err(|e| Error::Invalid(format!("{e}")))?;
    let region = caller.region.parse().map_err(|e| Error::Invalid(format!("{e}")))?;
    Ok((account, region))
}

/// The stream that a name, an ARN or both in agreement name.
pub(super) fn stream(
    caller: &Caller,
    operation: Operation,
    name: Option<&str>,
    arn: Option<&str>,
) -> Result<StreamKey> {
    let Some(arn) = arn else {
        let name = name.ok_or_else(|| {
            Error::Invalid("Either StreamName or StreamARN should be provided.".into())
        })?;
        return named(caller, name);
    };
    let key = by_arn(caller, operation, arn)?;
    if name.is_some_and(|name| name != key.name.as_str()) {
        return Err(Error::Invalid(
            "StreamName and StreamARN must name the same stream if both are provided.".into(),
        ));
    }
    Ok(key)
}

/// The caller's stream of this name.
pub(super) fn named(caller: &Caller, name: &str) -> Result<StreamKey> {
    let (account, region) = home(caller)?;
    let name = name.parse().map_err(|e| Error::Invalid(format!("{e}")))?;
    Ok(StreamKey { account, region, name })
}

/// The stream of an ARN, which may be another account's: whether the caller may use it was decided
/// before.
pub(super) fn by_arn(caller: &Caller, operation: Operation, arn: &str) -> Result<StreamKey> {
    let parsed: StreamArn = arn.parse().map_err(|e| Error::Invalid(format!("{e}")))?;
    here(caller, operation, &parsed)
}

/// The stream of an ARN, if it is in the region that the caller talks to.
fn here(caller: &Caller, operation: Operation, arn: &StreamArn) -> Result<StreamKey> {
    let (_, region) = home(caller)?;
    let key = StreamKey { account: arn.account(), region, name: arn.name().clone() };
    system::check(operation, &key)?;
    if *arn.region() == key.region { Ok(key) } else { Err(no_such_stream(&key)) }
}

/// A stream or a consumer.
pub(super) enum Resource {
    Stream(StreamKey),
    Consumer(StreamKey, ConsumerArn),
}

impl Resource {
    /// The stream that it is or belongs to.
    pub(super) fn stream(&self) -> &StreamKey {
        match self {
            Self::Stream(key) | Self::Consumer(key, _) => key,
        }
    }
}

/// The stream or the consumer of an ARN.
pub(super) fn resource(caller: &Caller, operation: Operation, arn: &str) -> Result<Resource> {
    match arn.parse::<ConsumerArn>() {
        Ok(parsed) => Ok(Resource::Consumer(here(caller, operation, parsed.stream())?, parsed)),
        Err(_) => by_arn(caller, operation, arn).map(Resource::Stream),
    }
}

/// The stream of a consumer's ARN, and that ARN.
pub(super) fn consumer_by_arn(
    caller: &Caller,
    operation: Operation,
    arn: &str,
) -> Result<(StreamKey, ConsumerArn)> {
    let parsed: ConsumerArn = arn.parse().map_err(|e| Error::Invalid(format!("{e}")))?;
    Ok((here(caller, operation, parsed.stream())?, parsed))
}

/// A consumer as a request names it.
pub(super) enum ConsumerNamed {
    /// One that was registered in a certain second.
    ByArn(ConsumerArn),
    ByName(ConsumerName),
}

/// The consumer that an ARN, a name with a stream, or all of them in agreement name.
pub(super) fn consumer(
    caller: &Caller,
    operation: Operation,
    (arn, stream, name): (Option<&str>, Option<&str>, Option<&str>),
) -> Result<(StreamKey, ConsumerNamed)> {
    let Some(arn) = arn else {
        let (Some(stream), Some(name)) = (stream, name) else {
            return Err(Error::Invalid(
                "Either ConsumerARN or both StreamARN and ConsumerName should be provided.".into(),
            ));
        };
        let key = by_arn(caller, operation, stream)?;
        let name = name.parse().map_err(|e| Error::Invalid(format!("{e}")))?;
        return Ok((key, ConsumerNamed::ByName(name)));
    };
    let (key, parsed) = consumer_by_arn(caller, operation, arn)?;
    let other_stream = stream.is_some_and(|stream| stream != parsed.stream().to_string());
    if other_stream || name.is_some_and(|name| name != parsed.name().as_str()) {
        return Err(Error::Invalid(
            "ConsumerARN, StreamARN and ConsumerName must name the same consumer if they are \
             provided together."
                .into(),
        ));
    }
    Ok((key, ConsumerNamed::ByArn(parsed)))
}

/// The shard that a text names, as leniently as AWS reads it.
pub(super) fn shard(key: &StreamKey, text: &str) -> Result<ShardId> {
    text.parse().map_err(|_| no_such_shard(key, text))
}

impl Inner {
    /// Counts a call of the control plane, and refuses it if there are too many.
    pub(super) fn rate(&self, rated: Rated, key: &StreamKey) -> Result<()> {
        let within = self.rates.take_of(rated, key, self.control.clock.now());
        if !within && self.control.rules.quotas.refuses(Quota::Calls(rated)) {
            return Err(rates::exceeded(key.account, Some(&key.name)));
        }
        Ok(())
    }

    /// The same of a call that names no stream.
    pub(super) fn rate_account(
        &self,
        rated: Rated,
        (account, region): (AccountId, &Region),
    ) -> Result<()> {
        let within = self.rates.take(rated, account, region, None, self.control.clock.now());
        if !within && self.control.rules.quotas.refuses(Quota::Calls(rated)) {
            return Err(rates::exceeded(account, None));
        }
        Ok(())
    }
}
