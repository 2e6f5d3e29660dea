//! Acknowledged records are there until they may expire; others are there as often as they may.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use model::Timestamp;

use crate::history::{History, Outcome, Progress, Seen};

/// All that a reader got from the beginning to the end, by shard.
pub type Read = BTreeMap<String, Vec<Seen>>;

/// Holds a full read of the stream against the history.
pub fn check(history: &mut History, read: &Read) -> Result<()> {
    for (shard, records) in read {
        let mut progress = Progress::default();
        for seen in records {
            history.saw(shard, &mut progress, seen.clone())?;
        }
    }
    check_acknowledged(history, read)?;
    check_repeated(history)
}

fn check_acknowledged(history: &History, read: &Read) -> Result<()> {
    let there = |shard: &str, index| {
        let records = read.get(shard)?;
        let at = records.binary_search_by_key(&index, |seen| seen.number.index()).ok()?;
        records.get(at)
    };
    for ((shard, number), _, (content, _)) in history.acknowledged() {
        let found = there(shard, number.index());
        let expired = || found.is_none() && may_have_expired(history, number.time());
        let text = content.get(..40).unwrap_or(content);
        ensure!(
            found.is_some_and(|seen| seen.content == *content && seen.number == *number)
                || expired(),
            "{text} was acknowledged at {number} of {shard}, where {:?} is",
            found.map(|seen| &seen.content)
        );
    }
    Ok(())
}

fn may_have_expired(history: &History, arrived: Timestamp) -> bool {
    arrived < history.horizon
}

/// A record is there at most once for each attempt that was not refused.
fn check_repeated(history: &History) -> Result<()> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for seen in history.seen.values() {
        *times.entry(&seen.content).or_default() += 1;
    }
    for (content, times) in times {
        let attempts = history.sent[content].attempts.iter();
        let may = attempts.filter(|attempt| attempt.outcome != Outcome::Refused).count();
        let text = content.get(..40).unwrap_or(content);
        ensure!(times <= may, "{text} is there {times} times, but was put {may} times");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{SequenceNumber, ShardId};

    use super::*;

    fn number(index: u64) -> SequenceNumber {
        let second = Timestamp::from_seconds(1_767_225_600);
        SequenceNumber::new(ShardId::new(0), second, index, second)
    }

    fn read(records: &[(u64, &str)]) -> Read {
        let seen = |(index, content): &(u64, &str)| Seen {
            number: number(*index),
            arrived: number(*index).time(),
            content: (*content).to_owned(),
        };
        BTreeMap::from([("shard".to_owned(), records.iter().map(seen).collect())])
    }

    fn history() -> History {
        let mut history = History::default();
        for content in ["kept", "refused", "lost"] {
            history.sending(content, "key");
        }
        history.answered("kept", 0, Outcome::Acknowledged(("shard".into(), number(1))));
        history.answered("refused", 0, Outcome::Refused);
        history
    }

    #[test]
    fn an_unknown_outcome_may_be_there_or_not() {
        check(&mut history(), &read(&[(1, "kept")])).unwrap();
        check(&mut history(), &read(&[(1, "kept"), (2, "lost")])).unwrap();
        let mut again = history();
        again.sending("lost", "key");
        check(&mut again, &read(&[(1, "kept"), (2, "lost"), (3, "lost")])).unwrap();
    }

    #[test]
    fn what_expired_need_not_be_there() {
        let mut history = history();
        history.expire(Timestamp::from_seconds(1_767_225_600));
        assert!(check(&mut history, &read(&[])).is_err(), "it is not older than the horizon");
        history.expire(Timestamp::from_seconds(1_767_225_601));
        check(&mut history, &read(&[])).unwrap();
        check(&mut history, &read(&[(7, "lost")])).unwrap();
    }

    #[test]
    fn each_broken_promise_is_named() {
        let complaint = |records: &[(u64, &str)]| {
            check(&mut history(), &read(records)).unwrap_err().to_string()
        };
        assert!(complaint(&[]).contains("kept was acknowledged"));
        assert!(complaint(&[(1, "lost")]).contains("kept was acknowledged"));
        assert!(complaint(&[(2, "kept")]).contains("1 to 2 were left out"));
        assert!(complaint(&[(1, "kept"), (2, "refused")]).contains("was refused"));
        assert!(complaint(&[(1, "kept"), (2, "invented")]).contains("never sent"));
        assert!(complaint(&[(1, "kept"), (2, "lost"), (3, "lost")]).contains("is there 2 times"));
        assert!(complaint(&[(1, "kept"), (1, "kept")]).contains("was read after"));
    }

    #[test]
    fn a_place_never_shows_another_record() {
        let mut history = history();
        check(&mut history, &read(&[(1, "kept"), (2, "lost")])).unwrap();
        history.sending("other", "key");
        let complaint = check(&mut history, &read(&[(1, "kept"), (2, "other")])).unwrap_err();
        assert!(complaint.to_string().contains("is where"), "{complaint}");
    }

    #[test]
    fn a_reader_leaves_out_only_what_expired() {
        let mut history = history();
        check(&mut history, &read(&[(1, "kept"), (2, "lost")])).unwrap();
        let lost = read(&[(2, "lost")])["shard"][0].clone();
        let saw = |history: &mut History| {
            history.saw("shard", &mut Progress::default(), lost.clone()).err()
        };
        assert!(saw(&mut history).is_some());
        history.expire(Timestamp::from_seconds(1_767_225_600));
        assert!(saw(&mut history).unwrap().to_string().contains("left out before 2"));
        history.expire(Timestamp::from_seconds(1_767_225_601));
        assert!(saw(&mut history).is_none());
    }
}
