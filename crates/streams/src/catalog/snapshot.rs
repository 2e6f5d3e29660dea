//! One version of the catalog, as every reader of that version sees it.
//!
//! Invariant: the open shards of a stream cover the hash space exactly once, in every version;
//! a stream that is still being created has no shards at all. Asserted whenever a stream is built.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::limits::WARM_MIBPS_PER_SHARD;
use model::{
    AccountId, ConsumerArn, ConsumerName, HashKey, HashKeyRange, Region, ShardId, StreamArn,
    Timestamp,
};
use security::policy::{Policy, PolicyKind};
use storage::{Offset, Storage, Table};

use super::record::{
    self, ACCOUNTS, AccountRecord, CONSUMERS, Change, Commitment, ConsumerChange, ConsumerRecord,
    Incarnation, NODE_KEY, NodeRecord, SHARDS, STREAMS, ShardRecord, StreamKey, StreamMode,
    StreamRecord,
};
use super::scaling::Scaling;
use crate::error::{Error, Result};
use crate::metrics::StreamCounters;
use crate::shard::events::ThrottleEvents;
use crate::shard::fanout::ConsumerLive;
use crate::shard::{Live, Slot};

/// The catalog at one version.
pub(crate) struct Snapshot {
    pub(crate) version: Offset,
    pub(crate) node: NodeRecord,
    pub(crate) streams: BTreeMap<StreamKey, Arc<Stream>>,
    pub(crate) accounts: BTreeMap<(AccountId, Region), AccountRecord>,
}

/// A stream at one version of the catalog.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) key: StreamKey,
    pub(crate) record: StreamRecord,
    /// Open and closed ones, in the order of their ids.
    pub(crate) shards: Vec<Shard>,
    /// Where in `shards` the open ones are, in the order of their hash keys.
    open: Vec<u32>,
    /// By name.
    pub(crate) consumers: Vec<Consumer>,
    /// What the record's policy says, read once and not at every request.
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) counters: Arc<StreamCounters>,
    pub(crate) events: Arc<ThrottleEvents>,
    /// What was decided about its capacity, and by what.
    pub(crate) scaling: Arc<Scaling>,
    /// Counts the records that are spread evenly.
    turn: Arc<AtomicU64>,
}

/// A shard at one version of the catalog.
#[derive(Clone)]
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    pub(crate) record: ShardRecord,
    slot: Arc<Slot>,
}

/// An enhanced fan-out consumer at one version of the catalog.
#[derive(Clone)]
pub(crate) struct Consumer {
    pub(crate) name: ConsumerName,
    pub(crate) record: ConsumerRecord,
    /// What it is doing; outlives versions of the catalog.
    pub(crate) live: Arc<ConsumerLive>,
    /// What the record's policy says, read once and not at every request.
    pub(crate) policy: Option<Arc<Policy>>,
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

impl Snapshot {
    /// Reads the whole table. What is in use of `previous` stays in use.
    pub(super) fn load(table: &Table, previous: Option<&Self>) -> Result<Self> {
        let version = table.version();
        let node = table.get(NODE_KEY).ok_or_else(|| Error::Corrupt("it is empty".into()))?;
        let node: NodeRecord = record::decode(NODE_KEY, &node)?;
        node.check_format()?;
        let mut shards: BTreeMap<Incarnation, Vec<(ShardId, ShardRecord)>> = BTreeMap::new();
        for (key, value) in table.scan(SHARDS) {
            let (stream, id) = record::from_shard_key(&key).ok_or_else(|| foreign(&key))?;
            shards.entry(stream).or_default().push((id, record::decode(&key, &value)?));
        }
        let mut consumers: BTreeMap<Incarnation, Vec<(ConsumerName, ConsumerRecord)>> =
            BTreeMap::new();
        for (key, value) in table.scan(CONSUMERS) {
            let (stream, name) = record::from_consumer_key(&key).ok_or_else(|| foreign(&key))?;
            consumers.entry(stream).or_default().push((name, record::decode(&key, &value)?));
        }
        let mut streams = BTreeMap::new();
        for (key, value) in table.scan(STREAMS) {
            let name = StreamKey::from_table_key(&key).ok_or_else(|| foreign(&key))?;
            let record: StreamRecord = record::decode(&key, &value)?;
            let shards = shards.remove(&record.incarnation).unwrap_or_default();
            let consumers = consumers.remove(&record.incarnation).unwrap_or_default();
            let base = previous.and_then(|p| p.same_stream(&name, record.incarnation));
            let mut stream =
                Stream::new(name.clone(), record, base.map(Arc::as_ref), shards, consumers);
            let scaling = record::scaling_key(stream.record.incarnation);
            if let Some(value) = table.get(&scaling) {
                stream.scaling = Arc::new(record::decode(&scaling, &value)?);
            }
            streams.insert(name, Arc::new(stream));
        }
        if !shards.is_empty() || !consumers.is_empty() {
            let what = "it has shards or consumers of streams that it does not have";
            return Err(Error::Corrupt(what.into()));
        }
        let mut accounts = BTreeMap::new();
        for (key, value) in table.scan(ACCOUNTS) {
            let account = record::from_account_key(&key).ok_or_else(|| foreign(&key))?;
            accounts.insert(account, record::decode(&key, &value)?);
        }
        Ok(Self { version, node, streams, accounts })
    }

