//! Files that are written around the page cache, where the file system allows it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// When what was written is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    /// As soon as the write returns.
    AtOnce,
    /// After a sync.
    Later,
}

#[cfg(target_os = "linux")]
const DIRECT: i32 = libc::O_DIRECT;
/// Elsewhere there is no such flag.
#[cfg(not(target_os = "linux"))]
const DIRECT: i32 = 0;

/// Opens a file whose writes must begin, end and lie in memory at multiples of
/// [`PAGE_BYTES`](crate::PAGE_BYTES). Some file systems know only the way through the cache.
pub(crate) fn open(options: &mut OpenOptions, path: &Path, durable: Durable) -> io::Result<File> {
    let sync = if durable == Durable::AtOnce { libc::O_DSYNC } else { 0 };
    match options.custom_flags(DIRECT | sync).open(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            options.custom_flags(sync).open(path)
        }
        opened => opened,
    }
}
