//! Brings records to the shards that own their hash keys, and every result back to its record.
//!
//! Invariants: each record gets exactly one outcome, and a record is written at most once. A
//! record whose shard was closed meanwhile waits for the version of the catalog that has the
//! children; never longer than [`MOVED_WAIT`].

use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use model::{HashKey, SequenceNumber, ShardId};
use runtime::Clock;
use security::KeyRing;
use storage::{Permit, Storage};
use tokio::time::Instant;

use crate::catalog::{Catalog, Snapshot, Stream};
use crate::config::Mode;
use crate::error::{Error, Result};
use crate::shard::sealing::Sealing;
use crate::shard::writer::{self, Destination, Put, Written};

/// How long a record may wait for the children of a shard that was just closed.
const MOVED_WAIT: Duration = Duration::from_secs(5);

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is durable.
    Written { shard: ShardId, number: SequenceNumber },
    /// The shard had no throughput left; nothing happened.
    Throttled { shard: ShardId },
    /// It was not written, or nobody knows.
    Failed,
}

/// What a put needs of the node.
pub(crate) struct Router<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) storage: &'a Storage,
    pub(crate) keys: &'a KeyRing,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) mode: Mode,
    /// The ARN of who puts.
    pub(crate) principal: &'a str,
}

/// The records of one shard, and the part of them that was written.
struct Group<'g> {
    /// Where in the stream's shards it is.
    shard: usize,
    members: &'g [(u32, u32)],
    admitted: Vec<bool>,
    written: Option<Written>,
}

/// Where the hash space puts a partition key.
pub(crate) fn hash_of(partition_key: &str) -> HashKey {
    HashKey::new(u128::from_be_bytes(Md5::digest(partition_key).into()))
}

impl Router<'_> {
    /// Puts `records` into `stream` as `snapshot` has it. Outcomes are in the order of the records.
    pub(crate) async fn put(
        &self,
        mut snapshot: Arc<Snapshot>,
        mut stream: Arc<Stream>,
        records: &[Put<'_>],
    ) -> Vec<Outcome> {
        let deadline = Instant::now() + MOVED_WAIT;
        let mut outcomes = vec![Outcome::Failed; records.len()];
        let mut waiting: Vec<u32> = (0..records.len() as u32).collect();
        loop {
            waiting = match self.round(&stream, records, &waiting, &mut outcomes).await {
                Ok(moved) => moved,
                Err(error) => {
                    tracing::warn!(stream = %stream.key.name, %error, "a put failed");
                    return outcomes;
                }
            };
            if waiting.is_empty() {
                return outcomes;
            }
            match self.next_version(&snapshot, &stream, deadline).await {
                Ok(next) => (snapshot, stream) = next,
                Err(error) => {
                    tracing::warn!(stream = %stream.key.name, %error, "a put gave up");
                    return outcomes;
                }
            }
        }
    }

    /// Tries the records `waiting` once, and answers those that met a closed shard.
    async fn round(
        &self,
        stream: &Stream,
        records: &[Put<'_>],
        waiting: &[u32],
        outcomes: &mut [Outcome],
    ) -> Result<Vec<u32>> {
        let cost = waiting.iter().map(|record| records[*record as usize].cost()).sum();
        let mut permit = self.storage.admit(cost).await?;
        let mut routed: Vec<(u32, u32)> = waiting
            .iter()
            .map(|record| (stream.route(records[*record as usize].hash) as u32, *record))
            .collect();
        // By shard, and within a shard in the order of the request.
        routed.sort_unstable();
        let mut moved = Vec::new();
        let mut groups = Vec::new();
        for members in routed.chunk_by(|a, b| a.0 == b.0) {
            match self.write(stream, records, members, &mut permit) {
                Ok(group) => groups.push(group),
                Err(Error::Storage(storage::Error::Sealed(_))) => {
                    moved.extend(members.iter().map(|(_, record)| *record));
                }
                Err(error) => tracing::warn!(stream = %stream.key.name, %error, "a put failed"),
            }
        }
        drop(permit);
        for group in groups {
            self.finish(stream, group, outcomes).await;
        }
        Ok(moved)
    }

    fn write<'g>(
        &self,
        stream: &Stream,
        records: &[Put<'_>],
        members: &'g [(u32, u32)],
        permit: &mut Permit,
    ) -> Result<Group<'g>> {
        let shard = members[0].0 as usize;
        let puts: Vec<_> = members.iter().map(|(_, record)| records[*record as usize]).collect();
        let in_shard = &stream.shards[shard];
        let destination = Destination {
            stream,
            shard: in_shard,
            storage: self.storage,
            sealing: Sealing::of(stream, in_shard, self.keys)?,
            mode: self.mode,
            now: self.clock.now(),
            principal: self.principal,
        };
        let (written, admitted) = writer::write(&destination, permit, &puts)?;
        Ok(Group { shard, members, admitted, written })
    }

    /// Waits until a group is durable and tells its outcomes.
    async fn finish(&self, stream: &Stream, group: Group<'_>, outcomes: &mut [Outcome]) {
        let shard = &stream.shards[group.shard];
        let durable = match group.written {
            Some(written) => match written.durable().await {
                Ok(durable) => {
                    let counters = &shard.live(self.storage).counters;
                    counters.incoming_records.add(durable.records as u64);
                    counters.incoming_bytes.add(durable.bytes as u64);
                    stream.counters.incoming_records.add(durable.records as u64);
                    stream.counters.incoming_bytes.add(durable.bytes as u64);
                    Some(durable)
                }
                Err(error) => {
                    let stream = &stream.key.name;
                    let what = "a put is of unknown outcome";
                    tracing::error!(%stream, shard = %shard.id, %error, what);
                    None
                }
            },
            None => None,
        };
        let mut nth = 0..;
        for ((_, record), admitted) in group.members.iter().zip(group.admitted) {
            outcomes[*record as usize] = match &durable {
                _ if !admitted => Outcome::Throttled { shard: shard.id },
                Some(durable) => {
                    let number = durable.number(shard, nth.next().unwrap_or_default());
                    Outcome::Written { shard: shard.id, number }
                }
                None => Outcome::Failed,
            };
        }
    }

    /// The stream in a version after that of `seen`.
    async fn next_version(
        &self,
        seen: &Snapshot,
        stream: &Stream,
        deadline: Instant,
    ) -> Result<(Arc<Snapshot>, Arc<Stream>)> {
        let gone = || Error::Moved(stream.key.name.to_string());
        let changed = tokio::time::timeout_at(deadline, self.catalog.changed_since(seen)).await;
        changed.map_err(|_| gone())??;
        let snapshot = self.catalog.snapshot();
        let next = snapshot.same_stream(&stream.key, stream.record.incarnation).cloned();
        next.map(|next| (snapshot, next)).ok_or_else(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_key_falls_where_its_md5_says() {
        // MD5("partitionKey-1") read as a number, from an independent implementation.
        assert_eq!(hash_of("").to_string(), "281949768489412648962353822266799178366");
        assert_eq!(hash_of("a").to_string(), "16955237001963240173058271559858726497");
    }
}
