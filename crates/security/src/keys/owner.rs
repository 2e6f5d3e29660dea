//! The one that changes the ring: it makes a change durable, then publishes the ring that follows.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use runtime::{Clock, Entropy};
use storage::{Change, Erasable, LogId, Offset, Table};

use super::address::{self, KEY_ALIAS_OF_THE_NODE, KeyUuid};
use super::record::{
    self, DataKeyId, DataKeyRecord, FORMAT, KeyRecord, KeyState, RingRecord, SAMPLE_KEY,
};
use super::ring::{self, DataKey, Key, Ring};
use super::{Parts, Realm};
use crate::cipher::KEY_BYTES;
use crate::error::{Error, Result};
use crate::master_key::MasterKey;

/// The key ring's table.
const LOG: LogId = LogId(3);

/// What the sample is wrapped as.
const SAMPLE: &str = "the data directory";

/// Keys of one account in one region that are not deleted.
const KEYS_MAX: usize = 1000;

/// Aliases of one account in one region.
const ALIASES_MAX: usize = 1000;

/// Owns the ring.
pub(super) struct Owner {
    table: Table,
    /// The version of the table that the ring says.
    version: Offset,
    ring: Arc<ArcSwap<Ring>>,
    files: Erasable,
    master: MasterKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Owner {
    pub(super) async fn load(parts: Parts) -> Result<Self> {
        let Parts { storage, master_key: master, clock, entropy, tasks: _ } = parts;
        let table = storage.table(LOG).await?;
        match table.get(SAMPLE_KEY) {
            Some(sample) => drop(master.unwrap(SAMPLE, &sample)?),
            None => begin(&table, &master).await?,
        }
        let ring = Arc::new(ArcSwap::from_pointee(Ring::new(entropy.clone())));
        let (version, files) = (Offset(0), storage.erasable());
        let mut owner = Self { table, version, ring, files, master, clock, entropy };
        owner.catch_up().await?;
        owner.erase_leftovers().await?;
        Ok(owner)
    }

    /// Where the latest ring is.
    pub(super) fn published(&self) -> Arc<ArcSwap<Ring>> {
        self.ring.clone()
    }

    /// Reads the ring again if the table moved on without it: a transaction of unknown outcome
    /// may have come true.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        let version = self.table.version();
        if version == self.version {
            return Ok(());
        }
        let mut ring = Ring::new(self.entropy.clone());
        for (key, value) in self.table.scan(b"") {
            self.read_row(&mut ring, &key, &value).await?;
        }
        self.ring.store(Arc::new(ring));
        self.version = version;
        Ok(())
    }

    async fn read_row(&self, ring: &mut Ring, key: &Bytes, value: &Bytes) -> Result<()> {
        let foreign = || record::foreign(key);
        if *key == record::RING_KEY {
            let row: RingRecord = record::decode(key, value)?;
            if row.format != FORMAT {
                return Err(foreign());
            }
            ring.next_data_key = row.next_data_key;
        } else if let Some(uuid) = key.strip_prefix(record::KEYS) {
            let uuid = KeyUuid(uuid.try_into().map_err(|_| foreign())?);
            let record: KeyRecord = record::decode(key, value)?;
            let realm = record.realm().ok_or_else(foreign)?;
            let material = self.read_material(uuid, &record).await;
            ring.keys.insert(uuid, Arc::new(Key { uuid, realm, record, material }));
        } else if let Some(id) = key.strip_prefix(record::DATA_KEYS) {
            let id = u64::from_be_bytes(id.try_into().map_err(|_| foreign())?);
            let row = DataKey::new(record::decode(key, value)?);
            ring.data_keys.insert(DataKeyId(id), row);
        } else if let Some(alias) = record::from_alias_key(key) {
            let uuid = value.as_ref().try_into().map_err(|_| foreign())?;
            ring.aliases.insert(alias, KeyUuid(uuid));
        } else if *key != SAMPLE_KEY {
            return Err(foreign());
        }
        Ok(())
    }

