//! The records of an encrypted stream: what seals them, and what they are bound to.
//!
//! What a shard takes is sealed before its log sees it, key and data alike. Associated data names
//! the stream's incarnation, the log and the data key: a sealed record that was moved to another
//! shard or stream does not open there. Its place within the log is not in it, because storage
//! decides that after the record was sealed.

use std::sync::Arc;

use security::KeyRing;
use security::TAG_BYTES;
use security::keys::{DataCipher, DataKeyId, STAMP_BYTES};

use crate::catalog::{Shard, Stream};
use crate::error::Result;

const ASSOCIATED_BYTES: usize = 12 + 3 * 8;

/// What a sealed record is bound to besides its data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) incarnation: u64,
    pub(crate) log: u64,
}

/// What seals the records that are put into a shard.
pub(crate) struct Sealing {
    pub(crate) data_key: DataKeyId,
    cipher: Arc<DataCipher>,
    associated: [u8; ASSOCIATED_BYTES],
}

impl Place {
    pub(crate) fn of(stream: &Stream, shard: &Shard) -> Self {
        Self { incarnation: stream.record.incarnation.0, log: shard.record.log.0 }
    }

    fn associated(self, data_key: DataKeyId) -> [u8; ASSOCIATED_BYTES] {
        let mut bytes = [0; ASSOCIATED_BYTES];
        bytes[..12].copy_from_slice(b"weir record ");
        bytes[12..20].copy_from_slice(&data_key.0.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.incarnation.to_le_bytes());
        bytes[28..].copy_from_slice(&self.log.to_le_bytes());
        bytes
    }

    /// Opens a record that was sealed for this place, where it is.
    pub(crate) fn open<'a>(
        self,
        cipher: &DataCipher,
        data_key: DataKeyId,
        stamp: &[u8; STAMP_BYTES],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        cipher.open(stamp, &self.associated(data_key), sealed)
    }
}

impl Sealing {
    /// What seals in `shard` of `stream`; nothing if the stream is not encrypted. Refuses if its
    /// key may not be used.
    pub(crate) fn of(stream: &Stream, shard: &Shard, keys: &KeyRing) -> Result<Option<Self>> {
        let Some(encryption) = &stream.record.encryption else { return Ok(None) };
        let data_key = DataKeyId(encryption.data_key);
        let cipher = keys.cipher(data_key)?;
        Ok(Some(Self::new(data_key, cipher, Place::of(stream, shard))))
    }

    pub(crate) fn new(data_key: DataKeyId, cipher: Arc<DataCipher>, place: Place) -> Self {
        Self { data_key, cipher, associated: place.associated(data_key) }
    }

    /// Seals `content` where it is.
    pub(crate) fn seal(&self, content: &mut [u8]) -> ([u8; STAMP_BYTES], [u8; TAG_BYTES]) {
        self.cipher.seal(&self.associated, content)
    }
}
