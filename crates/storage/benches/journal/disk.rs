//! How one thread best makes chunks durable: buffered or direct, recycled or growing.
#![expect(clippy::disallowed_types, reason = "O_DIRECT is not something runtime::Disk offers")]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use tokio::time::{Duration, Instant};

pub(crate) const O_DIRECT: i32 = libc::O_DIRECT;
pub(crate) const O_DSYNC: i32 = libc::O_DSYNC;
const ALIGNMENT: usize = 4096;
const FILE_BYTES: u64 = 16 << 20;
const FILES: usize = 8;

#[derive(Clone, Copy)]
struct Variant {
    name: &'static str,
    /// How the file is opened; with `O_DSYNC` a write needs no sync after it.
    flags: i32,
    recycled: bool,
}

const VARIANTS: [Variant; 6] = [
    Variant { name: "buffered, growing", flags: 0, recycled: false },
    Variant { name: "buffered, recycled", flags: 0, recycled: true },
    Variant { name: "buffered, O_DSYNC, recycled", flags: O_DSYNC, recycled: true },
    Variant { name: "O_DIRECT, growing", flags: O_DIRECT, recycled: false },
    Variant { name: "O_DIRECT, recycled", flags: O_DIRECT, recycled: true },
    Variant { name: "O_DIRECT, O_DSYNC, recycled", flags: O_DIRECT | O_DSYNC, recycled: true },
];

/// Prints median times of write and fdatasync, the variants taking turns.
pub(crate) fn compare(rounds: usize) {
    println!("\nwrite + fdatasync, median and 99th percentile in microseconds");
    println!("{:<28} {:>16} {:>16} {:>16}", "", "4 KiB", "64 KiB", "1 MiB");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let mut cells = vec![Vec::new(); VARIANTS.len()];
    for bytes in [4 << 10, 64 << 10, 1 << 20] {
        let mut rings: Vec<_> = VARIANTS
            .iter()
            .enumerate()
            .map(|(index, variant)| Ring::new(*variant, &directory.path().join(index.to_string())))
            .collect();
        let mut times = vec![Vec::new(); VARIANTS.len()];
        for _ in 0..rounds {
            for (ring, times) in rings.iter_mut().zip(&mut times) {
                times.push(ring.write(bytes));
            }
        }
        for (cell, mut times) in cells.iter_mut().zip(times) {
            times.sort();
            let at = |part: usize| times[(times.len() - 1) * part / 100].as_micros();
            cell.push(format!("{:>7} {:>8}", at(50), at(99)));
        }
    }
    for (variant, cell) in VARIANTS.iter().zip(cells) {
        println!("{:<28} {}", variant.name, cell.join(" "));
    }
}

/// Files written round and round, or one after the other for ever.
struct Ring {
    variant: Variant,
    path: std::path::PathBuf,
    files: Vec<File>,
    current: usize,
    position: u64,
    buffer: Vec<u8>,
}

impl Ring {
    fn new(variant: Variant, path: &Path) -> Self {
        let buffer = vec![7; (1 << 20) + ALIGNMENT];
        let mut ring =
            Self { variant, path: path.into(), files: Vec::new(), current: 0, position: 0, buffer };
        for _ in 0..if variant.recycled { FILES } else { 1 } {
            let file = ring.create();
            ring.files.push(file);
        }
        ring
    }

    fn create(&self) -> File {
        let path = format!("{}-{}", self.path.display(), self.files.len());
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        // Zero-filled through the page cache where the alignment of the zeros is not ours.
        let file = options.open(&path).expect("the directory is there");
        if self.variant.recycled {
            file.write_all_at(&vec![0; FILE_BYTES as usize], 0).expect("room on the disk");
            file.sync_all().expect("the disk works");
        }
        drop(file);
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(self.variant.flags);
        options.open(&path).expect("the file system takes O_DIRECT")
    }

    fn write(&mut self, bytes: usize) -> Duration {
        if self.position + bytes as u64 > FILE_BYTES {
            self.position = 0;
            self.current += 1;
            if self.variant.recycled {
                self.current %= FILES;
            } else {
                let file = self.create();
                self.files.push(file);
            }
        }
        let start = self.buffer.as_ptr().align_offset(ALIGNMENT);
        let data = &self.buffer[start..start + bytes];
        let file = &self.files[self.current];
        let started = Instant::now();
        file.write_all_at(data, self.position).expect("room on the disk");
        if self.variant.flags & O_DSYNC == 0 {
            file.sync_data().expect("the disk works");
        }
        self.position += bytes as u64;
        started.elapsed()
    }
}
