//! Enhanced monitoring: the per-shard metrics of a stream.

use serde::{Deserialize, Serialize};

use super::MetricsName;
use super::names::*;
use crate::schema::{Input, Length, List, Member, Shape, Structure};

const METRICS: Shape = Shape::List(&List {
    element: Shape::String(one_of(&[
        "IncomingBytes",
        "IncomingRecords",
        "OutgoingBytes",
        "OutgoingRecords",
        "WriteProvisionedThroughputExceeded",
        "ReadProvisionedThroughputExceeded",
        "IteratorAgeMilliseconds",
        "ALL",
    ])),
    length: Length { min: Some(1), max: Some(7) },
});

const MEMBERS: &[Member] = &[
    STREAM_NAME_MEMBER,
    required("ShardLevelMetrics", METRICS),
    STREAM_ARN_MEMBER,
    STREAM_ID_MEMBER,
];

/// Asks for more per-shard metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnableEnhancedMonitoringInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The metrics to switch on.
    pub shard_level_metrics: Vec<MetricsName>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for EnableEnhancedMonitoringInput {
    const SHAPE: Structure = Structure { name: "EnableEnhancedMonitoringInput", members: MEMBERS };
}

/// Asks for fewer per-shard metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DisableEnhancedMonitoringInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The metrics to switch off.
    pub shard_level_metrics: Vec<MetricsName>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DisableEnhancedMonitoringInput {
    const SHAPE: Structure = Structure { name: "DisableEnhancedMonitoringInput", members: MEMBERS };
}

/// The per-shard metrics of a stream, before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnhancedMonitoringOutput {
    /// The stream.
    pub stream_name: Option<String>,
    /// Those that were on before.
    pub current_shard_level_metrics: Option<Vec<MetricsName>>,
    /// Those that are on afterwards.
    pub desired_shard_level_metrics: Option<Vec<MetricsName>>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
}
