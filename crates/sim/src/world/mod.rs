//! The world a simulated node lives in: it outlives the node, so a crash can be followed by a
//! restart on what the disk really kept.

mod clock;
mod disk;
mod entropy;
mod file;
mod net;
mod objects;
mod rot;

use std::sync::Arc;
use std::time::Duration;

use crate::faults::{Fault, Faults};

pub use self::clock::SimClock;
pub use self::disk::SimDisk;
pub use self::entropy::SimEntropy;
pub use self::net::SimNet;
pub use self::objects::SimObjects;

/// How many bits of each kind of storage change at once.
const ROTTEN_BITS: std::ops::Range<u64> = 1..6;

/// What becomes of unsynced writes when the node ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The machine lives on, and with it what the node wrote.
    Kept,
    /// Power goes: all are lost.
    Lost,
    /// Power goes: each sector of each write is lost or kept by chance, and so is each change of
    /// a directory.
    Torn,
}

/// Everything outside the node, drawn from one seed.
#[derive(Clone)]
pub struct SimWorld {
    /// Wall-clock time, driven by tokio's paused clock.
    pub clock: Arc<SimClock>,
    /// The one source of chance.
    pub entropy: Arc<SimEntropy>,
    /// What goes wrong now.
    pub faults: Arc<Faults>,
    /// The journal's disk.
    pub disk: Arc<SimDisk>,
    /// Where segments and manifests live.
    pub objects: Arc<SimObjects>,
    /// Connections between the node and its clients.
    pub net: Arc<SimNet>,
}

impl SimWorld {
    /// A fresh world. Call inside a current-thread runtime with a paused clock.
    pub fn new(seed: u64) -> Self {
        let entropy = Arc::new(SimEntropy::new(seed));
        let faults = Arc::new(Faults::default());
        Self {
            clock: Arc::new(SimClock::new()),
            disk: Arc::new(SimDisk::new(entropy.clone(), faults.clone())),
            objects: Arc::new(SimObjects::new(entropy.clone(), faults.clone())),
            net: Arc::new(SimNet::new(entropy.clone(), faults.clone())),
            entropy,
            faults,
        }
    }

    /// The node is dead; drop its tasks first. Unsynced writes meet their `fate`, connections
    /// break.
    pub fn end(&self, fate: Fate) {
        self.disk.end(fate);
        self.objects.end(fate);
        self.net.forget_listeners();
    }

    /// Some bits change, on the disk and in objects.
    pub fn rot(&self) {
        self.disk.rot(self.entropy.within(ROTTEN_BITS));
        self.objects.rot(self.entropy.within(ROTTEN_BITS));
    }

    /// Whether a reader may get other bytes than were written.
    pub fn is_damaged(&self) -> bool {
        self.disk.is_rotten()
            || self.objects.is_rotten()
            || self.faults.is_on(Fault::MisdirectedRead)
    }

    /// Bytes are again what was written.
    pub fn heal(&self) {
        self.faults.end(Fault::MisdirectedRead);
        self.disk.heal();
        self.objects.heal();
    }
}

/// Work of a disk takes a little while, so that tasks interleave and crashes fall between.
async fn take_time(entropy: &SimEntropy, faults: &Faults) {
    let slower = if faults.is_on(Fault::SlowDisk) { entropy.within(1..60) } else { 1 };
    tokio::time::sleep(Duration::from_micros(entropy.within(20..600) * slower)).await;
}

/// No space is left.
fn full() -> std::io::Error {
    std::io::ErrorKind::StorageFull.into()
}
