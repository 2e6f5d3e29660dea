//! What the catalog's table holds: keys, and the records that are its values.
//!
//! The bytes are in `docs/formats.md`. Fields are numbered and numbers are never used again, so
//! a later version can add fields to what an earlier one wrote.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use bytes::Bytes;
use minicbor::{Decode, Encode};
use model::{
    AccountId, ConsumerName, HashKeyRange, Region, SequenceNumber, ShardId, StreamArn, StreamName,
    Timestamp,
};
use storage::LogId;

use super::cbor;
use super::monitored::ShardMetrics;
use crate::error::{Error, Result};

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

/// Ids below are reserved for tables.
const FIRST_ID: u64 = 1000;

const HOUR_MS: u64 = 3_600_000;

/// The shortest commitment of an account.
const COMMITMENT_MIN_MS: u64 = 24 * HOUR_MS;

/// Where the node's own record is.
pub(super) const NODE_KEY: &[u8] = b"n";
/// What the keys of streams begin with.
pub(super) const STREAMS: &[u8] = b"s";
/// What the keys of accounts begin with.
pub(super) const ACCOUNTS: &[u8] = b"a";
/// What the keys of streams' scaling begin with.
const SCALING: &[u8] = b"d";
/// What the keys of shards begin with.
pub(super) const SHARDS: &[u8] = b"h";
/// What the keys of consumers begin with.
pub(super) const CONSUMERS: &[u8] = b"c";

/// Names a stream in the whole node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: StreamName,
}

/// Tells apart streams, or consumers, that had the same name, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Incarnation(#[n(0)] pub(crate) u64);

/// What there is one of.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct NodeRecord {
    #[n(0)]
    format: u32,
    /// The next log or incarnation gets this id.
    #[n(1)]
    pub(crate) next_id: u64,
    /// Seals iterators and page tokens, so that they outlive a restart.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) token_key: [u8; 32],
}

/// A stream, without its shards.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StreamRecord {
    #[n(0)]
    pub(crate) incarnation: Incarnation,
    #[cbor(n(1), with = "cbor")]
    pub(crate) created: Timestamp,
    #[n(2)]
    pub(crate) retention_hours: u32,
    /// Older records stay invisible even if retention is lengthened again.
    #[cbor(n(3), with = "cbor")]
    pub(crate) trimmed_to: Timestamp,
    #[n(4)]
    pub(crate) mode: StreamMode,
    #[n(5)]
    pub(crate) record_kib_max: u32,
    #[n(6)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(7)]
    pub(crate) next_shard: u32,
    /// When UpdateShardCount was called in the last day.
    #[cbor(n(8), with = "cbor")]
    pub(crate) rescaled: Vec<Timestamp>,
    /// What is being done to the stream. Nothing: it is ACTIVE.
    #[n(9)]
    pub(crate) pending: Option<Pending>,
    /// What its records are sealed with. Nothing: they are not.
    #[n(11)]
    pub(crate) encryption: Option<Encryption>,
    /// Its policy, as it was written.
    #[n(10)]
    pub(crate) policy: Option<String>,
    /// The per-shard metrics that are switched on.
    #[n(12)]
    pub(crate) monitored: ShardMetrics,
    /// How records find their shard.
    #[cbor(n(13), with = "cbor", has_nil)]
    pub(crate) distribution: Distribution,
    /// The MiB per second that the owner wants ready, on-demand. Counts while the account is
    /// committed.
    #[n(14)]
    pub(crate) warm_mibps: Option<u32>,
    /// When UpdateStreamMode switched it in the last day.
    #[cbor(n(15), with = "cbor", has_nil)]
    pub(crate) mode_changes: Vec<Timestamp>,
    #[n(16)]
    pub(crate) encryption_changes: Option<EncryptionChanges>,
}

/// What the records of a stream are sealed with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Encryption {
    /// The key, as it was named when encryption was started.
    #[n(0)]
    pub(crate) key_id: String,
    /// The data key that was made for it.
    #[n(1)]
    pub(crate) data_key: u64,
}

/// When encryption was started and stopped in the last day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EncryptionChanges {
    #[cbor(n(0), with = "cbor")]
    pub(crate) started: Vec<Timestamp>,
    #[cbor(n(1), with = "cbor")]
    pub(crate) stopped: Vec<Timestamp>,
}

/// How the capacity of a stream is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum StreamMode {
    #[n(0)]
    Provisioned,
    #[n(1)]
    OnDemand,
}

/// How records of a stream find their shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Distribution {
    /// By the hash of their partition key, or the explicit one.
    #[default]
    ByKey,
    /// Evenly, whatever key they have; they need none.
    Even,
}

/// What an account has settled for a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AccountRecord {
    /// The latest commitment to a minimum throughput, which may be over.
    #[n(0)]
    pub(crate) commitment: Option<Commitment>,
}

