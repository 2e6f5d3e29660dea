//! What clients saw, and whether a durable, ordered stream can have shown it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use model::SequenceNumber;

/// A record's place: its shard and its number there.
pub type Place = (String, SequenceNumber);

/// Records by shard, in the order in which they were read.
pub type Read = BTreeMap<String, Vec<(SequenceNumber, String)>>;

/// What became of one sent record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged: it is there for ever.
    Acknowledged(Place),
    /// Refused before it was numbered: it must never appear.
    Refused,
    /// The answer was lost: it may be there or not, once.
    Unknown,
}

/// Everything that producers sent, by the record's content; each content is sent once.
#[derive(Debug, Default)]
pub struct History {
    sent: BTreeMap<String, Outcome>,
}

impl History {
    /// Notes a record before it is sent: until it is answered its outcome is unknown.
    pub fn sending(&mut self, content: &str) {
        let before = self.sent.insert(content.to_owned(), Outcome::Unknown);
        assert!(before.is_none(), "content {content} is sent twice");
    }

    /// Notes the answer.
    pub fn answered(&mut self, content: &str, outcome: Outcome) {
        self.sent.insert(content.to_owned(), outcome);
    }

    /// How many records were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.sent.values().filter(|outcome| matches!(outcome, Outcome::Acknowledged(_))).count()
    }

    /// Holds a full read of the stream against what was sent.
    pub fn check(&self, read: &Read) -> Result<()> {
        let mut seen = BTreeSet::new();
        let mut places = BTreeMap::new();
        for (shard, records) in read {
            for pair in records.windows(2) {
                ensure!(
                    pair[0].0 < pair[1].0,
                    "{shard}: {} does not follow {}",
                    pair[1].0,
                    pair[0].0
                );
            }
            for (number, content) in records {
                ensure!(seen.insert(content), "{shard}: {content} was read twice");
                match self.sent.get(content) {
                    None => bail!("{shard}: {content} was never sent"),
                    Some(Outcome::Refused) => {
                        bail!("{shard}: {content} was refused, yet it is there")
                    }
                    Some(Outcome::Acknowledged(_) | Outcome::Unknown) => {}
                }
                places.insert(content.as_str(), (shard.clone(), *number));
            }
        }
        for (content, outcome) in &self.sent {
            if let Outcome::Acknowledged(place) = outcome {
                let found = places.get(content.as_str());
                ensure!(
                    found == Some(place),
                    "{content} was acknowledged at {place:?}, found at {found:?}"
                );
            }
        }
        Ok(())
    }
}

/// Holds what a consumer followed so far against a full read: of each shard it must have the
/// beginning, without a gap, and nothing twice.
pub fn check_followed(followed: &Read, read: &Read) -> Result<()> {
    for (shard, got) in followed {
        let there = read.get(shard).map_or(&[][..], Vec::as_slice);
        if let Some(index) = (0..got.len()).find(|index| got.get(*index) != there.get(*index)) {
            let number = there.get(index).map(|(number, _)| number.to_string());
            let number = number.unwrap_or_else(|| "nothing".into());
            bail!("{shard}: record {index} came as {}, where {number} is", got[index].0);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(index: u64) -> SequenceNumber {
        let second = model::Timestamp::from_seconds(1_767_225_600);
        SequenceNumber::new(model::ShardId::new(0), second, index, second)
    }

    fn read(records: &[(u64, &str)]) -> Read {
        let records =
            records.iter().map(|(index, content)| (number(*index), (*content).to_owned()));
        BTreeMap::from([("shard".to_owned(), records.collect())])
    }

    fn history() -> History {
        let mut history = History::default();
        for content in ["kept", "refused", "lost"] {
            history.sending(content);
        }
        history.answered("kept", Outcome::Acknowledged(("shard".into(), number(1))));
        history.answered("refused", Outcome::Refused);
        history
    }

    #[test]
    fn an_unknown_outcome_may_be_there_or_not() {
        history().check(&read(&[(1, "kept")])).unwrap();
        history().check(&read(&[(1, "kept"), (2, "lost")])).unwrap();
    }

    #[test]
    fn each_broken_promise_is_named() {
        let complaint =
            |records: &[(u64, &str)]| history().check(&read(records)).unwrap_err().to_string();
        assert!(complaint(&[]).contains("kept was acknowledged"));
        assert!(complaint(&[(2, "kept")]).contains("kept was acknowledged"));
        assert!(complaint(&[(1, "kept"), (2, "refused")]).contains("was refused"));
        assert!(complaint(&[(1, "kept"), (2, "invented")]).contains("never sent"));
        assert!(complaint(&[(1, "kept"), (2, "lost"), (3, "lost")]).contains("read twice"));
        assert!(complaint(&[(2, "lost"), (1, "kept")]).contains("does not follow"));
    }

    #[test]
    fn a_follower_has_the_beginning_and_nothing_else() {
        let there = read(&[(1, "a"), (2, "b"), (3, "c")]);
        let complaint = |records: &[(u64, &str)]| {
            check_followed(&read(records), &there).err().map(|error| error.to_string())
        };
        assert_eq!(complaint(&[]), None);
        assert_eq!(complaint(&[(1, "a"), (2, "b")]), None);
        for followed in [
            &[(2, "b")][..],
            &[(1, "a"), (3, "c")],
            &[(1, "a"), (1, "a")],
            &[(1, "a"), (2, "b"), (1, "a")],
            &[(1, "a"), (2, "b"), (3, "c"), (4, "lost")],
            &[(1, "x")],
        ] {
            assert!(complaint(followed).unwrap().contains(" came as "), "{followed:?}");
        }
    }
}
