//! Why a stream is as it is: what was throttled, which keys are heavy, what would cure it, and
//! what was decided about its capacity.
//!
//! Parts are in thousandths, because the two encodings have no fractions here.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::*;
use crate::kinesis::{StreamModeDetails, StreamStatus, timestamp};
use crate::schema::{Input, Structure};

/// Asks why a stream is as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExplainStreamInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
}

impl Input for ExplainStreamInput {
    const SHAPE: Structure = Structure {
        name: "ExplainStreamInput",
        members: &[
            optional_text("StreamName", STREAM_NAME),
            optional_text("StreamARN", STREAM_ARN),
        ],
    };
}

/// Why a stream is as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExplainStreamOutput {
    /// The stream.
    pub stream_name: String,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Its state.
    pub stream_status: StreamStatus,
    /// Its mode.
    pub stream_mode_details: Option<StreamModeDetails>,
    /// Whether what is over a limit is refused; otherwise it is only counted.
    pub limits_enforced: bool,
    /// How many shards take writes.
    pub open_shard_count: i32,
    /// The most shards that an on-demand stream gets by itself.
    pub shards_ceiling: Option<i32>,
    /// The most that an on-demand stream was asked for in a minute of the last 30 days, in
    /// thousandths of what a shard takes.
    pub peak_permille: Option<i64>,
    /// What was throttled, the latest first.
    #[serde(default)]
    pub throttled: Vec<ThrottleEvent>,
    /// The open shards that are asked for anything, the most asked for first.
    #[serde(default)]
    pub shards: Vec<ShardTraffic>,
    /// What was decided about the capacity, the latest first.
    #[serde(default)]
    pub decisions: Vec<ScalingDecision>,
}

/// A limit of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShardLimit {
    /// Bytes written in a second.
    WriteBytes,
    /// Records written in a second.
    WriteRecords,
    /// Bytes read in a second.
    ReadBytes,
    /// GetRecords calls in a second.
    ReadCalls,
    /// GetShardIterator calls in a second.
    IteratorCalls,
}

/// What one limit of one shard did to one principal in one minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ThrottleEvent {
    /// The first time in the minute.
    #[serde(with = "timestamp")]
    pub first_at: Timestamp,
    /// The last time in the minute.
    #[serde(with = "timestamp")]
    pub last_at: Timestamp,
    /// The shard.
    pub shard_id: String,
    /// The limit.
    pub limit: ShardLimit,
    /// Whether it was refused; otherwise it was let through, because limits are relaxed.
    pub refused: bool,
    /// The ARN of who asked.
    pub principal: String,
    /// How many records or calls.
    pub count: i64,
    /// The hash key that most of the records had, as far as one stands out.
    pub hash_key: Option<String>,
    /// The partition key that falls there, if it is among the heavy ones.
    pub partition_key: Option<String>,
}

/// What a shard was asked for lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShardTraffic {
    /// The shard.
    pub shard_id: String,
    /// Its first hash key.
    pub starting_hash_key: String,
    /// Its last hash key.
    pub ending_hash_key: String,
    /// For how many seconds the amounts are.
    pub seconds: i32,
    /// Bytes offered, whether they were taken or not.
    pub bytes: i64,
    /// Records offered.
    pub records: i64,
    /// Of these, those over the shard's rate.
    pub over_rate: i64,
    /// What was offered, in thousandths of what the shard takes.
    pub use_permille: i32,
    /// Its heaviest keys, the heaviest first.
    #[serde(default)]
    pub heavy_keys: Vec<HeavyKey>,
    /// What would help, if it is asked for more than is good for it.
    #[serde(default)]
    pub cures: Vec<Cure>,
}

/// A partition key that much of a shard's traffic has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HeavyKey {
    /// The key.
    pub partition_key: String,
    /// Where it falls, unless explicit hash keys put it into several places.
    pub hash_key: Option<String>,
    /// Its part of the shard's bytes, in thousandths.
    pub bytes_permille: i32,
    /// Its part of the shard's records, in thousandths.
    pub records_permille: i32,
}

/// A way to cure a hot shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CureAction {
    /// Split it at a hash key.
    Split,
    /// Give one key several names, because no split divides it.
    Salt,
}

/// What would help a hot shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cure {
    /// What to do.
    pub action: CureAction,
    /// Where to split.
    pub new_starting_hash_key: Option<String>,
    /// The part of the weight that is below the split, in thousandths.
    pub below_permille: Option<i32>,
    /// The key to salt.
    pub partition_key: Option<String>,
    /// Into how many.
    pub salts: Option<i32>,
}

/// What was decided about a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScalingAction {
    /// It was split.
    Split,
    /// It was merged with its upper neighbour.
    Merge,
    /// It was left, because one key has nearly all of its weight.
    HoldForOneKey,
    /// It was left, because the stream has as many shards as it may.
    HoldAtCeiling,
}

/// A decision about the capacity of an on-demand stream, with what it went by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScalingDecision {
    /// When.
    #[serde(with = "timestamp")]
    pub decided_at: Timestamp,
    /// The shard.
    pub shard_id: String,
    /// What was decided.
    pub action: ScalingAction,
    /// The neighbour that it was merged with.
    pub adjacent_shard_id: Option<String>,
    /// Where it was split.
    pub new_starting_hash_key: Option<String>,
    /// The part of the weight that was below the split, in thousandths.
    pub below_permille: Option<i32>,
    /// Where the one key falls.
    pub hash_key: Option<String>,
    /// The part of the weight that the one key has, in thousandths.
    pub share_permille: Option<i32>,
    /// What was offered, in thousandths of what a shard takes.
    pub use_permille: i32,
    /// For how many seconds the amounts are.
    pub seconds: i32,
    /// Bytes offered.
    pub bytes: i64,
    /// Records offered.
    pub records: i64,
    /// Of these, those over the shard's rate.
    pub over_rate: i64,
    /// The stream's open shards before it.
    pub open_shard_count: i32,
    /// The same in a sentence.
    pub reason: String,
}
