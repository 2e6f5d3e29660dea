//! A real node on the simulated world.

use std::time::Duration;

use anyhow::{Context, Result};
use bytesize::ByteSize;
use runtime::Tasks;
use server::config::{Profile, Secret};
use server::{Config, Home, Node, World};
use weir_client::{Client, ClientConfig};

use crate::world::{CrashFate, SimWorld};

/// Budgets so small that files are recycled, segments cut and manifests switched between two
/// crashes, and changes of a stream done and subscriptions ended.
fn config() -> Config {
    let mut config = Config::new(Profile::Dev);
    // There is no home directory to keep one in.
    config.security.master_key = Secret::new("c2ltdWxhdGVkIG1hc3RlciBrZXksIDMyIGJ5dGVzISE=");
    config.storage.journal_file_bytes = ByteSize::mib(1);
    config.storage.segment_bytes = ByteSize::mib(1);
    config.streams.transition_delay = Duration::from_millis(30);
    config.fanout.subscription_lifetime = Duration::from_millis(50);
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
    pub(crate) async fn start(world: &SimWorld) -> Result<Self> {
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
        let node = Node::start(config(), node_world).await.context("the node does not start")?;
        Ok(Self { node, tasks, world: world.clone() })
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

    /// Power goes while the node works.
    pub(crate) async fn crash(self, fate: CrashFate) {
        self.tasks.abort_all().await;
        drop(self.node);
        self.world.crash(fate);
    }

    /// Stops gracefully.
    pub(crate) async fn stop(self) -> Result<()> {
        self.node.stop().await.context("the node does not stop")
    }
}
