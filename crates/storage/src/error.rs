//! What can go wrong, as far as a caller would act differently.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::log::{LogId, Offset};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, Error)]
pub enum Error {
    /// The log takes no more entries.
    #[error("log {0} is sealed")]
    Sealed(LogId),
    /// The log was deleted.
    #[error("log {0} was deleted")]
    NotFound(LogId),
    /// More bytes at once than storage takes.
    #[error("{size} bytes at once are more than the limit of {limit}")]
    TooLarge {
        /// What was asked for.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A table moved on since the version the caller decided on.
    #[error("table {table} is at version {actual}, not {expected}")]
    Conflict {
        /// The table.
        table: LogId,
        /// The version the caller expected.
        expected: Offset,
        /// The version it has.
        actual: Offset,
    },
    /// Not now: the tail is full or the disk is. Worth another try later.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// A write or sync failed: what was pending may or may not be durable. Only a restart helps.
    #[error("the journal failed and its last appends are of unknown outcome: {0}")]
    Poisoned(Arc<str>),
    /// Bytes on disk are not what was written.
    #[error("{0}; nothing was changed, run `weir check` for the full extent")]
    Corrupt(Box<Damage>),
    /// Another process holds the data directory.
    #[error("another process holds the data directory")]
    Locked,
    /// A file is of a format that this program does not know.
    #[error("{file} has format version {found}, this program knows version {known}")]
    UnknownVersion {
        /// The file.
        file: String,
        /// Its version.
        found: u16,
        /// The version this program writes and reads.
        known: u16,
    },
    /// The disk failed.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// The disk's answer.
        #[source]
        source: io::Error,
    },
    /// The object store failed.
    #[error("{doing} failed")]
    Objects {
        /// What was being done.
        doing: String,
        /// The store's answer.
        #[source]
        source: object_store::Error,
    },
    /// Settings that cannot be.
    #[error("{0}")]
    Config(String),
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }

    pub(crate) fn objects(doing: impl Into<String>, source: object_store::Error) -> Self {
        Self::Objects { doing: doing.into(), source }
    }

    /// Whether the same call may succeed later without anybody mending anything in the program.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Corrupt(Box::new(damage))
    }
}

/// One place where the bytes on disk are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file or object, relative to the data directory.
    pub file: String,
    /// Where in it.
    pub byte_offset: u64,
    /// The chunk of the journal, if it is in one.
    pub chunk: Option<u64>,
    /// The log whose entries are concerned, if known.
    pub log: Option<LogId>,
    /// The first and last offset concerned, if known.
    pub offsets: Option<(Offset, Offset)>,
    /// What is wrong.
    pub what: String,
}

impl Damage {
    pub(crate) fn new(file: &str, byte_offset: u64, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            byte_offset,
            chunk: None,
            log: None,
            offsets: None,
            what: what.into(),
        }
    }

    pub(crate) fn in_chunk(mut self, chunk: u64) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// `end` is the offset after the last one concerned.
    pub(crate) fn in_log(mut self, log: LogId, first: u64, end: u64) -> Self {
        self.log = Some(log);
        self.offsets = (end > first).then(|| (Offset(first), Offset(end - 1)));
        self
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged at byte {}", self.file, self.byte_offset)?;
        if let Some(chunk) = self.chunk {
            write!(f, ", chunk {chunk}")?;
        }
        if let Some(log) = self.log {
            write!(f, ", log {log}")?;
        }
        if let Some((first, last)) = self.offsets {
            write!(f, ", offsets {first} to {last}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Whether `error`, or what caused it, says that there is no space left.
pub(crate) fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            return true;
        }
        cause = error.source();
    }
    false
}
