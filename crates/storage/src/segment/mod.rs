//! Segments: immutable objects that hold what left the tail, sorted by log.
//!
//! One log of thousands has a few kilobytes in each segment. So the index comes in pages, of which
//! such a reader needs one, and it reads several segments at a time.
//!
//! Invariants: live segments cover disjoint ranges of chunks and are kept in that order, so a
//! log's entries rise from one to the next. What a reader gets was checked against its checksum.

pub(crate) mod builder;
pub(crate) mod format;
pub(crate) mod reader;

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use model::Timestamp;
use object_store::ObjectStore;
use parking_lot::RwLock;
use runtime::Tasks;

use crate::cache::Cache;
use crate::entries::{self, Budget, Entry, Malformed};
use crate::error::{Damage, Error, Result};
use crate::log::LogId;
use crate::metrics::Metrics;
use crate::segment::format::{Block, Index, Root};
use crate::segment::reader::Reader;

/// One read takes at most this much out of one segment at once. Small enough for the allocator to
/// give it back when it is done with.
const READ_BYTES_MAX: usize = 1 << 20;

/// Where readers hold this much, answers that wait for their clients for the most part, reads stop
/// after their first step.
const HELD_BYTES_MAX: usize = 48 << 20;

/// One read looks for what follows in so many segments behind the first.
const SEGMENTS_MAX: usize = 64;
/// So many of them at a time, and at most so much of each: one of thousands of logs has a few
/// kilobytes in each segment, and a log that has more there needs no help.
const AHEAD_MAX: usize = 8;
const AHEAD_BYTES_MAX: usize = 256 << 10;

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

/// Blocks of one log in one segment, next to each other.
struct Piece<'a> {
    segment: &'a Segment,
    /// The number of the first one.
    start: Position,
    blocks: Vec<Block>,
    groups: Vec<Bytes>,
    /// Whether the log has nothing more in the segment.
    is_last: bool,
}

impl Piece<'_> {
    /// How many entries it has, and their bytes.
    fn size(&self) -> (usize, usize) {
        let entries = self.blocks.iter().map(|block| block.count as usize).sum();
        (entries, self.groups.iter().map(Bytes::len).sum())
    }
}

/// Where a block is in the index.
type Position = usize;

/// Reads the live segments.
pub(crate) struct Segments {
    reader: Reader,
    tasks: Tasks,
    cache: Cache,
    set: RwLock<Set>,
}

impl Segments {
    pub(crate) fn new(
        objects: Arc<dyn ObjectStore>,
        tasks: Tasks,
        cache: Cache,
        metrics: &Metrics,
        live: Vec<Segment>,
    ) -> Self {
        let reader = Reader::new(objects, metrics.segment_read_bytes.clone());
        Self { reader, tasks, cache, set: RwLock::new(Arc::new(live)) }
    }

    /// The live segments now.
    pub(crate) fn live(&self) -> Set {
        self.set.read().clone()
    }

    /// Shows other segments to readers from now on.
    pub(crate) fn install(&self, live: Vec<Segment>) {
        *self.set.write() = Arc::new(live);
    }

    /// Adds to `out` entries at `place` from `from` on, without gaps, and answers the first chunk of
    /// the segment that has the last of them; `None` if no segment has any.
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

    /// Whether readers hold so much that each should ask for little.
    pub(crate) fn is_crowded(&self) -> bool {
        self.reader.held() >= HELD_BYTES_MAX
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
        let candidates = candidates(live, place);
        let Some((at, start, blocks)) = self.find_offset(candidates, place, from).await? else {
            return Ok(None);
        };
        let limit = Budget { bytes: budget.bytes.min(READ_BYTES_MAX), ..*budget };
        let found = self.piece(&candidates[at], from, (start, blocks), limit).await?;
        let mut chunk = candidates[at].first_chunk;
        let mut next = self.take(&found, from, budget, out)?;
        let mut typical = found.size();
        let mut behind = match found.is_last {
            true => candidates[at + 1..].iter().take(SEGMENTS_MAX),
            false => [].iter().take(0),
        };
        let mut ahead = FuturesOrdered::new();
        loop {
            // What is under way is expected to fit: bytes read in vain are other readers' bytes.
            while !budget.is_spent()
                && ahead.len() < AHEAD_MAX
                && !self.is_crowded()
                && (ahead.is_empty() || budget.allows(ahead.len() + 1, typical))
                && let Some(segment) = behind.next()
            {
                let bytes = budget.bytes.min(AHEAD_BYTES_MAX);
                let limit = Budget { bytes, ..*budget };
                ahead.push_back(self.whole_piece(segment, place.log, limit));
            }
            let piece = match ahead.next().await {
                None => break,
                // What was read so far is good; who reads on meets the error again.
                Some(Err(_)) => break,
                Some(Ok(piece)) => piece,
            };
            let Some(first) = piece.blocks.first() else { continue };
            if budget.is_spent() || first.first != next {
                break;
            }
            next = self.take(&piece, next, budget, out)?;
            chunk = piece.segment.first_chunk;
            typical = piece.size();
            if !piece.is_last {
                break;
            }
        }
        Ok(Some(chunk))
    }

