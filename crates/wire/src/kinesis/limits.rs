//! The limits of an account, and of a stream.

use serde::{Deserialize, Serialize};

use super::names::*;
use crate::schema::{Input, Range, Shape, Structure};

/// Asks for the limits of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeLimitsInput {}

impl Input for DescribeLimitsInput {
    const SHAPE: Structure = Structure { name: "DescribeLimitsInput", members: &[] };
}

/// The limits of the account and what is used of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeLimitsOutput {
    /// The most open shards of provisioned streams.
    pub shard_limit: i32,
    /// The open shards of provisioned streams.
    pub open_shard_count: i32,
    /// The on-demand streams.
    pub on_demand_stream_count: i32,
    /// The most on-demand streams.
    pub on_demand_stream_count_limit: i32,
    /// The channels.
    pub channel_count: Option<i32>,
    /// The most channels.
    pub channel_count_limit: Option<i32>,
}

pub(super) const RECORD_KIB: Shape = Shape::Integer(Range { min: Some(1024), max: Some(10240) });

/// Asks to change the largest record that a stream takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateMaxRecordSizeInput {
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// The largest record it is to take.
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size_in_kib: i32,
}

impl Input for UpdateMaxRecordSizeInput {
    const SHAPE: Structure = Structure {
        name: "UpdateMaxRecordSizeInput",
        members: &[STREAM_ARN_MEMBER, STREAM_ID_MEMBER, required("MaxRecordSizeInKiB", RECORD_KIB)],
    };
}
