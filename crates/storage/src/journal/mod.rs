//! The journal: the ordered chunks, and the queue of appends in front of them.
//!
//! Appenders push items under one short lock; one task takes what has gathered, writes it as one
//! chunk, publishes it and moves the watch that all commits wait on. Where chunks go is the
//! writer's `Sink`; nobody else knows.
//!
//! Invariants: items become durable in the order of `push`; a failed write or sync poisons the
//! journal until restart; nothing is published that is not durable.

pub(crate) mod chunk;
pub(crate) mod file;
pub(crate) mod recovery;
pub(crate) mod writer;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::journal::file::LiveFile;

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

/// How far the journal is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Items with a smaller ticket are durable.
    pub durable: u64,
    pub trouble: Option<Trouble>,
    /// The writer has ended.
    pub ended: bool,
}

/// Why nothing gets durable.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// No space, for now.
    Full(Arc<str>),
    /// A write or sync failed: for good.
    Poisoned(Arc<str>),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Full(why) => Self::Unavailable(why),
            Trouble::Poisoned(why) => Self::Poisoned(why),
        }
    }
}

#[derive(Default)]
struct Pending {
    items: VecDeque<Item>,
    next_ticket: u64,
    closed: bool,
}

/// What appenders, upkeep and the writer share.
pub(crate) struct Journal {
    pending: Mutex<Pending>,
    wake: Notify,
    progress: watch::Sender<Progress>,
    /// As in `progress`, for those who need not wait.
    durable: AtomicU64,
    /// The first chunk that is in no durable segment of a durable manifest.
    needed_from: AtomicU64,
    /// The files that hold chunks from there on, oldest first; the last one is being written.
    live: Arc<Mutex<VecDeque<LiveFile>>>,
}

impl Journal {
    pub(crate) fn new(needed_from: u64, live: VecDeque<LiveFile>) -> Self {
        Self {
            pending: Mutex::default(),
            wake: Notify::new(),
            progress: watch::Sender::default(),
            durable: AtomicU64::new(0),
            needed_from: AtomicU64::new(needed_from),
            live: Arc::new(Mutex::new(live)),
        }
    }

    /// Queues an item and answers its ticket.
    pub(crate) fn push(&self, item: Item) -> Result<u64> {
        let mut pending = self.pending.lock();
        if pending.closed {
            let closed = || Error::Unavailable("the storage is closed".into());
            return Err(self.trouble().map_or_else(closed, Error::from));
        }
        let ticket = pending.next_ticket;
        pending.next_ticket += 1;
        pending.items.push_back(item);
        if pending.items.len() == 1 {
            self.wake.notify_one();
        }
        Ok(ticket)
    }

    /// Follows the progress.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Whether the item with `ticket` is durable.
    pub(crate) fn is_durable(&self, ticket: u64) -> bool {
        self.durable.load(Ordering::Acquire) > ticket
    }

    /// So many more items are durable and published.
    fn advance(&self, items: u64) {
        self.durable.fetch_add(items, Ordering::Release);
        self.progress.send_modify(|progress| progress.durable += items);
    }

    /// Nothing gets durable any more.
    fn poison(&self, why: &str) {
        self.progress.send_modify(|progress| {
            progress.trouble = Some(Trouble::Poisoned(why.into()));
            progress.ended = true;
        });
        self.pending.lock().closed = true;
    }

    /// Why nothing gets durable, if so.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.progress.borrow().trouble.clone()
    }

    /// Writes what is queued, takes no more, and waits until the writer has ended.
    pub(crate) async fn close(&self) {
        self.pending.lock().closed = true;
        self.wake.notify_one();
        // The sender lives as long as `self`.
        let _ = self.progress.subscribe().wait_for(|progress| progress.ended).await;
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

    /// The next group, as soon as there is one; `None` once closed and empty.
    async fn next_group(&self) -> Option<Vec<Item>> {
        loop {
            {
                let mut pending = self.pending.lock();
                if !pending.items.is_empty() {
                    return Some(take_group(&mut pending.items));
                }
                if pending.closed {
                    return None;
                }
            }
            self.wake.notified().await;
        }
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
