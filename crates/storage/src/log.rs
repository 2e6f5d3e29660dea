//! A log: entries in a dense order, appended at one end and trimmed at the other.

use std::fmt;
use std::sync::Arc;

use model::Timestamp;
use tokio::sync::watch;

use crate::cell::{self, Cell, State, TailRun};
use crate::entries::{Batch, Budget, Entries, Entry, Malformed};
use crate::error::{Damage, Error, Result};
use crate::journal::handoff::Ticket;
use crate::journal::{Item, Op};
use crate::segment::Place;
use crate::storage::Core;
use crate::tail::Permit;

/// One read takes at most so many steps, each of them into the tail or a part of a segment and
/// what follows it.
const READ_STEPS: usize = 16;

/// Names a log. A name is never used again after its log was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u64);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of an entry in its log. Dense, from [`Offset::FIRST`] on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// The first entry of every log. `Offset(0)` is before it.
    pub const FIRST: Self = Self(1);
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// The first entry that is not trimmed, or `next` if there is none.
    pub first: Offset,
    /// The offset after the last durable entry: what readers may see lies below.
    pub next: Offset,
    /// The offset that the next append will get.
    pub appended: Offset,
    /// Whether it is durably sealed.
    pub sealed: bool,
    /// The time of the last append; the next one is not earlier.
    pub last_time: Timestamp,
}

/// One log. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct Log {
    core: Arc<Core>,
    cell: Arc<Cell>,
}

impl Log {
    pub(crate) fn new(core: Arc<Core>, cell: Arc<Cell>) -> Self {
        Self { core, cell }
    }

    /// Its name.
    pub fn id(&self) -> LogId {
        self.cell.id
    }

    /// Where it begins and ends now.
    pub fn state(&self) -> LogState {
        self.cell.state.lock().snapshot()
    }

    /// How far the log is durable, for those who wait for more: the offset after the last entry
    /// that readers may see.
    pub fn tail(&self) -> watch::Receiver<u64> {
        let mut state = self.cell.state.lock();
        let durable = state.durable;
        state.followers.get_or_insert_with(|| watch::Sender::new(durable)).subscribe()
    }

    /// Appends all of `batch` or nothing, and never waits: order in the log is the order of these
    /// calls, and what the commit says of offset and time holds at once. Await the commit to know
    /// it durable. The batch's time is moved up to the log's last one if it is earlier.
    ///
    /// `permit` comes from [`crate::Storage::admit`]; the append takes [`Batch::cost`] of it.
    pub fn append(&self, permit: &mut Permit, batch: Batch) -> Result<Commit> {
        assert!(!batch.is_empty(), "an append has entries");
        let (charge, wanted) = (batch.cost(), batch.time());
        let (count, mut entries) = batch.into_parts()?;
        let mut state = self.cell.state.lock();
        self.refuse_ended(&state)?;
        let first = state.appended;
        let time = wanted.max(state.last_time);
        if time != wanted {
            entries.set_header(time, count);
        }
        permit.spend(charge)?;
        let op = Op::Entries { first, count, time, entries };
        let ticket = self.push(op, charge)?;
        state.appended += u64::from(count);
        state.last_time = time;
        Ok(self.commit(ticket, first, time))
    }

    /// Lets the log take no more. Again on a sealed log: nothing changes.
    pub fn seal(&self) -> Result<Commit> {
        let mut state = self.cell.state.lock();
        if state.deleting {
            return Err(Error::NotFound(self.id()));
        }
        let ticket = self.push(Op::Seal { next: state.appended }, 0)?;
        state.sealing = true;
        Ok(self.commit(ticket, state.appended, state.last_time))
    }

    /// Lets go of everything below `before`, at most of everything there is. Only advances.
    pub fn trim(&self, before: Offset) -> Result<Commit> {
        let state = self.cell.state.lock();
        if state.deleting {
            return Err(Error::NotFound(self.id()));
        }
        let before = before.0.min(state.appended);
        let ticket = self.push(Op::Trim { before }, 0)?;
        Ok(self.commit(ticket, state.appended, state.last_time))
    }

    /// Lets go of the whole log, for ever. Again on a deleted log: nothing changes.
    pub fn delete(&self) -> Result<Commit> {
        let mut state = self.cell.state.lock();
        let ticket = self.push(Op::Delete { next: state.appended }, 0)?;
        state.deleting = true;
        Ok(self.commit(ticket, state.appended, state.last_time))
    }

    fn refuse_ended(&self, state: &State) -> Result<()> {
        if state.deleting {
            return Err(Error::NotFound(self.id()));
        }
        if state.sealing {
            return Err(Error::Sealed(self.id()));
        }
        Ok(())
    }

    /// Called under the cell's lock, so that the journal's order is the log's.
    fn push(&self, op: Op, charge: usize) -> Result<Ticket> {
        Ok(self.core.journal.handoff.push(Item { cell: self.cell.clone(), op, charge })?)
    }

    fn commit(&self, ticket: Ticket, base: u64, time: Timestamp) -> Commit {
        Commit { base: Offset(base), time, ticket, core: self.core.clone() }
    }

