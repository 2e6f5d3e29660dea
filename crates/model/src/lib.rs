//! The words of the product: pure values, no async, no I/O.

mod timestamp;

pub use timestamp::Timestamp;
