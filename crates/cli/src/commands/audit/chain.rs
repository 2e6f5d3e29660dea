//! Whether records hold together: pure, record by record.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The digest that the first record of all repeats.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The part of a record that chains it.
#[derive(Deserialize)]
struct Record {
    chain: Link,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    sequence: u64,
    previous_digest: String,
}

/// The end of what was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sequence: u64,
    pub(super) digest: String,
}

/// What was walked so far.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) first: Option<u64>,
    pub(super) head: Option<Head>,
    pub(super) records: u64,
}

impl Chain {
    /// Takes the next record, which is at `place` of the stream; a text says what is wrong.
    pub(super) fn add(&mut self, place: Option<u64>, data: &[u8]) -> Result<(), String> {
        self.records += 1;
        let before = self.head.clone();
        let Ok(Record { chain }) = serde_json::from_slice(data) else {
            let place = place.or(before.map(|head| head.sequence + 1)).unwrap_or_default();
            self.head = Some(Head { sequence: place, digest: digest(data) });
            return Err(format!("the record at place {place} is no audit record"));
        };
        let Link { sequence, previous_digest } = chain;
        self.first.get_or_insert(sequence);
        self.head = Some(Head { sequence, digest: digest(data) });
        if let Some(place) = place.filter(|place| *place != sequence) {
            return Err(format!("record {sequence} is at place {place}: it is not where it was"));
        }
        match before {
            Some(head) if sequence != head.sequence + 1 => Err(format!(
                "record {sequence} follows record {}: those in between are gone",
                head.sequence
            )),
            // The beginning again: all records before had expired when it was written.
            Some(head) if previous_digest != head.digest => Err(format!(
                "record {sequence} repeats the digest {previous_digest}, and record {} has {}: \
                 one of the two was changed",
                head.sequence, head.digest
            )),
            None if sequence == 1 && previous_digest != NO_DIGEST => {
                Err("the first record repeats the digest of one before it".into())
            }
            _ => Ok(()),
        }
    }
}

/// The SHA-256 of a record, in hex.
fn digest(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records that hold together.
    fn records(count: u64) -> Vec<String> {
        let mut previous = NO_DIGEST.to_owned();
        let mut records = Vec::new();
        for sequence in 1..=count {
            let record = format!(
                r#"{{"eventName":"E","chain":{{"sequence":{sequence},"previousDigest":"{previous}"}}}}"#
            );
            previous = digest(record.as_bytes());
            records.push(record);
        }
        records
    }

    /// What is wrong with records that are at these places.
    fn faults<'a>(placed: impl IntoIterator<Item = (u64, &'a String)>) -> Vec<String> {
        let mut chain = Chain::default();
        let add = |(place, record): (u64, &String)| chain.add(Some(place), record.as_bytes()).err();
        placed.into_iter().filter_map(add).collect()
    }

    #[test]
    fn records_that_were_left_alone_hold_together_also_without_the_oldest() {
        let records = records(5);
        assert_eq!(faults((1..).zip(&records)), [""; 0]);
        assert_eq!(faults((3..).zip(&records[2..])), [""; 0]);
    }

    #[test]
    fn a_changed_a_removed_a_moved_and_a_foreign_record_show() {
        let original = records(5);
        let mut changed = original.clone();
        changed[2] = changed[2].replace("\"E\"", "\"F\"");
        let found = faults((1..).zip(&changed));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("record 4 repeats the digest"), "{found:?}");

        let mut removed = original.clone();
        removed.remove(2);
        let at_their_places = [1, 2, 4, 5].into_iter().zip(&removed);
        let found = faults(at_their_places);
        assert_eq!(found, ["record 4 follows record 2: those in between are gone"]);
        let found = faults((1..).zip(&removed));
        assert!(found[0].contains("record 4 is at place 3"), "{found:?}");

        let mut swapped = original.clone();
        swapped.swap(1, 2);
        assert!(!faults((1..).zip(&swapped)).is_empty());

        let mut foreign = original;
        foreign[0] = "nonsense".into();
        let found = faults((1..).zip(&foreign));
        assert_eq!(found[0], "the record at place 1 is no audit record");
        assert!(found[1].contains("record 2 repeats the digest"), "{found:?}");
    }
}
