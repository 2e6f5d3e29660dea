//! How often an operation of the control plane may be called: by account, or by stream.

use std::collections::BTreeMap;

use model::{AccountId, Region, StreamName, Timestamp};
use parking_lot::Mutex;

use crate::catalog::StreamKey;
use crate::error::Error;
use crate::shard::throttle::Second;

/// Rates that are remembered; idle ones are forgotten first.
const RATES_MAX: usize = 4096;

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All of an account in a region.
    Account,
    /// Those about one stream.
    Stream,
}

/// The rows are `operation: calls per second, of whom`. AWS documents them with each operation,
/// and the others in its table of quotas.
macro_rules! rated {
    ($($name:ident: $per_second:literal, $scope:ident;)*) => {
        /// An operation of the control plane that AWS limits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Rated { $($name,)* }

        impl Rated {
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            const fn rule(self) -> (u64, Scope) {
                match self { $(Self::$name => ($per_second, Scope::$scope),)* }
            }
        }
    };
}

rated! {
    AddTagsToStream: 5, Account;
    CreateStream: 5, Account;
    DecreaseStreamRetentionPeriod: 5, Stream;
    DeleteResourcePolicy: 5, Account;
    DeleteStream: 5, Account;
    DeregisterStreamConsumer: 5, Stream;
    DescribeAccountSettings: 5, Account;
    DescribeLimits: 1, Account;
    DescribeStream: 10, Account;
    DescribeStreamConsumer: 20, Stream;
    DescribeStreamSummary: 20, Account;
    DisableEnhancedMonitoring: 5, Stream;
    EnableEnhancedMonitoring: 5, Stream;
    GetResourcePolicy: 5, Account;
    IncreaseStreamRetentionPeriod: 5, Stream;
    ListShards: 1000, Stream;
    ListStreamConsumers: 5, Stream;
    ListStreams: 5, Account;
    ListTagsForResource: 5, Account;
    ListTagsForStream: 5, Account;
    MergeShards: 5, Account;
    PutResourcePolicy: 5, Account;
    RegisterStreamConsumer: 5, Account;
    RemoveTagsFromStream: 5, Account;
    SplitShard: 5, Account;
    StartStreamEncryption: 5, Stream;
    StopStreamEncryption: 5, Stream;
    TagResource: 5, Account;
    UntagResource: 5, Account;
    UpdateAccountSettings: 5, Account;
    UpdateMaxRecordSize: 5, Stream;
    UpdateShardCount: 10, Account;
    UpdateStreamMode: 5, Stream;
    UpdateStreamRecordDistributionStrategy: 5, Stream;
    UpdateStreamWarmThroughput: 5, Account;
}

type Caller = (AccountId, Region, Rated, Option<StreamName>);

/// The calls of the running second.
#[derive(Default)]
pub(crate) struct Rates(Mutex<BTreeMap<Caller, Second>>);

impl Rates {
    /// Counts a call about an account and maybe a stream: whether it is within the rate.
    pub(crate) fn take(
        &self,
        rated: Rated,
        account: AccountId,
        region: &Region,
        stream: Option<&StreamName>,
        now: Timestamp,
    ) -> bool {
        let (per_second, scope) = rated.rule();
        let stream = stream.filter(|_| scope == Scope::Stream).cloned();
        let caller = (account, region.clone(), rated, stream);
        let mut rates = self.0.lock();
        if rates.len() >= RATES_MAX && !rates.contains_key(&caller) {
            rates.retain(|(_, _, rated, _), second| !second.is_idle(rated.rule().0, now));
            if rates.len() >= RATES_MAX {
                // Nobody is idle: one of them gets a second more than it should.
                rates.pop_first();
            }
        }
        rates.entry(caller).or_default().take(1, per_second, now)
    }
}

/// A stream, or the account, was asked about too often.
pub(crate) fn exceeded(account: AccountId, stream: Option<&StreamName>) -> Error {
    Error::LimitExceeded(match stream {
        Some(stream) => format!("Rate exceeded for stream {stream} under account {account}."),
        None => format!("Rate exceeded for account {account}."),
    })
}

impl Rates {
    /// As [`Rates::take`], of a call that names a stream.
    pub(crate) fn take_of(&self, rated: Rated, key: &StreamKey, now: Timestamp) -> bool {
        self.take(rated, key.account, &key.region, Some(&key.name), now)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wire::Class;

    use super::*;

    const START: u64 = 1_700_000_000_000;

    fn key(account: &str, region: &str, name: &str) -> StreamKey {
        let (account, region) = (account.parse().unwrap(), region.parse().unwrap());
        StreamKey { account, region, name: name.parse().unwrap() }
    }

    #[test]
    fn ten_seconds_of_too_many_calls_take_ten_seconds_worth() {
        for rated in Rated::ALL {
            let per_second = rated.rule().0;
            for step in [1, 7, 30] {
                let (rates, key) = (Rates::default(), key("000000000001", "us-east-1", "s"));
                let offer = 2 * per_second * step / 1000 + 1;
                let mut admitted = 0;
                for offset in (0..10_000).step_by(step as usize) {
                    let now = Timestamp::from_millis(START + offset);
                    admitted += (0..offer).filter(|_| rates.take_of(*rated, &key, now)).count();
                }
                assert_eq!(admitted as u64, 10 * per_second, "{rated:?} every {step} ms");
            }
        }
    }

    #[test]
    fn every_operation_of_the_control_plane_has_a_rate() {
        let control = wire::Operation::of("kinesis")
            .filter(|operation| operation.is_supported() && operation.class() == Class::Control);
        let wanted: BTreeSet<_> = control.map(|operation| operation.name()).collect();
        let rated: BTreeSet<_> = Rated::ALL.iter().map(|rated| rated.name()).collect();
        assert_eq!(rated, wanted);
    }

    #[test]
    fn accounts_regions_and_operations_do_not_share_and_streams_only_where_aws_says_so() {
        let (rates, now) = (Rates::default(), Timestamp::from_millis(START));
        let used_up = |rated, key: &StreamKey| !rates.take_of(rated, key, now);
        let here = key("000000000001", "us-east-1", "s");
        let others = [key("000000000002", "us-east-1", "s"), key("000000000001", "us-east-2", "s")];
        for rated in [Rated::SplitShard, Rated::UpdateMaxRecordSize] {
            while !used_up(rated, &here) {}
            assert!(others.iter().all(|other| !used_up(rated, other)));
        }
        let neighbour = key("000000000001", "us-east-1", "t");
        assert!(used_up(Rated::SplitShard, &neighbour), "an account's");
        assert!(!used_up(Rated::UpdateMaxRecordSize, &neighbour), "a stream's");
        assert!(!used_up(Rated::MergeShards, &here));
    }

    #[test]
    fn memory_is_bounded_however_many_names_are_asked_for() {
        let rates = Rates::default();
        for call in 0..3 * RATES_MAX as u64 {
            let now = Timestamp::from_millis(START + call / 100);
            rates.take_of(Rated::ListShards, &key("000000000001", "r", &format!("s{call}")), now);
        }
        assert_eq!(rates.0.lock().len(), RATES_MAX);
        let later = Timestamp::from_millis(START + 60_000);
        rates.take_of(Rated::ListShards, &key("000000000001", "r", "s"), later);
        assert_eq!(rates.0.lock().len(), 1, "the idle ones are forgotten");
    }
}
