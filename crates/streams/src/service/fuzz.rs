//! A door for the fuzzer: the tokens that callers give back.

use std::sync::Arc;

use minicbor::Decode;
use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};
use model::Timestamp;
use runtime::SystemEntropy;

use super::consumers::ConsumersPage;
use super::listing::{ShardsPage, StreamsPage};
use crate::sealed::{Kind, Sealer};
use crate::shard::iterator::ShardIterator;

/// What stands in a token, already encoded.
struct Raw<'b>(&'b [u8]);

impl<C> Encode<C> for Raw<'_> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.writer_mut().write_all(self.0).map_err(EncodeError::write)
    }
}

/// The text of a token that nobody sealed, and what could stand in one that was.
pub fn token(bytes: &[u8]) {
    let sealer = Sealer::new(&[7; 32], Arc::new(SystemEntropy));
    let now = Timestamp::from_seconds(1_795_476_667);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(ShardIterator::open(text, &sealer, now).is_err(), "nobody sealed it");
    }
    let iterator = sealer.seal(Kind::ShardIterator, &Raw(bytes));
    if let Ok(iterator) = ShardIterator::open(&iterator, &sealer, now) {
        let again = ShardIterator::open(&iterator.seal(&sealer, now), &sealer, now);
        assert_eq!(again.ok(), Some(iterator));
    }
    page::<ShardsPage>(&sealer, Kind::ShardsPage, bytes);
    page::<StreamsPage>(&sealer, Kind::StreamsPage, bytes);
    page::<ConsumersPage>(&sealer, Kind::ConsumersPage, bytes);
}

/// What was read is written as it reads.
fn page<T: for<'b> Decode<'b, ()> + Encode<()>>(sealer: &Sealer, kind: Kind, bytes: &[u8]) {
    let open = |token: &str| -> Option<Vec<u8>> {
        let page: T = sealer.open(kind, token)?;
        Some(minicbor::to_vec(&page).expect("writing to memory cannot fail"))
    };
    let Some(written) = open(&sealer.seal(kind, &Raw(bytes))) else { return };
    assert_eq!(open(&sealer.seal(kind, &Raw(&written))), Some(written));
}
