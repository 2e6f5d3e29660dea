//! How near `Log::append` comes to the disk: beside it, in turn, the barest loop that makes the
//! same bytes durable for the same number of writers.
#![expect(clippy::disallowed_types, reason = "what is below runtime::Disk is the point")]

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytesize::ByteSize;
use parking_lot::{Condvar, Mutex};
use runtime::{PAGE_BYTES, Pages, Policy, Tasks};
use storage::Config;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

use crate::load::{ENTRY_BYTES, Load, cpu_seconds};

/// One writer's batch and how many of them there are.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    writers: usize,
    entries: usize,
    logs: u64,
    wanted: f64,
}

const SHAPES: [Shape; 7] = [
    Shape { name: "1 x 1 KiB, 1 writer", writers: 1, entries: 1, logs: 1, wanted: 0.8 },
    Shape { name: "1 x 1 KiB, 8 writers", writers: 8, entries: 1, logs: 1, wanted: 0.8 },
    Shape { name: "1 x 1 KiB, 64 writers", writers: 64, entries: 1, logs: 1, wanted: 0.8 },
    Shape { name: "500 x 1 KiB, 1 writer", writers: 1, entries: 500, logs: 1, wanted: 0.8 },
    Shape { name: "500 x 1 KiB, 8 writers", writers: 8, entries: 500, logs: 1, wanted: 0.8 },
    Shape { name: "500 x 1 KiB, 64 writers", writers: 64, entries: 500, logs: 1, wanted: 0.8 },
    Shape {
        name: "1,000 logs x 1 KiB, 8 writers",
        writers: 8,
        entries: 1000,
        logs: 1000,
        wanted: 0.7,
    },
];

/// What one side did in one turn.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) batches: f64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

/// Prints, for each shape, what each side reached and the median of the ratios of the turns.
pub(crate) fn compare(turns: usize, turn: Duration) {
    println!("\nLog::append beside a bare loop of write and sync, {turns} turns of each");
    println!(
        "{:<32} {:>11} {:>11} {:>7} {:>7} {:>13} {:>13}",
        "", "bare/s", "append/s", "ratio", "wanted", "bare CPU us", "append CPU us"
    );
    for shape in SHAPES {
        let mut load = Load::new(seldom_cut(), shape.logs, false);
        load.shape(shape.writers, shape.entries);
        load.trims = true;
        let mut bare = Bare::new(shape);
        // The files of both sides are there before it counts.
        load.append_for(turn);
        bare.run_for(turn);
        let sides: Vec<(Turn, Turn)> = (0..turns)
            .map(|_| {
                let bare = timed(|| bare.run_for(turn));
                (bare, timed(|| load.append_for(turn)))
            })
            .collect();
        let rate = |turn: &Turn| turn.batches / turn.seconds;
        let cpu = |turn: &Turn| turn.cpu_seconds * 1e6 / (turn.batches * shape.entries as f64);
        let of = |value: &dyn Fn(&(Turn, Turn)) -> f64| median(sides.iter().map(value).collect());
        println!(
            "{:<32} {:>11.0} {:>11.0} {:>7.2} {:>7.1} {:>13.2} {:>13.2}",
            shape.name,
            of(&|(bare, _)| rate(bare)),
            of(&|(_, append)| rate(append)),
            of(&|(bare, append)| rate(append) / rate(bare)),
            shape.wanted,
            of(&|(bare, _)| cpu(bare)),
            of(&|(_, append)| cpu(append)),
        );
    }
}

/// What is not trimmed yet when a segment is cut is written once more: seldom, since this is about
/// the journal. Trimmed entries take no memory, so the tail does not grow to that size.
fn seldom_cut() -> Config {
    let (segment_bytes, tail_bytes) = (ByteSize::gib(1), ByteSize::gib(3));
    Config { segment_bytes, tail_bytes, ..Config::default() }
}

