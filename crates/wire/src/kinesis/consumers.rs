//! Enhanced fan-out: consumers, and what they are sent.

use std::collections::BTreeMap;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::*;
use super::records::{ChildShard, Record, SHARD_ITERATOR_TYPE, ShardIteratorType};
use super::{tags, timestamp};
use crate::schema::{Input, Shape, Structure};

/// Where a consumer is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConsumerStatus {
    /// Not yet usable.
    Creating,
    /// On its way out.
    Deleting,
    /// Usable.
    Active,
}

/// A consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Consumer {
    /// Its name.
    pub consumer_name: String,
    /// Its ARN.
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: String,
    /// Its state.
    pub consumer_status: ConsumerStatus,
    /// When it was registered.
    #[serde(with = "timestamp")]
    pub consumer_creation_timestamp: Timestamp,
}

/// A consumer and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConsumerDescription {
    /// Its name.
    pub consumer_name: String,
    /// Its ARN.
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: String,
    /// Its state.
    pub consumer_status: ConsumerStatus,
    /// When it was registered.
    #[serde(with = "timestamp")]
    pub consumer_creation_timestamp: Timestamp,
    /// The stream that it reads.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
}

/// Asks to register a consumer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterStreamConsumerInput {
    /// The stream that it is to read.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Its name, unique among the stream's consumers.
    pub consumer_name: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// Its tags.
    pub tags: Option<BTreeMap<String, String>>,
}

impl Input for RegisterStreamConsumerInput {
    const SHAPE: Structure = Structure {
        name: "RegisterStreamConsumerInput",
        members: &[
            required_text("StreamARN", STREAM_ARN),
            required_text("ConsumerName", NAME),
            STREAM_ID_MEMBER,
            optional("Tags", tags::TAG_MAP),
        ],
    };
}

/// The consumer that was registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterStreamConsumerOutput {
    /// The consumer.
    pub consumer: Consumer,
}

/// Asks to remove a consumer: by its ARN, by its name and its stream, or by all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeregisterStreamConsumerInput {
    /// The stream that it reads.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Its name.
    pub consumer_name: Option<String>,
    /// Its ARN.
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DeregisterStreamConsumerInput {
    const SHAPE: Structure = Structure {
        name: "DeregisterStreamConsumerInput",
        members: &[
            STREAM_ARN_MEMBER,
            optional_text("ConsumerName", NAME),
            optional_text("ConsumerARN", CONSUMER_ARN),
            STREAM_ID_MEMBER,
        ],
    };
}

/// Asks for a consumer's description: by its ARN, by its name and its stream, or by all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStreamConsumerInput {
    /// The stream that it reads.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Its name.
    pub consumer_name: Option<String>,
    /// Its ARN.
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DescribeStreamConsumerInput {
    const SHAPE: Structure = Structure {
        name: "DescribeStreamConsumerInput",
        members: &[
            STREAM_ARN_MEMBER,
            optional_text("ConsumerName", NAME),
            optional_text("ConsumerARN", CONSUMER_ARN),
            STREAM_ID_MEMBER,
        ],
    };
}

/// A consumer's description, wrapped as the API does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeStreamConsumerOutput {
    /// The description.
    pub consumer_description: ConsumerDescription,
}

/// Asks for a page of a stream's consumers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListStreamConsumersInput {
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// The token of the page before.
    pub next_token: Option<String>,
    /// How many at most.
    pub max_results: Option<i32>,
    /// Tells apart streams that had the same name.
    #[serde(with = "timestamp::option", default)]
    pub stream_creation_timestamp: Option<Timestamp>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for ListStreamConsumersInput {
    const SHAPE: Structure = Structure {
        name: "ListStreamConsumersInput",
        members: &[
            required_text("StreamARN", STREAM_ARN),
            optional_text("NextToken", NEXT_TOKEN),
            optional("MaxResults", page_size(10_000)),
            optional("StreamCreationTimestamp", Shape::Timestamp),
            STREAM_ID_MEMBER,
        ],
    };
}

/// A page of consumers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListStreamConsumersOutput {
    /// The consumers, by name.
    pub consumers: Option<Vec<Consumer>>,
    /// The token of the next page.
    pub next_token: Option<String>,
}

/// Where a subscription begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartingPosition {
    /// How the position is given.
    #[serde(rename = "Type")]
    pub kind: ShardIteratorType,
    /// The sequence number, for the types that need one.
    pub sequence_number: Option<String>,
    /// The moment, for the type that needs one.
    #[serde(with = "timestamp::option", default)]
    pub timestamp: Option<Timestamp>,
}

const STARTING_POSITION: Structure = Structure {
    name: "StartingPosition",
    members: &[
        required_text("Type", SHARD_ITERATOR_TYPE),
        optional_text("SequenceNumber", SEQUENCE_NUMBER),
        optional("Timestamp", Shape::Timestamp),
    ],
};

/// Asks for a shard's records as they come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SubscribeToShardInput {
    /// The consumer.
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// The shard.
    pub shard_id: String,
    /// Where to begin.
    pub starting_position: StartingPosition,
    /// Check everything, send nothing.
    pub dry_run: Option<bool>,
}

impl Input for SubscribeToShardInput {
    const SHAPE: Structure = Structure {
        name: "SubscribeToShardInput",
        members: &[
            required_text("ConsumerARN", CONSUMER_ARN),
            STREAM_ID_MEMBER,
            required_text("ShardId", NAME),
            required("StartingPosition", Shape::Structure(&STARTING_POSITION)),
            DRY_RUN_MEMBER,
        ],
    };
}

/// What a subscription sends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SubscribeToShardEvent {
    /// The records; none in an event that only says that the subscription lives.
    pub records: Vec<Record>,
    /// After which number the next subscription goes on; absent at the end of a closed shard.
    pub continuation_sequence_number: Option<String>,
    /// How far the event is behind the newest record.
    pub millis_behind_latest: i64,
    /// At the end of a closed shard, where its hash keys went.
    pub child_shards: Option<Vec<ChildShard>>,
}

impl SubscribeToShardEvent {
    /// The name of the event's type.
    pub const KIND: &str = "SubscribeToShardEvent";
}
