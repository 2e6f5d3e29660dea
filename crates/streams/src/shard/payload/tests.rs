use std::sync::Arc;

use model::Timestamp;
use proptest::prelude::*;
use runtime::SystemEntropy;

use super::*;

const HERE: Place = Place { incarnation: 1001, log: 1002 };

fn cipher(key: u8) -> Arc<DataCipher> {
    Arc::new(DataCipher::new([key; 32], &SystemEntropy))
}

/// The bytes of one record in a batch.
fn pushed(key: Option<&str>, data: &[u8], sealing: Option<&Sealing>) -> Bytes {
    let mut batch = Batch::new(Timestamp::default(), 0);
    push(&mut batch, key, data, sealing);
    Bytes::copy_from_slice(batch.entries().next().unwrap())
}

fn sealed(data_key: u64, key: Option<&str>, data: &[u8], place: Place) -> Bytes {
    let sealing = Sealing::new(DataKeyId(data_key), cipher(data_key as u8), place);
    pushed(key, data, Some(&sealing))
}

fn opened(payload: &[u8], place: Place) -> Option<Bytes> {
    let data_key = data_key(payload)?;
    open(payload, &cipher(data_key.0 as u8), place)
}

#[test]
fn a_record_of_the_first_version_is_read_as_ever() {
    let payload = Bytes::from_static(b"\x01\x03\x00keydata");
    assert_eq!(data_key(&payload), None);
    assert_eq!(decode(&payload), Some((Some("key"), Bytes::from_static(b"data"))));
    assert_eq!(pushed(Some("key"), b"data", None), payload);
}

#[test]
fn nothing_of_key_and_data_is_in_a_sealed_record() {
    let payload = sealed(7, Some("a partition key"), b"some secret data", HERE);
    assert_eq!(payload.len(), 15 + 16 + OVERHEAD_BYTES_MAX);
    for secret in [&b"partition"[..], b"secret"] {
        assert!(!payload.windows(secret.len()).any(|bytes| bytes == secret));
    }
    assert_eq!(decode(&payload), None, "it is no plain record");
}

#[test]
fn a_sealed_record_opens_only_in_the_stream_and_the_shard_it_was_put_into() {
    let payload = sealed(7, Some("key"), b"data", HERE);
    let plain = opened(&payload, HERE).unwrap();
    assert_eq!(decode(&plain), Some((Some("key"), Bytes::from_static(b"data"))));
    assert_eq!(opened(&payload, Place { log: 1003, ..HERE }), None);
    assert_eq!(opened(&payload, Place { incarnation: 1003, ..HERE }), None);
    // As if its data key were another one of the same stream.
    assert_eq!(open(&payload, &cipher(8), HERE), None);
}

#[test]
fn a_sealed_record_that_is_not_small_never_counts_for_more_data_than_it_has() {
    let longest = "\u{10ffff}".repeat(model::limits::PARTITION_KEY_CHARS_MAX);
    for bytes in [16 << 10, 1 << 20, 10 << 20] {
        let data = vec![7; bytes];
        for key in [None, Some("k"), Some(&*longest)] {
            let counted = data_bytes_min(&sealed(7, key, &data, HERE));
            assert!(counted <= bytes && counted + KEY_BYTES_MAX >= bytes, "{counted} of {bytes}");
        }
    }
}

proptest! {
    #[test]
    fn a_record_reads_back_as_written(
        key in prop::option::of(".{0,256}"), data in any::<Vec<u8>>(),
    ) {
        let key = key.as_deref();
        let plain = pushed(key, &data, None);
        prop_assert_eq!(data_bytes_min(&plain), data.len());
        let with_key = data.len() + key.map_or(0, str::len);
        prop_assert!(data_bytes_min(&sealed(7, key, &data, HERE)) <= with_key);
        prop_assert_eq!(decode(&plain).unwrap(), (key, Bytes::from(data.clone())));
        let opened = opened(&sealed(7, key, &data, HERE), HERE).unwrap();
        prop_assert_eq!(decode(&opened).unwrap(), (key, Bytes::from(data)));
    }

    #[test]
    fn a_sealed_record_with_one_byte_changed_does_not_open(
        data in any::<Vec<u8>>(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut payload = sealed(7, Some("key"), &data, HERE).to_vec();
        let at = at.index(payload.len());
        payload[at] ^= flip;
        prop_assert_eq!(opened(&payload, HERE), None);
    }

    #[test]
    fn no_bytes_make_the_decoders_panic(payload in any::<Vec<u8>>()) {
        for payload in [payload.clone(), [&[SEALED][..], &payload].concat()] {
            prop_assert_eq!(opened(&payload, HERE), None);
            let _ = data_bytes_min(&payload);
            let _ = decode(&payload.into());
        }
    }
}