    pub(crate) fn stream(&self, key: &StreamKey) -> Option<&Arc<Stream>> {
        self.streams.get(key)
    }

    /// The stream `key`, if it is still the one that `incarnation` says.
    pub(crate) fn same_stream(
        &self,
        key: &StreamKey,
        incarnation: Incarnation,
    ) -> Option<&Arc<Stream>> {
        self.stream(key).filter(|stream| stream.record.incarnation == incarnation)
    }

    /// The streams of an account in a region, by name.
    pub(crate) fn streams_of<'s>(
        &'s self,
        account: AccountId,
        region: &'s Region,
    ) -> impl Iterator<Item = &'s Arc<Stream>> {
        let owned = move |key: &StreamKey| key.account == account && key.region == *region;
        self.streams.iter().filter(move |(key, _)| owned(key)).map(|(_, stream)| stream)
    }

    /// The latest commitment of an account in a region, which may be over.
    pub(crate) fn commitment(&self, account: AccountId, region: &Region) -> Option<Commitment> {
        self.accounts.get(&(account, region.clone()))?.commitment
    }

    /// Whether the owner of a stream is committed to a minimum throughput.
    pub(crate) fn is_committed(&self, key: &StreamKey, now: Timestamp) -> bool {
        let commitment = self.commitment(key.account, &key.region);
        commitment.is_some_and(|commitment| commitment.holds(now))
    }

    /// The open shards of provisioned streams there, with those that are about to open.
    pub(crate) fn provisioned_shards(&self, account: AccountId, region: &Region) -> u32 {
        let streams = self.streams_of(account, region);
        let provisioned = streams.filter(|s| s.record.mode == StreamMode::Provisioned);
        provisioned.map(|stream| stream.promised_shards()).sum()
    }
}

