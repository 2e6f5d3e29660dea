use std::path::Path;

use object_store::local::LocalFileSystem;
use runtime::{LocalDisk, Meters, SystemClock, SystemEntropy};

use super::*;

const FIRST: &str = "alias/first";

/// A ring on a directory, as one process has it.
struct Running {
    ring: KeyRing,
    storage: Storage,
    tasks: Tasks,
}

impl Running {
    async fn start(directory: &Path) -> Self {
        Self::start_with(directory, 1).await.unwrap()
    }

    async fn start_with(directory: &Path, master: u8) -> Result<Self> {
        let tasks = Tasks::default();
        let objects = LocalFileSystem::new_with_prefix(directory).unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let parts = storage::Parts {
            disk: Arc::new(LocalDisk::new(directory).unwrap()),
            objects: Arc::new(objects.with_fsync(true)),
            clock: Arc::new(SystemClock),
            entropy: entropy.clone(),
            tasks: tasks.clone(),
            meters: Meters::default(),
        };
        let storage = Storage::open(storage::Config::default(), parts).await.unwrap();
        let started = KeyRing::start(Parts {
            storage: storage.clone(),
            master_key: MasterKey::new([master; 32], entropy.clone()),
            clock: Arc::new(SystemClock),
            entropy,
            tasks: tasks.clone(),
        });
        match started.await {
            Ok(ring) => Ok(Self { ring, storage, tasks }),
            Err(error) => {
                storage.close().await.unwrap();
                Err(error)
            }
        }
    }

    async fn stop(self) {
        self.storage.close().await.unwrap();
        self.tasks.stop_all(std::time::Duration::from_secs(10)).await;
    }

    /// A key called [`FIRST`] with a data key.
    async fn with_data_key(&self) -> (KeyInfo, DataKeyId) {
        let key = self.ring.create_key(&realm(), "of a test".into()).await.unwrap();
        let id = key.uuid.to_string();
        self.ring.create_alias(&realm(), FIRST, &id).await.unwrap();
        let data_key = self.ring.create_data_key(key.uuid, 7).await.unwrap();
        (self.ring.describe(&realm(), FIRST).unwrap(), data_key)
    }

    fn seal(&self, data_key: DataKeyId) -> Sealed {
        let mut bytes = b"content".to_vec();
        let (stamp, tag) = self.ring.cipher(data_key).unwrap().seal(b"", &mut bytes);
        bytes.extend(tag);
        Sealed { stamp, bytes }
    }

    fn open(&self, data_key: DataKeyId, sealed: &Sealed) -> Result<Option<Vec<u8>>> {
        let cipher = self.ring.cipher(data_key)?;
        let mut bytes = sealed.bytes.clone();
        Ok(cipher.open(&sealed.stamp, b"", &mut bytes).map(|content| content.to_vec()))
    }
}

struct Sealed {
    stamp: [u8; STAMP_BYTES],
    bytes: Vec<u8>,
}

fn realm() -> Realm {
    Realm { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

fn elsewhere() -> Realm {
    Realm { region: "us-east-1".parse().unwrap(), ..realm() }
}

#[tokio::test]
async fn a_key_is_found_by_all_of_its_names_in_its_realm_only() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (key, _) = running.with_data_key().await;
    let alias_arn = key.arn.replace(&format!("key/{}", key.uuid), FIRST);
    for name in [&key.uuid.to_string(), &key.arn, FIRST, &alias_arn] {
        assert_eq!(running.ring.resolve(&realm(), name).await.unwrap(), key.uuid, "{name}");
        let error = running.ring.resolve(&elsewhere(), name).await.unwrap_err();
        assert!(matches!(error, Error::KmsNotFound(_)), "{name}: {error}");
    }
    assert_eq!(running.ring.list(&realm()), [key]);
    assert_eq!(running.ring.list(&elsewhere()), []);
    running.ring.delete_alias(&realm(), FIRST).await.unwrap();
    assert!(running.ring.resolve(&realm(), FIRST).await.is_err());
    assert!(running.ring.delete_alias(&realm(), FIRST).await.is_err());
    running.stop().await;
}

#[tokio::test]
async fn the_key_of_the_node_is_made_when_it_is_first_named_once_for_each_realm() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let resolve = |realm: Realm| {
        let ring = running.ring.clone();
        async move { ring.resolve(&realm, KEY_ALIAS_OF_THE_NODE).await.unwrap() }
    };
    assert!(running.ring.describe(&realm(), KEY_ALIAS_OF_THE_NODE).is_err());
    let (one, same) = tokio::join!(resolve(realm()), resolve(realm()));
    assert_eq!(one, same);
    assert_ne!(resolve(elsewhere()).await, one);
    let info = running.ring.describe(&realm(), KEY_ALIAS_OF_THE_NODE).unwrap();
    assert!(info.is_managed && info.state == KeyState::Enabled);
    running.stop().await;
}

#[tokio::test]
async fn a_disabled_key_neither_seals_nor_opens_until_it_is_enabled() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (key, data_key) = running.with_data_key().await;
    let sealed = running.seal(data_key);
    running.ring.disable(&realm(), FIRST).await.unwrap();
    let error = running.open(data_key, &sealed).unwrap_err();
    assert!(matches!(error, Error::KmsDisabled(_)), "{error}");
    assert_eq!(error.to_string(), format!("{} is disabled.", key.arn));
    assert!(running.ring.resolve(&realm(), FIRST).await.is_err());
    assert!(running.ring.create_data_key(key.uuid, 8).await.is_err());
    assert!(running.ring.rotate(&realm(), FIRST).await.is_err());
    running.ring.enable(&realm(), FIRST).await.unwrap();
    assert_eq!(running.open(data_key, &sealed).unwrap().unwrap(), b"content");
    running.stop().await;
}

