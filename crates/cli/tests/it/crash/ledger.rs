//! What was sent, what became of it, and what must be there.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fastrand::Rng;
use model::{SequenceNumber, Timestamp};

const BATCH_MAX: u64 = 20;
const RECORD_BYTES_MAX: u64 = 6000;
const KEYS_PER_WRITER: u64 = 4;

/// A partition key, and the counter of its records.
pub(crate) type Id = (String, u64);

/// Shard and sequence number.
pub(crate) type Place = (String, SequenceNumber);

/// What a stream shows: every record by shard and number.
pub(crate) type Shards = BTreeMap<String, BTreeMap<SequenceNumber, Id>>;

/// The same, and the counters of each key in the order in which they came.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) shards: Shards,
    pub(crate) keys: BTreeMap<String, Vec<u64>>,
}

/// What became of a record that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// The answer did not arrive, or did not say.
    Unknown,
    /// It was acknowledged, or seen: it must stay until it expires.
    At(Place),
    /// It was not there after a restart: it must not come back.
    Lost,
}

struct Sent {
    fate: Fate,
    /// The answer came before the writer's next record was sent.
    acknowledged: bool,
    /// When it arrived, as far as is known.
    first: Timestamp,
    last: Timestamp,
}

/// Before when everything must have expired, and from when on nothing may have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Horizon {
    pub(crate) gone_before: Timestamp,
    pub(crate) kept_from: Timestamp,
}

impl Horizon {
    /// Retention was `hours` from `first` to `last`. What expired once does not come back.
    pub(crate) fn advance(&mut self, hours: i32, (first, last): (Timestamp, Timestamp)) {
        let millis = u64::try_from(hours).unwrap() * 3_600_000;
        self.gone_before = self.gone_before.max(first.minus_millis(millis));
        self.kept_from = self.kept_from.max(last.minus_millis(millis));
    }
}

/// Every record that was ever sent to a stream and is not known to have expired.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    next: BTreeMap<String, u64>,
    sent: BTreeMap<Id, Sent>,
}

impl Ledger {
    /// New records of a writer's keys, which count from 0; they are sent at `now` or later.
    pub(crate) fn next_batch(&self, writer: usize, now: Timestamp, chance: &mut Rng) -> Vec<Id> {
        let mut inner = self.0.lock().unwrap();
        let mut batch = Vec::new();
        for _ in 0..1 + chance.u64(..BATCH_MAX) {
            let key = format!("{writer}-{}", chance.u64(..KEYS_PER_WRITER));
            let next = inner.next.entry(key.clone()).or_default();
            let id = (key, *next);
            *next += 1;
            let last = Timestamp::from_millis(u64::MAX);
            let fate = Fate::Unknown;
            inner.sent.insert(id.clone(), Sent { fate, acknowledged: false, first: now, last });
            batch.push(id);
        }
        batch
    }

    /// It was acknowledged, which arrived at `now`.
    pub(crate) fn acknowledge(&self, id: &Id, place: Place, now: Timestamp) {
        let mut inner = self.0.lock().unwrap();
        let sent = inner.sent.get_mut(id).unwrap();
        *sent = Sent { fate: Fate::At(place), acknowledged: true, first: sent.first, last: now };
    }

    /// Compares what is there with what was sent. Nobody has written since `now`.
    pub(crate) fn verify(&self, listing: &Listing, horizon: Horizon, now: Timestamp) {
        let mut seen = BTreeMap::new();
        for (shard, records) in &listing.shards {
            for (number, id) in records {
                let twice = seen.insert(id.clone(), (shard.clone(), *number));
                assert_eq!(twice, None, "{id:?} is there twice");
            }
        }
        let mut inner = self.0.lock().unwrap();
        inner.sent.retain(|id, sent| {
            sent.last = sent.last.min(now);
            let found = seen.remove(id);
            if sent.last < horizon.gone_before {
                assert_eq!(found, None, "{id:?} has expired");
                return false;
            }
            if found.is_none() && sent.first < horizon.kept_from {
                return false;
            }
            sent.fate = sent.fate.clone().after(found, id);
            true
        });
        assert!(seen.is_empty(), "{seen:?} were never sent, or were refused, or have expired");
        inner.verify_order(&listing.keys);
    }

    /// What must be there, as far as it has not expired, and where.
    pub(crate) fn acknowledged(&self) -> Vec<(Id, Place)> {
        let inner = self.0.lock().unwrap();
        let place = |(id, sent): (&Id, &Sent)| match &sent.fate {
            Fate::At(place) => Some((id.clone(), place.clone())),
            Fate::Unknown | Fate::Lost => None,
        };
        inner.sent.iter().filter_map(place).collect()
    }
}

impl Inner {
    /// A call that was given up may be carried out after the next one; others may not.
    fn verify_order(&self, keys: &BTreeMap<String, Vec<u64>>) {
        for (key, counters) in keys {
            let is_acknowledged = |counter: &&u64| {
                self.sent.get(&(key.clone(), **counter)).is_some_and(|sent| sent.acknowledged)
            };
            let told: Vec<_> = counters.iter().filter(is_acknowledged).collect();
            assert!(told.is_sorted(), "{key:?} is out of order: {told:?}");
        }
    }
}

impl Fate {
    fn after(self, found: Option<Place>, id: &Id) -> Self {
        match (self, found) {
            (Self::At(place), found) => {
                assert_eq!(found.as_ref(), Some(&place), "{id:?} is not where it was");
                Self::At(place)
            }
            (Self::Unknown, Some(place)) => Self::At(place),
            (Self::Unknown | Self::Lost, None) => Self::Lost,
            (Self::Lost, Some(_)) => panic!("{id:?} was not there before and is there now"),
        }
    }
}

/// The bytes of a record follow from its name.
pub(crate) fn data_of((key, counter): &Id) -> Vec<u8> {
    let seed = key.bytes().fold(*counter, |seed, byte| seed.wrapping_mul(257) + u64::from(byte));
    let mut chance = Rng::with_seed(seed);
    let mut data = format!("{key} {counter} ").into_bytes();
    data.resize_with(data.len() + chance.u64(..RECORD_BYTES_MAX) as usize, || chance.u8(..));
    data
}

/// The name of a record as its bytes tell it, which must be its own bytes.
pub(crate) fn id_of(partition_key: &str, data: &[u8]) -> Id {
    let mut words = data.splitn(3, |byte| *byte == b' ');
    let mut word = || String::from_utf8_lossy(words.next().unwrap()).into_owned();
    let id = (word(), word().parse().unwrap());
    assert_eq!(id.0, partition_key);
    assert!(data == data_of(&id), "{id:?} was changed");
    id
}
