//! The master key: the one secret that is not in the data directory's logs, and that wraps the
//! secrets that are.
//!
//! A wrapped secret is `version 1, fingerprint of the master key (8 bytes), nonce (12 bytes),
//! ciphertext, tag (16 bytes)`. What the secret is for is associated data: a wrapped access key
//! put in the place of a wrapped data key does not open. The fingerprint is a hash of the key, so
//! that a wrong master key is told apart from damage; it says nothing else about the key.

use std::sync::Arc;

use base64_simd::STANDARD as BASE64;
use ring::digest::{SHA256, digest};
use runtime::Entropy;

use crate::cipher::{Cipher, KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::error::{Error, Result};

const VERSION: u8 = 1;
const FINGERPRINT_BYTES: usize = 8;
const HEADER_BYTES: usize = 1 + FINGERPRINT_BYTES + NONCE_BYTES;

/// Bytes by which a wrapped secret is longer than the secret.
pub const WRAPPING_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// Wraps and unwraps small secrets. Cheap to clone.
///
/// ```
/// # use std::sync::Arc;
/// let key = security::MasterKey::generate(Arc::new(runtime::SystemEntropy));
/// let wrapped = key.wrap("secret of access key AKIAEXAMPLE", b"open sesame");
/// let secret = key.unwrap("secret of access key AKIAEXAMPLE", &wrapped)?;
/// assert_eq!(secret, b"open sesame");
/// assert!(key.unwrap("secret of access key AKIAANOTHER", &wrapped).is_err());
/// # Ok::<(), security::Error>(())
/// ```
#[derive(Clone)]
pub struct MasterKey(Arc<Inner>);

struct Inner {
    key: [u8; KEY_BYTES],
    cipher: Cipher,
    fingerprint: [u8; FINGERPRINT_BYTES],
    entropy: Arc<dyn Entropy>,
}

impl MasterKey {
    /// Uses `key`; nonces come from `entropy`.
    pub fn new(key: [u8; KEY_BYTES], entropy: Arc<dyn Entropy>) -> Self {
        let hash = digest(&SHA256, &[b"weir master key fingerprint", &key[..]].concat());
        let fingerprint = hash.as_ref().first_chunk().expect("a hash has 32 bytes");
        let (cipher, fingerprint) = (Cipher::new(&key), *fingerprint);
        Self(Arc::new(Inner { key, cipher, fingerprint, entropy }))
    }

    /// A new key that nobody knows.
    pub fn generate(entropy: Arc<dyn Entropy>) -> Self {
        let mut key = [0; KEY_BYTES];
        entropy.fill(&mut key);
        Self::new(key, entropy)
    }

    /// Reads a key as [`MasterKey::text`] writes it, with white space around it or not.
    pub fn parse(text: &str, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let wrong = || Error::NotAMasterKey("it must be base64 of 32 bytes".into());
        let bytes = BASE64.decode_to_vec(text.trim()).map_err(|_| wrong())?;
        let key = <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| wrong())?;
        // What a template or an empty variable leaves behind.
        if key == [0; KEY_BYTES] {
            return Err(Error::NotAMasterKey("all of its bytes are zero".into()));
        }
        Ok(Self::new(key, entropy))
    }

    /// The key itself as text: for the file that keeps it, and for nothing else.
    pub fn text(&self) -> String {
        BASE64.encode_to_string(self.0.key)
    }

    /// What may be shown of the key: enough to tell it from another.
    pub fn fingerprint(&self) -> String {
        hex(&self.0.fingerprint)
    }

    /// `secret`, so that only this key gives it back, and only as `what`. Wrapping twice gives
    /// different bytes.
    pub fn wrap(&self, what: &str, secret: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        self.0.entropy.fill(&mut nonce);
        let mut wrapped = Vec::with_capacity(secret.len() + WRAPPING_BYTES);
        wrapped.push(VERSION);
        wrapped.extend(self.0.fingerprint);
        wrapped.extend(nonce);
        wrapped.extend(secret);
        let tag = self.0.cipher.seal(nonce, what.as_bytes(), &mut wrapped[HEADER_BYTES..]);
        wrapped.extend(tag);
        wrapped
    }

    /// The secret that was wrapped as `what`.
    pub fn unwrap(&self, what: &str, wrapped: &[u8]) -> Result<Vec<u8>> {
        let corrupt = || Error::Corrupt(what.to_owned());
        let (header, sealed) = wrapped.split_first_chunk::<HEADER_BYTES>().ok_or_else(corrupt)?;
        let (version, rest) = header.split_first().expect("a header is not empty");
        let (fingerprint, nonce) = rest.split_at(FINGERPRINT_BYTES);
        if *version != VERSION {
            return Err(corrupt());
        }
        if fingerprint != self.0.fingerprint {
            return Err(Error::WrongMasterKey {
                what: what.to_owned(),
                wrapped_under: hex(fingerprint),
                given: self.fingerprint(),
            });
        }
        let nonce = nonce.try_into().expect("the rest of the header is the nonce");
        let mut sealed = sealed.to_vec();
        let secret = self.0.cipher.open(nonce, what.as_bytes(), &mut sealed);
        let bytes = secret.ok_or_else(corrupt)?.len();
        sealed.truncate(bytes);
        Ok(sealed)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runtime::SystemEntropy;

    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::new([byte; KEY_BYTES], Arc::new(SystemEntropy))
    }

    #[test]
    fn a_key_reads_back_from_its_text_and_nothing_else_is_a_key() {
        let key = MasterKey::generate(Arc::new(SystemEntropy));
        let parse = |text: &str| MasterKey::parse(text, Arc::new(SystemEntropy));
        let again = parse(&format!("{}\n", key.text())).unwrap();
        assert_eq!(again.unwrap("x", &key.wrap("x", b"secret")).unwrap(), b"secret");
        let (short, zeros) = (BASE64.encode_to_string([1; 31]), BASE64.encode_to_string([0; 32]));
        for text in ["", "open sesame", "<hidden>", &short, &zeros] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn another_master_key_is_told_apart_from_damage() {
        let wrapped = key(1).wrap("x", b"secret");
        let error = key(2).unwrap("x", &wrapped).err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, Error::WrongMasterKey { .. }), "{text}");
        assert!(text.contains(&key(1).fingerprint()), "{text}");
        assert!(text.contains(&key(2).fingerprint()), "{text}");
        let other = key(1).unwrap("y", &wrapped).err().unwrap();
        assert!(matches!(other, Error::Corrupt(_)), "{other}");
    }

    #[test]
    fn nothing_of_a_secret_is_in_what_wraps_it_and_no_two_wrappings_are_alike() {
        let (one, two) = (key(1).wrap("x", b"open sesame"), key(1).wrap("x", b"open sesame"));
        assert_ne!(one, two);
        assert_eq!(one.len(), b"open sesame".len() + WRAPPING_BYTES);
        assert!(!one.windows(4).any(|bytes| bytes == b"open"));
    }

    proptest! {
        #[test]
        fn a_wrapped_secret_with_one_byte_changed_does_not_unwrap(
            secret in prop::collection::vec(any::<u8>(), 0..64),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let mut wrapped = key(1).wrap("x", &secret);
            let at = at.index(wrapped.len());
            wrapped[at] ^= flip;
            prop_assert!(key(1).unwrap("x", &wrapped).is_err());
        }

        #[test]
        fn no_bytes_make_unwrapping_panic(bytes in any::<Vec<u8>>()) {
            prop_assert!(key(1).unwrap("x", &bytes).is_err());
        }
    }
}
