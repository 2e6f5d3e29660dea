//! What logs and table hold: as items make it, and as a storage shows it.

use std::collections::BTreeMap;

use bytes::Bytes;
use storage::{Change, Error, Log, LogId, Offset, Storage};

/// The table's log.
pub(crate) const TABLE: LogId = LogId(1);

/// One call of the workload. All of them become durable in order.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Append { log: u64, time: u64, payloads: Vec<Bytes> },
    Seal { log: u64 },
    Trim { log: u64, before: u64 },
    Delete { log: u64 },
    Transact(Vec<Change>),
}

/// Everything there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    pub(crate) logs: BTreeMap<u64, KnownLog>,
    table: BTreeMap<Bytes, Bytes>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KnownLog {
    first: u64,
    next: u64,
    pub(crate) sealed: bool,
    pub(crate) deleted: bool,
    last_time: u64,
    /// Offset, time, payload.
    entries: Vec<(u64, u64, Bytes)>,
}

impl KnownLog {
    fn unborn() -> Self {
        let entries = Vec::new();
        Self { first: 1, next: 1, sealed: false, deleted: false, last_time: 0, entries }
    }

    fn deleted() -> Self {
        Self { deleted: true, ..Self::unborn() }
    }
}

impl Known {
    pub(crate) fn of_logs(logs: &[u64]) -> Self {
        let logs = logs.iter().map(|log| (*log, KnownLog::unborn())).collect();
        Self { logs, table: BTreeMap::new() }
    }

    pub(crate) fn apply(&mut self, item: &Item) {
        match item {
            Item::Append { log, time, payloads } => {
                let known = self.log(*log);
                known.last_time = known.last_time.max(*time);
                for payload in payloads {
                    known.entries.push((known.next, known.last_time, payload.clone()));
                    known.next += 1;
                }
            }
            Item::Seal { log } => self.log(*log).sealed = true,
            Item::Trim { log, before } => {
                let known = self.log(*log);
                known.first = known.first.max(*before.min(&known.next));
                let first = known.first;
                known.entries.retain(|(offset, ..)| *offset >= first);
            }
            Item::Delete { log } => *self.log(*log) = KnownLog::deleted(),
            Item::Transact(changes) => {
                for change in changes {
                    match change.clone() {
                        Change::Put { key, value } => drop(self.table.insert(key, value)),
                        Change::Delete { key } => drop(self.table.remove(&key)),
                    }
                }
            }
        }
    }

    fn log(&mut self, log: u64) -> &mut KnownLog {
        self.logs.get_mut(&log).unwrap()
    }

    /// What `storage` shows of `logs`.
    pub(crate) async fn seen(storage: &Storage, logs: impl Iterator<Item = u64>) -> Self {
        let mut seen = Self::default();
        for log in logs {
            seen.logs.insert(log, look(&storage.log(LogId(log))).await);
        }
        let table = storage.table(TABLE).await.unwrap();
        seen.table = table.scan(b"").into_iter().collect();
        seen
    }

    /// Whether `seen` is this. A deleted log may be forgotten altogether.
    pub(crate) fn is(&self, seen: &Self) -> bool {
        let same = |(known, seen): (&KnownLog, &KnownLog)| {
            known == seen || (known.deleted && *seen == KnownLog::unborn())
        };
        self.table == seen.table && self.logs.values().zip(seen.logs.values()).all(same)
    }

    /// For people: the logs without their payloads.
    pub(crate) fn outline(&self) -> String {
        let line = |(log, known): (&u64, &KnownLog)| {
            let KnownLog { first, next, sealed, deleted, entries, .. } = known;
            let count = entries.len();
            format!("{log}: {first}..{next} entries {count} sealed {sealed} deleted {deleted}")
        };
        let lines: Vec<_> = self.logs.iter().map(line).collect();
        format!("{}; table: {:?}", lines.join(", "), self.table)
    }
}

async fn look(log: &Log) -> KnownLog {
    let state = log.state();
    let mut known = KnownLog {
        first: state.first.0,
        next: state.next.0,
        sealed: state.sealed,
        deleted: false,
        last_time: state.last_time.as_millis(),
        entries: Vec::new(),
    };
    let mut from = Offset::FIRST;
    loop {
        let read = match log.read(from, 1000, 8 << 20).await {
            Err(Error::NotFound(_)) => return KnownLog::deleted(),
            read => read.unwrap(),
        };
        if read.entries.is_empty() {
            return known;
        }
        from = read.next;
        let entries = read.entries.into_iter();
        known.entries.extend(entries.map(|e| (e.offset.0, e.time.as_millis(), e.payload)));
    }
}
