//! A record as an entry of its shard's log.
//!
//! The content is `key length (u16, little-endian), key, data`; a record without a key has the
//! length [`NO_KEY`], which no key has. The explicit hash key is not kept: it decided the shard,
//! and nothing asks for it again. Version 1 is the content as it is. Version 2 is `data key (u64,
//! little-endian), stamp, sealed content, tag`.

use bytes::Bytes;
use security::TAG_BYTES;
use security::keys::{DataCipher, DataKeyId, STAMP_BYTES};
use storage::Batch;

use super::sealing::{Place, Sealing};

const PLAIN: u8 = 1;
const SEALED: u8 = 2;

/// The length of a key that is not there.
const NO_KEY: u16 = u16::MAX;

/// What a partition key takes at most.
const KEY_BYTES_MAX: usize = model::limits::PARTITION_KEY_CHARS_MAX * 4;

/// Bytes in front of the key of a plain record.
const HEADER_BYTES: usize = 3;

/// Bytes in front of the content of a sealed record.
const SEALED_HEADER_BYTES: usize = 1 + 8 + STAMP_BYTES;

/// The most bytes by which an entry is longer than key and data.
pub(crate) const OVERHEAD_BYTES_MAX: usize = SEALED_HEADER_BYTES + 2 + TAG_BYTES;

/// Adds a record to a batch; sealed, if there is what seals it.
pub(crate) fn push(batch: &mut Batch, key: Option<&str>, data: &[u8], sealing: Option<&Sealing>) {
    let length = key.map_or(NO_KEY, |key| {
        u16::try_from(key.len()).expect("a partition key has at most 256 characters")
    });
    let [low, high] = length.to_le_bytes();
    let key = key.unwrap_or_default().as_bytes();
    let Some(sealing) = sealing else {
        batch.push(&[&[PLAIN, low, high], key, data]);
        return;
    };
    let mut header = [0; SEALED_HEADER_BYTES];
    header[0] = SEALED;
    header[1..9].copy_from_slice(&sealing.data_key.0.to_le_bytes());
    let entry = batch.push(&[&header, &[low, high], key, data, &[0; TAG_BYTES]]);
    let (header, sealed) = entry.split_at_mut(SEALED_HEADER_BYTES);
    let (content, room) = sealed.split_at_mut(sealed.len() - TAG_BYTES);
    let (stamp, tag) = sealing.seal(content);
    header[9..].copy_from_slice(&stamp);
    room.copy_from_slice(&tag);
}

/// How much data a record has. Of a sealed one that is not small it is at least so much, and the
/// rest may be its key.
pub(crate) fn data_bytes_min(payload: &[u8]) -> usize {
    match *payload {
        [PLAIN, low, high, ref rest @ ..] => match u16::from_le_bytes([low, high]) {
            NO_KEY => rest.len(),
            key => rest.len().saturating_sub(usize::from(key)),
        },
        _ => {
            let content = payload.len().saturating_sub(OVERHEAD_BYTES_MAX);
            // Of a small one most counts as data: otherwise many times as many were read as fit.
            content.saturating_sub(KEY_BYTES_MAX.min(content / 16))
        }
    }
}

/// The data key that a record is sealed with, if it is.
pub(crate) fn data_key(payload: &[u8]) -> Option<DataKeyId> {
    let (header, _) = payload.split_first_chunk::<SEALED_HEADER_BYTES>()?;
    let (version, rest) = header.split_first()?;
    let id = u64::from_le_bytes(*rest.first_chunk()?);
    (*version == SEALED).then_some(DataKeyId(id))
}

/// A sealed record as a plain one, in memory of its own. `None` if it was not sealed for `place`
/// with this data key, or was changed since.
pub(crate) fn open(payload: &[u8], cipher: &DataCipher, place: Place) -> Option<Bytes> {
    let data_key = data_key(payload)?;
    let (header, sealed) = payload.split_first_chunk::<SEALED_HEADER_BYTES>()?;
    let stamp = header.last_chunk::<STAMP_BYTES>()?;
    let mut plain = Vec::with_capacity(1 + sealed.len());
    plain.push(PLAIN);
    plain.extend_from_slice(sealed);
    let content = place.open(cipher, data_key, stamp, &mut plain[1..])?.len();
    plain.truncate(1 + content);
    Some(plain.into())
}

/// The key, if there is one, and the data of a plain record; both share the payload's memory.
/// `None` if it is none.
pub(crate) fn decode(payload: &Bytes) -> Option<(Option<&str>, Bytes)> {
    let (header, rest) = payload.split_first_chunk::<HEADER_BYTES>()?;
    let [PLAIN, low, high] = *header else { return None };
    let length = u16::from_le_bytes([low, high]);
    if length == NO_KEY {
        return Some((None, payload.slice(HEADER_BYTES..)));
    }
    let key_end = usize::from(length);
    let key = std::str::from_utf8(rest.get(..key_end)?).ok()?;
    Some((Some(key), payload.slice(HEADER_BYTES + key_end..)))
}

#[cfg(test)]
mod tests;
