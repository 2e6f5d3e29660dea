//! AES-256-GCM, the one authenticated cipher of the house.
//!
//! Who seals chooses the nonce and answers for it: **the same key never seals twice under one
//! nonce.** Associated data is not kept in what is sealed; it must be said again to open it.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;

/// Bytes by which what is sealed is longer.
pub const TAG_BYTES: usize = 16;

/// A key, ready to seal and open.
pub struct Cipher(LessSafeKey);

impl Cipher {
    /// Makes `key` ready.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has the cipher's length");
        Self(LessSafeKey::new(key))
    }

    /// Makes a key ready that is derived from `key`, another for each salt and purpose.
    pub(crate) fn derived(key: &[u8; KEY_BYTES], salt: &[u8], purpose: &[u8]) -> Self {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key);
        let purpose = [purpose];
        let expanded = extracted.expand(&purpose, &AES_256_GCM);
        let expanded = expanded.expect("a key is shorter than what can be expanded");
        Self(LessSafeKey::new(UnboundKey::from(expanded)))
    }

    /// Seals `content` where it is; the tag belongs behind it.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        content: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(associated), content);
        let tag = tag.expect("no content here is as long as 64 GiB");
        tag.as_ref().try_into().expect("a tag of AES-GCM has 16 bytes")
    }

    /// Opens what was sealed, with its tag behind it, where it is. `None` if it was sealed by
    /// another key, under another nonce, with other associated data, or was changed since.
    pub fn open<'a>(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(associated), sealed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; NONCE_BYTES] = [3; NONCE_BYTES];

    fn sealed() -> Vec<u8> {
        let mut content = b"content".to_vec();
        let tag = Cipher::new(&[1; KEY_BYTES]).seal(NONCE, b"about", &mut content);
        [content, tag.to_vec()].concat()
    }

    #[test]
    fn what_was_sealed_opens_and_only_as_what_it_is() {
        let opens = |key: u8, nonce: [u8; NONCE_BYTES], about: &[u8], change: usize| {
            let mut sealed = sealed();
            if let Some(byte) = sealed.get_mut(change) {
                *byte ^= 1;
            }
            let opened = Cipher::new(&[key; KEY_BYTES]).open(nonce, about, &mut sealed);
            opened.map(|content| content.to_vec())
        };
        assert_eq!(opens(1, NONCE, b"about", usize::MAX).unwrap(), b"content");
        assert_eq!(opens(2, NONCE, b"about", usize::MAX), None, "another key");
        assert_eq!(opens(1, [4; NONCE_BYTES], b"about", usize::MAX), None, "another nonce");
        assert_eq!(opens(1, NONCE, b"other", usize::MAX), None, "another purpose");
        for change in 0..sealed().len() {
            assert_eq!(opens(1, NONCE, b"about", change), None, "byte {change} changed");
        }
    }
}
