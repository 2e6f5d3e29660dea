//! One shard at work: what it takes, what it gives, and how fast.
//!
//! Invariants: sequence numbers rise strictly within a shard, because a number's index is the
//! record's offset in the log. Arrival times never go back. Throttling decides before sequencing:
//! a refused entry leaves no trace. An idle shard costs an empty [`Slot`] and nothing else.

pub(crate) mod cursor;
pub(crate) mod events;
pub(crate) mod fanout;
pub(crate) mod iterator;
pub(crate) mod load;
mod payload;
pub(crate) mod sealing;
pub(crate) mod throttle;
pub(crate) mod writer;

use std::sync::{OnceLock, Weak};

use parking_lot::Mutex;
use storage::Log;

use crate::metrics::ShardCounters;
use fanout::SharedEvents;
use load::Load;
use throttle::{ReadThrottle, WriteThrottle};

/// The place of a shard's [`Live`], which outlives versions of the catalog.
#[derive(Default)]
pub(crate) struct Slot(OnceLock<Box<Live>>);

/// What a shard has once it is used.
pub(crate) struct Live {
    pub(crate) log: Log,
    pub(crate) writes: Mutex<WriteThrottle>,
    pub(crate) reads: Mutex<ReadThrottle>,
    pub(crate) load: Mutex<Load>,
    pub(crate) counters: ShardCounters,
    /// What subscribers of the shard share while there are any.
    pub(crate) shared_events: Mutex<Weak<SharedEvents>>,
}

impl Slot {
    pub(crate) fn live(&self, log: impl FnOnce() -> Log) -> &Live {
        self.0.get_or_init(|| {
            Box::new(Live {
                log: log(),
                writes: Mutex::default(),
                reads: Mutex::default(),
                load: Mutex::default(),
                counters: ShardCounters::default(),
                shared_events: Mutex::default(),
            })
        })
    }

    pub(crate) fn used(&self) -> Option<&Live> {
        self.0.get().map(Box::as_ref)
    }
}
