//! The one door to the world outside: time, chance, disk, network, tasks, meters.
//!
//! Nothing else in the workspace names `std::fs`, sockets, the system clock, a random source,
//! threads or `tokio::spawn`. Whoever needs one of them takes it as a constructor argument, so
//! the simulation can run the real node on a world of its own.
//!
//! What this is not: a place for rules. It knows files and tasks, never records.
#![expect(clippy::disallowed_methods, reason = "this crate wraps the real ones")]
#![expect(clippy::disallowed_types, reason = "this crate wraps the real ones")]

mod clock;
mod direct;
mod disk;
mod entropy;
mod meters;
mod net;
#[cfg(feature = "objects")]
mod objects;
mod pages;
mod tasks;

pub use clock::{Clock, SystemClock};
pub use disk::{Disk, DiskFile, DiskLock, LocalDisk};
pub use entropy::{Entropy, SystemEntropy};
pub use meters::{Meters, MetricDescription};
pub use net::{Connection, Listener, Net, TcpNet};
#[cfg(feature = "objects")]
pub use objects::LocalObjects;
pub use pages::{PAGE_BYTES, Pages};
pub use tasks::{Policy, Tasks};
