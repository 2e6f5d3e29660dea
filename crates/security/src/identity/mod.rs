//! Identities: the accounts of the node, their users and roles, the keys that sign as them.
//!
//! Readers take an immutable snapshot and never wait. A change is a *decision*: a pure function
//! of the latest snapshot that lists changes of the table or refuses. One task takes decisions
//! one after the other, makes each durable as one transaction, and publishes the next snapshot.
//!
//! Invariants: a snapshot that was published is durable. Decisions see the latest one. A secret
//! is in the table only as the master key wrapped it, and is handed out once, when it is made.

mod assume;
mod entity;
pub(crate) mod fuzz;
mod record;
mod service;
mod session;
mod snapshot;

use std::sync::Arc;

use arc_swap::ArcSwap;
use model::{AccountId, Timestamp};
use runtime::{Clock, Entropy, Tasks};
use storage::{Change, LogId, Storage, Table};
use tokio::sync::{mpsc, oneshot};
use wire::ApiError;
use wire::sigv4::{self, Secret};

use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use crate::policy::Principal;

use record::{Kind, PrincipalKey};
use session::Sessions;
use snapshot::{Given, Snapshot};

pub use assume::{AssumeRole, SessionCredentials};
pub use session::{access_key_id, secret_access_key};

/// The table of identities.
const LOG: LogId = LogId(2);

/// Decisions that may wait for their turn; more of them wait outside.
const DECISIONS_MAX: usize = 64;

/// What identities are made of.
pub struct Parts {
    /// Where they are kept.
    pub storage: Storage,
    /// For when something was made.
    pub clock: Arc<dyn Clock>,
    /// For keys and ids.
    pub entropy: Arc<dyn Entropy>,
    /// For the task that changes them.
    pub tasks: Tasks,
    /// Wraps the secrets.
    pub master: MasterKey,
    /// The node's own account, which may make others.
    pub account: AccountId,
    /// Keys of that account's root which are kept elsewhere: id and secret.
    pub root_keys: Vec<(String, Secret)>,
}

/// The identities of a node. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    latest: Arc<ArcSwap<Snapshot>>,
    decisions: mpsc::Sender<Decision>,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    master: MasterKey,
    account: AccountId,
}

/// Who a key id and a token say that the caller is, once the secret proves it.
pub struct Authenticated {
    /// What the request must be signed with.
    pub secret: Secret,
    /// Who it is then.
    pub principal: Arc<Principal>,
}

type Decide = Box<dyn FnOnce(&Snapshot) -> Result<Vec<Change>> + Send>;

/// A decision on its way, and who waits for it.
struct Decision {
    decide: Decide,
    answer: oneshot::Sender<Result<Arc<Snapshot>>>,
}

impl Identity {
    /// Loads the identities, makes an empty table if there is none, and starts their task.
    pub async fn start(parts: Parts) -> Result<Self> {
        let Parts { storage, clock, entropy, tasks, master, account, root_keys } = parts;
        let table = storage.table(LOG).await?;
        let sessions = Sessions::start(&table, &master, entropy.clone()).await?;
        let given = Given { account, keys: root_keys, master: master.clone() };
        let latest = Arc::new(ArcSwap::from_pointee(Snapshot::load(&table, &given, None)?));
        let (decisions, waiting) = mpsc::channel(DECISIONS_MAX);
        let owner = Owner { table, given, latest: latest.clone() };
        let stopping = tasks.stopping();
        tasks.spawn("security.identity", runtime::Policy::StopNode, async move {
            tokio::select! {
                biased;
                () = stopping.cancelled() => {}
                () = owner.run(waiting) => {}
            }
        });
        let inner = Inner { latest, decisions, sessions, clock, entropy, master, account };
        Ok(Self(Arc::new(inner)))
    }

