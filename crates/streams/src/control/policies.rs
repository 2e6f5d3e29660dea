//! Policies of streams and consumers: kept as they were written, read once.

use model::ConsumerArn;

use super::{consumers, existing, not_in};
use crate::catalog::{ConsumerRecord, Edit, Snapshot, Status, StreamKey, StreamRecord};
use crate::error::{Error, Result};

/// Puts or deletes the policy of a stream.
pub(crate) fn change_of_stream(
    snapshot: &Snapshot,
    edit: &mut Edit,
    key: &StreamKey,
    policy: Option<String>,
) -> Result<()> {
    let stream = existing(snapshot, key)?;
    if !matches!(stream.status(), Status::Active | Status::Updating) {
        return Err(not_in(stream, "ACTIVE or UPDATING"));
    }
    if policy.is_none() && stream.record.policy.is_none() {
        return Err(no_policy(stream.arn()));
    }
    edit.put_stream(key, StreamRecord { policy, ..stream.record.clone() });
    Ok(())
}

/// Puts or deletes the policy of a consumer.
pub(crate) fn change_of_consumer(
    snapshot: &Snapshot,
    edit: &mut Edit,
    (key, arn): (&StreamKey, &ConsumerArn),
    policy: Option<String>,
) -> Result<()> {
    let (stream, consumer) =
        consumers::named(snapshot, key, arn.name(), Some(arn.created_seconds()))?;
    if stream.consumer_status(consumer) != Status::Active {
        let StreamKey { name, account, .. } = key;
        return Err(Error::InUse(format!(
            "Consumer {} with creation timestamp {} under stream {name} and account {account} is \
             not in ACTIVE status.",
            arn.name(),
            arn.created_seconds()
        )));
    }
    if policy.is_none() && consumer.record.policy.is_none() {
        return Err(no_policy(arn));
    }
    let record = ConsumerRecord { policy, ..consumer.record.clone() };
    edit.put_consumer(key, arn.name(), record);
    Ok(())
}

fn no_policy(arn: impl std::fmt::Display) -> Error {
    Error::NotFound(format!("No resource policy found for resource ARN {arn}."))
}
