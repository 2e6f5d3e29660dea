//! Identities on a temporary directory, with a clock that tests set.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::Timestamp;
use object_store::local::LocalFileSystem;
use runtime::{Clock, LocalDisk, Meters, SystemEntropy, Tasks};
use security::identity::Parts;
use security::{Identity, MasterKey};
use storage::Storage;
use tempfile::TempDir;
use wire::admin::*;
use wire::sigv4::Secret;
use wire::{ApiError, Caller};

pub(crate) const OWN: &str = "000000000000";
pub(crate) const ROOT_KEY: &str = "AKIAROOTOFTHENODE000";
pub(crate) const TRUST_OWN: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}]}"#;
pub(crate) const READ: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "kinesis:Get*", "Resource": "*"}]}"#;

/// What outlives a node.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<Hands>,
    pub(crate) master: MasterKey,
    pub(crate) account: &'static str,
}

/// A clock that tests set.
pub(crate) struct Hands(AtomicU64);

/// Running identities.
pub(crate) struct Node {
    pub(crate) identity: Identity,
    pub(crate) storage: Storage,
    clock: Arc<Hands>,
    tasks: Tasks,
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Hands {
    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(Hands(AtomicU64::new(1_800_000_000_000))),
            master: MasterKey::generate(Arc::new(SystemEntropy)),
            account: OWN,
        }
    }

    pub(crate) async fn start(&self) -> Node {
        let (tasks, storage) = self.storage().await;
        let parts = self.parts(&tasks, &storage, self.master.clone());
        let identity = Identity::start(parts).await.unwrap();
        Node { identity, storage, tasks, clock: self.clock.clone() }
    }

    pub(crate) async fn storage(&self) -> (Tasks, Storage) {
        let tasks = Tasks::simulated();
        let path = self.directory.path();
        let parts = storage::Parts {
            disk: Arc::new(LocalDisk::new(path.to_owned()).unwrap()),
            objects: Arc::new(LocalFileSystem::new_with_prefix(path).unwrap()),
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            tasks: tasks.clone(),
            meters: Meters::default(),
        };
        let storage = Storage::open(storage::Config::default(), parts).await.unwrap();
        (tasks, storage)
    }

    pub(crate) fn parts(&self, tasks: &Tasks, storage: &Storage, master: MasterKey) -> Parts {
        Parts {
            storage: storage.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            tasks: tasks.clone(),
            master,
            account: self.account.parse().unwrap(),
            root_keys: vec![(ROOT_KEY.into(), Secret::new("open sesame"))],
        }
    }
}

/// The root of an account.
pub(crate) fn root_of(account: &str) -> Caller {
    Caller::root(account, "us-east-1")
}

impl Node {
    pub(crate) async fn stop(self) {
        self.storage.close().await.unwrap();
        self.tasks.stop_all(Duration::from_secs(1)).await;
    }

    /// Who a key says that it is, if it may sign now: the ARN.
    pub(crate) fn who(&self, id: &str, token: Option<&str>) -> Result<String, ApiError> {
        let authenticated = self.identity.authenticate(id, token, self.clock.now())?;
        Ok(authenticated.principal.arn.clone())
    }

    pub(crate) async fn user(&self, name: &str) -> Result<User, ApiError> {
        let input = CreateUserInput { user_name: name.into(), ..Default::default() };
        Ok(self.identity.create_user(&root_of(OWN), input).await?.user)
    }

    pub(crate) async fn role(&self, name: &str, trust: &str) -> Result<Role, ApiError> {
        let input = CreateRoleInput {
            role_name: name.into(),
            assume_role_policy_document: trust.into(),
            ..Default::default()
        };
        Ok(self.identity.create_role(&root_of(OWN), input).await?.role)
    }

    pub(crate) async fn key(&self, user: Option<&str>) -> Result<NewAccessKey, ApiError> {
        let user_name = user.map(str::to_owned);
        let input = CreateAccessKeyInput { user_name, ..Default::default() };
        Ok(self.identity.create_access_key(&root_of(OWN), input).await?.access_key)
    }

    pub(crate) async fn set_key(&self, id: &str, status: AccessKeyStatus) -> Result<(), ApiError> {
        let input = UpdateAccessKeyInput {
            access_key_id: id.into(),
            status,
            user_name: Some("alice".into()),
            account_id: None,
        };
        self.identity.update_access_key(&root_of(OWN), input).await
    }

    pub(crate) async fn delete_key(&self, id: &str, user: Option<&str>) -> Result<(), ApiError> {
        let input = DeleteAccessKeyInput {
            access_key_id: id.into(),
            user_name: user.map(str::to_owned),
            account_id: None,
        };
        self.identity.delete_access_key(&root_of(OWN), input).await
    }

    pub(crate) async fn put_policy(
        &self,
        user: &str,
        name: &str,
        document: &str,
    ) -> Result<(), ApiError> {
        let input = PutPrincipalPolicyInput {
            user_name: Some(user.into()),
            role_name: None,
            policy_name: name.into(),
            policy_document: document.into(),
        };
        self.identity.put_principal_policy(&root_of(OWN), input).await
    }
}

/// Whether any file below `directory` has `needle` in it.
pub(crate) fn is_written(directory: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_written(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}
