//! Seals and opens records with a data key.
//!
//! A data key never seals itself: each use of it in a process derives a key of its own from it
//! and a random salt (HKDF-SHA-256), and counts its nonces from zero. So no nonce is used twice
//! under one key, whatever crashes, whatever copy of the data directory is restored, and without
//! writing anything down. Salt and counter are the *stamp* that stands beside what was sealed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use runtime::Entropy;

use crate::cipher::{Cipher, KEY_BYTES, NONCE_BYTES, TAG_BYTES};

const SALT_BYTES: usize = 16;

/// Bytes of a stamp: the salt, then the counter, little-endian.
pub const STAMP_BYTES: usize = SALT_BYTES + 8;

const PURPOSE: &[u8] = b"weir record";

/// Keys derived from salts of others that are kept ready: each process that wrote had its own.
const DERIVED_MAX: usize = 32;

type Salt = [u8; SALT_BYTES];

/// A data key at work.
pub struct DataCipher {
    data_key: [u8; KEY_BYTES],
    salt: Salt,
    sealing: Cipher,
    next: AtomicU64,
    /// The latest first.
    opening: Mutex<VecDeque<(Salt, Arc<Cipher>)>>,
}

impl DataCipher {
    /// Makes a data key ready, with a salt of its own.
    pub fn new(data_key: [u8; KEY_BYTES], entropy: &dyn Entropy) -> Self {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let sealing = Cipher::derived(&data_key, &salt, PURPOSE);
        let (next, opening) = (AtomicU64::new(0), Mutex::default());
        Self { data_key, salt, sealing, next, opening }
    }

    /// Seals `content` where it is. The stamp and the tag are needed to open it, as is
    /// `associated`.
    pub fn seal(
        &self,
        associated: &[u8],
        content: &mut [u8],
    ) -> ([u8; STAMP_BYTES], [u8; TAG_BYTES]) {
        let counter = self.next.fetch_add(1, Ordering::Relaxed);
        let mut stamp = [0; STAMP_BYTES];
        stamp[..SALT_BYTES].copy_from_slice(&self.salt);
        stamp[SALT_BYTES..].copy_from_slice(&counter.to_le_bytes());
        (stamp, self.sealing.seal(nonce(counter), associated, content))
    }

    /// Opens what was sealed, with its tag behind it, where it is. `None` if it is not what this
    /// data key sealed with this stamp and associated data.
    pub fn open<'a>(
        &self,
        stamp: &[u8; STAMP_BYTES],
        associated: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        let (salt, counter) = stamp.split_first_chunk::<SALT_BYTES>()?;
        let nonce = nonce(u64::from_le_bytes(counter.try_into().ok()?));
        if *salt == self.salt {
            return self.sealing.open(nonce, associated, sealed);
        }
        self.derived(salt).open(nonce, associated, sealed)
    }

    fn derived(&self, salt: &Salt) -> Arc<Cipher> {
        let mut opening = self.opening.lock();
        if let Some((_, cipher)) = opening.iter().find(|(known, _)| known == salt) {
            return cipher.clone();
        }
        let cipher = Arc::new(Cipher::derived(&self.data_key, salt, PURPOSE));
        opening.truncate(DERIVED_MAX - 1);
        opening.push_front((*salt, cipher.clone()));
        cipher
    }
}

fn nonce(counter: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[..8].copy_from_slice(&counter.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use runtime::SystemEntropy;

    use super::*;

    fn cipher() -> DataCipher {
        DataCipher::new([7; KEY_BYTES], &SystemEntropy)
    }

    #[test]
    fn what_one_process_sealed_another_opens_and_no_stamp_comes_twice() {
        let mut stamps = BTreeSet::new();
        for _ in 0..2 * DERIVED_MAX {
            let (one, other) = (cipher(), cipher());
            for _ in 0..3 {
                let mut sealed = b"content".to_vec();
                let (stamp, tag) = one.seal(b"about", &mut sealed);
                sealed.extend(tag);
                assert!(stamps.insert(stamp));
                for opener in [&one, &other] {
                    let mut copy = sealed.clone();
                    assert_eq!(opener.open(&stamp, b"about", &mut copy).unwrap(), b"content");
                    let mut copy = sealed.clone();
                    assert!(opener.open(&stamp, b"other", &mut copy).is_none());
                }
            }
        }
    }

    #[test]
    fn a_changed_stamp_opens_nothing() {
        let (one, mut sealed) = (cipher(), b"content".to_vec());
        let (stamp, tag) = one.seal(b"about", &mut sealed);
        sealed.extend(tag);
        for at in 0..STAMP_BYTES {
            let mut stamp = stamp;
            stamp[at] ^= 1;
            assert!(one.open(&stamp, b"about", &mut sealed.clone()).is_none(), "byte {at}");
        }
    }

    #[test]
    fn keys_derived_from_other_salts_are_forgotten_in_the_end() {
        let one = cipher();
        for _ in 0..10 * DERIVED_MAX {
            let mut sealed = b"content".to_vec();
            let (stamp, tag) = cipher().seal(b"", &mut sealed);
            sealed.extend(tag);
            assert!(one.open(&stamp, b"", &mut sealed).is_some());
        }
        assert_eq!(one.opening.lock().len(), DERIVED_MAX);
    }
}
