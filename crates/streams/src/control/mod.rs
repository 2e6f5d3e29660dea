//! The control plane: every change of streams and shards.
//!
//! An operation is a decision on the catalog (see [`crate::catalog`]): checked and accepted at
//! the call, carried out at once or left in the stream's record as *pending*. What is pending is
//! completed by [`transition`], also after a restart.
//!
//! Invariants: a switch of shards is one transaction, after the parents are sealed. Every step
//! may be repeated, or cut anywhere.

pub(crate) mod autoscale;
pub(crate) mod capacity;
pub(crate) mod consumers;
pub(crate) mod cut;
pub(crate) mod encryption;
pub(crate) mod lifecycle;
mod plan;
pub(crate) mod policies;
pub(crate) mod quotas;
pub(crate) mod rates;
pub(crate) mod reshard;
pub(crate) mod retention;
pub(crate) mod scaling;
pub(crate) mod settings;
pub(crate) mod tags;
pub(crate) mod transition;

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use runtime::Clock;
use security::KeyRing;
use storage::Storage;

use crate::catalog::{
    Catalog, Change, Edit, Pending, Snapshot, Status, Stream, StreamKey, StreamMode,
};
use crate::config::Limits;
use crate::error::{Error, Result, no_such_stream};
use quotas::{Quota, Quotas};

/// What changes streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) catalog: Catalog,
    pub(crate) storage: Storage,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Arc<Rules>,
}

/// What decisions go by besides the catalog.
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    pub(crate) quotas: Quotas,
    pub(crate) transition_delay: Duration,
}

impl Rules {
    /// Something is over a quota that nobody can set here: whether that is a refusal.
    fn refuses(&self, quota: Quota) -> bool {
        self.quotas.refuses(quota)
    }

    fn pending(&self, change: Change, now: Timestamp) -> Option<Pending> {
        Some(Pending { change, due: self.due(now) })
    }

    /// When a change that is accepted `now` is done.
    fn due(&self, now: Timestamp) -> Timestamp {
        let delay = u64::try_from(self.transition_delay.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(now.as_millis().saturating_add(delay))
    }
}

impl Control {
    /// Takes a decision, and completes at once what it leaves pending if nothing is to be shown
    /// of it. Answers with the stream as it was before.
    pub(crate) async fn change(
        &self,
        key: &StreamKey,
        decide: impl FnOnce(&Snapshot, &mut Edit, &Rules, Timestamp) -> Result<()> + Send + 'static,
    ) -> Result<Option<Arc<Stream>>> {
        let (rules, clock) = (self.rules.clone(), self.clock.clone());
        let decide =
            move |snapshot: &Snapshot, edit: &mut Edit| decide(snapshot, edit, &rules, clock.now());
        let before = self.catalog.change(decide).await?;
        if self.rules.transition_delay.is_zero()
            && let Some(stream) = self.catalog.snapshot().stream(key)
            && let Err(error) = self.complete_all(stream).await
        {
            // It is accepted and durable: the reconciler tries again.
            tracing::warn!(stream = %key.name, %error, "a change is not completed yet");
        }
        Ok(before.stream(key).cloned())
    }
}

/// The stream, whatever its state.
pub(crate) fn existing<'s>(snapshot: &'s Snapshot, key: &StreamKey) -> Result<&'s Arc<Stream>> {
    snapshot.stream(key).ok_or_else(|| no_such_stream(key))
}

/// The stream, if it is ACTIVE.
pub(crate) fn active<'s>(snapshot: &'s Snapshot, key: &StreamKey) -> Result<&'s Arc<Stream>> {
    let stream = existing(snapshot, key)?;
    if stream.status() == Status::Active { Ok(stream) } else { Err(not_in(stream, "ACTIVE")) }
}

/// Refuses because the stream is in none of the states `wanted`.
pub(crate) fn not_in(stream: &Stream, wanted: &str) -> Error {
    let StreamKey { name, account, .. } = &stream.key;
    let state = stream.status().name();
    Error::InUse(format!(
        "Stream {name} under account {account} not {wanted}, instead in state {state}"
    ))
}

/// Refuses what only provisioned streams have.
fn provisioned(stream: &Stream) -> Result<()> {
    let StreamKey { name, account, .. } = &stream.key;
    match stream.record.mode {
        StreamMode::Provisioned => Ok(()),
        StreamMode::OnDemand => Err(Error::Validation(format!(
            "Request is invalid. Stream {name} under account {account} is in On-Demand mode."
        ))),
    }
}
