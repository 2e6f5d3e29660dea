//! What is in memory of one log: where it begins and ends, and its tail.
//!
//! Invariants: `first <= durable <= appended`; the tail's runs are dense, end at `durable`, and
//! lie in chunks that no installed segment covers; times never go back. An idle log costs one
//! `Cell` and nothing else.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::entries::{self, Budget, Entry, Malformed};
use crate::journal::chunk::{Kind, Run};
use crate::log::{LogId, LogState, Offset};

/// The chunk of something that did not happen yet.
pub(crate) const NEVER: u64 = u64::MAX;

/// One log.
pub(crate) struct Cell {
    pub id: LogId,
    pub state: Mutex<State>,
}

/// What an idle log costs, beside its place in the map of logs.
const _: () = assert!(size_of::<Cell>() <= 136, "ten thousand idle logs take two megabytes");

/// Its state. Offsets are the next ones, as everywhere.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// What the next append gets.
    pub appended: u64,
    /// What readers may not pass.
    pub durable: u64,
    /// Everything below is trimmed.
    pub first: u64,
    /// The time of the last append.
    pub last_time: Timestamp,
    /// A seal or a deletion is on its way or done.
    pub sealing: bool,
    pub deleting: bool,
    /// The chunks that made them durable.
    pub sealed_in: u64,
    pub deleted_in: u64,
    /// No earlier chunk has live entries of this log.
    pub born_in: u64,
    /// The last chunk whose entries of this log are in a segment.
    pub cut_in: u64,
    /// The first chunk of the segment that was read last.
    pub read_in: u64,
    /// Durable entries that are in no segment.
    pub tail: VecDeque<TailRun>,
    /// Tells those who follow the log how far it is durable; none before somebody did.
    pub followers: Option<watch::Sender<u64>>,
}

/// Entries of one chunk, as a slice of the chunk's bytes.
#[derive(Clone, Debug)]
pub(crate) struct TailRun {
    pub chunk: u64,
    pub first: u64,
    pub count: u32,
    pub first_time: Timestamp,
    pub last_time: Timestamp,
    pub groups: Bytes,
    /// The chunk is so much larger that who holds the bytes for long should have copied them.
    pub is_small_part: bool,
}

/// A run that is smaller than its chunk by more than this factor is a small part of it.
const SMALL_PART: usize = 4;

impl TailRun {
    /// The bytes, for a reader that may keep them for as long as its client takes to read.
    fn to_keep(&self) -> Bytes {
        if self.is_small_part { Bytes::copy_from_slice(&self.groups) } else { self.groups.clone() }
    }

    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

impl Cell {
    pub(crate) fn new(id: LogId) -> Self {
        Self { id, state: Mutex::new(State::default()) }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            appended: Offset::FIRST.0,
            durable: Offset::FIRST.0,
            first: Offset::FIRST.0,
            last_time: Timestamp::default(),
            sealing: false,
            deleting: false,
            sealed_in: NEVER,
            deleted_in: NEVER,
            born_in: NEVER,
            cut_in: 0,
            read_in: 0,
            tail: VecDeque::new(),
            followers: None,
        }
    }
}

impl State {
    /// Takes note of a durable run of `chunk`, whose groups are at `place` of the chunk's bytes.
    pub(crate) fn apply(&mut self, chunk: u64, run: &Run, bytes: &Bytes, place: Range<usize>) {
        match run.kind {
            Kind::Entries => {
                assert_eq!(run.first, self.durable, "entries of a log become durable in order");
                self.durable = run.end();
                self.appended = self.appended.max(self.durable);
                self.last_time = self.last_time.max(run.last_time);
                self.born_in = self.born_in.min(chunk);
                self.tail.push_back(TailRun {
                    chunk,
                    first: run.first,
                    count: run.count,
                    first_time: run.first_time,
                    last_time: run.last_time,
                    is_small_part: place.len() * SMALL_PART < bytes.len(),
                    groups: bytes.slice(place),
                });
            }
            Kind::Seal => {
                self.sealing = true;
                self.sealed_in = chunk;
            }
            Kind::Trim => {
                self.first = self.first.max(run.first.min(self.durable));
                self.forget_dead_bytes();
            }
            Kind::Delete => {
                self.deleting = true;
                self.deleted_in = chunk;
            }
        }
    }

