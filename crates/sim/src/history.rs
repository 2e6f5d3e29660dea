//! What clients did and saw: the one thing that every checker is held against.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use model::{SequenceNumber, Timestamp};

/// A shard, and a record's number there.
pub type Place = (String, SequenceNumber);

/// What became of one attempt to put a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged: it is there until it may expire.
    Acknowledged(Place),
    /// Refused before it was numbered: it must never appear.
    Refused,
    /// The answer was lost or is no answer: it may be there or not, once.
    Unknown,
}

/// One attempt to put a record. Moments are counted in events of the history.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it was sent.
    pub sent: u64,
    /// When it was answered, if it was.
    pub answered: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// A record, its partition key, and all attempts to put it.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Its partition key.
    pub key: String,
    /// In the order in which they were made.
    pub attempts: Vec<Attempt>,
}

/// A record that was seen somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub number: SequenceNumber,
    /// When it arrived, to the millisecond.
    pub arrived: Timestamp,
    /// Its data, which no other record has.
    pub content: String,
}

/// Everything that producers sent and readers saw.
#[derive(Debug, Default)]
pub struct History {
    /// By content; no two records have the same.
    pub sent: BTreeMap<String, Sent>,
    /// By shard and index.
    pub seen: BTreeMap<(String, u64), Seen>,
    /// What arrived before may have expired.
    pub horizon: Timestamp,
    events: u64,
}

/// How far a reader is in one shard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress(pub Option<SequenceNumber>);

impl History {
    /// Notes a record before it is sent: until it is answered its outcome is unknown. Gives the
    /// attempt's number.
    pub fn sending(&mut self, content: &str, key: &str) -> usize {
        let sent = self.event();
        let record = self.sent.entry(content.to_owned()).or_default();
        key.clone_into(&mut record.key);
        record.attempts.push(Attempt { sent, answered: u64::MAX, outcome: Outcome::Unknown });
        record.attempts.len() - 1
    }

    /// Notes the answer.
    pub fn answered(&mut self, content: &str, attempt: usize, outcome: Outcome) {
        let answered = self.event();
        let record = self.sent.get_mut(content).expect("only what was sent is answered");
        let attempt = &mut record.attempts[attempt];
        (attempt.answered, attempt.outcome) = (answered, outcome);
    }

    fn event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    /// Every attempt that was acknowledged, with its place and its record.
    pub fn acknowledged(&self) -> impl Iterator<Item = (&Place, &Attempt, (&String, &Sent))> {
        self.sent.iter().flat_map(|(content, sent)| {
            sent.attempts.iter().filter_map(move |attempt| match &attempt.outcome {
                Outcome::Acknowledged(place) => Some((place, attempt, (content, sent))),
                _ => None,
            })
        })
    }

    /// Records that arrived before `horizon` may be gone from now on.
    pub fn expire(&mut self, horizon: Timestamp) {
        self.horizon = self.horizon.max(horizon);
    }

    /// A reader got `seen` next from `shard`, after what it had by `progress`: it must have been
    /// sent and not refused, be the same that others saw there, come later than what came before,
    /// and leave nothing out that had not expired.
    pub fn saw(&mut self, shard: &str, progress: &mut Progress, seen: Seen) -> Result<()> {
        let Seen { number, ref content, .. } = seen;
        let index = number.index();
        let text = content.get(..40).unwrap_or(content);
        let sent = self.sent.get(content);
        ensure!(sent.is_some(), "{shard}: {text} at {number} was never sent");
        let refused = |sent: &Sent| sent.attempts.iter().all(|it| it.outcome == Outcome::Refused);
        ensure!(!sent.is_some_and(refused), "{shard}: {text} was refused, yet it is there");
        let before = self.seen.entry((shard.to_owned(), index)).or_insert_with(|| seen.clone());
        ensure!(*before == seen, "{shard}: {seen:?} is where {before:?} was");
        let next = progress.0.map_or(1, |last| last.index() + 1);
        ensure!(index >= next, "{shard}: {number} was read after {:?}", progress.0);
        if index > next {
            ensure!(
                self.horizon > Timestamp::default(),
                "{shard}: {next} to {index} were left out"
            );
            let between = self.seen.range((shard.to_owned(), next)..(shard.to_owned(), index));
            let kept = between.map(|(_, seen)| seen).find(|seen| seen.arrived >= self.horizon);
            ensure!(kept.is_none(), "{shard}: {kept:?} was left out before {index}");
        }
        progress.0 = Some(number);
        Ok(())
    }
}
