//! The operations: shapes in, decisions on the snapshot, shapes and API errors out. Texts are
//! those of AWS's IAM where it has them.

mod accounts;
mod keys;
mod policies;
mod roles;
mod users;

use bytes::Bytes;
use model::AccountId;
use storage::Change;
use wire::{ApiError, Caller};

use super::record::{self, Kind, PrincipalKey};
use super::snapshot::Snapshot;
use crate::error::{Error, Result};

type Answer<T> = Result<T, ApiError>;

/// Accounts of a node.
const ACCOUNTS_MAX: usize = 1000;
/// Users of an account.
const USERS_MAX: usize = 5000;
/// Roles of an account.
const ROLES_MAX: usize = 1000;
/// Access keys of a user, or of the root of an account: one to use, one to change to.
const ACCESS_KEYS_MAX: usize = 2;
/// Policies of a user or a role.
const POLICIES_MAX: usize = 50;
/// Characters of all policies of a user or a role, without white space.
const POLICY_CHARS_MAX: usize = 10_240;
/// Characters of a role's trust policy, without white space.
const TRUST_CHARS_MAX: usize = 4096;
/// Items of a page when nobody says how many.
const PAGE_DEFAULT: usize = 100;

fn account_of(caller: &Caller) -> Result<AccountId> {
    caller.account.parse().map_err(|_| Error::Corrupt("the account of the caller".into()))
}

fn user_key(account: AccountId, name: &str) -> PrincipalKey {
    PrincipalKey { account, kind: Kind::User, name: name.to_owned() }
}

fn role_key(account: AccountId, name: &str) -> PrincipalKey {
    PrincipalKey { account, kind: Kind::Role, name: name.to_owned() }
}

fn put<T: minicbor::Encode<()>>(key: Bytes, record: &T) -> Change {
    Change::Put { key, value: record::encode(record) }
}

fn no_such(key: &PrincipalKey) -> Error {
    let (kind, name) = (key.kind.word(), &key.name);
    Error::NotFound(format!("The {kind} with name {name} cannot be found."))
}

/// There may not be two whose names differ only in their case: people would take one for the
/// other.
fn must_be_new(key: &PrincipalKey, snapshot: &Snapshot, max: usize) -> Result<()> {
    let mut count = 0;
    for entity in snapshot.entities_of(key.account, key.kind) {
        if entity.key.name.eq_ignore_ascii_case(&key.name) {
            let name = &key.name;
            return Err(Error::Conflict(format!(
                "{} with name {name} already exists.",
                key.title()
            )));
        }
        count += 1;
    }
    if count >= max {
        let kind = key.title();
        return Err(Error::LimitExceeded(format!(
            "Cannot exceed quota for {kind}sPerAccount: {max}"
        )));
    }
    Ok(())
}

/// A page of `items`, which are in the order of their names, and where the next one starts: after
/// the name of the last.
fn page<'s, T: 's>(
    items: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
    limit: Option<i32>,
    after: Option<&str>,
) -> (Vec<T>, Option<String>) {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_DEFAULT);
    let mut rest = items.skip_while(|item| after.is_some_and(|after| *name(item) <= *after));
    let page: Vec<T> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(name);
    (page, next)
}

/// As IAM counts: white space does not.
fn chars(document: &str) -> usize {
    document.chars().filter(|char| !char.is_whitespace()).count()
}
