//! The words of the product: names, ARNs, sequence numbers, hash ranges, limits.
//!
//! Pure values: no async, no I/O, no rule that needs more than the value itself.

mod arn;
mod error;
mod hash_key;
pub mod limits;
mod names;
mod sequence_number;
mod shard_id;
mod timestamp;

pub use arn::{ConsumerArn, StreamArn};
pub use error::{Error, Result};
pub use hash_key::{HashKey, HashKeyRange};
pub use names::{AccountId, ConsumerName, Region, StreamName};
pub use sequence_number::SequenceNumber;
pub use shard_id::ShardId;
pub use timestamp::Timestamp;
