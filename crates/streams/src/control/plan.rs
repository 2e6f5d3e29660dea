//! The arithmetic of resharding: which shards close, which open, from which parents.
//!
//! Pure. Invariants: a plan leaves the open shards covering what they covered before; children
//! have greater ids and later creation seconds than their parents.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::num::NonZeroU32;

use model::{HashKey, HashKeyRange, SequenceNumber, ShardId, Timestamp};
use storage::LogId;

use crate::catalog::{Change, ShardRecord, Stream};

/// The open shards that a change closes.
pub(super) fn parents(stream: &Stream, change: &Change) -> BTreeSet<ShardId> {
    match change {
        Change::Create { .. }
        | Change::Delete
        | Change::Encrypt { .. }
        | Change::Configure { .. } => BTreeSet::new(),
        Change::Adapt { splits, merges } => {
            let split = splits.iter().map(|split| split.shard);
            split.chain(merges.iter().flat_map(|merge| [merge.left, merge.right])).collect()
        }
        Change::Grow { shards } => {
            let open = stream.open_shards().map(|shard| (shard.id, shard.record.range));
            pieces(open, *shards as usize).into_keys().collect()
        }
        Change::Split { shard, .. } => BTreeSet::from([*shard]),
        Change::Merge { left, right } => BTreeSet::from([*left, *right]),
        Change::Scale { target } => {
            let wanted: Vec<_> = HashKeyRange::uniform(*target).collect();
            let is_wanted = |range: HashKeyRange| {
                let found = wanted.binary_search_by_key(&range.start(), |w| w.start());
                found.is_ok_and(|index| wanted[index] == range)
            };
            let open = stream.open_shards().filter(|shard| !is_wanted(shard.record.range));
            open.map(|shard| shard.id).collect()
        }
    }
}

/// Into how many pieces shards are cut, those that are at all, so that there are `count`: always
/// the one whose pieces are widest.
fn pieces(
    open: impl Iterator<Item = (ShardId, HashKeyRange)>,
    count: usize,
) -> BTreeMap<ShardId, u32> {
    let width = |range: HashKeyRange| range.end().get() - range.start().get();
    let mut widest: BinaryHeap<_> =
        open.map(|(id, range)| (width(range), Reverse(id), width(range), 1)).collect();
    for _ in widest.len()..count {
        let Some((_, id, whole, pieces)) = widest.pop() else { break };
        widest.push((whole / u128::from(pieces + 1), id, whole, pieces + 1));
    }
    let cut = widest.into_iter().filter(|(.., pieces)| *pieces > 1);
    cut.map(|(_, Reverse(id), _, pieces)| (id, pieces)).collect()
}

/// Where to cut a range into pieces of one width; the last takes the remainder.
fn even_cuts(range: HashKeyRange, pieces: u32) -> Vec<HashKey> {
    let (last, pieces) = (range.end().get() - range.start().get(), u128::from(pieces));
    // Keys divided by pieces, without the number of keys, which may be 2^128.
    let width = (last / pieces) + u128::from(last % pieces == pieces - 1);
    (1..pieces).map(|nth| HashKey::new(range.start().get() + nth * width)).collect()
}

/// The shards that a change touches, while it is worked out.
pub(super) struct Plan<L> {
    shards: BTreeMap<ShardId, ShardRecord>,
    next: u32,
    /// Open shards that it leaves alone.
    others: usize,
    /// When all parents close and all children open.
    moment: Timestamp,
    new_log: L,
}

impl<L: FnMut() -> LogId> Plan<L> {
    /// Works out a change of the shards `parents` at `moment`, which is not before any of them
    /// was opened or took its last record.
    pub(super) fn new(
        parents: BTreeMap<ShardId, ShardRecord>,
        next: u32,
        moment: Timestamp,
        new_log: L,
    ) -> Self {
        Self { shards: parents, next, others: 0, moment, new_log }
    }

    /// The same, where this many open shards are left alone.
    pub(super) fn beside(self, others: usize) -> Self {
        Self { others, ..self }
    }

    /// The shards as they are after `change`, and the next shard's index.
    pub(super) fn carry_out(mut self, change: &Change) -> (BTreeMap<ShardId, ShardRecord>, u32) {
        match change {
            Change::Create { .. }
            | Change::Delete
            | Change::Encrypt { .. }
            | Change::Configure { .. } => {}
            Change::Split { shard, at } => {
                self.split(*shard, *at);
            }
            Change::Merge { left, right } => {
                self.merge(*left, *right);
            }
            Change::Scale { target } => self.scale(*target),
            Change::Grow { shards } => self.grow(*shards as usize),
            Change::Adapt { splits, merges } => {
                for split in splits {
                    self.split(split.shard, split.at);
                }
                for merge in merges {
                    self.merge(merge.left, merge.right);
                }
            }
        }
        (self.shards, self.next)
    }

