//! What a disk and an object store hold, cheap to copy and to change a little.

use std::collections::BTreeMap;

use bytes::Bytes;
use object_store::path::Path;

/// What is written whole or not at all.
pub(crate) const SECTOR: usize = 512;
/// The storage writes whole blocks.
pub(crate) const BLOCK: usize = 4096;
const SECTORS: usize = BLOCK / SECTOR;

static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// Everything that survives a power failure.
#[derive(Clone, Default)]
pub(crate) struct Image {
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) objects: BTreeMap<Path, Bytes>,
}

/// A file; a block that is all zeros takes no memory.
#[derive(Clone, Default)]
pub(crate) struct File {
    pub(crate) length: u64,
    blocks: Vec<Option<Bytes>>,
}

/// What one write put into a file.
#[derive(Clone)]
pub(crate) struct Written {
    first: usize,
    blocks: Vec<Option<Bytes>>,
}

impl Written {
    pub(crate) fn new(offset: u64, data: &[u8]) -> Self {
        let offset = offset as usize;
        assert!(offset.is_multiple_of(BLOCK) && data.len().is_multiple_of(BLOCK), "whole blocks");
        let block =
            |block: &[u8]| (block != &ZEROS[..BLOCK]).then(|| Bytes::copy_from_slice(block));
        Self { first: offset / BLOCK, blocks: data.chunks(BLOCK).map(block).collect() }
    }
}

impl File {
    pub(crate) fn write(&mut self, written: &Written) {
        let end = written.first + written.blocks.len();
        self.grow((end * BLOCK) as u64);
        self.blocks[written.first..end].clone_from_slice(&written.blocks);
    }

    pub(crate) fn grow(&mut self, length: u64) {
        self.length = self.length.max(length);
        let blocks = self.length.div_ceil(BLOCK as u64) as usize;
        self.blocks.resize(blocks, None);
    }

    pub(crate) fn read(&self, offset: u64, length: usize) -> Bytes {
        assert!(offset.is_multiple_of(BLOCK as u64), "whole blocks");
        let length = length.min(self.length.saturating_sub(offset) as usize);
        if length == 0 {
            return Bytes::new();
        }
        let first = offset as usize / BLOCK;
        let blocks = &self.blocks[first..first + length.div_ceil(BLOCK)];
        if let [Some(block)] = blocks {
            return block.slice(..length);
        }
        if length <= ZEROS.len() && blocks.iter().all(Option::is_none) {
            return Bytes::from_static(&ZEROS[..length]);
        }
        let mut bytes = vec![0; blocks.len() * BLOCK];
        for (place, block) in bytes.chunks_mut(BLOCK).zip(blocks) {
            if let Some(block) = block {
                place.copy_from_slice(block);
            }
        }
        bytes.truncate(length);
        bytes.into()
    }

    fn sector(&self, sector: usize) -> &[u8] {
        let block = self.blocks.get(sector / SECTORS).and_then(Option::as_deref);
        let start = sector % SECTORS * SECTOR;
        &block.unwrap_or(&ZEROS[..BLOCK])[start..start + SECTOR]
    }

    /// The sectors in which `self` and `other` differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<usize> {
        let count = self.blocks.len().max(other.blocks.len());
        let block = |file: &Self, block: usize| file.blocks.get(block).cloned().flatten();
        let changed = (0..count).filter(|n| block(self, *n) != block(other, *n));
        let sectors = changed.flat_map(|block| block * SECTORS..(block + 1) * SECTORS);
        sectors.filter(|sector| self.sector(*sector) != other.sector(*sector)).collect()
    }

    /// Whether the first and the second half of a sector differ in `other`.
    pub(crate) fn half_differences(&self, other: &Self, sector: usize) -> (bool, bool) {
        let (ours, theirs) = (self.sector(sector), other.sector(sector));
        let half = SECTOR / 2;
        (ours[..half] != theirs[..half], ours[half..] != theirs[half..])
    }

    /// Takes the first `bytes` of each of `sectors` from `other`.
    pub(crate) fn patch(&mut self, other: &Self, sectors: &[usize], bytes: usize) {
        if !sectors.is_empty() {
            self.grow(other.length);
        }
        for group in sectors.chunk_by(|a, b| a / SECTORS == b / SECTORS) {
            let index = group[0] / SECTORS;
            let mut block = vec![0; BLOCK];
            if let Some(old) = &self.blocks[index] {
                block.copy_from_slice(old);
            }
            for sector in group {
                let start = sector % SECTORS * SECTOR;
                block[start..start + bytes].copy_from_slice(&other.sector(*sector)[..bytes]);
            }
            self.blocks[index] = Some(block.into());
        }
    }
}
