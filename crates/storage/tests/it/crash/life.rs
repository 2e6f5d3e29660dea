//! One life of a storage: what is asked of it, and the tape of what it did to the machine.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use storage::{Change, Config, LogId, Offset, Storage, Table};

use crate::crash::image::Image;
use crate::crash::known::{Item, Known, TABLE};
use crate::crash::machine::{Machine, Tape, scramble};
use crate::world::enqueue;

/// What a workload does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// So many entries of so many bytes for a log, durable before the next step.
    Append(u64, usize, usize),
    /// Several appends, one entry each, that wait together and share a chunk.
    Together(&'static [(u64, usize)]),
    Seal(u64),
    Trim(u64, u64),
    Delete(u64),
    /// A transaction that puts these keys and deletes the last one of the transaction before.
    Transact(&'static [u8]),
    /// One key put so often that the table's log is cleaned.
    Churn(u8),
    /// Time for upkeep to finish what is due.
    Rest,
    /// Upkeep begins when the next step does.
    UntilDue,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Close,
    /// The power fails with half of the last chunk on the disk.
    HalfAChunk,
}

/// A life that was lived.
pub(crate) struct Life {
    pub(crate) before: Image,
    pub(crate) tape: Tape,
    /// What there is after each number of items.
    pub(crate) known: Vec<Known>,
}

pub(crate) fn config() -> Config {
    Config {
        journal_file_bytes: bytesize::ByteSize::mib(1),
        tail_bytes: bytesize::ByteSize::mib(32),
        segment_bytes: bytesize::ByteSize::mib(1),
        segment_age: Duration::from_secs(1),
        index_cache_bytes: bytesize::ByteSize::kib(64),
        block_cache_bytes: bytesize::ByteSize::kib(64),
        ..Config::default()
    }
}

/// Where a life stands.
struct Living {
    machine: Machine,
    storage: Storage,
    table: Table,
    known: Vec<Known>,
    /// Distinguishes payloads of all lives of a workload.
    written: u64,
}

/// Lives `steps` on what is `before`.
pub(crate) async fn live(
    number: u64,
    before: Image,
    known: Known,
    steps: &[Step],
    end: End,
) -> Life {
    let machine = Machine::of(before.clone(), true).await;
    let storage = machine.open(&config(), number * 1000).await.unwrap();
    let table = storage.table(TABLE).await.unwrap();
    let (known, written) = (vec![known], number * 1_000_000);
    let mut living = Living { machine, storage, table, known, written };
    for step in steps {
        living.take(*step).await;
    }
    if end == End::Close {
        living.storage.close().await.unwrap();
    }
    living.machine.stop().await;
    let tape = std::mem::take(&mut *living.machine.tape.lock());
    Life { before, tape, known: living.known }
}

impl Living {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Append(log, count, size) => {
                let payloads = (0..count).map(|_| self.payload(size)).collect();
                self.append(vec![(log, payloads)]).await;
            }
            Step::Together(appends) => {
                let payloads = |(log, size): &(u64, usize)| (*log, vec![self.payload(*size)]);
                let appends = appends.iter().map(payloads).collect();
                self.append(appends).await;
            }
            Step::Seal(log) => {
                self.issue(Item::Seal { log });
                self.log(log).seal().unwrap().durable().await.unwrap();
            }
            Step::Trim(log, before) => {
                self.issue(Item::Trim { log, before });
                self.log(log).trim(Offset(before)).unwrap().durable().await.unwrap();
            }
            Step::Delete(log) => {
                self.issue(Item::Delete { log });
                self.log(log).delete().unwrap().durable().await.unwrap();
            }
            Step::Transact(keys) => self.transact(keys).await,
            Step::Churn(key) => self.churn(key).await,
            Step::Rest => tokio::time::sleep(Duration::from_secs(3)).await,
            Step::UntilDue => tokio::time::sleep(config().segment_age).await,
        }
        let mut tape = self.machine.tape.lock();
        tape.acknowledged = tape.issued;
    }

    async fn append(&mut self, appends: Vec<(u64, Vec<Bytes>)>) {
        let mut commits = Vec::new();
        for (log, payloads) in appends {
            self.written += 1;
            let time = self.written;
            let handle = self.log(log);
            let commit = enqueue(&self.storage, &handle, time, &payloads).await.unwrap();
            self.issue(Item::Append { log, time, payloads });
            commits.push(commit.durable());
        }
        try_join_all(commits).await.unwrap();
    }

    async fn transact(&mut self, keys: &[u8]) {
        let gone = self.table.scan(b"").pop().map(|(key, _)| Change::Delete { key });
        let value = |key: &u8| Change::Put {
            key: vec![b'k', *key].into(),
            value: self.payload(1500 + usize::from(*key)),
        };
        let mut changes: Vec<_> = keys.iter().map(value).collect();
        changes.splice(0..0, gone);
        self.change(changes).await;
    }

    async fn churn(&mut self, key: u8) {
        let change = |round: u32| Change::Put {
            key: vec![b'k', key].into(),
            value: round.to_le_bytes().to_vec().into(),
        };
        self.change((0..1200).map(change).collect()).await;
    }

    async fn change(&mut self, changes: Vec<Change>) {
        self.issue(Item::Transact(changes.clone()));
        self.table.transact(self.table.version(), changes).await.unwrap();
    }

    fn log(&self, log: u64) -> storage::Log {
        self.storage.log(LogId(log))
    }

    fn issue(&mut self, item: Item) {
        let mut known = self.known.last().unwrap().clone();
        known.apply(&item);
        self.known.push(known);
        self.machine.tape.lock().issued += 1;
    }

    /// Bytes that are nowhere else, and nowhere zero for long.
    fn payload(&mut self, size: usize) -> Bytes {
        self.written += 1;
        let start = self.written * 1_000_000;
        let words = (0..size.div_ceil(8) as u64).flat_map(|n| scramble(start + n).to_le_bytes());
        words.take(size).collect()
    }
}
