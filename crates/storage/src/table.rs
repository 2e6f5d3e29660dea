//! A table: the latest value per key of a log.
//!
//! Every change is one entry; a transaction is one append, so all of its changes become durable
//! together. The log is cleaned as it grows: with a transaction the oldest entries that still
//! count are appended again and everything before the next such entry is trimmed.
//!
//! Invariants: what `get` and `scan` answer is durable. Changes take effect in log order. A
//! transaction is refused unless it was decided on the last appended version.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::config::ENTRY_OVERHEAD;
use crate::entries::Batch;
use crate::error::{Damage, Error, Result};
use crate::log::{Log, LogId, Offset};
use crate::storage::Storage;
use crate::varint::{Decoder, VARINT_BYTES_MAX, put_varint};

/// How much of the log is read at once when loading.
const LOAD_ENTRIES: usize = 10_000;
const LOAD_BYTES: usize = 8 << 20;

/// The log is left alone until it has this many entries more than twice its live keys.
const CLEANING_SLACK: u64 = 1024;

/// How many live entries one transaction appends again at most.
const CLEANING_STEP: usize = 64;

/// One change of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The key has this value from now on.
    Put {
        /// The key.
        key: Bytes,
        /// Its value.
        value: Bytes,
    },
    /// The key has no value any more.
    Delete {
        /// The key.
        key: Bytes,
    },
}

/// A table. Cheap to clone; all clones are the same table.
#[derive(Clone)]
pub struct Table(Arc<Inner>);

struct Inner {
    storage: Storage,
    log: Log,
    rows: Mutex<Rows>,
}

/// What is durable, and what is on its way.
#[derive(Default)]
struct Rows {
    live: BTreeMap<Bytes, Row>,
    /// The key of each live row, by the offset of its entry.
    by_offset: BTreeMap<u64, Bytes>,
    /// The offset of the last entry that took effect.
    version: u64,
    /// The offset of the last entry that was appended.
    appended: u64,
    /// Entries up to an offset that take effect once they are durable.
    pending: VecDeque<(u64, Change)>,
}

struct Row {
    value: Bytes,
    offset: u64,
}

impl Table {
    pub(crate) async fn load(storage: Storage, log: Log) -> Result<Self> {
        let mut rows = Rows::default();
        let mut from = Offset::FIRST;
        loop {
            let read = log.read(from, LOAD_ENTRIES, LOAD_BYTES).await?;
            let Some(last) = read.entries.last().map(|entry| entry.offset.0) else { break };
            for entry in read.entries {
                let change =
                    decode(&entry.payload).ok_or_else(|| not_a_change(&log, entry.offset))?;
                rows.take_effect(entry.offset.0, change);
            }
            rows.version = last;
            from = read.next;
        }
        rows.version = rows.version.max(log.state().next.0 - 1);
        rows.appended = rows.version;
        Ok(Self(Arc::new(Inner { storage, log, rows: Mutex::new(rows) })))
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.settled(|rows| rows.live.get(key).map(|row| row.value.clone()))
    }

    /// Every key that begins with `prefix`, with its value, in the order of the keys.
    pub fn scan(&self, prefix: &[u8]) -> Vec<(Bytes, Bytes)> {
        self.settled(|rows| {
            let from = rows.live.range(Bytes::copy_from_slice(prefix)..);
            let rows = from.take_while(|(key, _)| key.starts_with(prefix));
            rows.map(|(key, row)| (key.clone(), row.value.clone())).collect()
        })
    }

    /// Which version `get` and `scan` answer from: the offset of the last change.
    pub fn version(&self) -> Offset {
        self.settled(|rows| Offset(rows.version))
    }

    /// Makes all of `changes` durable, or none, and answers the new version. Refuses with
    /// `Conflict` if the table is not at `expected` any more.
    ///
    /// After any other error the outcome is unknown: look at the table before trying again.
    pub async fn transact(&self, expected: Offset, changes: Vec<Change>) -> Result<Offset> {
        if changes.is_empty() {
            return self.settled(|rows| rows.expect(self.0.log.id(), expected)).map(|()| expected);
        }
        let cost = |change: &Change| ENTRY_OVERHEAD + encoded_bytes(change);
        let again = self.settled(|rows| rows.cleaning_bytes(self.0.log.state().first.0));
        let bytes = changes.iter().map(cost).sum::<usize>() + again;
        let mut permit = self.0.storage.admit(bytes).await?;
        let (commit, version) = self.settled(|rows| {
            rows.expect(self.0.log.id(), expected)?;
            rows.append(&self.0.log, &mut permit, changes, again)
        })?;
        drop(permit);
        commit.durable().await?;
        self.settled(|_| ());
        Ok(Offset(version))
    }

    /// Works on the rows after everything durable took effect.
    fn settled<T>(&self, work: impl FnOnce(&mut Rows) -> T) -> T {
        let mut rows = self.0.rows.lock();
        rows.settle(self.0.log.state().next.0);
        work(&mut rows)
    }
}

impl Rows {
    fn expect(&self, table: LogId, expected: Offset) -> Result<()> {
        let actual = Offset(self.appended);
        if expected == actual { Ok(()) } else { Err(Error::Conflict { table, expected, actual }) }
    }

