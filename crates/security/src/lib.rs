//! Who may do what: principals, keys that sign, policies, keys that encrypt.
//!
//! What this is not: it knows nothing of streams, records or HTTP.
//!
//! # Invariants
//!
//! - A secret has no `Debug`, and is on disk only as the master key wrapped it.
//! - What one key sealed for one purpose opens with no other key and for no other purpose.
//! - Deny by default. A decision is a pure function of policies, principal, action, resource and
//!   request.

mod cipher;
mod error;
pub mod identity;
pub mod keys;
mod master_key;
pub mod policy;

/// Doors for the fuzzer to the tables of this crate and the tokens of sessions.
#[doc(hidden)]
pub mod fuzz {
    pub use crate::identity::fuzz::{row as identity, session};
    pub use crate::keys::fuzz::row as key_ring;
}

pub use cipher::{Cipher, KEY_BYTES, NONCE_BYTES, TAG_BYTES};
pub use error::{Error, Result};
pub use identity::Identity;
pub use keys::KeyRing;
pub use master_key::{MasterKey, WRAPPING_BYTES};
