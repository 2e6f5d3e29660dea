//! The storage through its door, on a real directory and on a simulated disk.

mod conformance;
mod disk;
mod model_test;
mod objects;
mod world;