    /// A key whose file is lost or damaged cannot be used; the others can.
    async fn read_material(&self, uuid: KeyUuid, record: &KeyRecord) -> Option<MasterKey> {
        if record.state == KeyState::Deleted {
            return None;
        }
        let name = file_name(uuid, record.version);
        let read = async {
            let wrapped = self.files.get(&name).await?;
            let wrapped = wrapped.ok_or_else(|| Error::Corrupt(format!("file {name} is lost")))?;
            let plain = self.master.unwrap(&wrapped_as(uuid, record.version), &wrapped)?;
            plain.try_into().map_err(|_| Error::Corrupt(name.clone()))
        };
        match read.await {
            Ok(plain) => Some(MasterKey::new(plain, self.entropy.clone())),
            Err(error) => {
                tracing::error!(key = %uuid, %error, "a key has lost its material");
                None
            }
        }
    }

    /// Erases what a crash left of material that no key has any more. What belongs to no known
    /// key is let alone: it may be of a key that a table older than it does not know.
    async fn erase_leftovers(&self) -> Result<()> {
        let ring = self.ring.load_full();
        for name in self.files.names().await? {
            let named = name.rsplit_once('.');
            let Some((uuid, version)) = named.and_then(|(uuid, version)| {
                Some((uuid.parse::<KeyUuid>().ok()?, version.parse::<u32>().ok()?))
            }) else {
                continue;
            };
            let Some(key) = ring.keys.get(&uuid) else { continue };
            if key.record.state == KeyState::Deleted || version < key.record.version {
                self.files.erase(&name).await?;
            }
        }
        Ok(())
    }

    /// Makes `changes` durable, then publishes `next`.
    async fn commit(&mut self, changes: Vec<Change>, next: Ring) -> Result<()> {
        self.version = self.table.transact(self.version, changes).await?;
        self.ring.store(Arc::new(next));
        Ok(())
    }

    fn ring(&self) -> Ring {
        Ring::clone(&self.ring.load())
    }

    fn key(&self, uuid: KeyUuid) -> Result<Arc<Key>> {
        let gone = || Error::KmsNotFound(format!("Key '{uuid}' does not exist"));
        self.ring.load().keys.get(&uuid).cloned().ok_or_else(gone)
    }

    /// New material for a key, durable in its file.
    async fn new_material(&self, uuid: KeyUuid, version: u32) -> Result<MasterKey> {
        let mut plain = [0; KEY_BYTES];
        self.entropy.fill(&mut plain);
        let wrapped = self.master.wrap(&wrapped_as(uuid, version), &plain);
        self.files.put(&file_name(uuid, version), &wrapped).await?;
        Ok(MasterKey::new(plain, self.entropy.clone()))
    }

    pub(super) async fn create_key(
        &mut self,
        realm: Realm,
        description: String,
    ) -> Result<KeyUuid> {
        let record = KeyRecord::new(&realm, description, self.clock.now());
        self.add_key(realm, record, None).await
    }

    /// The key behind `alias/aws/kinesis`, made unless it is there by now.
    pub(super) async fn managed_key(&mut self, realm: Realm) -> Result<KeyUuid> {
        let alias = (realm.clone(), KEY_ALIAS_OF_THE_NODE.to_owned());
        if let Some(uuid) = self.ring.load().aliases.get(&alias) {
            return Ok(*uuid);
        }
        let description = "Default key that protects Kinesis data when no other is named".into();
        let mut record = KeyRecord::new(&realm, description, self.clock.now());
        record.is_managed = true;
        self.add_key(realm, record, Some(KEY_ALIAS_OF_THE_NODE)).await
    }

