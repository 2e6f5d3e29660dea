//! A real node, driven through its port.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod audit;
mod auth;
mod bodies;
mod bytes;
mod encryption;
mod end_to_end;
mod envelope;
mod fanout;
mod harness;
mod identity;
mod large;
mod lifecycle;
mod policies;
mod policy_cases;
mod signing;
mod tls;
