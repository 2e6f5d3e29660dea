//! Simulated faults: the real node, whole, on a world of its own.
//!
//! One seed draws everything: what producers send, when the machine crashes, which unsynced
//! sectors survive. A scenario runs actors against the node's public API and hands what they saw
//! to checkers. Each seed runs twice and must leave the same trace.
//!
//! Nothing depends on this crate.

pub mod world;
