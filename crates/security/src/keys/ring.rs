//! The ring as it is at one moment: what every reader sees, immutable.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use runtime::Entropy;

use super::address::{self, KeyUuid, Name};
use super::data_cipher::DataCipher;
use super::record::{DataKeyId, DataKeyRecord, KeyRecord, KeyState};
use super::{KeyInfo, Realm};
use crate::cipher::KEY_BYTES;
use crate::error::{Error, Result};
use crate::master_key::MasterKey;

/// All keys of a node.
#[derive(Clone)]
pub(super) struct Ring {
    pub(super) keys: BTreeMap<KeyUuid, Arc<Key>>,
    pub(super) aliases: BTreeMap<(Realm, String), KeyUuid>,
    pub(super) data_keys: BTreeMap<DataKeyId, DataKey>,
    pub(super) next_data_key: u64,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// A key.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) uuid: KeyUuid,
    pub(super) realm: Realm,
    pub(super) record: KeyRecord,
    /// What wraps its data keys; not there when the key is deleted or its file is lost.
    pub(super) material: Option<MasterKey>,
}

/// A data key, and what seals with it as soon as somebody needs it.
#[derive(Clone)]
pub(super) struct DataKey {
    pub(super) record: DataKeyRecord,
    cipher: Arc<OnceLock<Arc<DataCipher>>>,
}

impl Ring {
    pub(super) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            keys: BTreeMap::new(),
            aliases: BTreeMap::new(),
            data_keys: BTreeMap::new(),
            next_data_key: 1,
            entropy,
        }
    }

    /// The key that somebody of `realm` calls `key_id`.
    pub(super) fn find(&self, realm: &Realm, key_id: &str) -> Result<(KeyUuid, Arc<Key>)> {
        let (uuid, local) = match address::parse(realm, key_id)? {
            Name::Key(uuid) => (Some(uuid), format!("key/{uuid}")),
            Name::Alias(alias) => {
                (self.aliases.get(&(realm.clone(), alias.clone())).copied(), alias)
            }
        };
        let key = uuid.and_then(|uuid| self.keys.get(&uuid)).filter(|key| key.realm == *realm);
        let key = key.ok_or_else(|| address::no_such(realm, &local))?;
        Ok((key.uuid, key.clone()))
    }

    pub(super) fn keys_of(&self, realm: &Realm) -> impl Iterator<Item = (KeyUuid, &Arc<Key>)> {
        let keys = self.keys.iter().filter(move |(_, key)| key.realm == *realm);
        keys.map(|(uuid, key)| (*uuid, key))
    }

    /// The data keys that a key wraps.
    pub(super) fn data_keys_under(
        &self,
        key: KeyUuid,
    ) -> impl Iterator<Item = (DataKeyId, &DataKeyRecord)> {
        let data_keys = self.data_keys.iter().map(|(id, data_key)| (*id, &data_key.record));
        data_keys.filter(move |(_, record)| record.key() == key)
    }

    pub(super) fn has_data_keys_of(&self, stream: u64) -> bool {
        self.data_keys.values().any(|data_key| data_key.record.stream == stream)
    }

    /// A key as it is shown; it must be there.
    pub(super) fn info(&self, uuid: KeyUuid) -> KeyInfo {
        let key = &self.keys[&uuid];
        let named = self.aliases.iter().filter(|(_, named)| **named == uuid);
        let data_keys = self.data_keys_under(uuid);
        KeyInfo {
            uuid,
            arn: key.arn(),
            state: key.record.state,
            description: key.record.description.clone(),
            created: key.record.created(),
            version: key.record.version,
            rotated: key.record.rotated(),
            is_managed: key.record.is_managed,
            aliases: named.map(|((_, alias), _)| alias.clone()).collect(),
            data_keys: data_keys.map(|(id, record)| (id, record.stream)).collect(),
        }
    }

    pub(super) fn cipher(&self, id: DataKeyId) -> Result<Arc<DataCipher>> {
        let unknown = || Error::Corrupt(format!("data key {} is unknown and", id.0));
        let data_key = self.data_keys.get(&id).ok_or_else(unknown)?;
        let key = self.keys.get(&data_key.record.key()).ok_or_else(unknown)?;
        let material = key.usable()?;
        if let Some(ready) = data_key.cipher.get() {
            return Ok(ready.clone());
        }
        let plain = unwrap(material, id, &data_key.record)?;
        let made = || Arc::new(DataCipher::new(plain, self.entropy.as_ref()));
        Ok(data_key.cipher.get_or_init(made).clone())
    }
}

impl Key {
    pub(super) fn arn(&self) -> String {
        self.uuid.arn(&self.realm)
    }

    /// Refuses a key that was deleted.
    pub(super) fn exists(&self) -> Result<()> {
        match self.record.state {
            KeyState::Enabled | KeyState::Disabled => Ok(()),
            KeyState::Deleted => Err(address::no_such(&self.realm, &format!("key/{}", self.uuid))),
        }
    }

    /// What wraps its data keys, if the key may be used.
    pub(super) fn usable(&self) -> Result<&MasterKey> {
        self.exists()?;
        if self.record.state == KeyState::Disabled {
            return Err(Error::KmsDisabled(format!("{} is disabled.", self.arn())));
        }
        self.material.as_ref().ok_or_else(|| {
            Error::KmsInvalidState(format!("{} has lost its key material.", self.arn()))
        })
    }
}

impl DataKey {
    pub(super) fn new(record: DataKeyRecord) -> Self {
        Self { record, cipher: Arc::default() }
    }

    /// The same, without what was made from it.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.record.clone())
    }

    /// The same, wrapped otherwise.
    pub(super) fn rewrapped(&self, record: DataKeyRecord) -> Self {
        Self { record, cipher: self.cipher.clone() }
    }
}

/// What a data key is called where it is wrapped. The stream is in it, so that a data key cannot
/// be given to another.
pub(super) fn wrapped_as(id: DataKeyId, record: &DataKeyRecord) -> String {
    format!("data key {} of stream {} under key {}", id.0, record.stream, record.key())
}

/// The data key itself.
pub(super) fn unwrap(
    material: &MasterKey,
    id: DataKeyId,
    record: &DataKeyRecord,
) -> Result<[u8; KEY_BYTES]> {
    let what = wrapped_as(id, record);
    let plain =
        material.unwrap(&what, &record.wrapped).map_err(|_| Error::Corrupt(what.clone()))?;
    plain.try_into().map_err(|_| Error::Corrupt(what))
}
