//! The operations of the key ring: shapes in, calls of the ring, shapes out. Who uses a key is
//! asked of the streams.

use security::KeyRing;
use security::keys::{KeyInfo, KeyState, Realm};
use streams::Streams;
use wire::admin::{self, *};
use wire::{ApiError, Caller, ErrorCode};

/// The most streams that a refusal to delete a key names.
const STREAMS_NAMED_MAX: usize = 20;

/// Carries out what is about keys that encrypt.
pub(crate) struct KeyAdmin {
    pub(crate) keys: KeyRing,
    pub(crate) streams: Streams,
}

impl KeyAdmin {
    pub(super) async fn create(
        &self,
        caller: &Caller,
        input: CreateKeyInput,
    ) -> Result<KeyOutput, ApiError> {
        let description = input.description.unwrap_or_default();
        let key = self.keys.create_key(&realm(caller)?, description).await?;
        Ok(KeyOutput { key: shape(key) })
    }

    pub(super) fn list(&self, caller: &Caller) -> Result<ListKeysOutput, ApiError> {
        let keys = self.keys.list(&realm(caller)?);
        Ok(ListKeysOutput { keys: keys.into_iter().map(shape).collect() })
    }

    pub(super) fn describe(
        &self,
        caller: &Caller,
        input: &DescribeKeyInput,
    ) -> Result<DescribeKeyOutput, ApiError> {
        let key = self.keys.describe(&realm(caller)?, &input.key_id)?;
        let uses = self.uses(&key);
        Ok(DescribeKeyOutput { key: shape(key), uses })
    }

    pub(super) async fn rotate(
        &self,
        caller: &Caller,
        input: RotateKeyInput,
    ) -> Result<KeyOutput, ApiError> {
        let key = self.keys.rotate(&realm(caller)?, &input.key_id).await?;
        Ok(KeyOutput { key: shape(key) })
    }

    pub(super) async fn delete(
        &self,
        caller: &Caller,
        input: DeleteKeyInput,
    ) -> Result<DeleteKeyOutput, ApiError> {
        let realm = realm(caller)?;
        let key = self.keys.describe(&realm, &input.key_id)?;
        let uses = self.uses(&key);
        if input.acknowledge_data_loss != Some(true) && key.state != KeyState::Deleted {
            return Err(ApiError::new(ErrorCode::ResourceInUse, consequences(&key, &uses)));
        }
        self.keys.delete(&realm, &key.arn).await?;
        Ok(DeleteKeyOutput { uses })
    }

    fn uses(&self, key: &KeyInfo) -> Vec<KeyUse> {
        let uses = self.streams.uses_of(&key.data_keys).into_iter();
        uses.map(|of| KeyUse {
            stream_arn: of.stream.to_string(),
            current: of.is_current,
            records_max: i64::try_from(of.records_max).unwrap_or(i64::MAX),
        })
        .collect()
    }
}

/// Where the caller's keys are.
pub(crate) fn realm(caller: &Caller) -> Result<Realm, ApiError> {
    let wrong = |error| ApiError::new(ErrorCode::InvalidArgument, format!("{error}"));
    let account = caller.account.parse().map_err(wrong)?;
    let region = caller.region.parse().map_err(wrong)?;
    Ok(Realm { account, region })
}

fn consequences(key: &KeyInfo, uses: &[KeyUse]) -> String {
    let arn = &key.arn;
    let named = uses.iter().take(STREAMS_NAMED_MAX).map(|of| {
        let KeyUse { stream_arn, current, records_max } = of;
        let now = if *current { ", which is encrypted with it now" } else { "" };
        format!("; up to {records_max} records of {stream_arn}{now}")
    });
    let named: String = named.collect();
    let more = match uses.len().saturating_sub(STREAMS_NAMED_MAX) {
        0 => String::new(),
        more => format!("; and records of {more} more streams"),
    };
    let what = if uses.is_empty() { "; no stream uses it" } else { "" };
    format!(
        "Deleting key {arn} makes everything that was encrypted with it unreadable for \
         ever{what}{named}{more}. Set AcknowledgeDataLoss to delete it."
    )
}

fn shape(key: KeyInfo) -> Key {
    Key {
        key_id: key.uuid.to_string(),
        arn: key.arn,
        key_state: match key.state {
            KeyState::Enabled => admin::KeyState::Enabled,
            KeyState::Disabled => admin::KeyState::Disabled,
            KeyState::Deleted => admin::KeyState::Deleted,
        },
        description: key.description,
        creation_date: key.created,
        material_version: i32::try_from(key.version).unwrap_or(i32::MAX),
        material_date: key.rotated,
        managed: key.is_managed,
        aliases: key.aliases,
    }
}
