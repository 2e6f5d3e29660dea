//! What was read from segments lately, within a budget.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use quick_cache::sync::{Cache as Bounded, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use crate::segment::format::Root;

/// What an item costs beside its bytes.
const ITEM_OVERHEAD: u64 = 100;
/// About what items weigh, to size the tables.
const INDEX_BYTES_TYPICAL: u64 = 4 << 10;
const BLOCK_BYTES_TYPICAL: u64 = 64 << 10;
/// Few shards, so that the largest items still fit one.
const SHARDS: usize = 4;

/// Fixed, so that what is evicted depends on nothing but the calls.
type Hasher = BuildHasherDefault<DefaultHasher>;
/// Names a block: segment, number in it.
type BlockKey = (u64, u32);
/// Names a part of a segment's index: its root, or a page of that number.
type PartKey = (u64, Option<usize>);

/// A part of the index of a segment. Pages are kept as they are stored: decoded they would take more
/// than twice as much.
#[derive(Clone)]
enum Part {
    Root(Arc<Root>),
    Page(Bytes),
}

#[derive(Clone)]
struct Weight;

impl Weighter<PartKey, Part> for Weight {
    fn weight(&self, _: &PartKey, part: &Part) -> u64 {
        let bytes = match part {
            Part::Root(root) => root.weight(),
            Part::Page(page) => page.len() as u64,
        };
        bytes + ITEM_OVERHEAD
    }
}

impl Weighter<BlockKey, Bytes> for Weight {
    fn weight(&self, _: &BlockKey, block: &Bytes) -> u64 {
        block.len() as u64 + ITEM_OVERHEAD
    }
}

/// Indexes and blocks.
pub(crate) struct Cache {
    parts: Bounded<PartKey, Part, Weight, Hasher>,
    blocks: Bounded<BlockKey, Bytes, Weight, Hasher>,
    meters: CacheMeters,
}

/// What reading from segments counts.
pub(crate) struct CacheMeters {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    /// Of entries that came out of segments, from memory or not.
    pub(crate) entry_bytes: Counter,
    /// What roots and pages take.
    pub(crate) index_bytes: Gauge,
}

impl Cache {
    pub(crate) fn new(index_bytes: u64, block_bytes: u64, meters: CacheMeters) -> Self {
        let options = |bytes: u64, typical: u64| {
            let mut options = OptionsBuilder::new();
            options.shards(SHARDS).weight_capacity(bytes);
            options.estimated_items_capacity((bytes / typical) as usize);
            options.build().expect("every needed option is set")
        };
        let parts = options(index_bytes, INDEX_BYTES_TYPICAL);
        let blocks = options(block_bytes, BLOCK_BYTES_TYPICAL);
        let (hasher, lifecycle) = (Hasher::default(), DefaultLifecycle::default());
        Self {
            parts: Bounded::with_options(parts, Weight, hasher, lifecycle),
            blocks: Bounded::with_options(
                blocks,
                Weight,
                Hasher::default(),
                DefaultLifecycle::default(),
            ),
            meters,
        }
    }

    pub(crate) fn root(&self, segment: u64) -> Option<Arc<Root>> {
        match self.counted(self.parts.get(&(segment, None)))? {
            Part::Root(root) => Some(root),
            Part::Page(_) => None,
        }
    }

    pub(crate) fn keep_root(&self, segment: u64, root: Arc<Root>) {
        self.keep_part((segment, None), Part::Root(root));
    }

    pub(crate) fn page(&self, segment: u64, page: usize) -> Option<Bytes> {
        match self.counted(self.parts.get(&(segment, Some(page))))? {
            Part::Page(page) => Some(page),
            Part::Root(_) => None,
        }
    }

    pub(crate) fn keep_page(&self, segment: u64, page: usize, bytes: &[u8]) {
        self.keep_part((segment, Some(page)), Part::Page(Bytes::copy_from_slice(bytes)));
    }

    fn keep_part(&self, key: PartKey, part: Part) {
        self.parts.insert(key, part);
        self.meters.index_bytes.set(self.parts.weight() as i64);
    }

    pub(crate) fn block(&self, key: BlockKey) -> Option<Bytes> {
        self.counted(self.blocks.get(&key))
    }

    pub(crate) fn has_block(&self, key: BlockKey) -> bool {
        self.blocks.contains_key(&key)
    }

    pub(crate) fn keep_block(&self, key: BlockKey, block: Bytes) {
        self.blocks.insert(key, block);
    }

    pub(crate) fn entries_read(&self, bytes: usize) {
        self.meters.entry_bytes.inc_by(bytes as u64);
    }

    fn counted<T>(&self, found: Option<T>) -> Option<T> {
        let CacheMeters { hits, misses, .. } = &self.meters;
        let counter = if found.is_some() { hits } else { misses };
        counter.inc();
        found
    }
}
