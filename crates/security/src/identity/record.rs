//! What the table of identities holds: keys, and the records that are its values.
//!
//! The bytes are in `docs/formats.md`. Fields are numbered and numbers are never used again, so
//! a later version can add fields to what an earlier one wrote.

use std::collections::BTreeMap;

use bytes::Bytes;
use minicbor::{Decode, Encode};
use model::AccountId;

use crate::error::{Error, Result};

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

/// Where the node's own record is.
pub(super) const NODE_KEY: &[u8] = b"n";
/// What the keys of accounts begin with.
pub(super) const ACCOUNTS: &[u8] = b"a";
/// What the keys of users begin with.
pub(super) const USERS: &[u8] = b"u";
/// What the keys of roles begin with.
pub(super) const ROLES: &[u8] = b"r";
/// What the keys of attached policies begin with.
pub(super) const POLICIES: &[u8] = b"p";
/// What the keys of access keys begin with.
pub(super) const ACCESS_KEYS: &[u8] = b"k";

const ACCOUNT_DIGITS: usize = 12;

/// A kind of principal that has a name and policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    User,
    Role,
}

/// Names a user or a role in the whole node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PrincipalKey {
    pub(crate) account: AccountId,
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

/// What there is one of.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct NodeRecord {
    #[n(0)]
    format: u32,
    /// Seals the tokens of sessions, so that they outlive a restart; wrapped by the master key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) session_key: Vec<u8>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct AccountRecord {
    #[n(0)]
    pub(super) name: Option<String>,
    /// In milliseconds, as all times here.
    #[n(1)]
    pub(super) created: u64,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct UserRecord {
    #[n(0)]
    pub(super) id: String,
    #[n(1)]
    pub(super) created: u64,
    #[n(2)]
    pub(super) tags: BTreeMap<String, String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct RoleRecord {
    #[n(0)]
    pub(super) id: String,
    #[n(1)]
    pub(super) created: u64,
    #[n(2)]
    pub(super) tags: BTreeMap<String, String>,
    /// Who may assume it, as it was put.
    #[n(3)]
    pub(super) trust: String,
    #[n(4)]
    pub(super) description: Option<String>,
    #[n(5)]
    pub(super) session_seconds_max: u32,
}

/// A policy attached to a user or a role.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct PolicyRecord {
    /// As it was put.
    #[n(0)]
    pub(super) document: String,
}

/// An access key. Deliberately without `Debug`.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct AccessKeyRecord {
    #[n(0)]
    pub(super) account: String,
    /// None: it is of the account's root.
    #[n(1)]
    pub(super) user: Option<String>,
    #[n(2)]
    pub(super) created: u64,
    #[n(3)]
    pub(super) active: bool,
    /// Wrapped by the master key.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(super) secret: Vec<u8>,
}

impl Kind {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::User => USERS,
            Self::Role => ROLES,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::User => 'u',
            Self::Role => 'r',
        }
    }

    /// As texts and ARNs say it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
        }
    }
}

impl PrincipalKey {
    pub(super) fn table_key(&self) -> Bytes {
        format!("{}{}{}", self.kind.letter(), self.account, self.name).into()
    }

    pub(super) fn from_table_key(kind: Kind, key: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(key.strip_prefix(kind.prefix())?).ok()?;
        let (account, name) = text.split_at_checked(ACCOUNT_DIGITS)?;
        Some(Self { account: account.parse().ok()?, kind, name: name.to_owned() })
    }

    /// Where one of its policies is.
    pub(super) fn policy_key(&self, policy: &str) -> Bytes {
        format!("p{}{}{}\0{policy}", self.account, self.kind.letter(), self.name).into()
    }

    /// Whose policy is there, and its name.
    pub(super) fn from_policy_key(key: &[u8]) -> Option<(Self, String)> {
        let text = std::str::from_utf8(key.strip_prefix(POLICIES)?).ok()?;
        let (account, rest) = text.split_at_checked(ACCOUNT_DIGITS)?;
        let (letter, rest) = rest.split_at_checked(1)?;
        let (name, policy) = rest.split_once('\0')?;
        let kind = match letter {
            "u" => Kind::User,
            "r" => Kind::Role,
            _ => return None,
        };
        let account = account.parse().ok()?;
        Some((Self { account, kind, name: name.to_owned() }, policy.to_owned()))
    }
}

pub(super) fn account_key(account: AccountId) -> Bytes {
    format!("a{account}").into()
}

pub(super) fn from_account_key(key: &[u8]) -> Option<AccountId> {
    std::str::from_utf8(key.strip_prefix(ACCOUNTS)?).ok()?.parse().ok()
}

pub(super) fn access_key_key(id: &str) -> Bytes {
    format!("k{id}").into()
}

pub(super) fn from_access_key_key(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.strip_prefix(ACCESS_KEYS)?).ok()
}

/// What the secret of an access key is wrapped as: with the id, so that the record of one key
/// cannot be given the secret of another.
pub(super) fn secret_label(access_key_id: &str) -> String {
    format!("secret of access key {access_key_id}")
}

/// What the key of session tokens is wrapped as.
pub(super) const SESSION_KEY_LABEL: &str = "key of session tokens";

pub(super) fn encode<T: Encode<()>>(record: &T) -> Bytes {
    minicbor::to_vec(record).expect("writing to memory cannot fail").into()
}

pub(super) fn decode<'b, T: Decode<'b, ()>>(key: &[u8], value: &'b [u8]) -> Result<T> {
    minicbor::decode(value).map_err(|error| {
        Error::Corrupt(format!("the record {} of an identity ({error})", key.escape_ascii()))
    })
}

impl NodeRecord {
    pub(super) fn new(session_key: Vec<u8>) -> Self {
        Self { format: FORMAT, session_key }
    }

    pub(super) fn check_format(&self) -> Result<()> {
        if self.format == FORMAT {
            return Ok(());
        }
        let found = self.format;
        Err(Error::Corrupt(format!(
            "the table of identities (format {found}, this program knows {FORMAT})"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_table_read_back_as_what_they_were_made_of() {
        let account = "123456789012".parse().unwrap();
        for (kind, name) in [(Kind::User, "alice"), (Kind::Role, "u@x,y=z")] {
            let key = PrincipalKey { account, kind, name: name.into() };
            let read = PrincipalKey::from_table_key(kind, &key.table_key());
            assert_eq!(read.as_ref(), Some(&key));
            let policy = PrincipalKey::from_policy_key(&key.policy_key("may-read"));
            assert_eq!(policy, Some((key, "may-read".into())));
        }
        assert_eq!(from_account_key(&account_key(account)), Some(account));
        assert_eq!(from_access_key_key(&access_key_key("AKIAX")), Some("AKIAX"));
    }

    #[test]
    fn a_key_that_nobody_wrote_is_of_nobody() {
        for key in [&b""[..], b"u", b"u12345678901", b"p123456789012xname\0p", b"p123456789012u"] {
            assert_eq!(PrincipalKey::from_table_key(Kind::User, key), None, "{key:?}");
            assert_eq!(PrincipalKey::from_policy_key(key), None, "{key:?}");
        }
    }
}
