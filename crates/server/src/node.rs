//! The node: started from the ground up, stopped from the top down.
//!
//! ```text
//! start: listen ── storage (lock, recover) ── master key ── root key ── streams ── gateway ── accept
//! stop:  accept ── requests under way ── streams ── storage flushes and closes ── tasks
//! ```

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use runtime::{LocalDisk, Meters, MetricDescription, Tasks};
use security::{Identity, KeyRing, MasterKey, identity, keys};
use storage::Storage;
use streams::Streams;
use tokio::time::Instant;
use wire::Services;
use wire::sigv4::Secret;

use crate::access::Access;
use crate::admin::Admin;
use crate::audit::Audit;
use crate::config::{AccessKey, AuthMode, load_or_create_master_key, load_or_create_root_key};
use crate::gateway::Gateway;
use crate::guard::Policies;
use crate::health::Health;
use crate::http::{Bodies, Front, Tls};
use crate::metrics::Metrics;
use crate::sts::Sts;
use crate::world::{Home, World};
use crate::{Config, Error, Result};

/// A running node.
pub struct Node {
    front: Front,
    secure: bool,
    storage: Storage,
    tasks: Tasks,
    meters: Meters,
    stop_grace: Duration,
    root_key_created: Option<AccessKey>,
    /// Removed, if it is temporary, when all else is gone.
    home: Home,
}

impl Node {
    /// Starts a node; when this returns, it answers requests.
    pub async fn start(config: Config, world: World) -> Result<Self> {
        config.validate()?;
        let meters = Meters::default();
        // Before anything is written: two nodes on one port is the commonest mistake.
        let listening = world.net.listen(config.listen).await;
        let listener =
            listening.map_err(|source| Error::Listen { address: config.listen, source })?;
        let metrics = Metrics::new(&meters);
        let tls = match config.tls.is_on() {
            true => Some(Tls::start(config.tls.clone(), &world.tasks, metrics.tls.clone())?),
            false => None,
        };
        let secure = tls.is_some();
        let storage = open_storage(&config, &world, &meters).await?;
        let (master_key, key_ring) = match open_keys(&config, &world, &storage).await {
            Ok(keys) => keys,
            Err(error) => {
                // The directory is given back: whoever starts with the right key may have it.
                let _the_first_error_counts = storage.close().await;
                return Err(error);
            }
        };
        let (keys, root_key_created) = access_keys(&config, &world)?;
        let identity = start_identity(&config, &world, &storage, master_key, keys).await?;
        let streams = Streams::start(
            config.streams.clone(),
            config.limits.clone(),
            config.fanout.clone(),
            streams::Parts {
                storage: storage.clone(),
                keys: key_ring.clone(),
                clock: world.clock.clone(),
                entropy: world.entropy.clone(),
                tasks: world.tasks.clone(),
                meters: meters.clone(),
            },
        )
        .await?;
        let audit = start_audit(&config, &world, &streams, &metrics).await?;
        let connections = metrics.connections.clone();
        let policies =
            Policies::new(streams.clone(), world.clock.clone(), key_ring.clone(), &identity);
        let gateway = Gateway {
            services: Services {
                guard: policies.clone(),
                kinesis: streams.clone(),
                weir: Admin::new(identity.clone(), key_ring, streams, policies),
            },
            sts: Sts { identity: identity.clone() },
            access: Access::new(config.auth.mode, identity),
            audit,
            bodies: Bodies::new(&config.http),
            health: Health::new(world.tasks.clone(), meters.clone()),
            clock: world.clock,
            entropy: world.entropy,
            metrics,
        };
        let front =
            Front::start(config.http, tls, listener, gateway.into(), &world.tasks, connections);
        Ok(Self {
            front,
            secure,
            storage,
            tasks: world.tasks,
            meters,
            stop_grace: config.stop_grace,
            root_key_created,
            home: world.home,
        })
    }

    /// Where clients reach it, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// What it counts, by name.
    pub fn metrics(&self) -> Vec<MetricDescription> {
        self.meters.describe()
    }

    /// The same, as clients write it: `https://…` or `http://…`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// The directory of its data; none when the world has none.
    pub fn directory(&self) -> Option<&Path> {
        self.home.path()
    }

