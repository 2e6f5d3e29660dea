//! The client's door, against services whose answers a test writes down, on a network in memory
//! and on paused time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod consuming;
mod producing;
mod service;
