//! What was read from segments lately, within a budget.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use quick_cache::sync::{Cache as Bounded, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use crate::segment::format::Index;

/// What an item costs beside its bytes.
const ITEM_OVERHEAD: u64 = 100;
/// About what items weigh, to size the tables.
const INDEX_BYTES_TYPICAL: u64 = 64 << 10;
const BLOCK_BYTES_TYPICAL: u64 = 64 << 10;
/// Few shards, so that the largest items still fit one.
const SHARDS: usize = 4;

/// Fixed, so that what is evicted depends on nothing but the calls.
type Hasher = BuildHasherDefault<DefaultHasher>;
/// Names a block: segment, number in it.
type BlockKey = (u64, u32);

#[derive(Clone)]
struct Weight;

impl Weighter<u64, Arc<Index>> for Weight {
    fn weight(&self, _: &u64, index: &Arc<Index>) -> u64 {
        index.weight() + ITEM_OVERHEAD
    }
}

impl Weighter<BlockKey, Bytes> for Weight {
    fn weight(&self, _: &BlockKey, block: &Bytes) -> u64 {
        block.len() as u64 + ITEM_OVERHEAD
    }
}

/// Indexes and blocks.
pub(crate) struct Cache {
    indexes: Bounded<u64, Arc<Index>, Weight, Hasher>,
    blocks: Bounded<BlockKey, Bytes, Weight, Hasher>,
    hits: Counter,
    misses: Counter,
}

impl Cache {
    pub(crate) fn new(index_bytes: u64, block_bytes: u64, hits: Counter, misses: Counter) -> Self {
        let options = |bytes: u64, typical: u64| {
            let mut options = OptionsBuilder::new();
            options.shards(SHARDS).weight_capacity(bytes);
            options.estimated_items_capacity((bytes / typical) as usize);
            options.build().expect("every needed option is set")
        };
        let indexes = options(index_bytes, INDEX_BYTES_TYPICAL);
        let blocks = options(block_bytes, BLOCK_BYTES_TYPICAL);
        let (hasher, lifecycle) = (Hasher::default(), DefaultLifecycle::default());
        Self {
            indexes: Bounded::with_options(indexes, Weight, hasher, lifecycle),
            blocks: Bounded::with_options(
                blocks,
                Weight,
                Hasher::default(),
                DefaultLifecycle::default(),
            ),
            hits,
            misses,
        }
    }

    pub(crate) fn index(&self, segment: u64) -> Option<Arc<Index>> {
        self.counted(self.indexes.get(&segment))
    }

    pub(crate) fn keep_index(&self, segment: u64, index: Arc<Index>) {
        self.indexes.insert(segment, index);
    }

    pub(crate) fn block(&self, key: BlockKey) -> Option<Bytes> {
        self.counted(self.blocks.get(&key))
    }

    pub(crate) fn keep_block(&self, key: BlockKey, block: Bytes) {
        self.blocks.insert(key, block);
    }

    fn counted<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.inc();
        found
    }
}