    async fn add_key(
        &mut self,
        realm: Realm,
        record: KeyRecord,
        alias: Option<&str>,
    ) -> Result<KeyUuid> {
        let mut next = self.ring();
        let live = |(_, key): &(_, &Arc<Key>)| key.record.state != KeyState::Deleted;
        if next.keys_of(&realm).filter(live).count() >= KEYS_MAX {
            return Err(Error::LimitExceeded(format!(
                "An account has at most {KEYS_MAX} keys in a region."
            )));
        }
        let uuid = KeyUuid::random(self.entropy.as_ref());
        let material = Some(self.new_material(uuid, record.version).await?);
        let mut changes = vec![put_key(uuid, &record)];
        if let Some(alias) = alias {
            changes.push(put_alias(&realm, alias, uuid));
            next.aliases.insert((realm.clone(), alias.to_owned()), uuid);
        }
        next.keys.insert(uuid, Arc::new(Key { uuid, realm, record, material }));
        self.commit(changes, next).await?;
        Ok(uuid)
    }

    pub(super) async fn create_data_key(
        &mut self,
        uuid: KeyUuid,
        stream: u64,
    ) -> Result<DataKeyId> {
        let key = self.key(uuid)?;
        let material = key.usable()?;
        let mut next = self.ring();
        let id = DataKeyId(next.next_data_key);
        next.next_data_key += 1;
        let mut plain = [0; KEY_BYTES];
        self.entropy.fill(&mut plain);
        let mut record = DataKeyRecord::new(uuid, stream, Vec::new());
        record.wrapped = material.wrap(&ring::wrapped_as(id, &record), &plain);
        let ring = RingRecord { format: FORMAT, next_data_key: next.next_data_key };
        let ring = put(Bytes::from_static(record::RING_KEY), record::encode(&ring));
        let changes = vec![ring, put_data_key(id, &record)];
        next.data_keys.insert(id, DataKey::new(record));
        self.commit(changes, next).await?;
        Ok(id)
    }

    /// Forgets data keys, by their id and the incarnation of their stream.
    pub(super) async fn forget(
        &mut self,
        which: impl Fn(DataKeyId, u64) -> bool + Send,
    ) -> Result<()> {
        let mut next = self.ring();
        let mut changes = Vec::new();
        next.data_keys.retain(|id, data_key| {
            let forgotten = which(*id, data_key.record.stream);
            if forgotten {
                changes.push(Change::Delete { key: record::data_key_key(*id) });
            }
            !forgotten
        });
        // A deleted key is remembered only for those who would ask why they cannot read.
        let unused: Vec<KeyUuid> = next
            .keys
            .values()
            .filter(|key| key.record.state == KeyState::Deleted)
            .map(|key| key.uuid)
            .filter(|uuid| next.data_keys_under(*uuid).next().is_none())
            .collect();
        for uuid in unused {
            changes.push(Change::Delete { key: record::key_key(uuid) });
            next.keys.remove(&uuid);
        }
        self.commit(changes, next).await
    }

    pub(super) async fn set_state(&mut self, uuid: KeyUuid, state: KeyState) -> Result<()> {
        let key = self.key(uuid)?;
        key.exists()?;
        if key.record.state == state {
            return Ok(());
        }
        let record = key.record.with_state(state);
        let changes = vec![put_key(uuid, &record)];
        let mut next = self.ring();
        for data_key in next.data_keys.values_mut().filter(|d| d.record.key() == uuid) {
            *data_key = data_key.fresh();
        }
        next.keys.insert(uuid, Arc::new(Key { record, ..Key::clone(&key) }));
        self.commit(changes, next).await
    }

    pub(super) async fn rotate(&mut self, uuid: KeyUuid) -> Result<()> {
        let key = self.key(uuid)?;
        let former = key.usable()?;
        let mut record = key.record.clone();
        record.rotate(self.clock.now());
        let material = self.new_material(uuid, record.version).await?;
        let mut changes = vec![put_key(uuid, &record)];
        let mut next = self.ring();
        for (id, data_key) in next.data_keys.iter_mut().filter(|(_, d)| d.record.key() == uuid) {
            let plain = ring::unwrap(former, *id, &data_key.record)?;
            let mut row = data_key.record.clone();
            row.wrapped = material.wrap(&ring::wrapped_as(*id, &row), &plain);
            changes.push(put_data_key(*id, &row));
            *data_key = data_key.rewrapped(row);
        }
        let former_version = key.record.version;
        let rotated = Key { record, material: Some(material), ..Key::clone(&key) };
        next.keys.insert(uuid, Arc::new(rotated));
        self.commit(changes, next).await?;
        Ok(self.files.erase(&file_name(uuid, former_version)).await?)
    }

