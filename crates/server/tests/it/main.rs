//! A real node, driven through its port.

mod auth;
mod bodies;
mod bytes;
mod crowd;
mod end_to_end;
mod envelope;
mod harness;
mod lifecycle;