    /// Lets go of the bytes of runs that are trimmed. The runs stay: manifests say where the log
    /// ended at their chunks.
    fn forget_dead_bytes(&mut self) {
        let dead = self.tail.partition_point(|run| run.end() <= self.first);
        let fresh = self.tail.range_mut(..dead).rev().take_while(|run| !run.groups.is_empty());
        fresh.for_each(|run| run.groups = Bytes::new());
    }

    /// Wakes the followers if the log grew since they were last woken.
    pub(crate) fn tell_followers(&self) {
        let Some(followers) = &self.followers else { return };
        followers.send_if_modified(|told| {
            let grew = *told != self.durable;
            *told = self.durable;
            grew
        });
    }

    /// The first and last chunk with entries of this log that are in segments once the tail up
    /// to and with `chunk` is. What was deleted by then does not get there.
    pub(crate) fn chunks_through(&self, chunk: u64) -> Option<(u64, u64)> {
        let cut = self.tail.partition_point(|run| run.chunk <= chunk);
        let last = cut.checked_sub(1).filter(|_| self.deleted_in > chunk);
        let last = last.map_or(self.cut_in, |last| self.tail[last].chunk);
        (self.born_in <= last).then_some((self.born_in, last))
    }

    /// Forgets the tail up to and with `chunk`: it is in a segment now.
    pub(crate) fn forget_through(&mut self, chunk: u64) {
        self.cut_in = self.chunks_through(chunk).map_or(0, |(_, last)| last);
        let cut = self.tail.partition_point(|run| run.chunk <= chunk);
        self.tail.drain(..cut);
        if self.tail.is_empty() {
            self.tail = VecDeque::new();
        }
    }

    /// Takes note that no segment before `chunk` holds live entries of this log.
    pub(crate) fn dead_before(&mut self, chunk: u64) {
        self.born_in = self.born_in.max(chunk);
    }

    /// Whether the log is gone for good: deleted by chunk `through` and in no segment.
    pub(crate) fn is_gone(&self, through: u64) -> bool {
        self.deleted_in <= through && self.chunks_through(through).is_none()
    }

    /// Entries below are dead.
    pub(crate) fn live_from(&self) -> u64 {
        if self.is_deleted() { u64::MAX } else { self.first }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted_in != NEVER
    }

    /// Where the tail begins; `durable` when it is empty.
    pub(crate) fn tail_first(&self) -> u64 {
        self.tail.front().map_or(self.durable, |run| run.first)
    }

    /// The runs of the tail that hold `from` and what follows, enough for `budget`.
    pub(crate) fn runs_from(&self, from: u64, budget: Budget) -> Vec<TailRun> {
        let start = self.tail.partition_point(|run| run.end() <= from);
        let mut bytes = 0;
        let mut runs = Vec::new();
        for run in self.tail.range(start..) {
            runs.push(run.clone());
            // The first run may begin with entries that are not wanted.
            bytes += if runs.len() == 1 { 0 } else { run.groups.len() };
            if bytes > budget.bytes || runs.len() > budget.entries {
                break;
            }
        }
        runs
    }

    /// The first offset of the tail whose entry is of `time` or later, if the tail knows it: the
    /// entry before it must be in the tail too, or nothing may be before the tail.
    pub(crate) fn tail_offset_at(&self, time: Timestamp) -> Result<Option<u64>, Malformed> {
        let index = self.tail.partition_point(|run| run.last_time < time);
        let Some(run) = self.tail.get(index) else {
            return Ok((!self.tail.is_empty()).then_some(self.durable));
        };
        if run.end() <= self.first {
            return Ok(Some(self.first));
        }
        let first_of_all = index == 0 && run.first_time >= time;
        if first_of_all && run.first > self.first {
            return Ok(None);
        }
        Ok(entries::first_at(&run.groups, run.first, time)?.map(|offset| offset.max(self.first)))
    }

    pub(crate) fn snapshot(&self) -> LogState {
        LogState {
            first: Offset(self.first),
            next: Offset(self.durable),
            appended: Offset(self.appended),
            sealed: self.sealed_in != NEVER,
            last_time: self.last_time,
        }
    }
}

/// Decodes entries out of `runs` into `out`.
pub(crate) fn decode_runs(
    runs: &[TailRun],
    from: u64,
    budget: &mut Budget,
    out: &mut Vec<Entry>,
) -> Result<(), Malformed> {
    for run in runs {
        if !out.is_empty() && budget.is_spent() {
            break;
        }
        let before = out.len();
        entries::decode(&run.to_keep(), run.first, from, budget, out)?;
        if out.len() == before {
            break;
        }
    }
    Ok(())
}