/// A commitment to a minimum throughput, which unlocks warm throughput.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Commitment {
    #[cbor(n(0), with = "cbor")]
    pub(crate) started: Timestamp,
    /// When its end was asked for; it ends then, but not before its first day is over.
    #[cbor(n(1), with = "cbor")]
    pub(crate) revoked: Option<Timestamp>,
}

/// A change that was accepted and is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Pending {
    #[n(0)]
    pub(crate) change: Change,
    /// Not before this moment.
    #[cbor(n(1), with = "cbor")]
    pub(crate) due: Timestamp,
}

/// What a pending change does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Change {
    /// Open the first shards.
    #[n(0)]
    Create {
        #[n(0)]
        shards: NonZeroU32,
    },
    /// Forget everything.
    #[n(1)]
    Delete,
    /// Replace a shard by two.
    #[n(2)]
    Split {
        #[cbor(n(0), with = "cbor")]
        shard: ShardId,
        /// The first key of the second child.
        #[cbor(n(1), with = "cbor")]
        at: model::HashKey,
    },
    /// Replace two shards by one.
    #[n(3)]
    Merge {
        #[cbor(n(0), with = "cbor")]
        left: ShardId,
        #[cbor(n(1), with = "cbor")]
        right: ShardId,
    },
    /// Replace the shards by this many of equal width.
    #[n(4)]
    Scale {
        #[n(0)]
        target: NonZeroU32,
    },
    /// Seal records with this from now on, or not at all.
    #[n(5)]
    Encrypt {
        #[n(0)]
        with: Option<Encryption>,
    },
    /// Split the widest shards until this many are open: nothing, if they are.
    #[n(6)]
    Grow {
        #[n(0)]
        shards: u32,
    },
    /// Split and merge several shards at once.
    #[n(7)]
    Adapt {
        #[n(0)]
        splits: Vec<Split>,
        #[n(1)]
        merges: Vec<Merge>,
    },
    /// Give the stream these settings.
    #[n(8)]
    Configure {
        #[n(0)]
        record_kib_max: u32,
        #[n(1)]
        monitored: ShardMetrics,
    },
}

/// A shard to replace by two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Split {
    #[cbor(n(0), with = "cbor")]
    pub(crate) shard: ShardId,
    /// The first key of the second child.
    #[cbor(n(1), with = "cbor")]
    pub(crate) at: model::HashKey,
}

/// Two neighbours to replace by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Merge {
    #[cbor(n(0), with = "cbor")]
    pub(crate) left: ShardId,
    #[cbor(n(1), with = "cbor")]
    pub(crate) right: ShardId,
}

/// A shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ShardRecord {
    /// Its records.
    #[cbor(n(0), with = "cbor")]
    pub(crate) log: LogId,
    #[cbor(n(1), with = "cbor")]
    pub(crate) range: HashKeyRange,
    /// Whole seconds, in its sequence numbers. Rises from parent to child, whatever the clock
    /// does, so that the numbers rise too.
    #[cbor(n(2), with = "cbor")]
    pub(crate) created: Timestamp,
    /// When it began to take records: the moment its parents closed.
    #[cbor(n(3), with = "cbor")]
    pub(crate) opened: Timestamp,
    #[cbor(n(4), with = "cbor")]
    pub(crate) closed: Option<Timestamp>,
    #[cbor(n(5), with = "cbor")]
    pub(crate) parent: Option<ShardId>,
    #[cbor(n(6), with = "cbor")]
    pub(crate) adjacent_parent: Option<ShardId>,
}

/// An enhanced fan-out consumer of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ConsumerRecord {
    #[n(0)]
    pub(crate) incarnation: Incarnation,
    #[cbor(n(1), with = "cbor")]
    pub(crate) created: Timestamp,
    #[n(2)]
    pub(crate) tags: BTreeMap<String, String>,
    /// What is being done to it. Nothing: it is ACTIVE.
    #[n(3)]
    pub(crate) pending: Option<ConsumerPending>,
    /// Its policy, as it was written.
    #[n(5)]
    pub(crate) policy: Option<String>,
}

/// A change of a consumer that was accepted and is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ConsumerPending {
    #[n(0)]
    pub(crate) change: ConsumerChange,
    /// Not before this moment.
    #[cbor(n(1), with = "cbor")]
    pub(crate) due: Timestamp,
}

/// What a pending change of a consumer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum ConsumerChange {
    /// Let it subscribe.
    #[n(0)]
    Register,
    /// Forget it.
    #[n(1)]
    Deregister,
}

impl StreamKey {
    pub(crate) fn arn(&self) -> StreamArn {
        StreamArn::new(self.region.clone(), self.account, self.name.clone())
    }

    pub(super) fn table_key(&self) -> Bytes {
        format!("s{}{}\0{}", self.account, self.region, self.name).into()
    }

    pub(super) fn from_table_key(key: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(key.strip_prefix(STREAMS)?).ok()?;
        let (account, rest) = text.split_at_checked(12)?;
        let (region, name) = rest.split_once('\0')?;
        let (account, region) = (account.parse().ok()?, region.parse().ok()?);
        Some(Self { account, region, name: name.parse().ok()? })
    }
}

