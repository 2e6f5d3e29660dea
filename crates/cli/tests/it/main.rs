//! The binary `weir`, run as a child process against directories of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod crash;
mod crowd;
mod durability;
mod faults;
mod identity;
mod keys;
mod node;
mod tls;
mod tools;
mod weir;