    pub(super) async fn delete(&mut self, uuid: KeyUuid) -> Result<()> {
        let key = self.key(uuid)?;
        key.exists()?;
        let record = key.record.with_state(KeyState::Deleted);
        let version = record.version;
        let mut changes = vec![put_key(uuid, &record)];
        let mut next = self.ring();
        for (realm, alias) in next.aliases.iter().filter(|(_, u)| **u == uuid).map(|(a, _)| a) {
            changes.push(Change::Delete { key: record::alias_key(realm, alias) });
        }
        next.aliases.retain(|_, named| *named != uuid);
        for (id, data_key) in next.data_keys.iter_mut().filter(|(_, d)| d.record.key() == uuid) {
            let mut row = data_key.record.clone();
            row.wrapped.clear();
            changes.push(put_data_key(*id, &row));
            *data_key = DataKey::new(row);
        }
        let deleted = Key { record, material: None, ..Key::clone(&key) };
        next.keys.insert(uuid, Arc::new(deleted));
        self.commit(changes, next).await?;
        // From here on a crash changes nothing: the next start erases it.
        Ok(self.files.erase(&file_name(uuid, version)).await?)
    }

    pub(super) async fn create_alias(
        &mut self,
        realm: Realm,
        alias: String,
        uuid: KeyUuid,
    ) -> Result<()> {
        self.key(uuid)?.exists()?;
        let mut next = self.ring();
        if next.aliases.contains_key(&(realm.clone(), alias.clone())) {
            let arn = address::arn(&realm, &alias);
            return Err(Error::Conflict(format!("An alias with the name {arn} already exists")));
        }
        if next.aliases.keys().filter(|(of, _)| *of == realm).count() >= ALIASES_MAX {
            return Err(Error::LimitExceeded(format!(
                "An account has at most {ALIASES_MAX} aliases in a region."
            )));
        }
        let changes = vec![put_alias(&realm, &alias, uuid)];
        next.aliases.insert((realm, alias), uuid);
        self.commit(changes, next).await
    }

    pub(super) async fn delete_alias(&mut self, realm: Realm, alias: String) -> Result<()> {
        let mut next = self.ring();
        if next.aliases.remove(&(realm.clone(), alias.clone())).is_none() {
            return Err(address::no_such(&realm, &alias));
        }
        let key = record::alias_key(&realm, &alias);
        self.commit(vec![Change::Delete { key }], next).await
    }
}

async fn begin(table: &Table, master: &MasterKey) -> Result<()> {
    let sample = put(Bytes::from_static(SAMPLE_KEY), master.wrap(SAMPLE, b"").into());
    let ring = RingRecord { format: FORMAT, next_data_key: 1 };
    let ring = put(Bytes::from_static(record::RING_KEY), record::encode(&ring));
    table.transact(table.version(), vec![sample, ring]).await?;
    Ok(())
}

/// The file of a key's material.
fn file_name(uuid: KeyUuid, version: u32) -> String {
    format!("{uuid}.{version}")
}

/// What the material is called where the master key wrapped it.
fn wrapped_as(uuid: KeyUuid, version: u32) -> String {
    format!("material {version} of key {uuid}")
}

fn put(key: Bytes, value: Bytes) -> Change {
    Change::Put { key, value }
}

fn put_key(uuid: KeyUuid, record: &KeyRecord) -> Change {
    put(record::key_key(uuid), record::encode(record))
}

fn put_alias(realm: &Realm, alias: &str, uuid: KeyUuid) -> Change {
    put(record::alias_key(realm, alias), Bytes::copy_from_slice(&uuid.0))
}

fn put_data_key(id: DataKeyId, record: &DataKeyRecord) -> Change {
    put(record::data_key_key(id), record::encode(record))
}