impl Stream {
    /// A stream with these shards and consumers, which need not be in order, in the place of
    /// `base`.
    pub(super) fn new(
        key: StreamKey,
        record: StreamRecord,
        base: Option<&Self>,
        mut shards: Vec<(ShardId, ShardRecord)>,
        mut consumers: Vec<(ConsumerName, ConsumerRecord)>,
    ) -> Self {
        shards.sort_unstable_by_key(|(id, _)| *id);
        let slot = |id| base.and_then(|base| base.shard(id)).map(|shard| shard.slot.clone());
        let shard = |(id, record)| Shard { id, record, slot: slot(id).unwrap_or_default() };
        let shards: Vec<_> = shards.into_iter().map(shard).collect();
        let is_open = |index: &u32| shards[*index as usize].record.is_open();
        let mut open: Vec<_> = (0..shards.len() as u32).filter(is_open).collect();
        open.sort_unstable_by_key(|index| shards[*index as usize].record.range.start());
        consumers.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let consumer = |(name, record)| Consumer::new(name, record, base);
        let consumers = consumers.into_iter().map(consumer).collect();
        let counters = base.map(|base| base.counters.clone()).unwrap_or_default();
        let events = base.map(|base| base.events.clone()).unwrap_or_default();
        let scaling = base.map(|base| base.scaling.clone()).unwrap_or_default();
        let turn = base.map(|base| base.turn.clone()).unwrap_or_default();
        let before = base.map(|base| (&base.record.policy, &base.policy));
        let policy = policy(&key.name, &record.policy, before);
        let stream =
            Self { key, record, shards, open, consumers, policy, counters, events, scaling, turn };
        stream.assert_covers_the_hash_space();
        stream
    }

    fn assert_covers_the_hash_space(&self) {
        let ranges = self.open_shards().map(|shard| Some(shard.record.range));
        let all = ranges.reduce(|left, right| left?.merge(right?));
        let name = &self.key.name;
        match all {
            None => assert!(self.shards.is_empty(), "stream {name} has only closed shards"),
            Some(all) => {
                assert_eq!(all, Some(HashKeyRange::WHOLE), "open shards of stream {name}");
            }
        }
    }

    pub(crate) fn arn(&self) -> StreamArn {
        self.key.arn()
    }

    /// What records are sealed with now, if they are.
    pub(crate) fn data_key(&self) -> Option<u64> {
        self.record.encryption.as_ref().map(|encryption| encryption.data_key)
    }

    pub(crate) fn status(&self) -> Status {
        match self.record.pending.as_ref().map(|pending| &pending.change) {
            None => Status::Active,
            Some(Change::Create { .. }) => Status::Creating,
            Some(Change::Delete) => Status::Deleting,
            Some(
                Change::Split { .. }
                | Change::Merge { .. }
                | Change::Scale { .. }
                | Change::Grow { .. }
                | Change::Adapt { .. }
                | Change::Encrypt { .. }
                | Change::Configure { .. },
            ) => Status::Updating,
        }
    }

    pub(crate) fn shard(&self, id: ShardId) -> Option<&Shard> {
        let found = self.shards.binary_search_by_key(&id, |shard| shard.id);
        found.ok().map(|index| &self.shards[index])
    }

    pub(crate) fn consumer(&self, name: &ConsumerName) -> Option<&Consumer> {
        let found = self.consumers.binary_search_by(|consumer| consumer.name.cmp(name));
        found.ok().map(|index| &self.consumers[index])
    }

    /// Where a consumer is in its life, which ends with the stream's.
    pub(crate) fn consumer_status(&self, consumer: &Consumer) -> Status {
        match consumer.record.pending.as_ref().map(|pending| pending.change) {
            _ if self.status() == Status::Deleting => Status::Deleting,
            None => Status::Active,
            Some(ConsumerChange::Register) => Status::Creating,
            Some(ConsumerChange::Deregister) => Status::Deleting,
        }
    }

    pub(crate) fn consumer_arn(&self, consumer: &Consumer) -> ConsumerArn {
        ConsumerArn::new(self.arn(), consumer.name.clone(), consumer.record.created)
    }

    /// The open shards, in the order of their hash keys.
    pub(crate) fn open_shards(&self) -> impl ExactSizeIterator<Item = &Shard> {
        self.open.iter().map(|index| &self.shards[*index as usize])
    }

    /// What the open shards take, in MiB per second.
    pub(crate) fn open_mibps(&self) -> u32 {
        (self.open.len() as u32).saturating_mul(WARM_MIBPS_PER_SHARD)
    }