#[tokio::test]
async fn keys_and_what_they_sealed_outlive_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (key, data_key) = running.with_data_key().await;
    let sealed = running.seal(data_key);
    running.stop().await;

    let running = Running::start(home.path()).await;
    assert_eq!(running.ring.list(&realm()), std::slice::from_ref(&key));
    assert_eq!(running.open(data_key, &sealed).unwrap().unwrap(), b"content");
    let next = running.ring.create_data_key(key.uuid, 7).await.unwrap();
    assert!(next > data_key, "ids are not used again");
    running.stop().await;
}

#[tokio::test]
async fn a_rotated_key_has_new_material_and_opens_what_it_sealed_before() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (key, data_key) = running.with_data_key().await;
    let sealed = running.seal(data_key);
    let material = |version: u32| home.path().join(format!("erasable/{}.{version}", key.uuid));
    assert!(material(1).exists());
    assert_eq!(running.ring.rotate(&realm(), FIRST).await.unwrap().version, 2);
    assert!(!material(1).exists() && material(2).exists());
    assert_eq!(running.open(data_key, &sealed).unwrap().unwrap(), b"content");
    running.stop().await;

    let running = Running::start(home.path()).await;
    assert_eq!(running.open(data_key, &sealed).unwrap().unwrap(), b"content");
    running.stop().await;
}

#[tokio::test]
async fn nobody_with_the_master_key_and_all_old_rows_opens_what_a_deleted_key_sealed() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (key, data_key) = running.with_data_key().await;
    let sealed = running.seal(data_key);
    // The row as it stays in the journal, whatever becomes of the table.
    let row = running.ring.ring.load().data_keys[&data_key].record.clone();
    let file = home.path().join(format!("erasable/{}.1", key.uuid));
    let witness = home.path().join("witness");
    std::fs::hard_link(&file, &witness).unwrap();

    running.ring.delete(&realm(), FIRST).await.unwrap();
    for error in [
        running.open(data_key, &sealed).unwrap_err(),
        running.ring.resolve(&realm(), &key.arn).await.unwrap_err(),
        running.ring.enable(&realm(), &key.arn).await.unwrap_err(),
        running.ring.delete(&realm(), &key.arn).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::KmsNotFound(_)), "{error}");
    }
    assert!(!file.exists());
    assert!(std::fs::read(&witness).unwrap().iter().all(|byte| *byte == 0), "overwritten");
    let master = MasterKey::new([1; 32], Arc::new(SystemEntropy));
    assert!(master.unwrap(&ring::wrapped_as(data_key, &row), &row.wrapped).is_err());
    running.stop().await;

    let running = Running::start(home.path()).await;
    assert!(matches!(running.open(data_key, &sealed), Err(Error::KmsNotFound(_))));
    // Remembered while somebody may ask for what it sealed, and not longer.
    assert_eq!(running.ring.describe(&realm(), &key.arn).unwrap().state, KeyState::Deleted);
    running.ring.forget_stream(7).await.unwrap();
    assert!(running.ring.describe(&realm(), &key.arn).is_err());
    running.stop().await;
}

#[tokio::test]
async fn material_that_a_crash_left_behind_is_erased_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (key, _) = running.with_data_key().await;
    let file = home.path().join(format!("erasable/{}.1", key.uuid));
    let kept = std::fs::read(&file).unwrap();
    running.ring.delete(&realm(), FIRST).await.unwrap();
    running.stop().await;

    // As if the power had gone between the table's change and the erasure.
    std::fs::write(&file, kept).unwrap();
    Running::start(home.path()).await.stop().await;
    assert!(!file.exists());
}

#[tokio::test]
async fn a_key_without_its_file_cannot_be_used_and_the_others_can() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (key, data_key) = running.with_data_key().await;
    let sealed = running.seal(data_key);
    let other = running.ring.create_key(&realm(), String::new()).await.unwrap();
    running.stop().await;
    let file = home.path().join(format!("erasable/{}.1", key.uuid));
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();

    let running = Running::start(home.path()).await;
    let error = running.open(data_key, &sealed).unwrap_err();
    assert!(matches!(error, Error::KmsInvalidState(_)), "{error}");
    running.ring.create_data_key(other.uuid, 7).await.unwrap();
    running.stop().await;

    std::fs::write(&file, kept).unwrap();
    let running = Running::start(home.path()).await;
    assert_eq!(running.open(data_key, &sealed).unwrap().unwrap(), b"content");
    running.stop().await;
}

#[tokio::test]
async fn another_master_key_is_refused_at_the_start() {
    let home = tempfile::tempdir().unwrap();
    Running::start(home.path()).await.stop().await;
    let refused = Running::start_with(home.path(), 2).await.err().unwrap();
    assert!(matches!(refused, Error::WrongMasterKey { .. }), "{refused}");
}

#[tokio::test]
async fn two_keys_cannot_have_one_alias() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home.path()).await;
    let (_, _) = running.with_data_key().await;
    let other = running.ring.create_key(&realm(), String::new()).await.unwrap();
    let taken = running.ring.create_alias(&realm(), FIRST, &other.arn).await.unwrap_err();
    assert!(matches!(taken, Error::Conflict(_)), "{taken}");
    running.ring.create_alias(&realm(), "alias/second", &other.arn).await.unwrap();
    running.stop().await;
}
