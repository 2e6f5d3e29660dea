//! Where in a shard a request wants to start, in AWS's words for what is none.

use model::{SequenceNumber, Timestamp};
use wire::Operation;
use wire::kinesis::ShardIteratorType;

use crate::catalog::{Shard, Stream, StreamKey};
use crate::error::{Error, Result};
use crate::shard::cursor::Position;

/// A place in a shard as a request gives it.
pub(super) struct Wanted<'a> {
    /// Who asks, which some texts repeat.
    pub(super) operation: Operation,
    pub(super) kind: ShardIteratorType,
    pub(super) number: Option<&'a str>,
    pub(super) time: Option<Timestamp>,
}

impl Wanted<'_> {
    /// The place, if it can be one of this shard.
    pub(super) fn position(
        &self,
        stream: &Stream,
        shard: &Shard,
        now: Timestamp,
    ) -> Result<Position> {
        let Self { operation, kind, number, time } = *self;
        match (kind, number) {
            (ShardIteratorType::AtSequenceNumber, Some(number)) => {
                starting_number(operation, stream, shard, number).map(Position::At)
            }
            (ShardIteratorType::AfterSequenceNumber, Some(number)) => {
                starting_number(operation, stream, shard, number).map(Position::After)
            }
            (ShardIteratorType::TrimHorizon, None) => Ok(Position::TrimHorizon),
            (ShardIteratorType::Latest, None) => Ok(Position::Latest),
            (ShardIteratorType::AtTimestamp, _) => at_time(time, now),
            (_, number) => {
                let found = if number.is_some() { "also a" } else { "no" };
                Err(Error::Invalid(format!(
                    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and \
                 StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no \
                 StartingSequenceNumber. Request specified {} and {found} StartingSequenceNumber.",
                    kind.name()
                )))
            }
        }
    }
}

fn at_time(time: Option<Timestamp>, now: Timestamp) -> Result<Position> {
    let Some(time) = time else {
        return Err(Error::Invalid(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current \
             request has no timestamp parameter."
                .into(),
        ));
    };
    if time > now {
        return Err(Error::Invalid(format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
             timestampInMillis: {}, currentTimestampInMillis: {}",
            time.as_millis(),
            now.as_millis()
        )));
    }
    Ok(Position::AtTime(time))
}

/// A number that a record of this very shard can have.
fn starting_number(
    operation: Operation,
    stream: &Stream,
    shard: &Shard,
    text: &str,
) -> Result<SequenceNumber> {
    let StreamKey { name, account, .. } = &stream.key;
    let id = shard.id;
    let invalid = |reason: &str| {
        Error::Invalid(format!(
            "StartingSequenceNumber {text} used in {} on shard {id} in stream {name} under account \
             {account} is invalid{reason}.",
            operation.name()
        ))
    };
    let number: SequenceNumber = text.parse().map_err(|_| invalid(""))?;
    if number.shard() != id {
        return Err(Error::Invalid(format!(
            "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a \
             shard with {id}",
            number.shard()
        )));
    }
    if number.created() != shard.record.created {
        return Err(invalid(" because it did not come from this stream"));
    }
    Ok(number)
}
