//! A door for the fuzzer: rows of the catalog's table.

use std::fmt::Debug;

use minicbor::{Decode, Encode};

use super::record::{
    self, ACCOUNTS, AccountRecord, CONSUMERS, ConsumerRecord, NODE_KEY, NodeRecord, SHARDS,
    STREAMS, ShardRecord, StreamKey, StreamRecord,
};
use super::scaling::Scaling;

/// A key and its value: each is read or refused, and what was read is written as it reads.
pub fn row(key: &[u8], value: &[u8]) {
    let written = match key.first() {
        Some(b'n') => {
            let node = record::decode::<NodeRecord>(NODE_KEY, value);
            return drop(node.map(|node| node.check_format()));
        }
        Some(b's') => {
            again::<StreamRecord>(key, value);
            StreamKey::from_table_key(key).map(|name| name.table_key())
        }
        Some(b'a') => {
            again::<AccountRecord>(key, value);
            record::from_account_key(key).map(|account| record::account_key(&account))
        }
        Some(b'h') => {
            again::<ShardRecord>(key, value);
            record::from_shard_key(key).map(|(stream, shard)| record::shard_key(stream, shard))
        }
        Some(b'c') => {
            again::<ConsumerRecord>(key, value);
            record::from_consumer_key(key).map(|(stream, name)| record::consumer_key(stream, &name))
        }
        Some(b'd') => return again::<Scaling>(key, value),
        _ => return,
    };
    assert!([STREAMS, ACCOUNTS, SHARDS, CONSUMERS].iter().any(|prefix| key.starts_with(prefix)));
    assert!(written.is_none_or(|written| written == key));
}

fn again<T: for<'b> Decode<'b, ()> + Encode<()> + PartialEq + Debug>(key: &[u8], value: &[u8]) {
    let Ok(read) = record::decode::<T>(key, value) else { return };
    let written = record::encode(&read);
    assert_eq!(record::decode::<T>(key, &written).as_ref().ok(), Some(&read));
}
