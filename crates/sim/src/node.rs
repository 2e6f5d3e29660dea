//! A real node on the simulated world.

use std::time::Duration;

use anyhow::{Context, Result};
use bytesize::ByteSize;
use runtime::Tasks;
use server::config::{Profile, Secret};
use server::{Config, Home, Node, World};
use streams::Mode;
use weir_client::{Client, ClientConfig};

use crate::world::{Fate, SimWorld};

/// Budgets so small that files are recycled, segments cut and manifests switched between two
/// crashes, and changes of a stream done and subscriptions ended.
fn config(limits: Mode) -> Config {
    let mut config = Config::new(Profile::Dev);
    // There is no home directory to keep one in.
    config.security.master_key = Secret::new("c2ltdWxhdGVkIG1hc3RlciBrZXksIDMyIGJ5dGVzISE=");
    config.storage.journal_file_bytes = ByteSize::mib(1);
    config.storage.segment_bytes = ByteSize::mib(1);
    config.storage.segment_age = Duration::from_secs(1);
    config.streams.transition_delay = Duration::from_millis(30);
    config.streams.trim_period = Duration::from_millis(100);
    config.fanout.subscription_lifetime = Duration::from_millis(50);
    config.limits.mode = limits;
    config
}

/// A running node.
pub(crate) struct SimNode {
    node: Node,
    tasks: Tasks,
    world: SimWorld,
}

impl SimNode {
    /// Starts a node on what the world's disk kept.
    pub(crate) async fn start(world: &SimWorld, limits: Mode) -> Result<Self> {
        let tasks = Tasks::simulated();
        let node_world = World {
            clock: world.clock.clone(),
            entropy: world.entropy.clone(),
            net: world.net.clone(),
            disk: world.disk.clone(),
            objects: world.objects.clone(),
            tasks: tasks.clone(),
            home: Home::Nowhere,
        };
        match Node::start(config(limits), node_world).await {
            Ok(node) => Ok(Self { node, tasks, world: world.clone() }),
            Err(error) => {
                // Its process ends.
                tasks.abort_all().await;
                world.end(Fate::Kept);
                Err(error).context("the node does not start")
            }
        }
    }

    /// A client that tries each call once: what a retry would hide is what we look for.
    pub(crate) fn client(&self) -> Client {
        let config = ClientConfig {
            endpoint: format!("http://{}", self.node.address()),
            attempts_max: 1,
            ..ClientConfig::default()
        };
        let world = weir_client::World {
            clock: self.world.clock.clone(),
            entropy: self.world.entropy.clone(),
            net: self.world.net.clone(),
            tasks: Tasks::simulated(),
        };
        Client::in_world(config, world).expect("the node's own address is an endpoint")
    }

    /// Waits until the node says that it cannot go on.
    pub(crate) async fn stopped_itself(&self) -> String {
        self.tasks.stopping().cancelled().await;
        self.tasks.stop_reason().unwrap_or_default().to_owned()
    }

    /// It ends while it works, and its unsynced writes meet their `fate`.
    pub(crate) async fn crash(self, fate: Fate) {
        self.tasks.abort_all().await;
        drop(self.node);
        self.world.end(fate);
    }

    /// Stops gracefully.
    pub(crate) async fn stop(self) -> Result<()> {
        let stopped = self.node.stop().await.context("the node does not stop");
        self.world.end(Fate::Kept);
        stopped
    }
}
