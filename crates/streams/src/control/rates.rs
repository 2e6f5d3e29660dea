//! How often an account may call a control-plane operation.

use std::collections::BTreeMap;

use model::{AccountId, Timestamp};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::shard::throttle::Bucket;

/// Accounts times operations that are remembered; idle ones are forgotten first.
const BUCKETS_MAX: usize = 4096;

/// A control-plane operation that AWS limits, by its calls per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rated {
    CreateStream,
    DeleteStream,
    DescribeAccountSettings,
    DeregisterStreamConsumer,
    DescribeLimits,
    DescribeStream,
    DescribeStreamConsumer,
    DescribeStreamSummary,
    ListStreamConsumers,
    ListStreams,
    MergeShards,
    RegisterStreamConsumer,
    SplitShard,
    Tags,
    UpdateAccountSettings,
    UpdateShardCount,
    UpdateStreamMode,
    UpdateStreamRecordDistributionStrategy,
    UpdateStreamWarmThroughput,
}

/// The calls of the last second.
#[derive(Default)]
pub(crate) struct Rates(Mutex<BTreeMap<(AccountId, Rated), Bucket>>);

impl Rated {
    fn per_second(self) -> u64 {
        match self {
            Self::DescribeLimits => 1,
            Self::DescribeStream | Self::UpdateShardCount => 10,
            Self::DescribeStreamConsumer | Self::DescribeStreamSummary => 20,
            Self::CreateStream
            | Self::DeleteStream
            | Self::DescribeAccountSettings
            | Self::DeregisterStreamConsumer
            | Self::ListStreamConsumers
            | Self::ListStreams
            | Self::MergeShards
            | Self::RegisterStreamConsumer
            | Self::SplitShard
            | Self::Tags
            | Self::UpdateAccountSettings
            | Self::UpdateStreamMode
            | Self::UpdateStreamRecordDistributionStrategy
            | Self::UpdateStreamWarmThroughput => 5,
        }
    }
}

impl Rates {
    /// Counts a call, or refuses it; `stream` is the one it is about, if it is about one.
    pub(crate) fn take(
        &self,
        rated: Rated,
        account: AccountId,
        stream: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        let mut buckets = self.0.lock();
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|(_, rated), bucket| !bucket.is_full(rated.per_second(), now));
        }
        if buckets.entry((account, rated)).or_default().take(1, rated.per_second(), now) {
            return Ok(());
        }
        Err(Error::LimitExceeded(match stream {
            Some(stream) => format!("Rate exceeded for stream {stream} under account {account}."),
            None => format!("Rate exceeded for account {account}."),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_calls_of_a_second_and_then_waits() {
        let (rates, now) = (Rates::default(), Timestamp::from_seconds(1_700_000_000));
        let account = |text: &str| text.parse::<AccountId>().unwrap();
        let call = |rated, text, now| rates.take(rated, account(text), Some("s"), now);
        for _ in 0..5 {
            call(Rated::SplitShard, "000000000001", now).unwrap();
        }
        let error = call(Rated::SplitShard, "000000000001", now).unwrap_err();
        assert_eq!(error.to_string(), "Rate exceeded for stream s under account 000000000001.");
        call(Rated::SplitShard, "000000000002", now).unwrap();
        call(Rated::MergeShards, "000000000001", now).unwrap();
        let later = Timestamp::from_millis(now.as_millis() + 200);
        call(Rated::SplitShard, "000000000001", later).unwrap();
    }
}
