//! The journal: the ordered chunks, and the queue of appends in front of them.
//!
//! Appenders hand items to one task, which writes what has gathered as one chunk and shows it.
//! Where chunks go is the writer's `Sink`; nobody else knows.
//!
//! Invariants: items become durable in the order in which they were pushed; a failed write or sync
//! poisons the journal until restart; nothing is shown that is not durable.

pub(crate) mod chunk;
mod draft;
pub(crate) mod file;
pub(crate) mod handoff;
pub(crate) mod recovery;
mod slabs;
pub(crate) mod writer;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::cell::Cell;
use crate::error::Error;
use crate::journal::file::LiveFile;
use crate::journal::handoff::{Handoff, Trouble};

/// A group ends when it holds this many bytes, so that no sync takes too long.
const GROUP_BYTES: usize = 8 << 20;

/// Something on its way into a chunk.
pub(crate) struct Item {
    pub cell: Arc<Cell>,
    pub op: Op,
    /// Tail permits that it holds.
    pub charge: usize,
}

/// What becomes of the item's log.
pub(crate) enum Op {
    Entries { first: u64, count: u32, time: Timestamp, bytes: Vec<u8> },
    Seal { next: u64 },
    Trim { before: u64 },
    Delete { next: u64 },
}

impl Item {
    fn bytes(&self) -> usize {
        match &self.op {
            Op::Entries { bytes, .. } => bytes.len(),
            Op::Seal { .. } | Op::Trim { .. } | Op::Delete { .. } => 0,
        }
    }
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
    pub(crate) handoff: Handoff<Item>,
    /// The first chunk that is in no durable segment of a durable manifest.
    needed_from: AtomicU64,
    /// The files that hold chunks from there on, oldest first; the last one is being written.
    live: Arc<Mutex<VecDeque<LiveFile>>>,
}

impl Journal {
    pub(crate) fn new(needed_from: u64, live: VecDeque<LiveFile>) -> Self {
        Self {
            handoff: Handoff::new(take_group),
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

/// Takes items from the front up to the size of a group, and at least one.
fn take_group(items: &mut VecDeque<Item>) -> Vec<Item> {
    let mut bytes = 0;
    let fits = |item: &&Item| {
        bytes += item.bytes();
        bytes <= GROUP_BYTES
    };
    let count = items.iter().take_while(fits).count().max(1);
    if count == items.len() {
        return std::mem::take(items).into();
    }
    items.drain(..count).collect()
}
