//! One file: what readers see of it, and what a power loss leaves.

use std::ops::Range;

use super::rot::Rot;
use super::{Fate, SimEntropy};

/// What a real disk writes atomically.
const SECTOR: usize = 512;

#[derive(Default)]
pub(super) struct FileState {
    /// What a reader sees, as through a page cache.
    seen: Vec<u8>,
    /// What would survive for certain.
    durable: Vec<u8>,
    /// Written since, in this order.
    unsynced: Vec<(usize, Vec<u8>)>,
    pub(super) rot: Rot,
}

fn place(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if content.len() < offset + data.len() {
        content.resize(offset + data.len(), 0);
    }
    content[offset..offset + data.len()].copy_from_slice(data);
}

impl FileState {
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        let start = offset.min(self.seen.len());
        let end = start.saturating_add(length).min(self.seen.len());
        let mut bytes = self.seen[start..end].to_vec();
        self.rot.apply(start, &mut bytes);
        bytes
    }

    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        place(&mut self.seen, offset, data);
        self.rot.forget(offset..offset + data.len());
        self.unsynced.push((offset, data.to_vec()));
    }

    /// How many writes a sync that begins now must make durable.
    pub(super) fn pending(&self) -> usize {
        self.unsynced.len()
    }

    /// Whether a write there waits to become durable.
    pub(super) fn is_unsynced(&self, range: &Range<usize>) -> bool {
        let overlaps = |(offset, data): &(usize, Vec<u8>)| {
            *offset < range.end && range.start < offset + data.len()
        };
        self.unsynced.iter().any(overlaps)
    }

    /// The first `pending` writes become durable; answers where they were.
    pub(super) fn synced(&mut self, pending: usize) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        for (offset, data) in self.unsynced.drain(..pending) {
            place(&mut self.durable, offset, &data);
            ranges.push(offset..offset + data.len());
        }
        ranges
    }

    /// The first `pending` writes are given up: some sectors of them got to the disk, the cache
    /// shows all of them, and no later sync will write them.
    pub(super) fn sync_failed(&mut self, pending: usize, entropy: &SimEntropy) {
        let given_up: Vec<_> = self.unsynced.drain(..pending).collect();
        self.spare_some(&given_up, entropy);
    }

    /// The node ended.
    pub(super) fn end(&mut self, fate: Fate, entropy: &SimEntropy) {
        if fate == Fate::Kept {
            return;
        }
        let unsynced = std::mem::take(&mut self.unsynced);
        if fate == Fate::Torn {
            self.spare_some(&unsynced, entropy);
        }
        self.seen.clone_from(&self.durable);
    }

    fn spare_some(&mut self, writes: &[(usize, Vec<u8>)], entropy: &SimEntropy) {
        for (offset, data) in writes {
            for (index, sector) in data.chunks(SECTOR).enumerate() {
                if entropy.one_in(2) {
                    place(&mut self.durable, offset + index * SECTOR, sector);
                }
            }
        }
    }
}
