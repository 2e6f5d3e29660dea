//! The node: listener, gateway, configuration, start and stop.
//!
//! It owns the only HTTP in the house and the order in which things start and stop. It has no
//! rule of its own about streams: what a request means is decided behind `wire::Handlers`.
//!
//! ```text
//!  bytes ─ http (connections, bodies) ─ gateway ┬ health
//!                                               └ envelope ─ access ─ audit ─ decode ─ streams ─ encode
//! ```
//!
//! Invariants:
//! - The order of the gateway never changes.
//! - Every request has one id and one answer, whatever happens to it.
//! - Whatever a client sends, and however slowly, costs a bounded amount of memory and time.

mod access;
mod admin;
mod audit;
pub mod config;
mod error;
mod gateway;
mod guard;
mod health;
mod http;
mod metrics;
mod node;
mod simulate;
mod sts;
mod world;

pub use config::Config;
pub use error::{Error, Result};
pub use node::Node;
pub use world::{Home, World};

/// The stream that the audit is written to.
pub fn audit_stream() -> model::StreamArn {
    streams::SystemStream::Audit.arn()
}