pub(crate) fn timed(run: impl FnOnce() -> usize) -> Turn {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let batches = run() as f64;
    let seconds = started.elapsed().as_secs_f64();
    Turn { batches, seconds, cpu_seconds: cpu_seconds() - cpu }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The same bytes without a storage: no offsets, no checksums, no tail, nothing to recover from.
struct Bare {
    shape: Shape,
    ring: Arc<Mutex<Ring>>,
    _directory: tempfile::TempDir,
}

impl Bare {
    fn new(shape: Shape) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let ring = Arc::new(Mutex::new(Ring::new(directory.path())));
        Self { shape, ring, _directory: directory }
    }

    /// Answers the number of batches.
    fn run_for(&mut self, turn: Duration) -> usize {
        let batch = vec![7; self.shape.entries * ENTRY_BYTES];
        if self.shape.writers == 1 {
            return self.run_alone(&batch, turn);
        }
        self.run_shared(&Arc::from(batch), turn)
    }

    /// One thread writes, syncs, and goes on.
    fn run_alone(&self, batch: &[u8], turn: Duration) -> usize {
        let started = Instant::now();
        let mut ring = self.ring.lock();
        let mut batches = 0;
        while started.elapsed() < turn {
            ring.add(batch);
            ring.write();
            batches += 1;
        }
        batches
    }

    /// Tasks queue their batches; one thread writes all that are there and tells each.
    fn run_shared(&self, batch: &Arc<[u8]>, turn: Duration) -> usize {
        let queue = Arc::new(Queue::default());
        let (writer, ring) = (queue.clone(), self.ring.clone());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let started = Instant::now();
            let tasks = Tasks::default();
            tasks.dedicated("bench.bare", Policy::Report, async move {
                writer.write_all(&mut ring.lock());
            });
            let mut writers = JoinSet::new();
            for _ in 0..self.shape.writers {
                let (queue, batch) = (queue.clone(), batch.clone());
                writers.spawn(async move {
                    let mut batches = 0;
                    while started.elapsed() < turn {
                        queue.push(batch.clone()).await.expect("the writer tells each");
                        batches += 1;
                    }
                    batches
                });
            }
            let batches = writers.join_all().await.into_iter().sum();
            queue.close();
            tasks.stop_all(Duration::from_secs(60)).await;
            batches
        })
    }
}

/// A batch on its way, and who waits for it.
type Queued = (Arc<[u8]>, oneshot::Sender<()>);

#[derive(Default)]
struct Queue {
    batches: Mutex<VecDeque<Queued>>,
    arrived: Condvar,
    closed: AtomicBool,
}

impl Queue {
    fn push(&self, batch: Arc<[u8]>) -> oneshot::Receiver<()> {
        let (done, durable) = oneshot::channel();
        self.batches.lock().push_back((batch, done));
        self.arrived.notify_one();
        durable
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let _held = self.batches.lock();
        self.arrived.notify_one();
    }

    fn write_all(&self, ring: &mut Ring) {
        let mut told = Vec::new();
        loop {
            {
                let mut batches = self.batches.lock();
                while batches.is_empty() {
                    if self.closed.load(Ordering::Acquire) {
                        return;
                    }
                    self.arrived.wait(&mut batches);
                }
                while let Some((batch, _)) = batches.front()
                    && (told.is_empty() || ring.has_room(batch.len()))
                {
                    let (batch, done) = batches.pop_front().expect("it was there");
                    ring.add(&batch);
                    told.push(done);
                }
            }
            ring.write();
            for done in told.drain(..) {
                // A writer waits until it is told.
                let _ = done.send(());
            }
        }
    }
}

const FILE_BYTES: u64 = 16 << 20;
const FILES: usize = 8;
const GROUP_BYTES: usize = 8 << 20;

/// Files written round and round with `O_DIRECT | O_DSYNC`, the quickest way in `disk.rs`.
struct Ring {
    files: Vec<File>,
    current: usize,
    position: u64,
    pages: Pages,
}

impl Ring {
    fn new(directory: &Path) -> Self {
        let open = |index: usize| {
            let path = directory.join(index.to_string());
            let file = File::create(&path).expect("the directory is there");
            file.write_all_at(&vec![0; FILE_BYTES as usize], 0).expect("room on the disk");
            file.sync_all().expect("the disk works");
            let mut options = OpenOptions::new();
            options.write(true).custom_flags(crate::disk::O_DIRECT | crate::disk::O_DSYNC);
            options.open(&path).expect("the file system takes O_DIRECT")
        };
        let pages = Pages::with_capacity(GROUP_BYTES);
        Self { files: (0..FILES).map(open).collect(), current: 0, position: 0, pages }
    }

    fn has_room(&self, bytes: usize) -> bool {
        bytes + PAGE_BYTES <= self.pages.room()
    }

    fn add(&mut self, batch: &[u8]) {
        self.pages.extend(batch);
    }

    /// Makes durable what was added.
    fn write(&mut self) {
        self.pages.pad();
        if self.position + self.pages.len() as u64 > FILE_BYTES {
            self.position = 0;
            self.current = (self.current + 1) % FILES;
        }
        let written = self.files[self.current].write_all_at(&self.pages, self.position);
        written.expect("the disk works");
        self.position += self.pages.len() as u64;
        self.pages.clear();
    }
}
