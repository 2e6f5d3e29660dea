//! Sessions of roles: what their tokens hold, and how they are handed out.
//!
//! A token is sealed and self-contained: the node keeps nothing about a session, and a session
//! outlives a restart. It is base64 of `nonce, ciphertext, tag` under AES-256-GCM with a key that
//! only this is sealed with. What a role may do is looked up when a request is made, so a policy
//! that is taken away is gone at once; so is a role.

use std::collections::HashMap;
use std::sync::Arc;

use base64_simd::STANDARD as BASE64;
use minicbor::{Decode, Encode};
use model::{AccountId, Timestamp};
use parking_lot::Mutex;
use runtime::Entropy;
use storage::{Change, Table};
use wire::sigv4::Secret;

use super::entity::Entity;
use super::record::{self, Kind, NODE_KEY, NodeRecord, PrincipalKey, SESSION_KEY_LABEL};
use crate::cipher::{Cipher, KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use crate::policy::{Policy, PolicyKind, Principal};

/// Tokens kept open, so that not every request of a session decrypts its own. Past this, all are
/// opened again.
const OPENED_MAX: usize = 1024;

/// A longer text is no token of this node, and is not looked at.
const TOKEN_CHARS_MAX: usize = 8192;

const ASSOCIATED: &[u8] = b"session token 1";

/// What a token holds.
#[derive(Encode, Decode)]
struct Content {
    #[n(0)]
    access_key_id: String,
    #[n(1)]
    secret: String,
    #[n(2)]
    account: String,
    #[n(3)]
    role: String,
    #[n(4)]
    role_id: String,
    #[n(5)]
    name: String,
    #[n(6)]
    expires: u64,
    #[n(7)]
    policy: Option<String>,
}

/// A token that this node sealed.
pub(super) struct Opened {
    /// The key that came with the token.
    pub(super) access_key_id: String,
    pub(super) secret: Secret,
    pub(super) role: PrincipalKey,
    pub(super) role_id: String,
    /// From when on the session is over.
    pub(super) expires: Timestamp,
    name: String,
    /// What the session was narrowed to when it began.
    policy: Option<Arc<Policy>>,
    /// Who requests of the session are from, as of one version of the role.
    principal: Mutex<Option<(Arc<Entity>, Arc<Principal>)>>,
}

/// A session that is to be.
pub(super) struct NewSession {
    pub(super) role: PrincipalKey,
    pub(super) role_id: String,
    pub(super) name: String,
    pub(super) expires: Timestamp,
    pub(super) policy: Option<String>,
}

/// A session that began.
pub(super) struct Begun {
    pub(super) access_key_id: String,
    pub(super) secret: Secret,
    pub(super) token: String,
}

/// Seals and opens the tokens.
pub(super) struct Sessions {
    cipher: Cipher,
    entropy: Arc<dyn Entropy>,
    opened: Mutex<HashMap<String, Arc<Opened>>>,
}

impl Sessions {
    /// Uses the key in the table, or makes one.
    pub(super) async fn start(
        table: &Table,
        master: &MasterKey,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let key = match table.get(NODE_KEY) {
            Some(value) => {
                let node: NodeRecord = record::decode(NODE_KEY, &value)?;
                node.check_format()?;
                let key = master.unwrap(SESSION_KEY_LABEL, &node.session_key)?;
                key.try_into().map_err(|_| Error::Corrupt(SESSION_KEY_LABEL.into()))?
            }
            None => {
                let mut key = [0; KEY_BYTES];
                entropy.fill(&mut key);
                let node = NodeRecord::new(master.wrap(SESSION_KEY_LABEL, &key));
                let put = Change::Put { key: NODE_KEY.into(), value: record::encode(&node) };
                table.transact(table.version(), vec![put]).await?;
                key
            }
        };
        Ok(Self { cipher: Cipher::new(&key), entropy, opened: Mutex::default() })
    }

    /// What a token of this node holds.
    pub(super) fn open(&self, token: &str) -> Option<Arc<Opened>> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        if let Some(opened) = self.opened.lock().get(token) {
            return Some(opened.clone());
        }
        let opened = Arc::new(self.unseal(token)?);
        let mut kept = self.opened.lock();
        if kept.len() >= OPENED_MAX {
            kept.clear();
        }
        kept.insert(token.to_owned(), opened.clone());
        Some(opened)
    }

    fn unseal(&self, token: &str) -> Option<Opened> {
        let bytes = BASE64.decode_to_vec(token).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let mut sealed = sealed.to_vec();
        let content = self.cipher.open(*nonce, ASSOCIATED, &mut sealed)?;
        Opened::read(content)
    }

    /// Begins a session: its key, the secret of it, and the token.
    pub(super) fn begin(&self, new: NewSession) -> Begun {
        let content = Content {
            access_key_id: access_key_id(&*self.entropy, "ASIA"),
            secret: secret_access_key(&*self.entropy),
            account: new.role.account.to_string(),
            role: new.role.name,
            role_id: new.role_id,
            name: new.name,
            expires: new.expires.as_millis(),
            policy: new.policy,
        };
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let mut sealed = minicbor::to_vec(&content).expect("writing to memory cannot fail");
        let tag: [u8; TAG_BYTES] = self.cipher.seal(nonce, ASSOCIATED, &mut sealed);
        let token = BASE64.encode_to_string([&nonce[..], &sealed, &tag].concat());
        let Content { access_key_id, secret, .. } = content;
        Begun { access_key_id, secret: Secret::new(secret), token }
    }
}

impl Opened {
    /// Reads what was in a token.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let content: Content = minicbor::decode(content).ok()?;
        let account: AccountId = content.account.parse().ok()?;
        let policy = content.policy.map(|text| Policy::parse(&text, PolicyKind::Session));
        Some(Self {
            access_key_id: content.access_key_id,
            secret: Secret::new(content.secret),
            role: PrincipalKey { account, kind: Kind::Role, name: content.role },
            role_id: content.role_id,
            expires: Timestamp::from_millis(content.expires),
            name: content.name,
            policy: policy.transpose().ok()?.map(Arc::new),
            principal: Mutex::default(),
        })
    }

    /// Who requests of the session are from, with the policies that `role` has now.
    pub(super) fn principal(&self, role: &Arc<Entity>) -> Arc<Principal> {
        let mut kept = self.principal.lock();
        if let Some((of, principal)) = &*kept
            && Arc::ptr_eq(of, role)
        {
            return principal.clone();
        }
        let principal = Arc::new(role.as_session(&self.name, self.policy.as_ref()));
        *kept = Some((role.clone(), principal.clone()));
        principal
    }
}

const ID_CHARS: usize = 20;
const SECRET_CHARS: usize = 40;
/// AWS's own alphabets: base 32 for ids, base 64 for secrets.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The id of a new access key: 20 characters that begin with `prefix`.
pub fn access_key_id(entropy: &dyn Entropy, prefix: &str) -> String {
    format!("{prefix}{}", random_text(entropy, ID_ALPHABET, ID_CHARS - prefix.len()))
}

/// The id of a new user or role: 21 characters that begin with `prefix`.
pub(super) fn principal_id(entropy: &dyn Entropy, prefix: &str) -> String {
    format!("{prefix}{}", random_text(entropy, ID_ALPHABET, ID_CHARS + 1 - prefix.len()))
}

/// The secret of a new access key: 40 characters.
pub fn secret_access_key(entropy: &dyn Entropy) -> String {
    random_text(entropy, SECRET_ALPHABET, SECRET_CHARS)
}

/// `alphabet` has a power of two letters, so every letter is equally likely.
fn random_text(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}
