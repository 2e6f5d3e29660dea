//! Streams through their door, over real storage.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod capacity;
mod catalog_model;
mod consumers;
mod control;
mod dry_run;
mod encryption;
mod explain;
mod fanout;
mod isolation;
mod listing;
mod policies;
mod records;
mod reshard;
mod scaling;
mod settings;
mod system;
mod throttle;
mod world;
