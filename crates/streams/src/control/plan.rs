//! The arithmetic of resharding: which shards close, which open, from which parents.
//!
//! Pure. Invariants: a plan leaves the open shards covering what they covered before; children
//! have greater ids and later creation seconds than their parents.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use model::{HashKey, HashKeyRange, SequenceNumber, ShardId, Timestamp};
use storage::LogId;

use crate::catalog::{Change, ShardRecord, Stream};

/// The open shards that a change closes.
pub(super) fn parents(stream: &Stream, change: &Change) -> BTreeSet<ShardId> {
    match change {
        Change::Create { .. } | Change::Delete => BTreeSet::new(),
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

/// The shards that a change touches, while it is worked out.
pub(super) struct Plan<L> {
    shards: BTreeMap<ShardId, ShardRecord>,
    next: u32,
    /// When all parents close and all children open.
    moment: Timestamp,
    new_log: L,
}

impl<L: FnMut() -> LogId> Plan<L> {
    /// Works out `change` of the shards `parents` at `moment`, which is not before any of them
    /// was opened or took its last record.
    pub(super) fn new(
        parents: BTreeMap<ShardId, ShardRecord>,
        next: u32,
        moment: Timestamp,
        new_log: L,
    ) -> Self {
        Self { shards: parents, next, moment, new_log }
    }

    /// The shards as they are after `change`, and the next shard's index.
    pub(super) fn carry_out(mut self, change: &Change) -> (BTreeMap<ShardId, ShardRecord>, u32) {
        match change {
            Change::Create { .. } | Change::Delete => {}
            Change::Split { shard, at } => {
                self.split(*shard, *at);
            }
            Change::Merge { left, right } => {
                self.merge(*left, *right);
            }
            Change::Scale { target } => self.scale(*target),
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