    /// The root access key, if this start made it: to be shown once.
    pub fn root_key_created(&self) -> Option<&AccessKey> {
        self.root_key_created.as_ref()
    }

    /// Runs until `stop` resolves, then stops gracefully; or until the node cannot go on, which
    /// is an error.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<()> {
        let failed = self.tasks.stopping();
        tokio::select! {
            biased;
            () = stop => {}
            () = failed.cancelled() => {}
        }
        self.stop().await
    }

    /// Stops: no new requests, those under way answered, everything flushed, within the grace
    /// that the configuration gives.
    pub async fn stop(self) -> Result<()> {
        let deadline = Instant::now() + self.stop_grace;
        // Half for the clients, half for the disk.
        self.front.drain(self.stop_grace / 2).await;
        let closing = tokio::time::timeout_at(deadline, self.storage.close()).await;
        self.tasks.stop_all(deadline.saturating_duration_since(Instant::now())).await;
        if let Some(reason) = self.tasks.stop_reason() {
            return Err(Error::Stopped { reason: reason.into() });
        }
        match closing {
            Ok(closed) => closed.map_err(Error::Storage),
            Err(_) => Err(Error::StoppedLate),
        }
    }
}

async fn start_audit(
    config: &Config,
    world: &World,
    streams: &Streams,
    metrics: &Metrics,
) -> Result<Option<Audit>> {
    if !config.audit.enabled {
        return Ok(None);
    }
    let world = (world.clock.clone(), world.entropy.clone(), &world.tasks);
    let account = config.account_id.parse().expect("a valid configuration has an account");
    let (streams, metrics) = (streams.clone(), &metrics.audit);
    Ok(Some(Audit::start(&config.audit, account, streams, world, metrics).await?))
}

async fn open_storage(config: &Config, world: &World, meters: &Meters) -> Result<Storage> {
    let parts = storage::Parts {
        disk: world.disk.clone(),
        objects: world.objects.clone(),
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        tasks: world.tasks.clone(),
        meters: meters.clone(),
    };
    let path = || world.home.path().unwrap_or(&config.data_dir).to_owned();
    Storage::open(config.storage.clone(), parts).await.map_err(|error| match error {
        storage::Error::Locked => {
            Error::Locked { holder: LocalDisk::holder(&path()), path: path() }
        }
        storage::Error::Io { source, .. } if not_ours(&source) => {
            Error::DataDirectory { path: path(), source }
        }
        other => Error::Storage(other),
    })
}

/// The master key that the configuration says, and the keys that it wraps.
async fn open_keys(
    config: &Config,
    world: &World,
    storage: &Storage,
) -> Result<(MasterKey, KeyRing)> {
    let master_key =
        load_or_create_master_key(&config.security, world.home.path(), &world.entropy)?;
    let parts = keys::Parts {
        storage: storage.clone(),
        master_key: master_key.clone(),
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        tasks: world.tasks.clone(),
    };
    let keys = KeyRing::start(parts).await?;
    Ok((master_key, keys))
}

/// The accounts, users, roles and keys; `keys` are of the root of the node's own account.
async fn start_identity(
    config: &Config,
    world: &World,
    storage: &Storage,
    master: MasterKey,
    keys: Vec<AccessKey>,
) -> Result<Identity> {
    let account = config.account_id.parse().expect("a valid configuration has an account");
    let secret = |key: AccessKey| (key.access_key_id, Secret::new(key.secret_access_key.expose()));
    let parts = identity::Parts {
        storage: storage.clone(),
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        tasks: world.tasks.clone(),
        master,
        account,
        root_keys: keys.into_iter().map(secret).collect(),
    };
    Ok(Identity::start(parts).await?)
}

/// Whether the directory is not for this process to write to.
fn not_ours(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// The keys that may sign, and the root key if it had to be made for that.
fn access_keys(config: &Config, world: &World) -> Result<(Vec<AccessKey>, Option<AccessKey>)> {
    let keys = config.auth.keys.clone();
    if config.auth.mode == AuthMode::AcceptAny || !keys.is_empty() {
        return Ok((keys, None));
    }
    let Some(home) = world.home.path() else { return Err(Error::NoAccessKey) };
    let (key, created) = load_or_create_root_key(home, &*world.entropy)?;
    let created = created.then(|| key.clone());
    Ok((vec![key], created))
}
