//! A door for the fuzzer: rows of the key ring's table.

use std::fmt::Debug;

use minicbor::{Decode, Encode};

use super::record::{self, DataKeyRecord, KeyRecord, RingRecord};

/// A key and its value: each is read or refused, and what was read is written as it reads.
pub fn row(key: &[u8], value: &[u8]) {
    match key.first() {
        Some(b'r') => again::<RingRecord>(key, value),
        Some(b'k') => again::<KeyRecord>(key, value),
        Some(b'd') => again::<DataKeyRecord>(key, value),
        Some(b'a') => {
            let Some((realm, alias)) = record::from_alias_key(key) else { return };
            assert_eq!(record::alias_key(&realm, &alias), key);
        }
        _ => {}
    }
}

fn again<T: for<'b> Decode<'b, ()> + Encode<()> + PartialEq + Debug>(key: &[u8], value: &[u8]) {
    let Ok(read) = record::decode::<T>(key, value) else { return };
    let written = record::encode(&read);
    assert_eq!(record::decode::<T>(key, &written).as_ref().ok(), Some(&read));
}
