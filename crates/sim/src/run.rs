//! One run of the scenario: what its actors share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Error, Result, bail};
use runtime::Clock;

use crate::checkers::lineage::Lineage;
use crate::checkers::reads::Call;
use crate::checkers::throttle::Refusal;
use crate::faults::Profile;
use crate::history::History;
use crate::retention::Retention;
use crate::trace::Trace;
use crate::world::SimWorld;

/// The one stream that everything is about.
pub(crate) const STREAM: &str = "river";

/// What actors share. Clones are the same run.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) world: SimWorld,
    pub(crate) profile: Arc<Profile>,
    pub(crate) trace: Trace,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    history: Mutex<History>,
    lineage: Mutex<Lineage>,
    retention: Mutex<Retention>,
    refusals: Mutex<Vec<Refusal>>,
    reads: Mutex<Vec<Call>>,
    starts: AtomicU64,
    violation: Mutex<Option<Error>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    pub(crate) fn new(seed: u64) -> Self {
        let (world, trace) = (SimWorld::new(seed), Trace::start());
        let profile = Arc::new(Profile::draw(&world.entropy));
        trace.event(format_args!("seed {seed}, {profile}"));
        Self { world, profile, trace, shared: Arc::default() }
    }

    /// The history, after taking note of what may have expired by now.
    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        let horizon = lock(&self.shared.retention).horizon(self.world.clock.now());
        let mut history = lock(&self.shared.history);
        history.expire(horizon);
        history
    }

    pub(crate) fn lineage(&self) -> MutexGuard<'_, Lineage> {
        lock(&self.shared.lineage)
    }

    /// What the shards refused since the last call.
    pub(crate) fn refusals(&self) -> MutexGuard<'_, Vec<Refusal>> {
        lock(&self.shared.refusals)
    }

    /// The GetRecords calls of everybody.
    pub(crate) fn reads(&self) -> MutexGuard<'_, Vec<Call>> {
        lock(&self.shared.reads)
    }

    /// Takes note that the node is started.
    pub(crate) fn starts(&self) {
        self.shared.starts.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the node was started.
    pub(crate) fn started(&self) -> u64 {
        self.shared.starts.load(Ordering::Relaxed)
    }

    /// Retention as it may be, after taking note of what may have expired under it so far.
    pub(crate) fn retention(&self) -> MutexGuard<'_, Retention> {
        drop(self.history());
        lock(&self.shared.retention)
    }

    /// Takes note that a promise was broken; the first one counts.
    pub(crate) fn require(&self, kept: Result<()>) {
        if let Err(broken) = kept {
            self.trace.event(format_args!("broken: {broken:#}"));
            lock(&self.shared.violation).get_or_insert(broken);
        }
    }

    /// The first promise that was broken.
    pub(crate) fn verdict(&self) -> Result<()> {
        match lock(&self.shared.violation).take() {
            Some(broken) => bail!(broken),
            None => Ok(()),
        }
    }
}
