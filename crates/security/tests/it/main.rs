//! Security through its door.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod decisions;
mod identity;
mod policies;
mod sessions;
mod world;
