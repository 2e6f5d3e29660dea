//! Signature version 4: who signed a request, and whether they did.
//!
//! ```text
//!  server: parse ── Signed ── scope(now) ── look the key up ── signing_key ── verify
//!  client: sign                                                                 │
//!             └──────────────────── canonical form ─────────────────────────────┘
//! ```
//!
//! A gateway that takes any credentials stops after [`parse`]. [`signing_key`] depends only on
//! the secret, the day and the region, so its results can be kept for a day.

mod canonical;
mod date;
mod parse;
mod sign;
mod verify;

use std::ops::Deref;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub use parse::{Scope, Signed, parse};
pub use sign::{Credentials, sign, sign_for};
pub use verify::{expired_token, unknown_key};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service that Kinesis' operations and Weir's own are signed for.
pub const KINESIS: &str = "kinesis";
/// The service that calls of STS are signed for.
pub const STS: &str = "sts";

const TERMINATOR: &str = "aws4_request";

/// The secret part of an access key. Deliberately without `Debug` and `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret in.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Gives the secret out, to those who must store it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The key that signs the requests of one day in one region. Deliberately without `Debug`.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

/// The hash of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// Hashes a body.
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    fn hex(self) -> Hex {
        Hex::of(&self.0)
    }
}

/// Derives the signing key of a day (`yyyymmdd`) and a region, for Kinesis.
pub fn signing_key(secret: &Secret, date: &str, region: &str) -> SigningKey {
    signing_key_for(secret, date, region, KINESIS)
}

/// The same, for any service.
pub fn signing_key_for(secret: &Secret, date: &str, region: &str, service: &str) -> SigningKey {
    let seed = format!("AWS4{}", secret.0);
    let key = [date, region, service, TERMINATOR]
        .into_iter()
        .fold(seed.into_bytes(), |key, part| hmac(&key, part.as_bytes()).to_vec());
    SigningKey(key.try_into().expect("an HMAC-SHA256 has 32 bytes"))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A hash in hexadecimal digits.
struct Hex([u8; 64]);

impl Hex {
    fn of(hash: &[u8; 32]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(digits)
    }
}

impl Deref for Hex {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are text")
    }
}

#[cfg(test)]
mod tests;
