//! Streams as a whole: their life, their description, their retention.

use std::collections::BTreeMap;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::limits::RECORD_KIB;
use super::names::*;
use super::shards::Shard;
use super::{tags, timestamp};
use crate::schema::{Input, Member, Range, Shape, Structure, Text};

/// How the capacity of a stream is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamMode {
    /// By the owner, in shards.
    #[default]
    Provisioned,
    /// By the server, from the traffic.
    OnDemand,
}

/// How a record finds its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecordDistributionStrategy {
    /// The server spreads records evenly.
    Auto,
    /// By the partition key.
    UserPartitionKey,
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamStatus {
    /// Not yet usable.
    Creating,
    /// On its way out.
    Deleting,
    /// Usable and at rest.
    Active,
    /// Usable, while a change is carried out.
    Updating,
}

/// Whether records are encrypted with a key of the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EncryptionType {
    /// They are not.
    None,
    /// They are.
    Kms,
}

/// A per-shard metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricsName {
    /// Bytes put.
    IncomingBytes,
    /// Records put.
    IncomingRecords,
    /// Bytes read.
    OutgoingBytes,
    /// Records read.
    OutgoingRecords,
    /// Puts throttled.
    WriteProvisionedThroughputExceeded,
    /// Reads throttled.
    ReadProvisionedThroughputExceeded,
    /// How far readers are behind.
    IteratorAgeMilliseconds,
    /// All of them.
    #[serde(rename = "ALL")]
    All,
}

/// The mode of a stream, in the wrapper that the API gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamModeDetails {
    /// The mode.
    pub stream_mode: StreamMode,
}

/// The per-shard metrics of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnhancedMetrics {
    /// Those that are on.
    pub shard_level_metrics: Option<Vec<MetricsName>>,
}

/// The capacity that an on-demand stream keeps ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmThroughput {
    /// What was asked for, in MiB/s.
    #[serde(rename = "TargetMiBps")]
    pub target_mibps: Option<i32>,
    /// What there is, in MiB/s.
    #[serde(rename = "CurrentMiBps")]
    pub current_mibps: Option<i32>,
}

/// Asks for a new stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateStreamInput {
    /// Its name.
    pub stream_name: String,
    /// How many shards a provisioned stream starts with.
    pub shard_count: Option<i32>,
    /// Its mode.
    pub stream_mode_details: Option<StreamModeDetails>,
    /// Its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// Capacity to keep ready, in MiB/s.
    #[serde(rename = "WarmThroughputMiBps")]
    pub warm_throughput_mibps: Option<i32>,
    /// The largest record it takes.
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size_in_kib: Option<i32>,
    /// How records find their shard.
    pub record_distribution_strategy: Option<RecordDistributionStrategy>,
}

pub(super) const DISTRIBUTION: Text = one_of(&["AUTO", "USER_PARTITION_KEY"]);

pub(super) const MODE_DETAILS: Structure = Structure {
    name: "StreamModeDetails",
    members: &[required_text("StreamMode", one_of(&["PROVISIONED", "ON_DEMAND"]))],
};

impl Input for CreateStreamInput {
    const SHAPE: Structure = Structure {
        name: "CreateStreamInput",
        members: &[
            required_text("StreamName", NAME),
            optional("ShardCount", POSITIVE),
            optional("StreamModeDetails", Shape::Structure(&MODE_DETAILS)),
            optional("Tags", tags::TAG_MAP),
            optional("WarmThroughputMiBps", NATURAL),
            optional("MaxRecordSizeInKiB", RECORD_KIB),
            optional_text("RecordDistributionStrategy", DISTRIBUTION),
        ],
    };
}

