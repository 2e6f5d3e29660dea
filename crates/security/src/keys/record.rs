//! What the key ring's table holds. The bytes are in `docs/formats.md`. Fields are numbered and
//! numbers are never used again, so a later version can add fields to what an earlier one wrote.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use model::Timestamp;

use super::Realm;
use super::address::KeyUuid;
use crate::error::{Error, Result};

/// The format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// Where the ring's own record is.
pub(super) const RING_KEY: &[u8] = b"r";
/// Where the sample is that tells whether a master key is the right one.
pub(super) const SAMPLE_KEY: &[u8] = b"m";
/// What the keys of keys begin with.
pub(super) const KEYS: &[u8] = b"k";
/// What the keys of aliases begin with.
pub(super) const ALIASES: &[u8] = b"a";
/// What the keys of data keys begin with.
pub(super) const DATA_KEYS: &[u8] = b"d";

/// Names a data key in the whole node; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct DataKeyId(#[n(0)] pub u64);

/// What may be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyState {
    /// Everything.
    #[n(0)]
    Enabled,
    /// Nothing, until it is enabled again.
    #[n(1)]
    Disabled,
    /// Nothing, ever: its material is erased.
    #[n(2)]
    Deleted,
}

/// What there is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct RingRecord {
    #[n(0)]
    pub(super) format: u32,
    #[n(1)]
    pub(super) next_data_key: u64,
}

/// A key, without its material.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct KeyRecord {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
    #[n(2)]
    pub(super) state: KeyState,
    #[n(3)]
    pub(super) description: String,
    #[n(4)]
    created_ms: u64,
    /// Which material it has.
    #[n(5)]
    pub(super) version: u32,
    #[n(6)]
    rotated_ms: u64,
    #[n(7)]
    pub(super) is_managed: bool,
}

/// A data key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct DataKeyRecord {
    /// The key that wraps it.
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; 16],
    /// The incarnation of the stream whose records it seals.
    #[n(1)]
    pub(super) stream: u64,
    /// As the key's material wrapped it; empty once the key is deleted.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) wrapped: Vec<u8>,
}

impl KeyRecord {
    pub(super) fn new(realm: &Realm, description: String, now: Timestamp) -> Self {
        Self {
            account: realm.account.to_string(),
            region: realm.region.to_string(),
            state: KeyState::Enabled,
            description,
            created_ms: now.as_millis(),
            version: 1,
            rotated_ms: now.as_millis(),
            is_managed: false,
        }
    }

    pub(super) fn realm(&self) -> Option<Realm> {
        Some(Realm { account: self.account.parse().ok()?, region: self.region.parse().ok()? })
    }

    pub(super) fn created(&self) -> Timestamp {
        Timestamp::from_millis(self.created_ms)
    }

    pub(super) fn rotated(&self) -> Timestamp {
        Timestamp::from_millis(self.rotated_ms)
    }

    pub(super) fn with_state(&self, state: KeyState) -> Self {
        Self { state, ..self.clone() }
    }

    /// With the next material.
    pub(super) fn rotate(&mut self, now: Timestamp) {
        self.version += 1;
        self.rotated_ms = now.as_millis();
    }
}

impl DataKeyRecord {
    pub(super) fn new(key: KeyUuid, stream: u64, wrapped: Vec<u8>) -> Self {
        Self { key: key.0, stream, wrapped }
    }

    pub(super) fn key(&self) -> KeyUuid {
        KeyUuid(self.key)
    }
}

pub(super) fn key_key(uuid: KeyUuid) -> Bytes {
    [KEYS, &uuid.0].concat().into()
}

pub(super) fn alias_key(realm: &Realm, alias: &str) -> Bytes {
    format!("a{}{}\0{alias}", realm.account, realm.region).into()
}

pub(super) fn from_alias_key(key: &[u8]) -> Option<(Realm, String)> {
    let text = std::str::from_utf8(key.strip_prefix(ALIASES)?).ok()?;
    let (account, rest) = text.split_at_checked(12)?;
    let (region, alias) = rest.split_once('\0')?;
    let realm = Realm { account: account.parse().ok()?, region: region.parse().ok()? };
    Some((realm, alias.to_owned()))
}

pub(super) fn data_key_key(id: DataKeyId) -> Bytes {
    [DATA_KEYS, &id.0.to_be_bytes()].concat().into()
}

pub(super) fn encode<T: Encode<()>>(record: &T) -> Bytes {
    minicbor::to_vec(record).expect("writing to memory cannot fail").into()
}

pub(super) fn decode<'b, T: Decode<'b, ()>>(key: &[u8], value: &'b [u8]) -> Result<T> {
    minicbor::decode(value).map_err(|_| foreign(key))
}

pub(super) fn foreign(key: &[u8]) -> Error {
    Error::Corrupt(format!("the row {} of the key ring", key.escape_ascii()))
}