    /// Decodes what the budget allows of a piece, and answers where to read on.
    fn take(
        &self,
        piece: &Piece<'_>,
        from: u64,
        budget: &mut Budget,
        out: &mut Vec<Entry>,
    ) -> Result<u64> {
        let before = out.len();
        for (index, (block, groups)) in piece.blocks.iter().zip(&piece.groups).enumerate() {
            let decoded = entries::decode(groups, block.first, from, budget, out);
            decoded.map_err(|Malformed| malformed(piece.segment, block))?;
            let next = out.last().map_or(from, |entry| entry.offset.0 + 1);
            if budget.is_spent() && next < block.end() {
                // The rest of it is wanted next. A copy of its own: a slice would keep the whole
                // piece in memory.
                let key = (piece.segment.number, (piece.start + index) as u32);
                if !self.cache.has_block(key) {
                    self.cache.keep_block(key, Bytes::copy_from_slice(groups));
                }
            }
            if budget.is_spent() {
                break;
            }
        }
        self.cache.entries_read(out[before..].iter().map(|entry| entry.payload.len()).sum());
        Ok(out.last().map_or(from, |entry| entry.offset.0 + 1))
    }

    async fn offset_in(&self, live: &Set, place: &Place, time: Timestamp) -> Result<Option<u64>> {
        let reaches = |blocks: &[Block]| blocks.last().is_some_and(|block| block.last_time >= time);
        let candidates = candidates(live, place);
        let skipped = candidates.iter().take_while(|segment| segment.last_time < time).count();
        let found = self.find(&candidates[skipped..], place.log, 0, reaches).await?;
        let Some((at, start, blocks)) = found else { return Ok(None) };
        let segment = &candidates[skipped + at];
        let skipped = blocks.partition_point(|block| block.last_time < time);
        let block = &blocks[skipped];
        let groups = self.load(segment, start + skipped, &blocks[skipped..=skipped]).await?;
        self.cache.keep_block((segment.number, (start + skipped) as u32), groups[0].clone());
        let offset = entries::first_at(&groups[0], block.first, time);
        offset.map_err(|Malformed| malformed(segment, block))
    }

    /// The whole index of a segment. Does not drive anything out of memory.
    pub(crate) async fn index_once(&self, segment: &Segment) -> Result<Index> {
        self.reader.index(segment.number, segment.bytes).await
    }

    /// The blocks of `log` in a segment from the one with `from` on, and the position of the first.
    /// Earlier ones may come too.
    async fn blocks_of(
        &self,
        segment: &Segment,
        log: LogId,
        from: u64,
    ) -> Result<(Position, Vec<Block>)> {
        let root = self.root(segment).await?;
        let wanted = root.pages_of(log, from);
        let cached = wanted.clone().map_while(|page| self.cache.page(segment.number, page));
        let mut pages: Vec<_> = cached.collect();
        let missing = wanted.start + pages.len()..wanted.end;
        pages.extend(self.reader.pages(segment.number, &root, missing.clone()).await?);
        let (mut start, mut of_log) = (0, Vec::new());
        for (index, page) in wanted.zip(&pages) {
            let blocks = reader::open_page(segment.number, &root, index, page)?;
            if missing.contains(&index) {
                self.cache.keep_page(segment.number, index, page);
            }
            for (line, block) in blocks.into_iter().enumerate().filter(|(_, b)| b.log == log) {
                if of_log.is_empty() {
                    start = index * format::PAGE_BLOCKS + line;
                }
                of_log.push(block);
            }
        }
        Ok((start, of_log))
    }

