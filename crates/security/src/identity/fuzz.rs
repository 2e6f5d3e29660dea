//! Doors for the fuzzer: rows of the table of identities, and tokens of sessions.

use minicbor::{Decode, Encode};

use super::record::{
    self, AccessKeyRecord, AccountRecord, Kind, NODE_KEY, NodeRecord, PolicyRecord, PrincipalKey,
    RoleRecord, UserRecord,
};
use super::session::Opened;

/// A key and its value: each is read or refused, and what was read is written as it reads.
pub fn row(key: &[u8], value: &[u8]) {
    let written = match key.first() {
        Some(b'n') => {
            let node = record::decode::<NodeRecord>(NODE_KEY, value);
            return drop(node.map(|node| node.check_format()));
        }
        Some(b'a') => {
            again::<AccountRecord>(key, value);
            record::from_account_key(key).map(record::account_key)
        }
        Some(b'u') => {
            again::<UserRecord>(key, value);
            PrincipalKey::from_table_key(Kind::User, key).map(|user| user.table_key())
        }
        Some(b'r') => {
            again::<RoleRecord>(key, value);
            PrincipalKey::from_table_key(Kind::Role, key).map(|role| role.table_key())
        }
        Some(b'p') => {
            again::<PolicyRecord>(key, value);
            PrincipalKey::from_policy_key(key).map(|(owner, policy)| owner.policy_key(&policy))
        }
        Some(b'k') => {
            again::<AccessKeyRecord>(key, value);
            record::from_access_key_key(key).map(record::access_key_key)
        }
        _ => return,
    };
    assert!(written.is_none_or(|written| written == key));
}

/// What could stand in the token of a session.
pub fn session(content: &[u8]) {
    let _ = Opened::read(content);
}

fn again<T: for<'b> Decode<'b, ()> + Encode<()> + PartialEq>(key: &[u8], value: &[u8]) {
    let Ok(read) = record::decode::<T>(key, value) else { return };
    let written = record::encode(&read);
    // Not `assert_eq!`: secrets have no `Debug`.
    assert!(record::decode::<T>(key, &written).is_ok_and(|again| again == read));
}