    /// A hash key of the next open shard in turn, so that records spread evenly over the shards,
    /// and over the keys of each; there must be open shards.
    pub(crate) fn next_even_key(&self) -> HashKey {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let shards = self.open.len() as u64;
        let range = self.shards[self.open[(turn % shards) as usize] as usize].record.range;
        // Multiples of the golden ratio fall evenly, however many of them there are.
        let fraction = u128::from((turn / shards).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let last = range.end().get() - range.start().get();
        let within = (last >> 64) * fraction + (((last & u128::from(u64::MAX)) * fraction) >> 64);
        HashKey::new(range.start().get() + within)
    }

    /// Where in `shards` the open shard is that owns `key`; there must be open shards.
    pub(crate) fn route(&self, key: HashKey) -> usize {
        let start = |index: &u32| self.shards[*index as usize].record.range.start();
        let after = self.open.partition_point(|index| start(index) <= key);
        self.open[after - 1] as usize
    }

    /// The shards that continue a closed one.
    pub(crate) fn children(&self, parent: ShardId) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(move |shard| shard.record.is_child_of(parent))
    }

    /// Records that arrived before it are not kept.
    pub(crate) fn horizon(&self, now: Timestamp) -> Timestamp {
        self.record.horizon(now)
    }

    /// The shards that can still have records, in the order of their ids.
    pub(crate) fn visible_shards(&self, now: Timestamp) -> impl Iterator<Item = &Shard> {
        let horizon = self.horizon(now);
        self.shards.iter().filter(move |shard| shard.is_visible(horizon))
    }

    /// Open shards, or those that it is created with.
    fn promised_shards(&self) -> u32 {
        match self.record.pending.as_ref().map(|pending| &pending.change) {
            Some(Change::Create { shards }) => shards.get(),
            Some(Change::Scale { target }) => target.get().max(self.open.len() as u32),
            Some(Change::Split { .. }) => self.open.len() as u32 + 1,
            _ => self.open.len() as u32,
        }
    }
}

impl Consumer {
    fn new(name: ConsumerName, record: ConsumerRecord, base: Option<&Stream>) -> Self {
        let known = base.and_then(|base| base.consumer(&name));
        let before = known.map(|known| (&known.record.policy, &known.policy));
        let policy = policy(&name, &record.policy, before);
        let same = known.filter(|known| known.record.incarnation == record.incarnation);
        let live = same.map(|known| known.live.clone()).unwrap_or_default();
        Self { name, record, policy, live }
    }
}

impl Shard {
    /// Not when it closed so long ago that none of its records is kept.
    pub(crate) fn is_visible(&self, horizon: Timestamp) -> bool {
        self.record.closed.is_none_or(|closed| closed >= horizon)
    }

    /// What the shard needs as soon as somebody uses it.
    pub(crate) fn live(&self, storage: &Storage) -> &Live {
        self.slot.live(|| storage.log(self.record.log))
    }

    /// The same, only if somebody has used it.
    pub(crate) fn used(&self) -> Option<&Live> {
        self.slot.used()
    }
}

/// What a document says, or what it said before if it is the same.
fn policy(
    of: &dyn std::fmt::Display,
    document: &Option<String>,
    before: Option<(&Option<String>, &Option<Arc<Policy>>)>,
) -> Option<Arc<Policy>> {
    if let Some((_, policy)) = before.filter(|(before, _)| *before == document) {
        return policy.clone();
    }
    let read = Policy::parse(document.as_deref()?, PolicyKind::Resource);
    Some(Arc::new(read.unwrap_or_else(|malformed| {
        // It was read before it was put. Whatever it meant, it allows nothing now.
        tracing::error!(%of, %malformed, "a policy cannot be read any more");
        Policy::nobody()
    })))
}

fn foreign(key: &[u8]) -> Error {
    Error::Corrupt(format!("the key {} is of no kind", key.escape_ascii()))
}
