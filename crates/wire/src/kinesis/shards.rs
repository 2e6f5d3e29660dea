//! Shards: listing, splitting, merging, scaling.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::*;
use super::timestamp;
use crate::schema::{Input, Shape, Structure};

/// The hash keys of a shard, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HashKeyRange {
    /// The first, in decimal.
    pub starting_hash_key: String,
    /// The last, in decimal.
    pub ending_hash_key: String,
}

/// The sequence numbers of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SequenceNumberRange {
    /// Less than every record's.
    pub starting_sequence_number: String,
    /// Greater than every record's; absent while the shard is open.
    pub ending_sequence_number: Option<String>,
}

/// A shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shard {
    /// Its id.
    pub shard_id: String,
    /// The shard it was split from, or the first of the two it was merged from.
    pub parent_shard_id: Option<String>,
    /// The second of the two it was merged from.
    pub adjacent_parent_shard_id: Option<String>,
    /// Its hash keys.
    pub hash_key_range: HashKeyRange,
    /// Its sequence numbers.
    pub sequence_number_range: SequenceNumberRange,
}

/// Which shards a list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShardFilterType {
    /// Those with a greater id.
    AfterShardId,
    /// Those open at the trim horizon.
    AtTrimHorizon,
    /// All within the retention.
    #[default]
    FromTrimHorizon,
    /// Those open now.
    AtLatest,
    /// Those open at a moment.
    AtTimestamp,
    /// Those open at or after a moment.
    FromTimestamp,
}

/// Which shards a list has, with what the type needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShardFilter {
    /// Which shards.
    #[serde(rename = "Type")]
    pub kind: ShardFilterType,
    /// For `AFTER_SHARD_ID`.
    pub shard_id: Option<String>,
    /// For `AT_TIMESTAMP` and `FROM_TIMESTAMP`.
    #[serde(with = "timestamp::option", default)]
    pub timestamp: Option<Timestamp>,
}

const SHARD_FILTER: Structure = Structure {
    name: "ShardFilter",
    members: &[
        required_text(
            "Type",
            one_of(&[
                "AFTER_SHARD_ID",
                "AT_TRIM_HORIZON",
                "FROM_TRIM_HORIZON",
                "AT_LATEST",
                "AT_TIMESTAMP",
                "FROM_TIMESTAMP",
            ]),
        ),
        optional_text("ShardId", NAME),
        optional("Timestamp", Shape::Timestamp),
    ],
};

/// Asks for a page of a stream's shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListShardsInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The token of the page before, instead of everything else but the page size.
    pub next_token: Option<String>,
    /// The shard after which the page starts.
    pub exclusive_start_shard_id: Option<String>,
    /// How many at most.
    pub max_results: Option<i32>,
    /// Tells apart streams that had the same name.
    #[serde(with = "timestamp::option", default)]
    pub stream_creation_timestamp: Option<Timestamp>,
    /// Which shards.
    pub shard_filter: Option<ShardFilter>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for ListShardsInput {
    const SHAPE: Structure = Structure {
        name: "ListShardsInput",
        members: &[
            STREAM_NAME_MEMBER,
            optional_text("NextToken", NEXT_TOKEN),
            optional_text("ExclusiveStartShardId", NAME),
            optional("MaxResults", page_size(10_000)),
            optional("StreamCreationTimestamp", Shape::Timestamp),
            optional("ShardFilter", Shape::Structure(&SHARD_FILTER)),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// A page of shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListShardsOutput {
    /// The shards, by id.
    pub shards: Option<Vec<Shard>>,
    /// The token of the next page.
    pub next_token: Option<String>,
}

/// Asks to split a shard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SplitShardInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The shard.
    pub shard_to_split: String,
    /// The first hash key of the second child.
    pub new_starting_hash_key: String,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for SplitShardInput {
    const SHAPE: Structure = Structure {
        name: "SplitShardInput",
        members: &[
            STREAM_NAME_MEMBER,
            required_text("ShardToSplit", NAME),
            required_text("NewStartingHashKey", HASH_KEY),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// Asks to merge two shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MergeShardsInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The shard with the lower hash keys.
    pub shard_to_merge: String,
    /// The shard with the hash keys right above.
    pub adjacent_shard_to_merge: String,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for MergeShardsInput {
    const SHAPE: Structure = Structure {
        name: "MergeShardsInput",
        members: &[
            STREAM_NAME_MEMBER,
            required_text("ShardToMerge", NAME),
            required_text("AdjacentShardToMerge", NAME),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// How the number of shards changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScalingType {
    /// To shards of equal width.
    #[default]
    UniformScaling,
}

/// Asks for another number of shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateShardCountInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The new number of open shards.
    pub target_shard_count: i32,
    /// How to get there.
    pub scaling_type: ScalingType,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for UpdateShardCountInput {
    const SHAPE: Structure = Structure {
        name: "UpdateShardCountInput",
        members: &[
            STREAM_NAME_MEMBER,
            required("TargetShardCount", POSITIVE),
            required_text("ScalingType", one_of(&["UNIFORM_SCALING"])),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// What the number of shards is and will be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateShardCountOutput {
    /// The stream's name.
    pub stream_name: Option<String>,
    /// Open shards now.
    pub current_shard_count: Option<i32>,
    /// Open shards in the end.
    pub target_shard_count: Option<i32>,
    /// The stream's ARN.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
}