    /// Cuts at every wanted border, then joins what lies between two of them.
    fn scale(&mut self, target: NonZeroU32) {
        let wanted: Vec<_> = HashKeyRange::uniform(target).collect();
        let borders: Vec<_> = wanted.iter().map(|range| range.start()).collect();
        let mut parents: Vec<_> = self.shards.iter().map(|(id, s)| (s.range, *id)).collect();
        parents.sort_unstable_by_key(|(range, _)| range.start());
        let mut pieces = Vec::new();
        for (range, id) in parents {
            let inside = |key: &&HashKey| **key > range.start() && **key <= range.end();
            let cuts: Vec<_> = borders.iter().filter(inside).copied().collect();
            self.split_all(id, &cuts, &mut pieces);
        }
        let wanted_of = |id: &ShardId| {
            let start = self.shards[id].range.start();
            borders.partition_point(|border| *border <= start)
        };
        let groups: Vec<Vec<_>> =
            pieces.chunk_by(|a, b| wanted_of(a) == wanted_of(b)).map(<[_]>::to_vec).collect();
        for group in groups {
            self.merge_all(&group);
        }
    }

    /// Cuts the shards as [`pieces`] says; the others, which it left alone, count too.
    fn grow(&mut self, count: usize) {
        let open: Vec<_> = self.shards.iter().map(|(id, shard)| (*id, shard.range)).collect();
        let pieces = pieces(open.iter().copied(), count.saturating_sub(self.others));
        for (id, range) in open {
            let cuts = pieces.get(&id).map(|count| even_cuts(range, *count)).unwrap_or_default();
            self.split_all(id, &cuts, &mut Vec::new());
        }
    }

    /// Splits at the middle cut first, so that the lineage stays shallow.
    fn split_all(&mut self, id: ShardId, cuts: &[HashKey], pieces: &mut Vec<ShardId>) {
        let middle = cuts.len() / 2;
        let Some(cut) = cuts.get(middle) else { return pieces.push(id) };
        let (below, above) = self.split(id, *cut);
        self.split_all(below, &cuts[..middle], pieces);
        self.split_all(above, &cuts[middle + 1..], pieces);
    }

    fn merge_all(&mut self, ids: &[ShardId]) -> ShardId {
        if let [id] = ids {
            return *id;
        }
        let (left, right) = ids.split_at(ids.len() / 2);
        let (left, right) = (self.merge_all(left), self.merge_all(right));
        self.merge(left, right)
    }

    fn split(&mut self, id: ShardId, at: HashKey) -> (ShardId, ShardId) {
        let parent = self.close(id);
        let below = HashKey::new(at.get() - 1);
        let below = HashKeyRange::new(parent.range.start(), below);
        let above = HashKeyRange::new(at, parent.range.end());
        let mut open = |range: Option<HashKeyRange>| {
            let range = range.expect("a cut lies inside the shard");
            self.open(range, parent.created, Some(id), None)
        };
        (open(below), open(above))
    }

    fn merge(&mut self, left: ShardId, right: ShardId) -> ShardId {
        let (a, b) = (self.close(left), self.close(right));
        let range = a.range.merge(b.range).expect("only neighbours are merged");
        self.open(range, a.created.max(b.created), Some(left), Some(right))
    }

    fn close(&mut self, id: ShardId) -> ShardRecord {
        let shard = self.shards.get_mut(&id).expect("a plan closes only what it was given");
        assert!(shard.is_open(), "shard {id} is closed twice");
        shard.closed = Some(self.moment);
        *shard
    }

    fn open(
        &mut self,
        range: HashKeyRange,
        parents_created: Timestamp,
        parent: Option<ShardId>,
        adjacent_parent: Option<ShardId>,
    ) -> ShardId {
        let id = ShardId::new(self.next);
        self.next += 1;
        // A second after the parents closed, as in AWS; and after they were created, which may be
        // later than that when shards live shorter than a second.
        let created = SequenceNumber::child_created(self.moment)
            .max(SequenceNumber::child_created(parents_created));
        let (log, opened) = ((self.new_log)(), self.moment);
        let record =
            ShardRecord { log, range, created, opened, closed: None, parent, adjacent_parent };
        self.shards.insert(id, record);
        id
    }
}

#[cfg(test)]
mod tests;
