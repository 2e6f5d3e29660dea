//! Tokens that the node hands out and gets back: sealed, so that nobody else can make one, and
//! self-contained, so that the node keeps nothing about them.
//!
//! A token is base64 of `nonce, ciphertext, tag` under AES-256-GCM with the node's key; its kind
//! is associated data, so a token of one kind is none of another. Two tokens of one content
//! differ, because each has a random nonce.

use std::sync::Arc;

use base64_simd::STANDARD as BASE64;
use minicbor::{Decode, Encode};
use runtime::Entropy;
use security::{Cipher, NONCE_BYTES};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ConsumersPage,
    ShardIterator,
    ShardsPage,
    StreamsPage,
}

/// Seals and opens tokens.
pub(crate) struct Sealer {
    cipher: Box<Cipher>,
    entropy: Arc<dyn Entropy>,
}

impl Sealer {
    pub(crate) fn new(key: &[u8; 32], entropy: Arc<dyn Entropy>) -> Self {
        Self { cipher: Box::new(Cipher::new(key)), entropy }
    }

    /// A fresh token with this content.
    pub(crate) fn seal<T: Encode<()>>(&self, kind: Kind, content: &T) -> String {
        let mut content = minicbor::to_vec(content).expect("writing to memory cannot fail");
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let tag = self.cipher.seal(nonce, kind.name(), &mut content);
        BASE64.encode_to_string([&nonce[..], &content, &tag].concat())
    }

    /// The content of a token of this kind that this node sealed.
    pub(crate) fn open<T: for<'b> Decode<'b, ()>>(&self, kind: Kind, token: &str) -> Option<T> {
        let mut bytes = BASE64.decode_to_vec(token).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk_mut::<NONCE_BYTES>()?;
        let content = self.cipher.open(*nonce, kind.name(), sealed)?;
        minicbor::decode(content).ok()
    }
}

impl Kind {
    fn name(self) -> &'static [u8] {
        match self {
            Self::ConsumersPage => b"consumers page 1",
            Self::ShardIterator => b"shard iterator 1",
            Self::ShardsPage => b"shards page 1",
            Self::StreamsPage => b"streams page 1",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runtime::SystemEntropy;

    use super::*;

    fn sealer(key: u8) -> Sealer {
        Sealer::new(&[key; 32], Arc::new(SystemEntropy))
    }

    #[test]
    fn a_token_opens_as_what_it_is_and_as_nothing_else() {
        let sealer = sealer(1);
        let token = sealer.seal(Kind::ShardIterator, &42_u64);
        assert_eq!(sealer.open(Kind::ShardIterator, &token), Some(42_u64));
        assert_eq!(sealer.open::<u64>(Kind::ShardsPage, &token), None);
        assert_ne!(sealer.seal(Kind::ShardIterator, &42_u64), token, "two tokens of one content");
        assert_eq!(self::sealer(2).open::<u64>(Kind::ShardIterator, &token), None);
    }

    proptest! {
        #[test]
        fn a_token_with_one_byte_changed_does_not_open(
            at: prop::sample::Index,
            flip in 1..=255_u8,
        ) {
            let sealer = sealer(1);
            let mut bytes = BASE64.decode_to_vec(sealer.seal(Kind::StreamsPage, &7_u64)).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let token = BASE64.encode_to_string(bytes);
            prop_assert_eq!(sealer.open::<u64>(Kind::StreamsPage, &token), None);
        }

        #[test]
        fn garbage_does_not_open(token in ".{0,600}") {
            prop_assert_eq!(sealer(1).open::<u64>(Kind::ShardIterator, &token), None);
        }
    }
}
