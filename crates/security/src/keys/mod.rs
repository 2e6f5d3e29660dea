//! The key ring: the keys that encrypt, who uses them, and what becomes of them.
//!
//! ```text
//! master key ── wraps ── key material (one erasable file for each key and version)
//!                             └── wraps ── data keys (rows of the table) ── seal records
//! ```
//!
//! A key of the ring never seals a record itself, so its material can be replaced: the data keys
//! are wrapped again, the records stay as they are. The material is in no log: erasing its file
//! makes every data key that it wrapped, and so every record that these sealed, unreadable for
//! ever, whatever old rows remain in journal and segments.
//!
//! Invariants: material is durable before the table names it, and erased only after the table
//! has stopped naming it. A change of a key's state counts for every use that begins after the
//! call returned.

mod address;
mod data_cipher;
pub(crate) mod fuzz;
mod owner;
mod record;
mod ring;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use model::{AccountId, Region, Timestamp};
use runtime::{Clock, Entropy, Policy, Tasks};
use storage::Storage;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use owner::Owner;
use ring::Ring;

pub use address::{KEY_ALIAS_OF_THE_NODE, KeyUuid};
pub use data_cipher::{DataCipher, STAMP_BYTES};
pub use record::{DataKeyId, KeyState};

/// Changes that may wait for their turn; more of them wait outside.
const CHANGES_MAX: usize = 64;

type Work<'o> = Pin<Box<dyn Future<Output = ()> + Send + 'o>>;
type Change = Box<dyn for<'o> FnOnce(&'o mut Owner) -> Work<'o> + Send>;

/// What a key ring is made of.
pub struct Parts {
    /// Where the ring is.
    pub storage: Storage,
    /// What wraps its material.
    pub master_key: MasterKey,
    /// For the moments of changes.
    pub clock: Arc<dyn Clock>,
    /// For ids and material.
    pub entropy: Arc<dyn Entropy>,
    /// For the task that changes the ring.
    pub tasks: Tasks,
}

/// Whose keys, and where: names and aliases mean something only there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Realm {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// A key as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub uuid: KeyUuid,
    /// Its long name.
    pub arn: String,
    /// What may be done with it.
    pub state: KeyState,
    /// What it is for, in the words of who made it.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// Which material it has: 1, and one more with each rotation.
    pub version: u32,
    /// When it got this material.
    pub rotated: Timestamp,
    /// Whether Weir made it by itself.
    pub is_managed: bool,
    /// Its aliases, sorted.
    pub aliases: Vec<String>,
    /// The data keys that it wraps, each with the incarnation of the stream that uses it.
    pub data_keys: Vec<(DataKeyId, u64)>,
}

/// The keys of a node. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    ring: Arc<ArcSwap<Ring>>,
    changes: mpsc::Sender<Change>,
}

impl KeyRing {
    /// Loads the ring, finishes what a crash cut off, and starts the task that changes it.
    /// Refuses a master key that is not the one which the data directory was begun with.
    pub async fn start(parts: Parts) -> Result<Self> {
        let tasks = parts.tasks.clone();
        let owner = Owner::load(parts).await?;
        let ring = owner.published();
        let (changes, waiting) = mpsc::channel(CHANGES_MAX);
        let stopping = tasks.stopping();
        // It writes files, which blocks.
        tasks.dedicated("security.keys", Policy::StopNode, async move {
            tokio::select! {
                biased;
                () = stopping.cancelled() => {}
                () = run(owner, waiting) => {}
            }
        });
        Ok(Self { ring, changes })
    }

    /// The key that `key_id` names: a UUID, the ARN of a key or of an alias, or an alias. The key
    /// behind `alias/aws/kinesis` is made when it is first named. Refuses a key that may not be
    /// used now.
    pub async fn resolve(&self, realm: &Realm, key_id: &str) -> Result<KeyUuid> {
        let found = self.ring.load().find(realm, key_id);
        if matches!(found, Err(Error::KmsNotFound(_))) && address::is_managed(realm, key_id) {
            let realm = realm.clone();
            return self.change(|owner| Box::pin(owner.managed_key(realm))).await;
        }
        let (uuid, key) = found?;
        key.usable()?;
        Ok(uuid)
    }

    /// Makes a data key for the stream with this incarnation.
    pub async fn create_data_key(&self, key: KeyUuid, stream: u64) -> Result<DataKeyId> {
        self.change(move |owner| Box::pin(owner.create_data_key(key, stream))).await
    }

    /// What seals and opens with a data key, unless its key may not be used now.
    pub fn cipher(&self, data_key: DataKeyId) -> Result<Arc<DataCipher>> {
        self.ring.load().cipher(data_key)
    }

