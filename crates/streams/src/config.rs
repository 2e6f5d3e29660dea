//! What an operator may set about streams.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use model::limits::CONSUMERS_PER_STREAM;
use serde::{Deserialize, Serialize};

/// How streams behave.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a stream is CREATING, UPDATING or DELETING at least. With `0ms` the change is
    /// done when the call returns.
    #[serde(with = "friendly")]
    pub transition_delay: Duration,
    /// How often a part of the shards is searched for records that retention no longer keeps.
    /// Readers never see those, whatever this is.
    #[serde(with = "friendly")]
    pub trim_period: Duration,
    /// How often it is decided whether on-demand streams need more shards or fewer.
    #[serde(with = "friendly")]
    pub scaling_period: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transition_delay: Duration::from_millis(200),
            trim_period: Duration::from_secs(10),
            scaling_period: Duration::from_secs(10),
        }
    }
}

/// How enhanced fan-out behaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fanout {
    /// How long a subscription lasts before its consumer must subscribe again.
    #[serde(with = "friendly")]
    pub subscription_lifetime: Duration,
}

impl Default for Fanout {
    fn default() -> Self {
        Self { subscription_lifetime: Duration::from_secs(300) }
    }
}

/// What a caller may use.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whether the rates and the small quotas of AWS are kept or only counted.
    pub mode: Mode,
    /// The most open shards of provisioned streams in one account and region.
    pub shards_per_account: u32,
    /// The most enhanced fan-out consumers of one stream, in `aws` mode.
    pub consumers_per_stream: u32,
    /// What one on-demand stream scales to by itself, in MiB written per second; each takes one
    /// shard. Warm throughput may be more.
    pub on_demand_mibps: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mode: Mode::Aws,
            shards_per_account: 20_000,
            on_demand_mibps: 200,
            consumers_per_stream: CONSUMERS_PER_STREAM,
        }
    }
}

/// How AWS's limits are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As AWS does: what is over a limit is refused with AWS's text.
    Aws,
    /// Sizes and shapes are refused; what AWS would have throttled is only counted.
    Relaxed,
}