    async fn root(&self, segment: &Segment) -> Result<Arc<Root>> {
        if let Some(root) = self.cache.root(segment.number) {
            return Ok(root);
        }
        let root = Arc::new(self.reader.root(segment.number, segment.bytes).await?);
        self.cache.keep_root(segment.number, root.clone());
        Ok(root)
    }

    /// The segment that holds `from` or what follows it.
    async fn find_offset(
        &self,
        candidates: &[Segment],
        place: &Place,
        from: u64,
    ) -> Result<Option<(usize, Position, Vec<Block>)>> {
        let hinted = candidates.partition_point(|segment| segment.last_chunk < place.hint);
        for (at, segment) in candidates.iter().enumerate().skip(hinted).take(2) {
            let (start, blocks) = self.blocks_of(segment, place.log, from).await?;
            let holds = |block: &Block| block.first <= from && from < block.end();
            if blocks.iter().any(holds) {
                return Ok(Some((at, start, blocks)));
            }
        }
        let reaches = |blocks: &[Block]| blocks.last().is_some_and(|block| block.end() > from);
        self.find(candidates, place.log, from, reaches).await
    }

    /// The first segment with blocks of `log` that `reaches`; once it does, all later ones do.
    /// A binary search, but segments without the log tell nothing and are stepped over.
    async fn find(
        &self,
        candidates: &[Segment],
        log: LogId,
        from: u64,
        reaches: impl Fn(&[Block]) -> bool,
    ) -> Result<Option<(usize, Position, Vec<Block>)>> {
        let (mut low, mut high) = (0, candidates.len());
        let mut best = None;
        while low < high {
            let middle = low.midpoint(high);
            let mut probe = middle;
            let found = loop {
                let Some(segment) = candidates[..high].get(probe) else { break None };
                let (start, blocks) = self.blocks_of(segment, log, from).await?;
                if !blocks.is_empty() {
                    break Some((probe, start, blocks));
                }
                probe += 1;
            };
            match found {
                None => high = middle,
                Some(found) if reaches(&found.2) => {
                    best = Some(found);
                    high = middle;
                }
                Some(_) => low = probe + 1,
            }
        }
        Ok(best)
    }

    /// Everything of a log in a segment that `limit` allows.
    async fn whole_piece<'a>(
        &self,
        segment: &'a Segment,
        log: LogId,
        limit: Budget,
    ) -> Result<Piece<'a>> {
        let of_log = self.blocks_of(segment, log, 0).await?;
        self.piece(segment, 0, of_log, limit).await
    }

    /// As many of the blocks of a log from `from` on as `limit` may need, and at least one.
    async fn piece<'a>(
        &self,
        segment: &'a Segment,
        from: u64,
        (start, blocks): (Position, Vec<Block>),
        limit: Budget,
    ) -> Result<Piece<'a>> {
        let skipped = blocks.partition_point(|block| block.end() <= from);
        let wanted = wanted(&blocks[skipped..], limit);
        let is_last = skipped + wanted.len() == blocks.len();
        let (start, blocks) = (start + skipped, wanted.to_vec());
        let groups = self.load(segment, start, &blocks).await?;
        Ok(Piece { segment, start, blocks, groups, is_last })
    }

    /// The groups of neighbouring blocks, of which `start` is the position of the first.
    async fn load(
        &self,
        segment: &Segment,
        start: Position,
        blocks: &[Block],
    ) -> Result<Vec<Bytes>> {
        let keys = (start..start + blocks.len()).map(|block| (segment.number, block as u32));
        let mut groups: Vec<_> = keys.map_while(|key| self.cache.block(key)).collect();
        let missing = &blocks[groups.len()..];
        groups.extend(self.reader.blocks(&self.tasks, segment.number, missing).await?);
        Ok(groups)
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
    let enough = blocks.iter().position(|block| {
        bytes += block.raw as usize;
        entries += block.count as usize;
        bytes > budget.bytes || entries > budget.entries
    });
    &blocks[..enough.map_or(blocks.len(), |last| last + 1)]
}

fn malformed(segment: &Segment, block: &Block) -> Error {
    let what = "the block holds no entries, although its checksum holds";
    let path = reader::path(segment.number);
    let damage = Damage::new(path.as_ref(), block.position, what);
    damage.in_log(block.log, block.first, block.end()).into()
}
