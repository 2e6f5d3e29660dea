//! Changes to the catalog that take effect together.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use model::{AccountId, ConsumerName, Region, ShardId};
use storage::{Change, LogId, Offset};

use super::record::{
    self, AccountRecord, ConsumerRecord, Incarnation, NODE_KEY, NodeRecord, ShardRecord, StreamKey,
    StreamRecord,
};
use super::scaling::Scaling;
use super::snapshot::{Snapshot, Stream};

/// What one decision changes. Nothing of it is visible before all of it is durable.
pub(crate) struct Edit {
    node: NodeRecord,
    streams: BTreeMap<StreamKey, StreamEdit>,
    accounts: BTreeMap<(AccountId, Region), AccountRecord>,
}

/// What it changes in one stream.
#[derive(Default)]
struct StreamEdit {
    record: Option<StreamRecord>,
    removed: bool,
    scaling: Option<Scaling>,
    /// `None` removes the shard.
    shards: BTreeMap<ShardId, Option<ShardRecord>>,
    /// `None` removes the consumer.
    consumers: BTreeMap<ConsumerName, Option<ConsumerRecord>>,
}

impl Edit {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let (streams, accounts) = (BTreeMap::new(), BTreeMap::new());
        Self { node: snapshot.node.clone(), streams, accounts }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.accounts.is_empty()
    }

    /// An id that no stream or consumer had before.
    pub(crate) fn new_incarnation(&mut self) -> Incarnation {
        Incarnation(self.new_id())
    }

    /// A log that no shard had before.
    pub(crate) fn new_log(&mut self) -> LogId {
        LogId(self.new_id())
    }

    fn new_id(&mut self) -> u64 {
        let id = self.node.next_id;
        self.node.next_id += 1;
        id
    }

    pub(crate) fn put_account(&mut self, of: (AccountId, Region), record: AccountRecord) {
        self.accounts.insert(of, record);
    }

    pub(crate) fn put_stream(&mut self, key: &StreamKey, record: StreamRecord) {
        self.of(key).record = Some(record);
    }

    pub(crate) fn put_scaling(&mut self, key: &StreamKey, scaling: Scaling) {
        self.of(key).scaling = Some(scaling);
    }

    /// Removes the stream, its shards and its consumers.
    pub(crate) fn remove_stream(&mut self, key: &StreamKey) {
        self.of(key).removed = true;
    }

    pub(crate) fn put_shard(&mut self, key: &StreamKey, id: ShardId, record: ShardRecord) {
        self.of(key).shards.insert(id, Some(record));
    }

    pub(crate) fn remove_shard(&mut self, key: &StreamKey, id: ShardId) {
        self.of(key).shards.insert(id, None);
    }

    pub(crate) fn put_consumer(
        &mut self,
        key: &StreamKey,
        name: &ConsumerName,
        record: ConsumerRecord,
    ) {
        self.of(key).consumers.insert(name.clone(), Some(record));
    }

    pub(crate) fn remove_consumer(&mut self, key: &StreamKey, name: &ConsumerName) {
        self.of(key).consumers.insert(name.clone(), None);
    }

    fn of(&mut self, key: &StreamKey) -> &mut StreamEdit {
        self.streams.entry(key.clone()).or_default()
    }

    /// What it changes in the table.
    pub(super) fn changes(&self, on: &Snapshot) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.node != on.node {
            changes.push(put(Bytes::from_static(NODE_KEY), &self.node));
        }
        changes.extend(self.accounts.iter().map(|(of, to)| put(record::account_key(of), to)));
        for (key, edit) in &self.streams {
            let before = on.stream(key);
            let record = edit.record.as_ref().or(before.map(|stream| &stream.record));
            let Some(incarnation) = record.map(|record| record.incarnation) else { continue };
            let delete_shard = |id| Change::Delete { key: record::shard_key(incarnation, id) };
            let delete_consumer =
                |name| Change::Delete { key: record::consumer_key(incarnation, name) };
            if edit.removed {
                changes.push(Change::Delete { key: key.table_key() });
                changes.push(Change::Delete { key: record::scaling_key(incarnation) });
                let shards = before.map_or(&[][..], |stream| &stream.shards);
                changes.extend(shards.iter().map(|shard| delete_shard(shard.id)));
                let consumers = before.map_or(&[][..], |stream| &stream.consumers);
                changes.extend(consumers.iter().map(|consumer| delete_consumer(&consumer.name)));
                continue;
            }
            changes.extend(edit.record.as_ref().map(|record| put(key.table_key(), record)));
            let scaling = edit.scaling.as_ref();
            changes.extend(scaling.map(|to| put(record::scaling_key(incarnation), to)));
            changes.extend(edit.shards.iter().map(|(id, shard)| match shard {
                Some(shard) => put(record::shard_key(incarnation, *id), shard),
                None => delete_shard(*id),
            }));
            changes.extend(edit.consumers.iter().map(|(name, consumer)| match consumer {
                Some(consumer) => put(record::consumer_key(incarnation, name), consumer),
                None => delete_consumer(name),
            }));
        }
        changes
    }

    /// The snapshot after it, once the table is at `version`.
    pub(super) fn apply(self, on: &Snapshot, version: Offset) -> Snapshot {
        let mut streams = on.streams.clone();
        for (key, edit) in self.streams {
            let before = streams.remove(&key);
            if let Some(stream) = edit.apply(&key, before.as_deref()) {
                streams.insert(key, Arc::new(stream));
            }
        }
        let mut accounts = on.accounts.clone();
        accounts.extend(self.accounts);
        Snapshot { version, node: self.node, streams, accounts }
    }
}

impl StreamEdit {
    fn apply(self, key: &StreamKey, before: Option<&Stream>) -> Option<Stream> {
        if self.removed {
            return None;
        }
        let record = self.record.or_else(|| before.map(|stream| stream.record.clone()))?;
        let kept = before.into_iter().flat_map(|stream| &stream.shards);
        let kept = kept.filter(|shard| !self.shards.contains_key(&shard.id));
        let mut shards: Vec<_> = kept.map(|shard| (shard.id, shard.record)).collect();
        shards.extend(self.shards.iter().filter_map(|(id, record)| Some((*id, (*record)?))));
        let kept = before.into_iter().flat_map(|stream| &stream.consumers);
        let kept = kept.filter(|consumer| !self.consumers.contains_key(&consumer.name));
        let mut consumers: Vec<_> =
            kept.map(|consumer| (consumer.name.clone(), consumer.record.clone())).collect();
        consumers.extend(self.consumers.into_iter().filter_map(|(n, record)| Some((n, record?))));
        let mut stream = Stream::new(key.clone(), record, before, shards, consumers);
        if let Some(scaling) = self.scaling {
            stream.scaling = Arc::new(scaling);
        }
        Some(stream)
    }
}

fn put<T: minicbor::Encode<()>>(key: Bytes, record: &T) -> Change {
    Change::Put { key, value: record::encode(record) }
}
