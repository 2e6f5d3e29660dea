//! The limits of an account.

use serde::{Deserialize, Serialize};

use crate::schema::{Input, Structure};

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
