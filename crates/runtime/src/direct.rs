//! Files that are written around the page cache, where the file system allows it.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
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

/// Linux takes no more parts in one call.
const PARTS_MAX: usize = 1024;

/// Writes `parts` in a row from `offset` on, in one call if the system lets it be one: a file that
/// is durable at once pays for every call.
pub(crate) fn write_parts(file: &File, mut offset: u64, parts: &[&[u8]]) -> io::Result<()> {
    let mut parts: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut rest = &mut parts[..];
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        let written = rustix::io::pwritev(file, &rest[..rest.len().min(PARTS_MAX)], offset);
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                IoSlice::advance_slices(&mut rest, written);
                offset += written as u64;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