    /// Entries from `from` on (from the first one, if `from` is trimmed), as many as the limits
    /// allow, but at least one if there is any. May be fewer than there are: ask again at `next`.
    pub async fn read(
        &self,
        from: Offset,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Entries> {
        self.read_weighed(from, max_entries, max_bytes, <[u8]>::len).await
    }

    /// The same where not all of a payload counts towards the limit of bytes.
    pub async fn read_weighed(
        &self,
        from: Offset,
        max_entries: usize,
        max_bytes: usize,
        weigh: fn(&[u8]) -> usize,
    ) -> Result<Entries> {
        let mut budget = Budget { entries: max_entries, bytes: max_bytes, weigh };
        let mut entries = Vec::new();
        let mut next = from.0;
        for _ in 0..READ_STEPS {
            let source = self.source(next, budget)?;
            next = next.max(source.first);
            match source.place {
                None => {
                    let decoded = cell::decode_runs(&source.runs, next, &mut budget, &mut entries);
                    decoded.map_err(|Malformed| self.malformed_tail())?;
                }
                Some(place) => self.read_segment(place, next, &mut budget, &mut entries).await?,
            }
            next = entries.last().map_or(next, |entry| entry.offset.0 + 1);
            let at_the_end = next >= source.next;
            let is_enough = budget.is_spent() || self.core.segments.is_crowded();
            if at_the_end || (is_enough && !entries.is_empty()) {
                break;
            }
        }
        Ok(Entries { entries, next: Offset(next) })
    }

    /// The first entry of `time` or later, or the offset after the last durable one.
    pub async fn offset_at(&self, time: Timestamp) -> Result<Offset> {
        let (place, next) = {
            let state = self.cell.state.lock();
            self.refuse_deleted(&state)?;
            let next = state.tail_first();
            if state.last_time < time || state.first >= state.durable {
                return Ok(Offset(state.durable));
            }
            let found = state.tail_offset_at(time).map_err(|Malformed| self.malformed_tail())?;
            if let Some(offset) = found {
                return Ok(Offset(offset));
            }
            (self.place(&state), next)
        };
        let found = self.core.segments.offset_at(&place, time).await;
        let state = self.cell.state.lock();
        match found {
            Ok(offset) => Ok(Offset(offset.unwrap_or(next).max(state.first).min(state.durable))),
            // What was to be read may have been trimmed meanwhile, and dropped.
            Err(_) if state.first >= next => Ok(Offset(state.first)),
            Err(error) => Err(error),
        }
    }

    /// Where `from` is to be read.
    fn source(&self, from: u64, budget: Budget) -> Result<Source> {
        let state = self.cell.state.lock();
        self.refuse_deleted(&state)?;
        let (first, next) = (state.first, state.durable);
        let from = from.max(first);
        if from < state.tail_first() {
            return Ok(Source { first, next, place: Some(self.place(&state)), runs: Vec::new() });
        }
        Ok(Source { first, next, place: None, runs: state.runs_from(from, budget) })
    }

    fn place(&self, state: &State) -> Place {
        let chunks = state.born_in..=state.cut_in;
        Place { log: self.id(), chunks, hint: state.read_in }
    }

    async fn read_segment(
        &self,
        place: Place,
        from: u64,
        budget: &mut Budget,
        entries: &mut Vec<Entry>,
    ) -> Result<()> {
        let before = entries.len();
        let read = self.core.segments.read(&place, from, budget, entries).await;
        let mut state = self.cell.state.lock();
        if state.first > from {
            // Trimmed meanwhile; what was read may begin anywhere after that.
            entries.retain(|entry| entry.offset.0 >= state.first);
            return Ok(());
        }
        let read_in = read?;
        let next = entries.get(before).map(|entry| entry.offset.0);
        let nothing_fits = next.is_none() && budget.is_spent();
        if next != Some(from) && !nothing_fits {
            let end = next.unwrap_or(state.tail_first());
            let damage = Damage::new("segments", 0, "no segment has these entries");
            return Err(damage.in_log(place.log, from, end).into());
        }
        state.read_in = read_in.unwrap_or(state.read_in);
        Ok(())
    }

    fn refuse_deleted(&self, state: &State) -> Result<()> {
        if state.is_deleted() { Err(Error::NotFound(self.id())) } else { Ok(()) }
    }

    fn malformed_tail(&self) -> Error {
        let damage = Damage::new("memory", 0, "the tail holds bytes that are not entries");
        damage.in_log(self.id(), 0, 0).into()
    }
}

/// Where a read finds what it wants.
struct Source {
    first: u64,
    next: u64,
    /// In segments, if it is not in the tail.
    place: Option<Place>,
    runs: Vec<TailRun>,
}

/// An append that has its place. It becomes durable when somebody waits for that, or when this is
/// dropped: until then others may join it in one write.
#[must_use = "nothing is durable before `durable` says so"]
pub struct Commit {
    /// The offset of the batch's first entry. Of a seal, trim or delete: the log's next offset.
    pub base: Offset,
    /// The time of the batch's entries, after the log had its say.
    pub time: Timestamp,
    ticket: Ticket,
    core: Arc<Core>,
}

impl Commit {
    /// Waits until the append is durable. An error means that its outcome is unknown: it may
    /// still turn out durable, now (`Unavailable`, the disk is full) or after a restart.
    pub async fn durable(self) -> Result<()> {
        Ok(self.core.journal.handoff.durable(self.ticket).await?)
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        self.core.journal.handoff.hurry(self.ticket);
    }
}
