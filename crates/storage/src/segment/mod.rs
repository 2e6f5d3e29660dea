//! Segments: immutable objects that hold what left the tail, sorted by log.
//!
//! Invariants: live segments cover disjoint ranges of chunks and are kept in that order, so a
//! log's entries rise from one to the next. What a reader gets was checked against its checksum.

pub(crate) mod builder;
pub(crate) mod format;
pub(crate) mod reader;

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use model::Timestamp;
use object_store::ObjectStore;
use parking_lot::RwLock;
use runtime::Tasks;

use crate::cache::Cache;
use crate::entries::{self, Budget, Entry, Malformed};
use crate::error::{Damage, Error, Result};
use crate::log::LogId;
use crate::segment::format::{Block, Index};

/// One read takes at most this much out of one segment at once.
const READ_BYTES_MAX: usize = 8 << 20;

/// A read of more blocks than this is a replay, which does not come back to them.
const CACHED_BLOCKS_MAX: usize = 4;

/// A live segment, as the manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub number: u64,
    /// Size of the object.
    pub bytes: u64,
    /// The chunks whose live entries it holds.
    pub first_chunk: u64,
    pub last_chunk: u64,
    pub entries: u64,
    /// The time of its latest entry.
    pub last_time: Timestamp,
}

/// The live segments in the order of their chunks.
pub(crate) type Set = Arc<Vec<Segment>>;

/// Whose entries are wanted, and the chunks they can be in.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub log: LogId,
    pub chunks: RangeInclusive<u64>,
    /// The first chunk of the segment that was read last: often the next one is wanted.
    pub hint: u64,
}

/// Reads the live segments.
pub(crate) struct Segments {
    objects: Arc<dyn ObjectStore>,
    tasks: Tasks,
    cache: Cache,
    set: RwLock<Set>,
}

impl Segments {
    pub(crate) fn new(
        objects: Arc<dyn ObjectStore>,
        tasks: Tasks,
        cache: Cache,
        live: Vec<Segment>,
    ) -> Self {
        Self { objects, tasks, cache, set: RwLock::new(Arc::new(live)) }
    }

    /// The live segments now.
    pub(crate) fn live(&self) -> Set {
        self.set.read().clone()
    }

    /// Shows other segments to readers from now on.
    pub(crate) fn install(&self, live: Vec<Segment>) {
        *self.set.write() = Arc::new(live);
    }

    /// Adds to `out` the entries at `place` from `from` on that lie in one segment, and answers
    /// the first chunk of that segment; `None` if no segment has them.
    pub(crate) async fn read(
        &self,
        place: &Place,
        from: u64,
        budget: &mut Budget,
        out: &mut Vec<Entry>,
    ) -> Result<Option<u64>> {
        loop {
            let live = self.live();
            let read = self.read_from(&live, place, from, budget, out).await;
            if !self.was_replaced(&read, &live) {
                return read;
            }
        }
    }

    /// The first offset at `place` whose entry is of `time` or later, if it is in a segment.
    pub(crate) async fn offset_at(&self, place: &Place, time: Timestamp) -> Result<Option<u64>> {
        loop {
            let live = self.live();
            let found = self.offset_in(&live, place, time).await;
            if !self.was_replaced(&found, &live) {
                return found;
            }
        }
    }

    /// Whether a read of `live` failed only because its segments were replaced meanwhile.
    fn was_replaced<T>(&self, read: &Result<T>, live: &Set) -> bool {
        let missing = |error: &Error| {
            let Error::Objects { source, .. } = error else { return false };
            matches!(source, object_store::Error::NotFound { .. })
        };
        read.as_ref().is_err_and(missing) && !Arc::ptr_eq(live, &self.live())
    }

    async fn read_from(
        &self,
        live: &Set,
        place: &Place,
        from: u64,
        budget: &mut Budget,
        out: &mut Vec<Entry>,
    ) -> Result<Option<u64>> {
        let Some((segment, index)) = self.find_offset(live, place, from).await? else {
            return Ok(None);
        };
        let (start, blocks) = index.blocks_of(place.log);
        let skipped = blocks.partition_point(|block| block.end() <= from);
        let blocks = wanted(&blocks[skipped..], *budget);
        let groups = self.load(segment, start + skipped, blocks).await?;
        for (block, groups) in blocks.iter().zip(groups) {
            let decoded = entries::decode(&groups, block.first, from, budget, out);
            decoded.map_err(|Malformed| malformed(segment, block))?;
            if budget.is_spent() {
                break;
            }
        }
        Ok(Some(segment.first_chunk))
    }

    async fn offset_in(&self, live: &Set, place: &Place, time: Timestamp) -> Result<Option<u64>> {
        let reaches = |blocks: &[Block]| blocks.last().is_some_and(|block| block.last_time >= time);
        let candidates = candidates(live, place);
        let skipped = candidates.iter().take_while(|segment| segment.last_time < time).count();
        let found = self.find(&candidates[skipped..], place.log, reaches).await?;
        let Some((segment, index)) = found else { return Ok(None) };
        let (start, blocks) = index.blocks_of(place.log);
        let skipped = blocks.partition_point(|block| block.last_time < time);
        let block = &blocks[skipped];
        let groups = self.load(segment, start + skipped, &blocks[skipped..=skipped]).await?;
        let offset = entries::first_at(&groups[0], block.first, time);
        offset.map_err(|Malformed| malformed(segment, block))
    }

