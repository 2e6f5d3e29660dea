//! The journal: the ordered chunks, and the queue of appends in front of them.
//!
//! Appenders add items to the next chunk, which one task writes and shows. Where chunks go is the
//! writer's `Sink`; nobody else knows.
//!
//! Invariants: items become durable in the order in which they were pushed; a failed write or sync
//! poisons the journal until restart; nothing is shown that is not durable.

pub(crate) mod chunk;
pub(crate) mod draft;
pub(crate) mod file;
pub(crate) mod handoff;
pub(crate) mod recovery;
pub(crate) mod writer;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::cell::Cell;
use crate::entries::Encoded;
use crate::error::Error;
use crate::journal::draft::Drafts;
use crate::journal::file::LiveFile;
use crate::journal::handoff::{Handoff, Trouble};

/// Something on its way into a chunk.
pub(crate) struct Item {
    pub cell: Arc<Cell>,
    pub op: Op,
    /// Tail permits that it holds.
    pub charge: usize,
}

/// What becomes of the item's log.
pub(crate) enum Op {
    Entries { first: u64, count: u32, time: Timestamp, entries: Encoded },
    Seal { next: u64 },
    Trim { before: u64 },
    Delete { next: u64 },
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Full(why) => Self::Unavailable(why),
            Trouble::Poisoned(why) => Self::Poisoned(why),
            Trouble::Closed => Self::Unavailable("the storage is closed".into()),
        }
    }
}

/// What appenders, upkeep and the writer share.
pub(crate) struct Journal {
    pub(crate) handoff: Handoff<Drafts>,
    /// The first chunk that is in no durable segment of a durable manifest.
    needed_from: AtomicU64,
    /// The files that hold chunks from there on, oldest first; the last one is being written.
    live: Arc<Mutex<VecDeque<LiveFile>>>,
}

impl Journal {
    pub(crate) fn new(drafts: Drafts, needed_from: u64, live: VecDeque<LiveFile>) -> Self {
        Self {
            handoff: Handoff::new(drafts),
            needed_from: AtomicU64::new(needed_from),
            live: Arc::new(Mutex::new(live)),
        }
    }

    /// Lets go of the files whose chunks are all below `chunk`.
    pub(crate) fn release_below(&self, chunk: u64) {
        self.needed_from.store(chunk, Ordering::Release);
    }

    /// The file in which `chunk` is or will be; 0 if there is none yet.
    pub(crate) fn sequence_of(&self, chunk: u64) -> u64 {
        let live = self.live.lock();
        let file = live.iter().rfind(|file| file.first_chunk <= chunk).or(live.front());
        file.map_or(0, |file| file.sequence)
    }

    /// The files, for the ring that writes them.
    pub(crate) fn live_files(&self) -> Arc<Mutex<VecDeque<LiveFile>>> {
        self.live.clone()
    }

    /// How many files hold chunks that are still needed.
    pub(crate) fn files(&self) -> usize {
        let live = self.live.lock();
        let needed_from = self.needed_from.load(Ordering::Acquire);
        let later = live.partition_point(|file| file.first_chunk <= needed_from);
        live.len() - later.saturating_sub(1)
    }
}
