//! How much a stream is ready to take: its mode, its warm throughput, how records are spread, and
//! what the account has committed itself to.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::*;
use super::streams::{
    DISTRIBUTION, MODE_DETAILS, RecordDistributionStrategy, StreamModeDetails, WarmThroughput,
};
use super::timestamp;
use crate::schema::{Input, Shape, Structure};

/// Asks to switch a stream between provisioned and on-demand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateStreamModeInput {
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// The new mode.
    pub stream_mode_details: StreamModeDetails,
    /// Capacity to keep ready from then on, in MiB/s; only on the way to on-demand.
    #[serde(rename = "WarmThroughputMiBps")]
    pub warm_throughput_mibps: Option<i32>,
}

impl Input for UpdateStreamModeInput {
    const SHAPE: Structure = Structure {
        name: "UpdateStreamModeInput",
        members: &[
            required_text("StreamARN", STREAM_ARN),
            STREAM_ID_MEMBER,
            required("StreamModeDetails", Shape::Structure(&MODE_DETAILS)),
            optional("WarmThroughputMiBps", NATURAL),
        ],
    };
}

/// Asks to keep capacity of an on-demand stream ready, or to release it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateStreamWarmThroughputInput {
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// The stream.
    pub stream_name: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// The capacity, in MiB/s.
    #[serde(rename = "WarmThroughputMiBps")]
    pub warm_throughput_mibps: i32,
}

impl Input for UpdateStreamWarmThroughputInput {
    const SHAPE: Structure = Structure {
        name: "UpdateStreamWarmThroughputInput",
        members: &[
            STREAM_ARN_MEMBER,
            STREAM_NAME_MEMBER,
            STREAM_ID_MEMBER,
            required("WarmThroughputMiBps", NATURAL),
        ],
    };
}

/// What was asked for, and what there is when the call is accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateStreamWarmThroughputOutput {
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// The stream.
    pub stream_name: Option<String>,
    /// The capacity.
    pub warm_throughput: Option<WarmThroughput>,
}

/// Asks to change how records find their shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateStreamRecordDistributionStrategyInput {
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// The new way.
    pub record_distribution_strategy: RecordDistributionStrategy,
}

impl Input for UpdateStreamRecordDistributionStrategyInput {
    const SHAPE: Structure = Structure {
        name: "UpdateStreamRecordDistributionStrategyInput",
        members: &[
            required_text("StreamARN", STREAM_ARN),
            STREAM_ID_MEMBER,
            required_text("RecordDistributionStrategy", DISTRIBUTION),
        ],
    };
}

/// Whether a commitment is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CommitmentInputStatus {
    /// It is.
    Enabled,
    /// It is not.
    #[default]
    Disabled,
}

/// The wish for a commitment to a minimum throughput.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MinimumThroughputBillingCommitmentInput {
    /// Whether it is wanted.
    pub status: CommitmentInputStatus,
}

/// Asks to change the settings of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAccountSettingsInput {
    /// The commitment that unlocks warm throughput.
    pub minimum_throughput_billing_commitment: MinimumThroughputBillingCommitmentInput,
}

const COMMITMENT: Structure = Structure {
    name: "MinimumThroughputBillingCommitmentInput",
    members: &[required_text("Status", one_of(&["ENABLED", "DISABLED"]))],
};

impl Input for UpdateAccountSettingsInput {
    const SHAPE: Structure = Structure {
        name: "UpdateAccountSettingsInput",
        members: &[required("MinimumThroughputBillingCommitment", Shape::Structure(&COMMITMENT))],
    };
}

/// Asks for the settings of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeAccountSettingsInput {}

impl Input for DescribeAccountSettingsInput {
    const SHAPE: Structure = Structure { name: "DescribeAccountSettingsInput", members: &[] };
}

/// Where a commitment is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CommitmentStatus {
    /// It holds.
    Enabled,
    /// It does not.
    Disabled,
    /// It holds until the first moment at which it may end, and ends then.
    EnabledUntilEarliestAllowedEnd,
}

/// A commitment to a minimum throughput.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MinimumThroughputBillingCommitmentOutput {
    /// Where it is in its life.
    pub status: CommitmentStatus,
    /// When it began.
    #[serde(with = "timestamp::option", default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "timestamp::option", default)]
    pub ended_at: Option<Timestamp>,
    /// Before this moment it does not end.
    #[serde(with = "timestamp::option", default)]
    pub earliest_allowed_end_at: Option<Timestamp>,
}

/// The settings of the account as they are now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAccountSettingsOutput {
    /// The commitment that unlocks warm throughput.
    pub minimum_throughput_billing_commitment: Option<MinimumThroughputBillingCommitmentOutput>,
}

/// The settings of the account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAccountSettingsOutput {
    /// The commitment that unlocks warm throughput.
    pub minimum_throughput_billing_commitment: Option<MinimumThroughputBillingCommitmentOutput>,
}