    /// Forgets the data keys of a stream that is gone.
    pub async fn forget_stream(&self, stream: u64) -> Result<()> {
        if !self.ring.load().has_data_keys_of(stream) {
            return Ok(());
        }
        let of_stream = move |_, of: u64| of == stream;
        self.change(move |owner| Box::pin(owner.forget(of_stream))).await
    }

    /// Forgets a data key that has sealed nothing.
    pub async fn forget_data_key(&self, data_key: DataKeyId) -> Result<()> {
        let it = move |id, _| id == data_key;
        self.change(move |owner| Box::pin(owner.forget(it))).await
    }

    /// Makes a key.
    pub async fn create_key(&self, realm: &Realm, description: String) -> Result<KeyInfo> {
        let realm = realm.clone();
        let uuid = self.change(|owner| Box::pin(owner.create_key(realm, description))).await?;
        Ok(self.ring.load().info(uuid))
    }

    /// The keys of an account in a region, deleted ones among them while a stream uses them, in
    /// the order of their ids.
    pub fn list(&self, realm: &Realm) -> Vec<KeyInfo> {
        let ring = self.ring.load();
        ring.keys_of(realm).map(|(uuid, _)| ring.info(uuid)).collect()
    }

    /// A key, in whatever state it is.
    pub fn describe(&self, realm: &Realm, key_id: &str) -> Result<KeyInfo> {
        let ring = self.ring.load();
        let (uuid, _) = ring.find(realm, key_id)?;
        Ok(ring.info(uuid))
    }

    /// Lets a disabled key be used again.
    pub async fn enable(&self, realm: &Realm, key_id: &str) -> Result<()> {
        self.set_state(realm, key_id, KeyState::Enabled).await
    }

    /// Lets a key not be used: neither to write nor to read.
    pub async fn disable(&self, realm: &Realm, key_id: &str) -> Result<()> {
        self.set_state(realm, key_id, KeyState::Disabled).await
    }

    async fn set_state(&self, realm: &Realm, key_id: &str, state: KeyState) -> Result<()> {
        let uuid = self.named(realm, key_id)?;
        self.change(move |owner| Box::pin(owner.set_state(uuid, state))).await
    }

    /// Gives a key new material, and wraps its data keys with it. What was the material is erased.
    pub async fn rotate(&self, realm: &Realm, key_id: &str) -> Result<KeyInfo> {
        let uuid = self.named(realm, key_id)?;
        self.change(move |owner| Box::pin(owner.rotate(uuid))).await?;
        Ok(self.ring.load().info(uuid))
    }

    /// Deletes a key and erases its material: what was written under it is unreadable for ever
    /// when this returns. Ask first.
    pub async fn delete(&self, realm: &Realm, key_id: &str) -> Result<()> {
        let uuid = self.named(realm, key_id)?;
        self.change(move |owner| Box::pin(owner.delete(uuid))).await
    }

    /// Gives a key another name, `alias/…`.
    pub async fn create_alias(&self, realm: &Realm, alias: &str, key_id: &str) -> Result<()> {
        let uuid = self.named(realm, key_id)?;
        let (realm, alias) = (realm.clone(), address::new_alias(alias)?);
        self.change(move |owner| Box::pin(owner.create_alias(realm, alias, uuid))).await
    }

    /// Takes a name away. Streams go on using the key.
    pub async fn delete_alias(&self, realm: &Realm, alias: &str) -> Result<()> {
        let (realm, alias) = (realm.clone(), address::new_alias(alias)?);
        self.change(move |owner| Box::pin(owner.delete_alias(realm, alias))).await
    }

    /// The key with this name, if it is not deleted.
    fn named(&self, realm: &Realm, key_id: &str) -> Result<KeyUuid> {
        let (uuid, key) = self.ring.load().find(realm, key_id)?;
        key.exists()?;
        Ok(uuid)
    }

    /// Has the owner carry out a change, even if the caller stops waiting.
    async fn change<T: Send + 'static>(
        &self,
        work: impl for<'o> FnOnce(&'o mut Owner) -> Pin<Box<dyn Future<Output = Result<T>> + Send + 'o>>
        + Send
        + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let change: Change = Box::new(move |owner| {
            Box::pin(async move {
                let outcome = match owner.catch_up().await {
                    Ok(()) => work(owner).await,
                    Err(error) => Err(error),
                };
                // Nobody may be waiting any more, which changes nothing.
                let _ = answer.send(outcome);
            })
        });
        self.changes.send(change).await.map_err(|_| Error::Stopping)?;
        answered.await.map_err(|_| Error::Stopping)?
    }
}

async fn run(mut owner: Owner, mut changes: mpsc::Receiver<Change>) {
    while let Some(change) = changes.recv().await {
        change(&mut owner).await;
    }
}
