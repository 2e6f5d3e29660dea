//! One version of the identities, as every reader of that version sees it.
//!
//! Invariant: every policy and every access key belongs to a principal that is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use model::{AccountId, Timestamp};
use storage::{Offset, Table};
use wire::sigv4::Secret;

use super::entity::{Document, Entity, Inline, RoleDetails};
use super::record::{
    self, ACCESS_KEYS, ACCOUNTS, AccessKeyRecord, AccountRecord, Kind, PolicyRecord, PrincipalKey,
    ROLES, RoleRecord, USERS, UserRecord,
};
use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use crate::policy::{Policy, PolicyKind, Principal};

/// The identities at one version.
pub(super) struct Snapshot {
    pub(super) version: Offset,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) entities: BTreeMap<PrincipalKey, Arc<Entity>>,
    pub(super) keys: BTreeMap<String, Arc<AccessKey>>,
}

/// An account at one version.
pub(super) struct Account {
    pub(super) name: Option<String>,
    /// None for the node's own, which was always there.
    pub(super) created: Option<Timestamp>,
    pub(super) root: Arc<Principal>,
}

/// An access key at one version. Deliberately without `Debug`.
pub(super) struct AccessKey {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) active: bool,
    pub(super) created: Timestamp,
    pub(super) account: AccountId,
    /// None: it is of the account's root.
    pub(super) user: Option<String>,
    pub(super) principal: Arc<Principal>,
    /// In milliseconds; 0: not since the node started. Shared by all versions of the key.
    last_used: Arc<AtomicU64>,
    /// What it was read from; nothing, if it comes from the configuration.
    raw: Bytes,
}

/// What does not come from the table.
pub(super) struct Given {
    /// The node's own account.
    pub(super) account: AccountId,
    /// Keys of its root that the configuration or the file of credentials names.
    pub(super) keys: Vec<(String, Secret)>,
    pub(super) master: MasterKey,
}

impl Account {
    /// The node's own, or one that was so before the settings said another.
    fn once_own(account: AccountId) -> Self {
        let root = Arc::new(Principal::root(account.to_string()));
        Self { name: None, created: None, root }
    }
}

impl AccessKey {
    pub(super) fn used(&self, now: Timestamp) {
        self.last_used.store(now.as_millis(), Ordering::Relaxed);
    }

    pub(super) fn last_used(&self) -> Option<Timestamp> {
        let millis = self.last_used.load(Ordering::Relaxed);
        (millis > 0).then(|| Timestamp::from_millis(millis))
    }

    /// Whether it is managed here, rather than by the configuration.
    pub(super) fn is_stored(&self) -> bool {
        !self.raw.is_empty()
    }
}

impl Snapshot {
    /// Reads the whole table. What did not change since `previous` is not unwrapped or parsed
    /// again, and the uses of keys stay counted.
    pub(super) fn load(table: &Table, given: &Given, previous: Option<&Self>) -> Result<Self> {
        let version = table.version();
        let mut accounts = read_accounts(table, given)?;
        let entities = read_entities(table, previous)?;
        for key in entities.keys() {
            accounts.entry(key.account).or_insert_with(|| Account::once_own(key.account));
        }
        let mut snapshot = Self { version, accounts, entities, keys: BTreeMap::new() };
        let mut users = BTreeMap::new();
        for (key, value) in table.scan(ACCESS_KEYS) {
            let id = record::from_access_key_key(&key).ok_or_else(|| foreign(&key))?;
            let before = previous.and_then(|previous| previous.keys.get(id));
            let read = snapshot.read_key(id, &value, &given.master, before, &mut users)?;
            snapshot.keys.insert(id.to_owned(), Arc::new(read));
        }
        for (id, secret) in &given.keys {
            let before = previous.and_then(|previous| previous.keys.get(id));
            let key = AccessKey {
                id: id.clone(),
                secret: secret.clone(),
                active: true,
                created: Timestamp::from_millis(0),
                account: given.account,
                user: None,
                principal: snapshot.accounts[&given.account].root.clone(),
                last_used: before.map(|before| before.last_used.clone()).unwrap_or_default(),
                raw: Bytes::new(),
            };
            snapshot.keys.insert(id.clone(), Arc::new(key));
        }
        Ok(snapshot)
    }

    fn read_key(
        &mut self,
        id: &str,
        raw: &Bytes,
        master: &MasterKey,
        before: Option<&Arc<AccessKey>>,
        users: &mut BTreeMap<PrincipalKey, Arc<Principal>>,
    ) -> Result<AccessKey> {
        let record: AccessKeyRecord = record::decode(id.as_bytes(), raw)?;
        let account: AccountId = record.account.parse().map_err(|_| foreign(id.as_bytes()))?;
        let orphan = || Error::Corrupt(format!("access key {id} (its owner is not there)"));
        let principal = match &record.user {
            None => {
                let once_own = || Account::once_own(account);
                self.accounts.entry(account).or_insert_with(once_own).root.clone()
            }
            Some(name) => {
                let key = PrincipalKey { account, kind: Kind::User, name: name.clone() };
                let user = self.entities.get(&key).ok_or_else(orphan)?;
                users.entry(key).or_insert_with(|| Arc::new(user.as_user())).clone()
            }
        };
        let secret = match before.filter(|before| before.raw == *raw) {
            Some(before) => before.secret.clone(),
            None => {
                let what = record::secret_label(id);
                let secret = String::from_utf8(master.unwrap(&what, &record.secret)?);
                Secret::new(secret.map_err(|_| Error::Corrupt(what))?)
            }
        };
        Ok(AccessKey {
            id: id.to_owned(),
            secret,
            active: record.active,
            created: Timestamp::from_millis(record.created),
            account,
            user: record.user,
            principal,
            last_used: before.map(|before| before.last_used.clone()).unwrap_or_default(),
            raw: raw.clone(),
        })
    }

