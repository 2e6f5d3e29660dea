//! The order of a shard, and that of a key across shards, is the order of acknowledgements: a put
//! that began after another was acknowledged has the larger number.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use model::SequenceNumber;

use crate::history::History;

/// Sent, answered, and the number.
type Put = (u64, u64, SequenceNumber);

/// Holds the acknowledged puts against each other.
pub fn check(history: &History) -> Result<()> {
    let mut shards: BTreeMap<&str, Vec<Put>> = BTreeMap::new();
    let mut keys: BTreeMap<&str, Vec<Put>> = BTreeMap::new();
    for ((shard, number), attempt, (_, sent)) in history.acknowledged() {
        let put = (attempt.sent, attempt.answered, *number);
        shards.entry(shard).or_default().push(put);
        keys.entry(&sent.key).or_default().push(put);
    }
    for (of, puts) in shards.iter_mut().chain(&mut keys) {
        let late = first_out_of_order(puts);
        ensure!(late.is_none(), "{of}: numbers do not rise with acknowledgements: {late:?}");
    }
    Ok(())
}

/// A put, and one that began after it was acknowledged but has not the larger number.
fn first_out_of_order(puts: &mut [Put]) -> Option<(SequenceNumber, SequenceNumber)> {
    let mut answered: Vec<_> =
        puts.iter().map(|(_, answered, number)| (*answered, *number)).collect();
    answered.sort_unstable_by_key(|(answered, _)| *answered);
    puts.sort_unstable_by_key(|(sent, ..)| *sent);
    let mut before = answered.into_iter().peekable();
    let mut largest: Option<SequenceNumber> = None;
    for (sent, _, number) in puts {
        while let Some((_, earlier)) = before.next_if(|(answered, _)| answered < sent) {
            largest = Some(largest.map_or(earlier, |largest| largest.max(earlier)));
        }
        if let Some(largest) = largest.filter(|largest| *largest >= *number) {
            return Some((largest, *number));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use model::{ShardId, Timestamp};

    use super::*;
    use crate::history::Outcome;

    fn number(index: u64) -> SequenceNumber {
        let second = Timestamp::from_seconds(1_767_225_600);
        SequenceNumber::new(ShardId::new(0), second, index, second)
    }

    #[test]
    fn puts_one_after_the_other_rise_and_overlapping_ones_need_not() {
        let mut history = History::default();
        let place = |index| Outcome::Acknowledged(("shard".into(), number(index)));
        history.sending("a", "k");
        history.sending("b", "l");
        history.answered("b", 0, place(1));
        history.answered("a", 0, place(2));
        check(&history).unwrap();
        history.sending("c", "k");
        history.answered("c", 0, place(3));
        check(&history).unwrap();
        history.answered("c", 0, place(1));
        assert!(check(&history).unwrap_err().to_string().contains("do not rise"));
    }
}
