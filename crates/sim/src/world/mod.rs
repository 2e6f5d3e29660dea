//! The world a simulated node lives in: it outlives the node, so a crash can be followed by a
//! restart on what the disk really kept.

mod clock;
mod disk;
mod entropy;
mod net;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;

pub use self::clock::SimClock;
pub use self::disk::{CrashFate, SimDisk};
pub use self::entropy::SimEntropy;
pub use self::net::SimNet;

/// Everything outside the node, drawn from one seed.
#[derive(Clone)]
pub struct SimWorld {
    /// Wall-clock time, driven by tokio's paused clock.
    pub clock: Arc<SimClock>,
    /// The one source of chance.
    pub entropy: Arc<SimEntropy>,
    /// The journal's disk.
    pub disk: Arc<SimDisk>,
    /// Where segments and manifests live. A put is atomic and durable, as a directory with
    /// fsync and a bucket both promise.
    pub objects: Arc<dyn ObjectStore>,
    /// Connections between the node and its clients.
    pub net: Arc<SimNet>,
}

impl SimWorld {
    /// A fresh world. Call inside a current-thread runtime with a paused clock.
    pub fn new(seed: u64) -> Self {
        let entropy = Arc::new(SimEntropy::new(seed));
        Self {
            clock: Arc::new(SimClock::new()),
            disk: Arc::new(SimDisk::new(entropy.clone())),
            objects: Arc::new(InMemory::new()),
            net: Arc::new(SimNet::default()),
            entropy,
        }
    }

    /// The machine loses power: unsynced writes meet their `fate`, connections break. Drop the
    /// node's tasks first.
    pub fn crash(&self, fate: CrashFate) {
        self.disk.crash(fate);
        self.net.cut();
    }
}
