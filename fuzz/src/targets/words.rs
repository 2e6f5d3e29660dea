//! Sequence numbers, shards, hash keys, names and ARNs, as they stand in requests.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use model::{
    AccountId, ConsumerArn, ConsumerName, HashKey, Region, SequenceNumber, ShardId, StreamArn,
    StreamName,
};

/// Any text is one of these or is none, and what it is is written as it reads.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    numbers(text);
    again::<HashKey>(text);
    again::<ShardId>(text);
    exactly::<AccountId>(text);
    exactly::<Region>(text);
    exactly::<StreamName>(text);
    exactly::<ConsumerName>(text);
    exactly::<StreamArn>(text);
    // Zeros before the second of the registration are let pass.
    again::<ConsumerArn>(text);
}

/// From this second on nothing can have been created, by any number that is written here.
const CREATED_END: u64 = 16_025_175_000;

/// The older layouts are read and not written; the oldest has room for seconds that the newest
/// does not have.
fn numbers(text: &str) {
    let Ok(number) = text.parse::<SequenceNumber>() else { return };
    if number.created().as_seconds() >= CREATED_END {
        return;
    }
    let written = number.to_string();
    let mut digits = String::new();
    number.write_decimal(&mut digits);
    assert_eq!(written, digits);
    assert_eq!(written.len(), 56);
    assert_eq!(written.parse::<SequenceNumber>().as_ref(), Ok(&number), "{written}");
}

/// What it is written as reads as the same.
fn again<T: FromStr<Err: Debug + PartialEq> + Display + Debug + PartialEq>(text: &str) {
    let Ok(word) = text.parse::<T>() else { return };
    let written = word.to_string();
    assert_eq!(written.parse::<T>().as_ref(), Ok(&word), "{written}");
}

/// It is written exactly as it was.
fn exactly<T: FromStr<Err: Debug> + Display>(text: &str) {
    let Ok(word) = text.parse::<T>() else { return };
    assert_eq!(word.to_string(), text);
}
