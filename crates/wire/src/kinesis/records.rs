//! Records: putting them, finding a position, getting them.

use bytes::Bytes;
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::*;
use super::quick;
use super::shards::HashKeyRange;
use super::streams::EncryptionType;
use super::timestamp;
use crate::codec::Encoding;
use crate::schema::{Input, Length, List, Shape, Structure, Text};

/// The largest blob that any stream takes.
const DATA_BYTES_MAX: u32 = 10 * 1024 * 1024;
/// The most entries of one PutRecords.
pub(super) const ENTRIES_MAX: u32 = 500;

pub(super) const DATA: Length = Length { min: Some(0), max: Some(DATA_BYTES_MAX) };

/// Asks to write one record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The payload.
    pub data: Bytes,
    /// What decides the shard, unless an explicit hash key does.
    pub partition_key: Option<String>,
    /// The hash key, in decimal.
    pub explicit_hash_key: Option<String>,
    /// A number that the new record's must exceed.
    pub sequence_number_for_ordering: Option<String>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// Check everything, write nothing.
    pub dry_run: Option<bool>,
}

impl Input for PutRecordInput {
    const SHAPE: Structure = Structure {
        name: "PutRecordInput",
        members: &[
            STREAM_NAME_MEMBER,
            required("Data", Shape::Blob(DATA)),
            optional_text("PartitionKey", PARTITION_KEY),
            optional_text("ExplicitHashKey", HASH_KEY),
            optional_text("SequenceNumberForOrdering", SEQUENCE_NUMBER),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
            DRY_RUN_MEMBER,
        ],
    };

    fn decode_quickly(encoding: Encoding, body: &Bytes) -> Option<Self> {
        quick::put_record(encoding, body)
    }
}

/// Where the record went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordOutput {
    /// Its shard.
    pub shard_id: String,
    /// Its number.
    pub sequence_number: String,
    /// How it is encrypted; absent when it is not.
    pub encryption_type: Option<EncryptionType>,
}

/// A record to write.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordsRequestEntry {
    /// The payload.
    pub data: Bytes,
    /// The hash key, in decimal.
    pub explicit_hash_key: Option<String>,
    /// What decides the shard, unless an explicit hash key does.
    pub partition_key: Option<String>,
}

/// Asks to write records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordsInput {
    /// The records.
    pub records: Vec<PutRecordsRequestEntry>,
    /// The stream.
    pub stream_name: Option<String>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// Check everything, write nothing.
    pub dry_run: Option<bool>,
}

const REQUEST_ENTRY: Structure = Structure {
    name: "PutRecordsRequestEntry",
    members: &[
        required("Data", Shape::Blob(DATA)),
        optional_text("ExplicitHashKey", HASH_KEY),
        optional_text("PartitionKey", PARTITION_KEY),
    ],
};

const REQUEST_ENTRIES: List = List {
    element: Shape::Structure(&REQUEST_ENTRY),
    length: Length { min: Some(1), max: Some(ENTRIES_MAX) },
};

impl Input for PutRecordsInput {
    const SHAPE: Structure = Structure {
        name: "PutRecordsInput",
        members: &[
            required("Records", Shape::List(&REQUEST_ENTRIES)),
            STREAM_NAME_MEMBER,
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
            DRY_RUN_MEMBER,
        ],
    };

    fn decode_quickly(encoding: Encoding, body: &Bytes) -> Option<Self> {
        quick::put_records(encoding, body)
    }
}

/// What became of the records, in the order of the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordsOutput {
    /// How many were refused. Always sent: clients look for the literal text of zero.
    pub failed_record_count: i32,
    /// One result for each record.
    pub records: Vec<PutRecordsResultEntry>,
    /// How they are encrypted; absent when they are not.
    pub encryption_type: Option<EncryptionType>,
}

/// What became of a record: either the first two members, or the last two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRecordsResultEntry {
    /// Its number.
    pub sequence_number: Option<String>,
    /// Its shard.
    pub shard_id: Option<String>,
    /// Why it was refused, as the name of an error.
    pub error_code: Option<String>,
    /// Why it was refused, in words.
    pub error_message: Option<String>,
}

