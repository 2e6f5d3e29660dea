//! With the limits of AWS a shard answers so many GetRecords calls a second, and as many bytes; no
//! call is refused before.
//!
//! A shard's second begins with its first use, so any second of the clock may see the end of one
//! and the whole of the next; over longer times that evens out.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use model::Timestamp;
use model::limits::{
    GET_RECORDS_BYTES_MAX, SHARD_READ_BYTES_PER_SECOND, SHARD_READ_CALLS_PER_SECOND,
};

const SECOND_MS: u64 = 1000;
/// A shard is paid for its largest answer after so many seconds.
const DEBT_SECONDS: u64 = GET_RECORDS_BYTES_MAX as u64 / SHARD_READ_BYTES_PER_SECOND + 1;

/// One GetRecords call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which start of the node answered: each begins a new second.
    pub start: u64,
    /// The shard.
    pub shard: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// When the answer came, or nothing did.
    pub ended: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Records of so many bytes, data and partition keys.
    Read(u64),
    /// Too many calls or bytes.
    Refused,
    /// It may have been answered or not.
    Unknown,
}

/// Holds the calls to each shard against the limits.
pub fn check(calls: &[Call]) -> Result<()> {
    let mut shards: BTreeMap<(u64, &str), Vec<&Call>> = BTreeMap::new();
    for call in calls {
        shards.entry((call.start, &call.shard)).or_default().push(call);
    }
    for ((_, shard), mut calls) in shards {
        calls.sort_by_key(|call| call.sent);
        for (index, call) in calls.iter().enumerate() {
            let until = call.sent.as_millis() + SECOND_MS;
            let within = calls[index..].iter().filter(|later| later.ended.as_millis() < until);
            let read =
                within.filter(|call| matches!(call.outcome, Outcome::Read(_))).count() as u64;
            ensure!(
                read <= 2 * SHARD_READ_CALLS_PER_SECOND,
                "{shard} answered {read} calls in the second from {} on",
                call.sent
            );
            if call.outcome == Outcome::Refused {
                check_refusal(call, &calls)?;
            }
        }
        check_bytes(shard, &calls)?;
    }
    Ok(())
}

/// What a shard gave in all, but for its last answer, which it is not paid for yet.
fn check_bytes(shard: &str, calls: &[&Call]) -> Result<()> {
    let read: Vec<_> =
        calls.iter().filter(|call| matches!(call.outcome, Outcome::Read(_))).collect();
    let (Some(first), Some(last)) = (read.first(), read.last()) else { return Ok(()) };
    let bytes: u64 = read[..read.len() - 1].iter().map(|call| call.bytes()).sum();
    let seconds = last.ended.millis_since(first.sent) / SECOND_MS + 2;
    let most = seconds * SHARD_READ_BYTES_PER_SECOND + GET_RECORDS_BYTES_MAX as u64;
    ensure!(bytes <= most, "{shard} gave {bytes} bytes in {seconds} seconds");
    Ok(())
}

/// Before a call is refused its shard must have answered a second's worth of calls, or bytes that
/// it is not paid for yet.
fn check_refusal(refused: &Call, calls: &[&Call]) -> Result<()> {
    let since = |seconds: u64| {
        let from = refused.sent.minus_millis(seconds * SECOND_MS);
        calls.iter().filter(move |call| call.ended >= from && call.sent <= refused.ended)
    };
    let answered = |call: &&&Call| call.outcome != Outcome::Refused;
    let calls = since(1).filter(answered).count() as u64;
    let bytes: u64 = since(DEBT_SECONDS).map(|call| call.bytes()).sum();
    ensure!(
        calls >= SHARD_READ_CALLS_PER_SECOND || bytes >= SHARD_READ_BYTES_PER_SECOND,
        "{refused:?} although only {calls} calls were answered, and {bytes} bytes"
    );
    Ok(())
}

impl Call {
    /// How much the shard may have given.
    fn bytes(&self) -> u64 {
        match self.outcome {
            Outcome::Read(bytes) => bytes,
            Outcome::Refused => 0,
            Outcome::Unknown => GET_RECORDS_BYTES_MAX as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(ms: u64, outcome: Outcome) -> Call {
        let at = Timestamp::from_millis(1_767_225_600_000 + ms);
        Call { start: 0, shard: "shard".into(), sent: at, ended: at, outcome }
    }

    fn calls(times: impl IntoIterator<Item = u64>, bytes: u64) -> Vec<Call> {
        times.into_iter().map(|ms| call(ms, Outcome::Read(bytes))).collect()
    }

    #[test]
    fn two_full_seconds_may_meet_but_not_three() {
        check(&calls(900..910, 0)).unwrap();
        assert!(check(&calls(900..911, 0)).is_err());
    }

    #[test]
    fn bytes_are_paid_for() {
        let mib = 1 << 20;
        check(&calls([0, 5000, 10_000], 10 * mib)).unwrap();
        assert!(check(&calls([0, 1000, 2000, 3000], 10 * mib)).is_err());
    }

    #[test]
    fn a_refusal_needs_a_full_second_or_a_debt() {
        let with_refusal = |mut calls: Vec<Call>| {
            calls.push(call(1000, Outcome::Refused));
            check(&calls)
        };
        assert!(with_refusal(calls([100, 200, 300, 400], 10)).is_err());
        with_refusal(calls([100, 200, 300, 400, 500], 10)).unwrap();
        with_refusal(calls([100], 3 << 20)).unwrap();
        with_refusal(vec![call(100, Outcome::Unknown)]).unwrap();
    }
}