/// Where the record of an account in a region is in the table.
pub(super) fn account_key((account, region): &(AccountId, Region)) -> Bytes {
    format!("a{account}{region}").into()
}

pub(super) fn from_account_key(key: &[u8]) -> Option<(AccountId, Region)> {
    let text = std::str::from_utf8(key.strip_prefix(ACCOUNTS)?).ok()?;
    let (account, region) = text.split_at_checked(12)?;
    Some((account.parse().ok()?, region.parse().ok()?))
}

/// Where the scaling of a stream is in the table.
pub(super) fn scaling_key(stream: Incarnation) -> Bytes {
    [SCALING, &stream.0.to_be_bytes()].concat().into()
}

/// Where a shard's record is in the table.
pub(super) fn shard_key(stream: Incarnation, shard: ShardId) -> Bytes {
    let mut key = Vec::with_capacity(SHARDS.len() + 12);
    key.extend(SHARDS);
    key.extend(stream.0.to_be_bytes());
    key.extend(shard.index().to_be_bytes());
    key.into()
}

pub(super) fn from_shard_key(key: &[u8]) -> Option<(Incarnation, ShardId)> {
    let (stream, shard) = key.strip_prefix(SHARDS)?.split_first_chunk()?;
    let shard = u32::from_be_bytes(shard.try_into().ok()?);
    Some((Incarnation(u64::from_be_bytes(*stream)), ShardId::new(shard)))
}

/// Where a consumer's record is in the table.
pub(super) fn consumer_key(stream: Incarnation, consumer: &ConsumerName) -> Bytes {
    [CONSUMERS, &stream.0.to_be_bytes(), consumer.as_str().as_bytes()].concat().into()
}

pub(super) fn from_consumer_key(key: &[u8]) -> Option<(Incarnation, ConsumerName)> {
    let (stream, name) = key.strip_prefix(CONSUMERS)?.split_first_chunk()?;
    let name = std::str::from_utf8(name).ok()?.parse().ok()?;
    Some((Incarnation(u64::from_be_bytes(*stream)), name))
}

pub(super) fn encode<T: Encode<()>>(record: &T) -> Bytes {
    minicbor::to_vec(record).expect("writing to memory cannot fail").into()
}

pub(super) fn decode<'b, T: Decode<'b, ()>>(key: &[u8], value: &'b [u8]) -> Result<T> {
    minicbor::decode(value)
        .map_err(|error| Error::Corrupt(format!("the value of {}: {error}", key.escape_ascii())))
}

impl NodeRecord {
    pub(super) fn new(token_key: [u8; 32]) -> Self {
        Self { format: FORMAT, next_id: FIRST_ID, token_key }
    }

    pub(super) fn check_format(&self) -> Result<()> {
        if self.format == FORMAT {
            return Ok(());
        }
        let found = self.format;
        Err(Error::Corrupt(format!("it has format {found}, this program knows format {FORMAT}")))
    }
}

impl StreamRecord {
    /// Records that arrived before it are not kept.
    pub(crate) fn horizon(&self, now: Timestamp) -> Timestamp {
        let kept = u64::from(self.retention_hours) * HOUR_MS;
        now.minus_millis(kept).max(self.trimmed_to)
    }
}

impl Commitment {
    /// Before this moment it does not end.
    pub(crate) fn earliest_end(&self) -> Timestamp {
        Timestamp::from_millis(self.started.as_millis().saturating_add(COMMITMENT_MIN_MS))
    }

    /// When it ends or ended, if its end was asked for.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        self.revoked.map(|revoked| revoked.max(self.earliest_end()))
    }

    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.end().is_none_or(|end| now < end)
    }
}

impl ShardRecord {
    /// A shard that was there from the stream's beginning.
    pub(crate) fn initial(log: LogId, range: HashKeyRange, opened: Timestamp) -> Self {
        // As in AWS, the first shards count as created a little before the stream.
        let created = Timestamp::from_seconds(opened.minus_millis(2000).as_seconds());
        Self { log, range, created, opened, closed: None, parent: None, adjacent_parent: None }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Did it take records at `time`? Of the shards that a reshard closes and opens at one moment,
    /// only the opened ones did.
    pub(crate) fn was_open_at(&self, time: Timestamp) -> bool {
        self.opened <= time && self.closed.is_none_or(|closed| time < closed)
    }

    /// Its StartingSequenceNumber.
    pub(crate) fn first_number(&self, id: ShardId) -> SequenceNumber {
        SequenceNumber::first_of_shard(id, self.created)
    }

    /// Its EndingSequenceNumber, if it is closed.
    pub(crate) fn last_number(&self, id: ShardId) -> Option<SequenceNumber> {
        self.closed.map(|closed| SequenceNumber::end_of_shard(id, self.created, closed))
    }

    pub(crate) fn is_child_of(&self, shard: ShardId) -> bool {
        self.parent == Some(shard) || self.adjacent_parent == Some(shard)
    }
}
