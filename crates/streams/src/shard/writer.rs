//! Puts records into one shard's log: throttle, number, append, in this order and nowhere else.
//!
//! There is no task per shard. Storage orders the appends of a log, so the writer is this
//! function; it never waits, and the caller awaits the commit.

use model::{HashKey, SequenceNumber, Timestamp};
use storage::{Commit, ENTRY_OVERHEAD, Permit, Storage};

use super::events::Throttled;
use super::sealing::Sealing;
use super::{Live, payload};
use crate::catalog::{Shard, Stream};
use crate::config::Mode;
use crate::error::Result;

/// A record to put.
#[derive(Clone, Copy)]
pub(crate) struct Put<'a> {
    /// Where in the hash space it belongs.
    pub(crate) hash: HashKey,
    /// Absent only where records are spread evenly.
    pub(crate) key: Option<&'a str>,
    pub(crate) data: &'a [u8],
}

/// What the log took of a group, not yet durable.
pub(crate) struct Written {
    commit: Commit,
    records: usize,
    bytes: usize,
}

/// What became durable.
pub(crate) struct Durable {
    /// The offset of the first record.
    base: u64,
    /// When all of them arrived.
    time: Timestamp,
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Put<'_> {
    /// What AWS counts: data and partition key.
    pub(crate) fn bytes(&self) -> usize {
        self.key.map_or(0, str::len) + self.data.len()
    }

    /// What its append needs of a permit.
    pub(crate) fn cost(&self) -> usize {
        self.bytes() + payload::OVERHEAD_BYTES_MAX + ENTRY_OVERHEAD
    }
}

/// Where puts go, for whom, and when.
pub(crate) struct Destination<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) shard: &'a Shard,
    pub(crate) storage: &'a Storage,
    /// What seals records on the way, if the stream is encrypted.
    pub(crate) sealing: Option<Sealing>,
    pub(crate) mode: Mode,
    pub(crate) now: Timestamp,
    /// The ARN of who puts.
    pub(crate) principal: &'a str,
}

/// Appends the records of `puts` that the shard's throughput allows, and tells of each one
/// whether it was: the `n`th admitted one has the `n`th number of what was written.
pub(crate) fn write(
    to: &Destination<'_>,
    permit: &mut Permit,
    puts: &[Put<'_>],
) -> Result<(Option<Written>, Vec<bool>)> {
    let live = to.shard.live(to.storage);
    let Decided { admitted, within } = throttle(to, live, puts);
    let taken = || puts.iter().zip(&admitted).filter_map(|(put, admitted)| admitted.then_some(put));
    let (records, bytes) = taken().fold((0, 0), |(n, sum), put| (n + 1, sum + put.bytes()));
    live.counters.writes_throttled.add((puts.len() - records) as u64);
    if records == 0 {
        return Ok((None, admitted));
    }
    // A child's records are not earlier than its parents', even if the clock stepped back.
    let time = to.now.max(to.shard.record.opened);
    let mut batch = permit.batch(time, bytes + records * (payload::OVERHEAD_BYTES_MAX + 5));
    for put in taken() {
        payload::push(&mut batch, put.key, put.data, to.sealing.as_ref());
    }
    match live.log.append(permit, batch) {
        Ok(commit) => Ok((Some(Written { commit, records, bytes }), admitted)),
        Err(error) => {
            live.writes.lock().give_back(within.0, within.1);
            Err(error.into())
        }
    }
}

/// Who may be written.
struct Decided {
    admitted: Vec<bool>,
    /// The bytes and records that the throttle was charged for.
    within: (usize, usize),
}

/// Decides in both modes the same; what is over is refused in one and let through in the other,
/// and is charged for in none. Takes note of every record either way.
fn throttle(to: &Destination<'_>, live: &Live, puts: &[Put<'_>]) -> Decided {
    let Destination { stream, shard, mode, now, principal, .. } = *to;
    let (mut writes, mut load) = (live.writes.lock(), live.load.lock());
    load.tick(now);
    let mut decided = Decided { admitted: Vec::with_capacity(puts.len()), within: (0, 0) };
    for put in puts {
        let bytes = put.bytes();
        let taken = writes.take(bytes, now);
        load.offer(shard.record.range, put.hash, put.key, bytes, taken.is_ok());
        let refused = taken.is_err() && mode == Mode::Aws;
        match taken {
            Ok(()) => {
                decided.within.0 += bytes;
                decided.within.1 += 1;
            }
            Err(limit) => {
                let hash = Some(put.hash);
                let throttled = Throttled { shard: shard.id, limit, refused, principal, hash };
                stream.events.note(now, throttled);
                stream.counters.writes_over_rate.add(u64::from(!refused));
            }
        }
        decided.admitted.push(!refused);
    }
    decided
}

impl Written {
    /// Waits until the records are durable.
    pub(crate) async fn durable(self) -> Result<Durable> {
        let Self { commit, records, bytes } = self;
        let (base, time) = (commit.base.0, commit.time);
        commit.durable().await?;
        Ok(Durable { base, time, records, bytes })
    }
}

impl Durable {
    /// The number of the `n`th record that was written.
    pub(crate) fn number(&self, shard: &Shard, n: usize) -> SequenceNumber {
        SequenceNumber::new(shard.id, shard.record.created, self.base + n as u64, self.time)
    }
}