    /// The index of a segment, kept in memory for a while.
    pub(crate) async fn index(&self, segment: &Segment) -> Result<Arc<Index>> {
        if let Some(index) = self.cache.index(segment.number) {
            return Ok(index);
        }
        let index = Arc::new(self.index_once(segment).await?);
        self.cache.keep_index(segment.number, index.clone());
        Ok(index)
    }

    /// As `index`, but does not drive others out of memory.
    pub(crate) async fn index_once(&self, segment: &Segment) -> Result<Index> {
        reader::load_index(&self.objects, segment.number, segment.bytes).await
    }

    /// The segment that holds `from` or what follows it.
    async fn find_offset<'a>(
        &self,
        live: &'a [Segment],
        place: &Place,
        from: u64,
    ) -> Result<Option<(&'a Segment, Arc<Index>)>> {
        let candidates = candidates(live, place);
        let at = candidates.partition_point(|segment| segment.last_chunk < place.hint);
        for segment in candidates[at..].iter().take(2) {
            let index = self.index(segment).await?;
            let (_, blocks) = index.blocks_of(place.log);
            let holds = |block: &Block| block.first <= from && from < block.end();
            if blocks.iter().any(holds) {
                return Ok(Some((segment, index)));
            }
        }
        let reaches = |blocks: &[Block]| blocks.last().is_some_and(|block| block.end() > from);
        self.find(candidates, place.log, reaches).await
    }

    /// The first segment with blocks of `log` that `reaches`; once it does, all later ones do.
    /// A binary search, but segments without the log tell nothing and are stepped over.
    async fn find<'a>(
        &self,
        candidates: &'a [Segment],
        log: LogId,
        reaches: impl Fn(&[Block]) -> bool,
    ) -> Result<Option<(&'a Segment, Arc<Index>)>> {
        let (mut low, mut high) = (0, candidates.len());
        let mut best = None;
        while low < high {
            let middle = low.midpoint(high);
            let mut probe = middle;
            let found = loop {
                let Some(segment) = candidates[..high].get(probe) else { break None };
                let index = self.index(segment).await?;
                if !index.blocks_of(log).1.is_empty() {
                    break Some((segment, index));
                }
                probe += 1;
            };
            match found {
                None => high = middle,
                Some((segment, index)) if reaches(index.blocks_of(log).1) => {
                    best = Some((segment, index));
                    high = middle;
                }
                Some(_) => low = probe + 1,
            }
        }
        Ok(best)
    }

    /// The groups of neighbouring blocks, of which `start` is the number of the first.
    async fn load(&self, segment: &Segment, start: usize, blocks: &[Block]) -> Result<Vec<Bytes>> {
        let keys = (start..).map(|block| (segment.number, block as u32));
        let cached: Option<Vec<_>> =
            keys.clone().take(blocks.len()).map(|key| self.cache.block(key)).collect();
        if let Some(cached) = cached {
            return Ok(cached);
        }
        let (objects, tasks) = (&self.objects, &self.tasks);
        let loaded = reader::load_blocks(objects, tasks, segment.number, blocks).await?;
        // Of a long range only the last block may be wanted again, for what is left of it.
        let kept = if blocks.len() <= CACHED_BLOCKS_MAX { 0 } else { blocks.len() - 1 };
        for (key, groups) in keys.zip(&loaded).skip(kept) {
            // A copy of its own: a slice would keep the whole range in memory.
            self.cache.keep_block(key, Bytes::copy_from_slice(groups));
        }
        Ok(loaded)
    }
}

/// The segments that can hold what is at `place`.
fn candidates<'a>(live: &'a [Segment], place: &Place) -> &'a [Segment] {
    let start = live.partition_point(|segment| segment.last_chunk < *place.chunks.start());
    let end = live.partition_point(|segment| segment.first_chunk <= *place.chunks.end());
    &live[start..end.max(start)]
}

/// As many of `blocks` as the budget may need, and at least one.
fn wanted(blocks: &[Block], budget: Budget) -> &[Block] {
    let (mut bytes, mut entries) = (0, 0);
    let limit = budget.bytes.min(READ_BYTES_MAX);
    let enough = blocks.iter().position(|block| {
        bytes += block.raw as usize;
        entries += block.count as usize;
        bytes > limit || entries > budget.entries
    });
    &blocks[..enough.map_or(blocks.len(), |last| last + 1)]
}

fn malformed(segment: &Segment, block: &Block) -> Error {
    let what = "the block holds no entries, although its checksum holds";
    let path = reader::path(segment.number);
    let damage = Damage::new(path.as_ref(), block.position, what);
    damage.in_log(block.log, block.first, block.end()).into()
}
