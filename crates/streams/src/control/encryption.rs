//! Starting and stopping the encryption of a stream's records.

use model::Timestamp;
use model::limits::ENCRYPTION_CHANGES_PER_DAY;

use super::quotas::Quota;
use super::{Rules, active};
use crate::catalog::{
    Change, Edit, Encryption, EncryptionChanges, Incarnation, Snapshot, StreamKey, StreamRecord,
};
use crate::error::{Error, Result, no_such_stream};

const DAY_MS: u64 = 24 * 3_600_000;

/// Which of the two operations asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Start,
    Stop,
}

/// StartStreamEncryption and StopStreamEncryption: nothing to seal with stops it. The stream must
/// be the one for which the data key was made.
pub(crate) fn change(
    snapshot: &Snapshot,
    edit: &mut Edit,
    rules: &Rules,
    now: Timestamp,
    (key, incarnation): (&StreamKey, Incarnation),
    with: Option<Encryption>,
) -> Result<()> {
    let record = &active(snapshot, key)?.record;
    if record.incarnation != incarnation {
        return Err(no_such_stream(key));
    }
    let direction = if with.is_some() { Direction::Start } else { Direction::Stop };
    let mut changes = recent(record.encryption_changes.as_ref(), now);
    if changes.of(direction).len() >= ENCRYPTION_CHANGES_PER_DAY
        && rules.refuses(Quota::EncryptionChanges)
    {
        return Err(too_many(key, direction));
    }
    changes.note(direction, now);
    let encryption_changes = Some(changes);
    let pending = rules.pending(Change::Encrypt { with }, now);
    edit.put_stream(key, StreamRecord { encryption_changes, pending, ..record.clone() });
    Ok(())
}

fn too_many(key: &StreamKey, direction: Direction) -> Error {
    let StreamKey { name, account, .. } = key;
    let operation = match direction {
        Direction::Start => "StartStreamEncryption",
        Direction::Stop => "StopStreamEncryption",
    };
    Error::LimitExceeded(format!(
        "Stream {name} under account {account} has reached the limit of \
         {ENCRYPTION_CHANGES_PER_DAY} {operation} calls in 24 hours."
    ))
}

/// Those of the last day.
fn recent(changes: Option<&EncryptionChanges>, now: Timestamp) -> EncryptionChanges {
    let mut changes = changes.cloned().unwrap_or_default();
    for calls in [&mut changes.started, &mut changes.stopped] {
        calls.retain(|call| now.millis_since(*call) < DAY_MS);
    }
    changes
}

impl EncryptionChanges {
    fn of(&self, direction: Direction) -> &Vec<Timestamp> {
        match direction {
            Direction::Start => &self.started,
            Direction::Stop => &self.stopped,
        }
    }

    /// Where quotas are not kept, only so many are remembered as they would allow.
    fn note(&mut self, direction: Direction, now: Timestamp) {
        let calls = match direction {
            Direction::Start => &mut self.started,
            Direction::Stop => &mut self.stopped,
        };
        calls.push(now);
        let excess = calls.len().saturating_sub(ENCRYPTION_CHANGES_PER_DAY);
        calls.drain(..excess);
    }
}