/// Asks to delete a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteStreamInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// Whether registered consumers go with it, or prevent it.
    pub enforce_consumer_deletion: Option<bool>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DeleteStreamInput {
    const SHAPE: Structure = Structure {
        name: "DeleteStreamInput",
        members: &[
            STREAM_NAME_MEMBER,
            optional("EnforceConsumerDeletion", Shape::Boolean),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// Asks for a stream's description with a page of its shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStreamInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// How many shards at most.
    pub limit: Option<i32>,
    /// The shard after which the page starts.
    pub exclusive_start_shard_id: Option<String>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DescribeStreamInput {
    const SHAPE: Structure = Structure {
        name: "DescribeStreamInput",
        members: &[
            STREAM_NAME_MEMBER,
            optional("Limit", page_size(10_000)),
            optional_text("ExclusiveStartShardId", NAME),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// A stream's description, wrapped as the API does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStreamOutput {
    /// The description.
    pub stream_description: StreamDescription,
}

/// A stream with a page of its shards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamDescription {
    /// Its name.
    pub stream_name: String,
    /// Its ARN.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Its state.
    pub stream_status: StreamStatus,
    /// Its mode.
    pub stream_mode_details: Option<StreamModeDetails>,
    /// A page of its shards.
    pub shards: Vec<Shard>,
    /// Whether shards follow the page.
    pub has_more_shards: bool,
    /// How long records are kept.
    pub retention_period_hours: i32,
    /// When it was created.
    #[serde(with = "timestamp")]
    pub stream_creation_timestamp: Timestamp,
    /// Its per-shard metrics.
    pub enhanced_monitoring: Vec<EnhancedMetrics>,
    /// Whether it is encrypted.
    pub encryption_type: Option<EncryptionType>,
    /// With which key.
    pub key_id: Option<String>,
}

/// Asks for a stream's description without its shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStreamSummaryInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DescribeStreamSummaryInput {
    const SHAPE: Structure = Structure {
        name: "DescribeStreamSummaryInput",
        members: &[STREAM_NAME_MEMBER, STREAM_ARN_MEMBER, STREAM_ID_MEMBER],
    };
}

/// A stream's summary, wrapped as the API does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStreamSummaryOutput {
    /// The summary.
    pub stream_description_summary: StreamDescriptionSummary,
}

/// A stream without its shards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamDescriptionSummary {
    /// Its name.
    pub stream_name: String,
    /// Its ARN.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Reserved by AWS; a server does not send it: clients that send it back leave their endpoint.
    pub stream_id: Option<String>,
    /// Its state.
    pub stream_status: StreamStatus,
    /// Its mode.
    pub stream_mode_details: Option<StreamModeDetails>,
    /// How long records are kept.
    pub retention_period_hours: i32,
    /// When it was created.
    #[serde(with = "timestamp")]
    pub stream_creation_timestamp: Timestamp,
    /// Its per-shard metrics.
    pub enhanced_monitoring: Vec<EnhancedMetrics>,
    /// Whether it is encrypted.
    pub encryption_type: Option<EncryptionType>,
    /// With which key.
    pub key_id: Option<String>,
    /// How many shards take writes.
    pub open_shard_count: i32,
    /// How many enhanced fan-out consumers are registered.
    pub consumer_count: Option<i32>,
    /// The capacity kept ready.
    pub warm_throughput: Option<WarmThroughput>,
    /// The largest record it takes.
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size_in_kib: Option<i32>,
    /// How many channels read it.
    pub channel_count: Option<i32>,
    /// How records find their shard.
    pub record_distribution_strategy: Option<RecordDistributionStrategy>,
    /// How many queues read it.
    pub queue_count: Option<i32>,
}

/// Asks for a page of the account's streams.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListStreamsInput {
    /// How many at most.
    pub limit: Option<i32>,
    /// The name after which the page starts; such a stream need not exist.
    pub exclusive_start_stream_name: Option<String>,
    /// The token of the page before.
    pub next_token: Option<String>,
}

impl Input for ListStreamsInput {
    const SHAPE: Structure = Structure {
        name: "ListStreamsInput",
        members: &[
            optional("Limit", page_size(10_000)),
            optional_text("ExclusiveStartStreamName", NAME),
            optional_text("NextToken", NEXT_TOKEN),
        ],
    };
}

/// A page of streams.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListStreamsOutput {
    /// Their names, in order.
    pub stream_names: Vec<String>,
    /// Whether streams follow the page.
    pub has_more_streams: bool,
    /// The token of the next page.
    pub next_token: Option<String>,
    /// The same streams, with more about each.
    pub stream_summaries: Option<Vec<StreamSummary>>,
}

/// A stream in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamSummary {
    /// Its name.
    pub stream_name: String,
    /// Its ARN.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Its state.
    pub stream_status: StreamStatus,
    /// Its mode.
    pub stream_mode_details: Option<StreamModeDetails>,
    /// When it was created.
    #[serde(with = "timestamp::option", default)]
    pub stream_creation_timestamp: Option<Timestamp>,
}

const RETENTION_MEMBERS: &[Member] = &[
    STREAM_NAME_MEMBER,
    required("RetentionPeriodHours", Shape::Integer(Range { min: None, max: None })),
    STREAM_ARN_MEMBER,
    STREAM_ID_MEMBER,
];

/// Asks to keep records longer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IncreaseStreamRetentionPeriodInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The new retention.
    pub retention_period_hours: i32,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for IncreaseStreamRetentionPeriodInput {
    const SHAPE: Structure =
        Structure { name: "IncreaseStreamRetentionPeriodInput", members: RETENTION_MEMBERS };
}

/// Asks to keep records shorter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DecreaseStreamRetentionPeriodInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The new retention.
    pub retention_period_hours: i32,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DecreaseStreamRetentionPeriodInput {
    const SHAPE: Structure =
        Structure { name: "DecreaseStreamRetentionPeriodInput", members: RETENTION_MEMBERS };
}
