//! Streams: which exist, which shards they have, and how records get in and out.
//!
//! ```text
//!  put ── service ── router ── shard::writer ── storage log ── shard::cursor ── service ── get
//!                      │            (throttle, number, append)       │
//!                      └──────────── catalog snapshot ───────────────┘
//!                                          ▲
//!  control plane ── service ── control ── catalog task ── storage table
//! ```
//!
//! What this is not: it knows no HTTP, no files, no signatures.
//!
//! # Invariants
//!
//! - In every version of the catalog the open shards of a stream cover the hash space exactly
//!   once; a switch is one transaction, after the parents are sealed.
//! - Sequence numbers rise strictly within a shard and from parent to child, whatever the clock
//!   does. The index in a number is the offset in the shard's log.
//! - Throttling decides before sequencing: a refused entry leaves no trace.
//! - A control step may be repeated, or cut anywhere.
//! - Streams are isolated by account and region.
//! - An idle shard costs a record in the catalog: no task, no buffer, no metric.

mod catalog;
mod config;
mod control;
mod error;
mod metrics;
mod router;
mod sealed;
mod service;
mod shard;
mod system;

use std::sync::Arc;

use runtime::{Clock, Entropy, Meters, Policy, Tasks};
use security::KeyRing;
use storage::Storage;

use catalog::Catalog;
use control::quotas::Quotas;
use control::rates::Rates;
use control::{Control, Rules};
use sealed::Sealer;

/// Doors for the fuzzer to what is read from the catalog and from tokens.
#[doc(hidden)]
pub mod fuzz {
    pub use crate::catalog::fuzz::row;
    pub use crate::service::fuzz::token;
}

pub use config::{Config, Fanout, Limits, Mode};
pub use error::{Error, Result};
pub use service::{KeyUse, Subject};
pub use system::{Newest, SystemStream, is_reserved};

/// What streams are made of.
pub struct Parts {
    /// Where records and the catalog are.
    pub storage: Storage,
    /// The keys that encrypt.
    pub keys: KeyRing,
    /// For arrival times and everything that expires.
    pub clock: Arc<dyn Clock>,
    /// For the key of tokens and their nonces.
    pub entropy: Arc<dyn Entropy>,
    /// For the catalog's task and the reconcilers.
    pub tasks: Tasks,
    /// For the metrics.
    pub meters: Meters,
}

/// All streams of a node; carries out the operations as [`wire::Handlers`]. Cheap to clone.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

struct Inner {
    control: Control,
    rates: Rates,
    sealer: Sealer,
    fanout: Fanout,
}

impl Streams {
    /// Loads the catalog and starts the reconcilers; what was pending when the node stopped is
    /// completed by and by.
    pub async fn start(
        config: Config,
        limits: Limits,
        fanout: Fanout,
        parts: Parts,
    ) -> Result<Self> {
        let Parts { storage, keys, clock, entropy, tasks, meters } = parts;
        let catalog = Catalog::start(&storage, entropy.as_ref(), &tasks).await?;
        metrics::register(&meters, &catalog.latest());
        let sealer = Sealer::new(&catalog.snapshot().node.token_key, entropy);
        let quotas = Quotas::new(limits.mode, &meters);
        let transition_delay = config.transition_delay;
        let rules = Arc::new(Rules { limits, quotas, transition_delay });
        let control = Control { catalog, storage, keys, clock, rules };
        spawn(&tasks, "streams.transitions", control.clone().run_transitions());
        spawn(&tasks, "streams.trimming", control.clone().run_trimming(config.trim_period));
        spawn(&tasks, "streams.scaling", control.clone().run_scaling(config.scaling_period));
        Ok(Self(Arc::new(Inner { control, rates: Rates::default(), sealer, fanout })))
    }
}

/// Spawns a reconciler that runs until the node stops.
fn spawn(tasks: &Tasks, name: &'static str, reconciler: impl Future<Output = ()> + Send + 'static) {
    let stopping = tasks.stopping();
    tasks.spawn(name, Policy::StopNode, async move {
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = reconciler => {}
        }
    });
}
