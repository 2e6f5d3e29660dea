//! The record log: every durable fact of a node, in order.
//!
//! A [`Storage`] keeps many [`Log`]s in one journal, so that one sync makes the appends of all of
//! them durable, and moves them by and by into segments sorted by log, so that reading one log
//! from far back is reading ranges. A [`Table`] is the latest value per key of a log.
//!
//! ```text
//!  append ─► draft ─► journal (chunks, synced) ─► tail (memory) ─► segments ─► merged, dropped
//!              │             │                      │                 │
//!            order        durable             reads at the tip    reads from afar
//! ```
//!
//! What this is not: it sees bytes and numbers, never records, streams or AWS words.
//!
//! # Invariants
//!
//! - Acknowledged means synced. Nobody reads what is not durable.
//! - Offsets of a log are dense, order is the order of `append` calls, times never go back.
//! - A batch is in one chunk: all of it survives a crash or nothing.
//! - A sealed log takes nothing. Trims only advance. A deleted log's name is not used again.
//! - Every read is checksummed. Only the end of the journal may be torn, and only above what was
//!   durable; anything else that does not match refuses to open, and nothing is touched.
//! - A failed write or sync poisons the storage until restart; a full disk does not.
//! - A journal file is used again only after its chunks are in durable segments that a durable
//!   manifest names.
//! - Memory is bounded by the configured budgets, whatever is retained.

mod cache;
mod cell;
mod check;
mod checksum;
mod config;
mod entries;
mod erasable;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod journal;
mod log;
mod manifest;
mod metrics;
mod open;
mod segment;
mod slabs;
mod storage;
mod stored;
mod table;
mod tail;
mod upkeep;
mod varint;

pub use check::{Progress, Report, check};
pub use config::{APPEND_BYTES_MAX, Compression, Config, ENTRY_OVERHEAD, JournalMode};
pub use entries::{Batch, Entries, Entry};
pub use erasable::Erasable;
pub use error::{Damage, Error, Result};
pub use log::{Commit, Log, LogId, LogState, Offset};
pub use storage::{Parts, Storage};
pub use table::{Change, Table};
pub use tail::Permit;
