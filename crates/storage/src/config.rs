//! What an operator may set about storage.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest batch one append takes, in encoded bytes.
pub const APPEND_BYTES_MAX: usize = 16 << 20;

/// What an entry costs in the tail beside its payload, at most: see [`crate::Storage::admit`].
pub const ENTRY_OVERHEAD: usize = 240;

/// The smallest budget a setting in bytes may have.
const BUDGET_BYTES_MIN: u64 = 64 << 10;

/// Tail permits are counted in 32 bits.
const TAIL_BYTES_MAX: u64 = 3 << 30;

/// Settings of the record log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether an append waits for the disk. `discard` throws the journal away and exists only to
    /// measure what durability costs: **whatever is not yet in a segment is lost at every stop**.
    pub journal: JournalMode,
    /// Size of one file of the journal's ring.
    pub journal_file_bytes: ByteSize,
    /// How much of what was appended may be waiting in memory for its segment. Appends are held
    /// back when it is used up.
    pub tail_bytes: ByteSize,
    /// A segment is cut when this much waits in memory.
    pub segment_bytes: ByteSize,
    /// A segment is cut at the latest when its oldest entry has waited this long.
    #[serde(with = "friendly")]
    pub segment_age: Duration,
    /// Memory for indexes of segments that were read lately.
    pub index_cache_bytes: ByteSize,
    /// Memory for blocks of segments that were read lately.
    pub block_cache_bytes: ByteSize,
    /// How blocks of segments are compressed. Blocks that do not shrink are stored as they are.
    pub compression: Compression,
    /// How long an append may be held back before it is refused as unavailable.
    #[serde(with = "friendly")]
    pub admission_timeout: Duration,
}

/// What the journal does with its chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalMode {
    /// Writes and syncs every chunk before its appends are acknowledged.
    Sync,
    /// Not durable: acknowledges without writing. For measurements only.
    Discard,
}

/// How blocks of segments are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As they are.
    None,
    /// Zstandard, level 1.
    Zstd,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            journal: JournalMode::Sync,
            journal_file_bytes: ByteSize::mib(16),
            tail_bytes: ByteSize::mib(64),
            segment_bytes: ByteSize::mib(24),
            segment_age: Duration::from_secs(3600),
            index_cache_bytes: ByteSize::mib(16),
            block_cache_bytes: ByteSize::mib(32),
            compression: Compression::None,
            admission_timeout: Duration::from_secs(5),
        }
    }
}

impl Config {
    /// Refuses settings that contradict each other.
    pub fn validate(&self) -> Result<()> {
        for (name, size) in
            [("journal_file_bytes", self.journal_file_bytes), ("segment_bytes", self.segment_bytes)]
        {
            if size.0 < BUDGET_BYTES_MIN {
                return Err(Error::Config(format!("{name} is {size}, at least 64 KiB is needed")));
            }
        }
        // One append of the largest size must always find room while a segment is being cut.
        let tail_min = (2 * APPEND_BYTES_MAX as u64).max(2 * self.segment_bytes.0);
        if self.tail_bytes.0 < tail_min || self.tail_bytes.0 > TAIL_BYTES_MAX {
            return Err(Error::Config(format!(
                "tail_bytes is {}, but must be from {} (twice segment_bytes, at least 32 MiB) to {}",
                self.tail_bytes,
                ByteSize(tail_min),
                ByteSize(TAIL_BYTES_MAX),
            )));
        }
        Ok(())
    }
}

/// A size in memory. Sizes past the address space mean "no limit" there.
pub(crate) fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}