    /// Whose secret a request that names this key, with this token or none, must be signed with.
    pub fn authenticate(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Authenticated, ApiError> {
        let snapshot = self.0.latest.load();
        let Some(token) = session_token else {
            let key = snapshot.keys.get(access_key_id).filter(|key| key.active);
            let key = key.ok_or_else(sigv4::unknown_key)?;
            return Ok(Authenticated {
                secret: key.secret.clone(),
                principal: key.principal.clone(),
            });
        };
        let opened = self.0.sessions.open(token).ok_or_else(sigv4::unknown_key)?;
        // A token goes with the key that it was handed out with, and with the very role.
        let role = snapshot.entities.get(&opened.role);
        let role = role.filter(|role| role.id == opened.role_id);
        let role = role.filter(|_| opened.access_key_id == access_key_id);
        let role = role.ok_or_else(sigv4::unknown_key)?;
        if opened.expires <= now {
            return Err(sigv4::expired_token());
        }
        Ok(Authenticated { secret: opened.secret.clone(), principal: opened.principal(role) })
    }

    /// Takes note that a request was signed with this key.
    pub fn used(&self, access_key_id: &str, now: Timestamp) {
        if let Some(key) = self.0.latest.load().keys.get(access_key_id) {
            key.used(now);
        }
    }

    /// The node's own account.
    pub fn account(&self) -> AccountId {
        self.0.account
    }

    /// The root or the user that an ARN names, or the role, as a session of it would be: for
    /// explaining what they may do.
    pub fn principal(&self, arn: &str) -> Option<Arc<Principal>> {
        let rest = arn.strip_prefix("arn:aws:iam::")?;
        let (account, resource) = rest.split_once(':')?;
        let account = account.parse().ok()?;
        let snapshot = self.0.latest.load();
        if resource == "root" {
            return snapshot.accounts.get(&account).map(|account| account.root.clone());
        }
        let (word, name) = resource.split_once('/')?;
        let kind = [Kind::User, Kind::Role].into_iter().find(|kind| kind.word() == word)?;
        let key = PrincipalKey { account, kind, name: name.to_owned() };
        let entity = snapshot.entities.get(&key)?;
        Some(Arc::new(match kind {
            Kind::User => entity.as_user(),
            Kind::Role => entity.as_session("a-session", None),
        }))
    }
}

impl Inner {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.latest.load_full()
    }

    /// Carries out a decision, and answers with the snapshot after it. It is carried out even if
    /// the caller stops waiting.
    async fn change(
        &self,
        decide: impl FnOnce(&Snapshot) -> Result<Vec<Change>> + Send + 'static,
    ) -> Result<Arc<Snapshot>> {
        let (answer, answered) = oneshot::channel();
        let decision = Decision { decide: Box::new(decide), answer };
        self.decisions.send(decision).await.map_err(|_| Error::Stopping)?;
        answered.await.map_err(|_| Error::Stopping)?
    }
}

/// The task that changes the identities.
struct Owner {
    table: Table,
    given: Given,
    latest: Arc<ArcSwap<Snapshot>>,
}

impl Owner {
    async fn run(self, mut decisions: mpsc::Receiver<Decision>) {
        while let Some(Decision { decide, answer }) = decisions.recv().await {
            // Nobody may be waiting any more, which changes nothing.
            let _ = answer.send(self.carry_out(decide).await);
        }
    }

    async fn carry_out(&self, decide: Decide) -> Result<Arc<Snapshot>> {
        // A transaction of unknown outcome may have come true since the last one.
        let before = self.up_to_date()?;
        let changes = decide(&before)?;
        if !changes.is_empty() {
            self.table.transact(before.version, changes).await?;
        }
        self.up_to_date()
    }

    fn up_to_date(&self) -> Result<Arc<Snapshot>> {
        let latest = self.latest.load_full();
        if self.table.version() != latest.version {
            let snapshot = Snapshot::load(&self.table, &self.given, Some(&latest))?;
            self.latest.store(Arc::new(snapshot));
        }
        Ok(self.latest.load_full())
    }
}
