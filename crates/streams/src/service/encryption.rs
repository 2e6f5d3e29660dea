//! StartStreamEncryption and StopStreamEncryption, and what keys are used for.

use model::StreamArn;
use security::keys::Realm;
use wire::kinesis::*;
use wire::{Caller, Operation};

use super::streams::at;
use crate::catalog::{Encryption, Incarnation, Stream, StreamKey};
use crate::control::rates::Rated;
use crate::control::{active, encryption};
use crate::error::{Error, Result};
use crate::{Inner, Streams};

/// A stream that has records under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The stream.
    pub stream: StreamArn,
    /// Whether what is put now is sealed with the key.
    pub is_current: bool,
    /// The most records that can be sealed with it: all that are kept.
    pub records_max: u64,
}

impl Streams {
    /// The streams that may have records sealed with these data keys, each given with the
    /// incarnation of its stream. In the order of their names.
    pub fn uses_of(&self, data_keys: &[(security::keys::DataKeyId, u64)]) -> Vec<KeyUse> {
        let control = &self.0.control;
        let now = control.clock.now();
        let snapshot = control.catalog.snapshot();
        let of = |stream: &Stream| {
            let Incarnation(incarnation) = stream.record.incarnation;
            let theirs = data_keys.iter().filter(move |(_, of)| *of == incarnation);
            theirs.map(|(data_key, _)| data_key.0).collect::<Vec<_>>()
        };
        let kept = |stream: &Stream| {
            let shards = stream.visible_shards(now);
            let states = shards.map(|shard| shard.live(&control.storage).log.state());
            states.map(|state| state.next.0.saturating_sub(state.first.0)).sum()
        };
        let streams = snapshot.streams.values().map(|stream| (stream, of(stream)));
        streams
            .filter(|(_, data_keys)| !data_keys.is_empty())
            .map(|(stream, data_keys)| KeyUse {
                stream: stream.arn(),
                is_current: stream.data_key().is_some_and(|current| data_keys.contains(&current)),
                records_max: kept(stream),
            })
            .collect()
    }
}

impl Inner {
    pub(super) async fn start_stream_encryption(
        &self,
        caller: &Caller,
        input: StartStreamEncryptionInput,
    ) -> Result<()> {
        let StartStreamEncryptionInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::StartStreamEncryption, name, arn)?;
        self.rate(Rated::StartStreamEncryption, &key)?;
        check_type(input.encryption_type)?;
        // Asked first, so that no key is made for nothing.
        let incarnation = self.active_stream(&key)?;
        let realm = Realm { account: key.account, region: key.region.clone() };
        let keys = &self.control.keys;
        let ring_key = keys.resolve(&realm, &input.key_id).await?;
        let data_key = keys.create_data_key(ring_key, incarnation.0).await?;
        let with = Encryption { key_id: input.key_id, data_key: data_key.0 };
        let changed = self.encrypt(key, incarnation, Some(with)).await;
        if changed.as_ref().is_err_and(Error::is_refusal) {
            keys.forget_data_key(data_key).await?;
        }
        changed
    }

    pub(super) async fn stop_stream_encryption(
        &self,
        caller: &Caller,
        input: StopStreamEncryptionInput,
    ) -> Result<()> {
        let StopStreamEncryptionInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::StopStreamEncryption, name, arn)?;
        self.rate(Rated::StopStreamEncryption, &key)?;
        check_type(input.encryption_type)?;
        let incarnation = self.active_stream(&key)?;
        self.encrypt(key, incarnation, None).await
    }

    fn active_stream(&self, key: &StreamKey) -> Result<Incarnation> {
        let snapshot = self.control.catalog.snapshot();
        Ok(active(&snapshot, key)?.record.incarnation)
    }

    async fn encrypt(
        &self,
        key: StreamKey,
        incarnation: Incarnation,
        with: Option<Encryption>,
    ) -> Result<()> {
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            encryption::change(snapshot, edit, rules, now, (&named, incarnation), with)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    /// Refuses to write to a stream that is encrypted with a key that may not be used.
    pub(super) fn check_key(&self, stream: &Stream) -> Result<()> {
        if let Some(data_key) = stream.data_key() {
            self.control.keys.cipher(security::keys::DataKeyId(data_key))?;
        }
        Ok(())
    }
}

fn check_type(encryption_type: EncryptionType) -> Result<()> {
    match encryption_type {
        EncryptionType::Kms => Ok(()),
        EncryptionType::None => Err(Error::Invalid(
            "EncryptionType NONE is not valid. The only valid value is KMS.".into(),
        )),
    }
}