    /// The users or the roles of an account, by name.
    pub(super) fn entities_of(
        &self,
        account: AccountId,
        kind: Kind,
    ) -> impl Iterator<Item = &Arc<Entity>> {
        let from = PrincipalKey { account, kind, name: String::new() };
        let own = move |key: &PrincipalKey| key.account == account && key.kind == kind;
        let all = self.entities.range(from..).take_while(move |(key, _)| own(key));
        all.map(|(_, entity)| entity)
    }

    /// The keys of a user or of the root of an account, the oldest first.
    pub(super) fn keys_of(&self, account: AccountId, user: Option<&str>) -> Vec<&Arc<AccessKey>> {
        let own = |key: &&Arc<AccessKey>| key.account == account && key.user.as_deref() == user;
        let mut keys: Vec<_> = self.keys.values().filter(own).collect();
        keys.sort_by_key(|key| key.created);
        keys
    }
}

fn read_accounts(table: &Table, given: &Given) -> Result<BTreeMap<AccountId, Account>> {
    let own = Account::once_own(given.account);
    let mut accounts = BTreeMap::from([(given.account, own)]);
    for (key, value) in table.scan(ACCOUNTS) {
        let id = record::from_account_key(&key).ok_or_else(|| foreign(&key))?;
        let AccountRecord { name, created } = record::decode(&key, &value)?;
        let created = Some(Timestamp::from_millis(created));
        accounts.insert(id, Account { name, created, ..Account::once_own(id) });
    }
    Ok(accounts)
}

fn read_entities(
    table: &Table,
    previous: Option<&Snapshot>,
) -> Result<BTreeMap<PrincipalKey, Arc<Entity>>> {
    let mut entities = BTreeMap::new();
    let before = |key: &PrincipalKey| previous.and_then(|previous| previous.entities.get(key));
    for (key, value) in table.scan(USERS) {
        let name = PrincipalKey::from_table_key(Kind::User, &key).ok_or_else(|| foreign(&key))?;
        let UserRecord { id, created, tags } = record::decode(&key, &value)?;
        let created = Timestamp::from_millis(created);
        let key = name.clone();
        let user = Entity { key, id, created, tags, role: None, policies: Vec::new() };
        entities.insert(name, user);
    }
    for (key, value) in table.scan(ROLES) {
        let name = PrincipalKey::from_table_key(Kind::Role, &key).ok_or_else(|| foreign(&key))?;
        let record: RoleRecord = record::decode(&key, &value)?;
        let trust = before(&name).and_then(|entity| entity.role.as_ref()).map(|role| &role.trust);
        let role = RoleDetails {
            trust: read_document(&key, &record.trust, PolicyKind::Trust, trust)?,
            description: record.description,
            session_seconds_max: record.session_seconds_max,
        };
        let role = Entity {
            key: name.clone(),
            id: record.id,
            created: Timestamp::from_millis(record.created),
            tags: record.tags,
            role: Some(role),
            policies: Vec::new(),
        };
        entities.insert(name, role);
    }
    for (key, value) in table.scan(record::POLICIES) {
        let (owner, name) = PrincipalKey::from_policy_key(&key).ok_or_else(|| foreign(&key))?;
        let PolicyRecord { document } = record::decode(&key, &value)?;
        let inline = before(&owner).and_then(|entity| entity.policy(&name));
        let inline = inline.map(|inline| &inline.document);
        let document = read_document(&key, &document, PolicyKind::Identity, inline)?;
        let owner = entities.get_mut(&owner).ok_or_else(|| foreign(&key))?;
        owner.policies.push(Inline { name, document });
    }
    Ok(entities.into_iter().map(|(key, entity)| (key, Arc::new(entity))).collect())
}

/// What was put was a policy then, so it is one now.
fn read_document(
    key: &[u8],
    text: &str,
    kind: PolicyKind,
    before: Option<&Document>,
) -> Result<Document> {
    if let Some(before) = before.filter(|before| *before.text == *text) {
        return Ok(before.clone());
    }
    let policy = Policy::parse(text, kind).map_err(|error| {
        Error::Corrupt(format!("the policy {} of an identity ({error})", key.escape_ascii()))
    })?;
    Ok(Document { text: text.into(), policy: Arc::new(policy) })
}

fn foreign(key: &[u8]) -> Error {
    Error::Corrupt(format!("the record {} of an identity", key.escape_ascii()))
}
