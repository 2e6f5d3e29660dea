//! The name of a shard within its stream.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The index of a shard, written `shardId-000000000042`. Indices count up and are never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u32);

impl ShardId {
    /// The largest index that an id in text may carry.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// The shard with this index.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index.
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// AWS is lenient: it reads the number after the first hyphen, or the whole text, so
/// `shardId-0`, `a-00000000005`, `5` and `-5` all name a shard.
impl FromStr for ShardId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = || Error::new("a shard id", text);
        let digits = text.split_once('-').map_or(text, |(_, digits)| digits);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        let index = digits.parse().map_err(|_| error())?;
        if index > Self::MAX.0 {
            return Err(error());
        }
        Ok(Self(index))
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand: an answer to PutRecords has 500 of them.
        let mut text = *b"shardId-000000000000";
        let mut rest = self.0;
        for digit in text.iter_mut().rev() {
            if rest == 0 {
                break;
            }
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        f.pad(std::str::from_utf8(&text).expect("only ASCII is written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_leniently_as_aws_reads_them() {
        let index = |text: &str| text.parse::<ShardId>().map(ShardId::index);
        for (text, expected) in [
            ("shardId-000000000000", 0),
            ("shardId-0", 0),
            ("shard-0", 0),
            ("a-00000000005", 5),
            ("5", 5),
            ("-5", 5),
            ("shardId-2147483647", 2_147_483_647),
        ] {
            assert_eq!(index(text), Ok(expected), "{text}");
        }
        for bad in ["", "shardId", "shardId-", "shardId-x", "shardId--1", "a-1-2", "2147483648"] {
            assert!(index(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_written_with_twelve_digits() {
        assert_eq!(ShardId::new(0).to_string(), "shardId-000000000000");
        assert_eq!(ShardId::new(3076).to_string(), "shardId-000000003076");
        assert_eq!(ShardId::new(u32::MAX).to_string(), "shardId-004294967295");
    }
}
