//! With the limits of AWS a shard takes what it must and not much more.
//!
//! A shard's second begins with its first use, so any second of the clock may see the end of one
//! and the whole of the next; over longer times that evens out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use model::Timestamp;
use model::limits::{SHARD_WRITE_BYTES_PER_SECOND, SHARD_WRITE_RECORDS_PER_SECOND};

use crate::history::{History, Outcome};

const SECOND_MS: u64 = 1000;
/// What one record may take beyond a second, and leave of another.
const SLACK_BYTES: u64 = 128 << 10;

/// A record that a shard did not take.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The life of the node in which it was: a start begins a new second.
    pub life: String,
    /// The shard.
    pub shard: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// When the refusal came.
    pub answered: Timestamp,
    /// Its data and partition key.
    pub bytes: u64,
}

/// When a record arrived, and how much it was.
type Arrival = (Timestamp, u64);

/// Holds what shards took in each life of the node, and what they refused, against the limits.
pub fn check(history: &History, refusals: &[Refusal]) -> Result<()> {
    let mut shards: BTreeMap<(&str, &str), Vec<Arrival>> = BTreeMap::new();
    for ((shard, _), seen) in &history.seen {
        let (life, _) = seen.content.split_once('.').unwrap_or_default();
        let key = history.sent.get(&seen.content).map_or(0, |sent| sent.key.len());
        let arrival = (seen.arrived, (seen.content.len() + key) as u64);
        shards.entry((life, shard)).or_default().push(arrival);
    }
    for ((_, shard), arrivals) in &mut shards {
        arrivals.sort_unstable();
        for (first, (from, _)) in arrivals.iter().enumerate() {
            let within = |(at, _): &&Arrival| at.as_millis() < from.as_millis() + SECOND_MS;
            let taken = sum(arrivals[first..].iter().take_while(within));
            ensure!(fits(taken, 2), "{shard} took {taken:?} in the second from {from} on");
        }
        let (Some((first, _)), Some((last, _))) = (arrivals.first(), arrivals.last()) else {
            continue;
        };
        let (taken, seconds) = (sum(arrivals.iter()), last.millis_since(*first) / SECOND_MS + 2);
        ensure!(fits(taken, seconds), "{shard} took {taken:?} in {seconds} seconds");
    }
    let lost = lost_bytes(history);
    for refusal in refusals {
        let shard = (refusal.life.as_str(), refusal.shard.as_str());
        let arrivals = shards.get(&shard).map_or(&[][..], Vec::as_slice);
        check_refusal(refusal, arrivals, lost.get(shard.0).copied().unwrap_or_default())?;
    }
    Ok(())
}

/// By life, the bytes that a shard may have taken and lost at its end.
fn lost_bytes(history: &History) -> BTreeMap<&str, u64> {
    let seen: BTreeSet<_> = history.seen.values().map(|seen| &seen.content).collect();
    let mut lost = BTreeMap::new();
    for (content, sent) in &history.sent {
        let unknown = sent.attempts.iter().any(|attempt| attempt.outcome == Outcome::Unknown);
        if unknown && !seen.contains(content) {
            let (life, _) = content.split_once('.').unwrap_or_default();
            *lost.entry(life).or_default() += (content.len() + sent.key.len()) as u64;
        }
    }
    lost
}

fn sum<'a>(arrivals: impl Iterator<Item = &'a Arrival>) -> (u64, u64) {
    arrivals.fold((0, 0), |(count, bytes), (_, more)| (count + 1, bytes + more))
}

fn fits((records, bytes): (u64, u64), seconds: u64) -> bool {
    records <= SHARD_WRITE_RECORDS_PER_SECOND * seconds
        && bytes <= SHARD_WRITE_BYTES_PER_SECOND * seconds + SLACK_BYTES
}

/// Before a record is refused its shard must have taken a second's worth.
fn check_refusal(refusal: &Refusal, arrivals: &[Arrival], lost: u64) -> Result<()> {
    let from = refusal.sent.minus_millis(SECOND_MS);
    let lately = arrivals.iter().filter(|(at, _)| *at >= from && *at <= refusal.answered);
    let (records, bytes) = sum(lately);
    let justified = records + 1 > SHARD_WRITE_RECORDS_PER_SECOND
        || bytes + lost + refusal.bytes > SHARD_WRITE_BYTES_PER_SECOND;
    ensure!(justified, "{refusal:?} although only {records} records of {bytes} bytes came");
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{SequenceNumber, ShardId};

    use super::*;
    use crate::history::Seen;

    const START: u64 = 1_767_225_600_000;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(START + ms)
    }

    fn history(arrivals: &[(u64, usize)]) -> History {
        let mut history = History::default();
        for (index, (ms, bytes)) in (1..).zip(arrivals) {
            let number = SequenceNumber::new(ShardId::new(0), at(0), index, at(*ms));
            let content = format!("0.{index} {}", "x".repeat(*bytes));
            history
                .seen
                .insert(("shard".into(), index), Seen { number, arrived: at(*ms), content });
        }
        history
    }

    #[test]
    fn two_full_seconds_may_meet_but_not_three() {
        let mib = 1 << 20;
        check(&history(&[(900, mib), (1000, mib)]), &[]).unwrap();
        assert!(check(&history(&[(900, mib), (1000, mib), (1100, mib)]), &[]).is_err());
        let many = vec![(0, 1); 2001];
        assert!(check(&history(&many), &[]).is_err());
    }

    #[test]
    fn a_refusal_needs_a_full_second() {
        let (life, shard) = ("0".into(), "shard".into());
        let refusals = [Refusal { life, shard, sent: at(500), answered: at(510), bytes: 120_000 }];
        assert!(check(&history(&[(100, 900_000)]), &refusals).is_err());
        check(&history(&[(100, 900_000), (505, 140_000)]), &refusals).unwrap();
    }
}
