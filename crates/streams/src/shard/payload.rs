//! A record as an entry of its shard's log: `version 1, key length (u16, little-endian), key,
//! data`. A record without a key has the length [`NO_KEY`], which no key has. The explicit hash key is not kept: it decided the shard, and nothing asks for it again.

use bytes::Bytes;

const VERSION: u8 = 1;

/// The length of a key that is not there.
const NO_KEY: u16 = u16::MAX;

/// Bytes in front of the key.
pub(crate) const HEADER_BYTES: usize = 3;

/// What stands before the key.
pub(crate) fn header(key: Option<&str>) -> [u8; HEADER_BYTES] {
    let length = key.map_or(NO_KEY, |key| {
        u16::try_from(key.len()).expect("a partition key has at most 256 characters")
    });
    let [low, high] = length.to_le_bytes();
    [VERSION, low, high]
}

/// The key, if there is one, and the data; both share the payload's memory. `None` if it is no record.
pub(crate) fn decode(payload: &Bytes) -> Option<(Option<&str>, Bytes)> {
    let (header, rest) = payload.split_first_chunk::<HEADER_BYTES>()?;
    let [VERSION, low, high] = *header else { return None };
    let length = u16::from_le_bytes([low, high]);
    if length == NO_KEY {
        return Some((None, payload.slice(HEADER_BYTES..)));
    }
    let key_end = usize::from(length);
    let key = std::str::from_utf8(rest.get(..key_end)?).ok()?;
    Some((Some(key), payload.slice(HEADER_BYTES + key_end..)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_reads_back_as_written(
            key in prop::option::of(".{0,256}"), data in any::<Vec<u8>>(),
        ) {
            let key = key.as_deref();
            let bytes = key.unwrap_or_default().as_bytes();
            let payload = Bytes::from([&header(key), bytes, &data].concat());
            let (read_key, read_data) = decode(&payload).unwrap();
            prop_assert_eq!(read_key, key);
            prop_assert_eq!(read_data, data);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(payload in any::<Vec<u8>>()) {
            let _ = decode(&payload.into());
        }
    }
}
