//! Reads a shard from a position on. Every reader of records reads through here.
//!
//! Invariants: nothing that is not durable is read, and nothing from before the horizon. The end
//! of a shard is told only when the catalog has closed it and all of its records were passed, and
//! then with the children, which are in the catalog since the moment it was closed.

use bytes::Bytes;
use model::{SequenceNumber, Timestamp};
use security::KeyRing;
use storage::{Entry, LogState, Offset, Storage};

use super::payload;
use super::sealing::Place;
use crate::catalog::{Shard, Stream};
use crate::error::{Error, Result, shard_gone};

/// A place in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// At the oldest record that is kept when it is read.
    TrimHorizon,
    /// Right after the newest record.
    Latest,
    /// At the record with a number, or the next one.
    At(SequenceNumber),
    /// Right after the record with a number.
    After(SequenceNumber),
    /// At the first record that arrived then or later.
    AtTime(Timestamp),
}

/// How much to read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) records: usize,
    /// Of data alone, unless the first record has more.
    pub(crate) bytes: usize,
}

/// Records in a row.
pub(crate) struct Records {
    pub(crate) records: Vec<Record>,
    /// Where to read on.
    pub(crate) next: Offset,
    /// Whether the shard is closed and everything in it was passed.
    pub(crate) ended: bool,
    /// How much later than what was read the newest record may be.
    pub(crate) millis_behind: u64,
}

/// A record as its shard keeps it. The data shares memory with storage, unless it was sealed.
pub(crate) struct Record {
    pub(crate) number: SequenceNumber,
    pub(crate) arrived: Timestamp,
    pub(crate) key: Option<String>,
    pub(crate) data: Bytes,
    /// Whether it was sealed when it was put.
    pub(crate) is_encrypted: bool,
}

impl Records {
    /// Bytes of data and partition keys.
    pub(crate) fn bytes(&self) -> usize {
        self.records.iter().map(Record::bytes).sum()
    }
}

impl Record {
    /// Bytes of data and partition key.
    pub(crate) fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, String::len) + self.data.len()
    }
}

/// Reads one shard of one version of the catalog.
pub(crate) struct Cursor<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) shard: &'a Shard,
    pub(crate) storage: &'a Storage,
    pub(crate) keys: &'a KeyRing,
    pub(crate) now: Timestamp,
}

impl Cursor<'_> {
    /// The offset of a position.
    pub(crate) async fn resolve(&self, position: Position) -> Result<Offset> {
        let state = self.state();
        // A number that no record has yet means the tip: storage knows nothing further on.
        let within = |offset: u64| Offset(offset.clamp(Offset::FIRST.0, state.next.0));
        Ok(match position {
            Position::TrimHorizon => Offset::FIRST,
            Position::Latest => state.next,
            Position::At(number) => within(number.index()),
            Position::After(number) => within(number.index().saturating_add(1)),
            Position::AtTime(time) => self.log().offset_at(time).await.map_err(|e| self.gone(e))?,
        })
    }

    /// Records from `from` on, at least one if any is there. Those that cannot be opened are not
    /// passed: what is before them is read first, then they are the error.
    pub(crate) async fn read(&self, from: Offset, budget: Budget) -> Result<Records> {
        let storage::Entries { entries, mut next } = self.entries(from, budget).await?;
        // Asked afterwards, so that what is not passed yet is never taken for the end.
        let state = self.state();
        let mut records = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for entry in entries {
            let offset = entry.offset;
            match self.record(entry) {
                Ok(record) => {
                    bytes += record.data.len();
                    // Of a sealed record storage knew only about how much data it has.
                    if bytes > budget.bytes && !records.is_empty() {
                        next = offset;
                        break;
                    }
                    records.push(record);
                }
                Err(Error::Keys(_)) if !records.is_empty() => {
                    next = offset;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let at_tip = next >= state.next;
        let newest = records.last().map(|record| record.arrived);
        let millis_behind = match newest {
            Some(newest) if !at_tip => self.now.millis_since(newest),
            None if !at_tip => self.now.millis_since(self.stream.horizon(self.now)),
            _ => 0,
        };
        let ended = at_tip && !self.shard.record.is_open();
        Ok(Records { records, next, ended, millis_behind })
    }

    async fn entries(&self, from: Offset, budget: Budget) -> Result<storage::Entries> {
        let log = self.log();
        let read = async |from| {
            let Budget { records, bytes } = budget;
            let read = log.read_weighed(from, records, bytes, payload::data_bytes_min).await;
            read.map_err(|error| self.gone(error))
        };
        let entries = read(from).await?;
        let horizon = self.stream.horizon(self.now);
        if entries.entries.first().is_none_or(|first| first.time >= horizon) {
            return Ok(entries);
        }
        // Storage has not let go of them yet.
        let kept = log.offset_at(horizon).await.map_err(|error| self.gone(error))?;
        read(kept).await
    }

    fn record(&self, entry: Entry) -> Result<Record> {
        let Entry { offset, time, payload } = entry;
        let log = self.shard.record.log;
        let corrupt = |what| move || Error::Corrupt(format!("entry {offset} of log {log} {what}"));
        let data_key = payload::data_key(&payload);
        let payload = match data_key {
            None => payload,
            Some(data_key) => {
                let cipher = self.keys.cipher(data_key)?;
                let plain = payload::open(&payload, &cipher, Place::of(self.stream, self.shard));
                plain.ok_or_else(corrupt("is sealed, but not as it is or not for this shard"))?
            }
        };
        let (key, data) = payload::decode(&payload).ok_or_else(corrupt("is not a record"))?;
        let number = SequenceNumber::new(self.shard.id, self.shard.record.created, offset.0, time);
        let (key, is_encrypted) = (key.map(str::to_owned), data_key.is_some());
        Ok(Record { number, arrived: time, key, data, is_encrypted })
    }

    fn log(&self) -> &storage::Log {
        &self.shard.live(self.storage).log
    }

    fn state(&self) -> LogState {
        self.log().state()
    }

    /// A log that was deleted since the catalog's version was a shard's.
    fn gone(&self, error: storage::Error) -> Error {
        match error {
            storage::Error::NotFound(_) => shard_gone(&self.stream.key, self.shard.id),
            error => error.into(),
        }
    }
}