/// How a position in a shard is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShardIteratorType {
    /// At a sequence number.
    AtSequenceNumber,
    /// Right after a sequence number.
    AfterSequenceNumber,
    /// At the oldest record that is kept.
    #[default]
    TrimHorizon,
    /// After the newest record.
    Latest,
    /// At the first record of a moment or later.
    AtTimestamp,
}

impl ShardIteratorType {
    /// The name on the wire, which some error texts repeat.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtSequenceNumber => "AT_SEQUENCE_NUMBER",
            Self::AfterSequenceNumber => "AFTER_SEQUENCE_NUMBER",
            Self::TrimHorizon => "TRIM_HORIZON",
            Self::Latest => "LATEST",
            Self::AtTimestamp => "AT_TIMESTAMP",
        }
    }
}

/// In the order in which AWS's text lists them.
pub(super) const SHARD_ITERATOR_TYPE: Text = one_of(&[
    "AFTER_SEQUENCE_NUMBER",
    "LATEST",
    "AT_TIMESTAMP",
    "AT_SEQUENCE_NUMBER",
    "TRIM_HORIZON",
]);

/// Asks for an iterator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetShardIteratorInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The shard.
    pub shard_id: String,
    /// How the position is given.
    pub shard_iterator_type: ShardIteratorType,
    /// The sequence number, for the types that need one.
    pub starting_sequence_number: Option<String>,
    /// The moment, for the type that needs one.
    #[serde(with = "timestamp::option", default)]
    pub timestamp: Option<Timestamp>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// Check everything, give nothing.
    pub dry_run: Option<bool>,
}

impl Input for GetShardIteratorInput {
    const SHAPE: Structure = Structure {
        name: "GetShardIteratorInput",
        members: &[
            STREAM_NAME_MEMBER,
            required_text("ShardId", NAME),
            required_text("ShardIteratorType", SHARD_ITERATOR_TYPE),
            optional_text("StartingSequenceNumber", SEQUENCE_NUMBER),
            optional("Timestamp", Shape::Timestamp),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
            DRY_RUN_MEMBER,
        ],
    };
}

/// An iterator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetShardIteratorOutput {
    /// The iterator, opaque.
    pub shard_iterator: Option<String>,
}

/// Asks for records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRecordsInput {
    /// Where to read.
    pub shard_iterator: String,
    /// How many at most.
    pub limit: Option<i32>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// Check everything, give nothing.
    pub dry_run: Option<bool>,
}

impl Input for GetRecordsInput {
    const SHAPE: Structure = Structure {
        name: "GetRecordsInput",
        members: &[
            required_text("ShardIterator", SHARD_ITERATOR),
            optional("Limit", page_size(10_000)),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
            DRY_RUN_MEMBER,
        ],
    };
}

/// Records, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRecordsOutput {
    /// The records.
    pub records: Vec<Record>,
    /// Where to go on; absent at the end of a closed shard.
    pub next_shard_iterator: Option<String>,
    /// How far the answer is behind the newest record.
    pub millis_behind_latest: Option<i64>,
    /// At the end of a closed shard, where its hash keys went.
    pub child_shards: Option<Vec<ChildShard>>,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Record {
    /// Its number.
    pub sequence_number: String,
    /// When the server took it.
    #[serde(with = "timestamp::option", default)]
    pub approximate_arrival_timestamp: Option<Timestamp>,
    /// Its payload.
    pub data: Bytes,
    /// Its key.
    pub partition_key: Option<String>,
    /// How it is encrypted; absent when it is not.
    pub encryption_type: Option<EncryptionType>,
}

/// A shard that continues a closed one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChildShard {
    /// Its id.
    pub shard_id: String,
    /// The one it was split from, or the two it was merged from.
    pub parent_shards: Vec<String>,
    /// Its hash keys.
    pub hash_key_range: HashKeyRange,
}
