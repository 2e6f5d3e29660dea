//! The storage through its door, on a real directory and on a simulated disk.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod crash;
mod damage;
mod disk;
mod faults;
mod model_test;
mod objects;
mod replay;
mod schedules;
mod staged;
mod table_test;
mod world;