    /// Appends `changes`, and cleans the log a step if it is time to.
    fn append(
        &mut self,
        log: &Log,
        permit: &mut crate::Permit,
        mut changes: Vec<Change>,
        cleaning_bytes: usize,
    ) -> Result<(crate::Commit, u64)> {
        let state = log.state();
        assert_eq!(state.appended.0, self.appended + 1, "only the table appends to its log");
        let mut cleaned = None;
        // Another transaction may have come between and left more to clean than was admitted.
        if self.cleaning_bytes(state.first.0) <= cleaning_bytes {
            cleaned = self.cleanable(state.first.0).last().map(|(offset, _)| *offset);
            let again = self.entries_to_repeat(state.first.0, &changes);
            changes.extend(again);
        }
        let mut batch = Batch::new(state.last_time, 0);
        for change in &changes {
            batch.push(&[&encode(change)]);
        }
        let commit = log.append(permit, batch)?;
        for (offset, change) in (commit.base.0..).zip(changes) {
            self.pending.push_back((offset, change));
            self.appended = offset;
        }
        if let Some(cleaned) = cleaned {
            // Everything below is dead or was appended again before this trim.
            let _trimmed_sooner_or_later = log.trim(Offset(cleaned + 1))?;
        }
        Ok((commit, self.appended))
    }

    /// The cleanable entries that no change on its way replaces.
    fn entries_to_repeat(&self, first: u64, changes: &[Change]) -> Vec<Change> {
        let replaced = |key: &Bytes| {
            let mut coming = self.pending.iter().map(|(_, change)| change).chain(changes);
            coming.any(|change| change.key() == key)
        };
        let keys = self.cleanable(first).map(|(_, key)| key).filter(|key| !replaced(key));
        let put =
            |key: &Bytes| Change::Put { key: key.clone(), value: self.live[key].value.clone() };
        keys.map(put).collect()
    }

    /// The oldest live entries, if the log is long enough to be cleaned.
    fn cleanable(&self, first: u64) -> impl Iterator<Item = (&u64, &Bytes)> {
        let length = (self.appended + 1).saturating_sub(first);
        let due = length > 2 * self.live.len() as u64 + CLEANING_SLACK;
        self.by_offset.iter().take(if due { CLEANING_STEP } else { 0 })
    }

    /// What appending those again may cost.
    fn cleaning_bytes(&self, first: u64) -> usize {
        let bytes = |key: &Bytes| {
            ENTRY_OVERHEAD + 2 * VARINT_BYTES_MAX + key.len() + self.live[key].value.len()
        };
        self.cleanable(first).map(|(_, key)| bytes(key)).sum()
    }

    /// Lets pending changes below `durable` take effect.
    fn settle(&mut self, durable: u64) {
        let ready = self.pending.partition_point(|(offset, _)| *offset < durable);
        for (offset, change) in self.pending.drain(..ready).collect::<Vec<_>>() {
            self.take_effect(offset, change);
            self.version = offset;
        }
    }

    /// Copies what it keeps: entries share memory with whole chunks.
    fn take_effect(&mut self, offset: u64, change: Change) {
        let replaced = match change {
            Change::Delete { key } => self.live.remove(&key),
            Change::Put { key, value } => {
                let key = Bytes::copy_from_slice(&key);
                let value = Bytes::copy_from_slice(&value);
                self.by_offset.insert(offset, key.clone());
                self.live.insert(key, Row { value, offset })
            }
        };
        if let Some(replaced) = replaced {
            self.by_offset.remove(&replaced.offset);
        }
    }
}

impl Change {
    /// The key it is about.
    pub fn key(&self) -> &Bytes {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

const PUT: u8 = 0;
const DELETE: u8 = 1;

fn encoded_bytes(change: &Change) -> usize {
    let value = match change {
        Change::Put { value, .. } => value.len(),
        Change::Delete { .. } => 0,
    };
    1 + VARINT_BYTES_MAX + change.key().len() + value
}

/// `kind, key length, key, value`.
pub(crate) fn encode(change: &Change) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded_bytes(change));
    bytes.push(if matches!(change, Change::Put { .. }) { PUT } else { DELETE });
    put_varint(&mut bytes, change.key().len() as u64);
    bytes.extend(change.key());
    if let Change::Put { value, .. } = change {
        bytes.extend(value);
    }
    bytes
}

pub(crate) fn decode(payload: &Bytes) -> Option<Change> {
    let mut decoder = Decoder::new(payload);
    let kind = decoder.u8()?;
    let length = decoder.length()?;
    let start = decoder.position();
    decoder.take(length)?;
    let key = payload.slice(start..start + length);
    let value = payload.slice(start + length..);
    match kind {
        PUT => Some(Change::Put { key, value }),
        DELETE if value.is_empty() => Some(Change::Delete { key }),
        _ => None,
    }
}

fn not_a_change(log: &Log, offset: Offset) -> Error {
    let damage = Damage::new("table", 0, "the entry is not a change of a table");
    damage.in_log(log.id(), offset.0, offset.0 + 1).into()
}
