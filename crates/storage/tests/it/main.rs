//! The storage through its door, on real and simulated disks.

mod logs;
mod world;
