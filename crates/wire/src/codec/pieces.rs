//! An answer of records, encoded piece by piece as it is sent.
//!
//! Everything but the data of the records is written at once, which is little and tells how long
//! the answer is. The data, shared with whoever holds it, is encoded when its piece is asked for.
//! So an answer of ten mebibytes costs a few pieces' memory and not its own size, and what was just
//! encoded is still in the processor's cache when it goes to the socket.

use std::vec;

use bytes::Bytes;
use serde::Serialize;

use super::writer::{self, Format};
use super::{Encoding, cbor, json};
use crate::kinesis::{ChildShard, GetRecordsOutput, Record};

/// Only a single text that is longer makes a longer piece.
const PIECE_BYTES: usize = 64 * 1024;

/// The bytes of an answer, in order. Concatenated they are what [`encode`](super::encode) writes.
pub struct Pieces {
    encoding: Encoding,
    /// Everything but the data, of which what is before `at` went into pieces.
    text: Vec<u8>,
    at: usize,
    /// Before which bytes of the text data stands.
    holes: vec::IntoIter<(usize, Bytes)>,
    /// What is left of the data that stands at `at`.
    data: Bytes,
    left: u64,
}

impl Pieces {
    pub(crate) fn new(encoding: Encoding, output: GetRecordsOutput) -> Self {
        let (mut text, mut holes) = (Vec::new(), Vec::with_capacity(output.records.len()));
        match encoding {
            Encoding::Json => write::<json::Json>(output, &mut text, &mut holes),
            Encoding::Cbor => write::<cbor::Cbor>(output, &mut text, &mut holes),
        }
        let encoded = |(_, data): &(usize, Bytes)| match encoding {
            Encoding::Json => base64_simd::STANDARD.encoded_length(data.len()) as u64,
            Encoding::Cbor => data.len() as u64,
        };
        let left = text.len() as u64 + holes.iter().map(encoded).sum::<u64>();
        Self { encoding, text, at: 0, holes: holes.into_iter(), data: Bytes::new(), left }
    }

    /// How many bytes are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Encodes as much of the data as `piece` has room for.
    fn fill(&mut self, piece: &mut Vec<u8>) {
        let room = PIECE_BYTES - piece.len();
        match self.encoding {
            Encoding::Json => {
                // Three bytes at a time, so that only the last ones are padded.
                let data = self.data.split_to(self.data.len().min(room / 4 * 3));
                base64_simd::STANDARD.encode_append(&data, piece);
            }
            Encoding::Cbor => {
                piece.extend_from_slice(&self.data.split_to(self.data.len().min(room)));
            }
        }
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let capacity = usize::try_from(self.left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        let mut piece = Vec::with_capacity(capacity);
        loop {
            if !self.data.is_empty() {
                self.fill(&mut piece);
            }
            if !self.data.is_empty() {
                break;
            }
            let end = self.holes.as_slice().first().map_or(self.text.len(), |(end, _)| *end);
            let text = &self.text[self.at..end];
            if piece.len() + text.len() > PIECE_BYTES && !piece.is_empty() {
                break;
            }
            piece.extend_from_slice(text);
            self.at = end;
            let Some((_, data)) = self.holes.next() else { break };
            self.data = data;
            if piece.len() >= PIECE_BYTES {
                break;
            }
        }
        self.left -= piece.len() as u64;
        (!piece.is_empty()).then(|| piece.into())
    }
}

/// What follows the records.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rest {
    next_shard_iterator: Option<String>,
    millis_behind_latest: Option<i64>,
    child_shards: Option<Vec<ChildShard>>,
}

/// Writes everything but the data.
fn write<F: Format>(output: GetRecordsOutput, text: &mut Vec<u8>, holes: &mut Vec<(usize, Bytes)>) {
    let GetRecordsOutput { records, next_shard_iterator, millis_behind_latest, child_shards } =
        output;
    text.reserve(records.len() * 200 + 1024);
    F::start_map(text);
    F::name(text, true, "Records");
    F::start_list(text);
    for (index, record) in records.into_iter().enumerate() {
        F::item(text, index == 0);
        write_record::<F>(record, text, holes);
    }
    F::end_list(text);
    let rest = Rest { next_shard_iterator, millis_behind_latest, child_shards };
    writer::write_members::<F, _>(&rest, text).expect("its members are of known kinds");
    F::end_map(text);
}

fn write_record<F: Format>(record: Record, text: &mut Vec<u8>, holes: &mut Vec<(usize, Bytes)>) {
    let Record {
        sequence_number,
        approximate_arrival_timestamp,
        data,
        partition_key,
        encryption_type,
    } = record;
    F::start_map(text);
    F::name(text, true, "SequenceNumber");
    F::text(text, &sequence_number);
    if let Some(arrived) = approximate_arrival_timestamp {
        F::name(text, false, "ApproximateArrivalTimestamp");
        F::timestamp(text, arrived.as_millis());
    }
    F::name(text, false, "Data");
    F::start_blob(text, data.len());
    if !data.is_empty() {
        holes.push((text.len(), data));
    }
    F::end_blob(text);
    if let Some(key) = partition_key {
        F::name(text, false, "PartitionKey");
        F::text(text, &key);
    }
    if let Some(encryption) = encryption_type {
        F::name(text, false, "EncryptionType");
        writer::write::<F, _>(&encryption, text).expect("it is a text");
    }
    F::end_map(text);
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::encode;
    use crate::kinesis::EncryptionType;

    fn record() -> impl Strategy<Value = Record> {
        let length = prop_oneof![0..9_usize, 1000..1100_usize, 40_000..200_000_usize];
        let key = proptest::option::of(".{0,20}");
        (length, key, any::<bool>(), 0..2_000_000_000_000_u64).prop_map(
            |(length, partition_key, is_encrypted, millis)| Record {
                sequence_number: "49674026002850188218576229259473476449".to_owned(),
                approximate_arrival_timestamp: Some(Timestamp::from_millis(millis)),
                data: (0..length).map(|at| (at * 31) as u8).collect(),
                partition_key,
                encryption_type: is_encrypted.then_some(EncryptionType::Kms),
            },
        )
    }

    fn output() -> impl Strategy<Value = GetRecordsOutput> {
        let records = proptest::collection::vec(record(), 0..12);
        (records, any::<bool>()).prop_map(|(records, ended)| GetRecordsOutput {
            records,
            next_shard_iterator: (!ended).then(|| "AAAA".to_owned()),
            millis_behind_latest: Some(7),
            child_shards: ended.then(|| vec![ChildShard::default()]),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pieces_in_a_row_are_the_whole_answer_and_none_is_long(output in output()) {
            for encoding in [Encoding::Json, Encoding::Cbor] {
                let expected = encode(encoding, &output);
                let mut pieces = Pieces::new(encoding, output.clone());
                prop_assert_eq!(pieces.left(), expected.len() as u64);
                let mut joined = Vec::new();
                for piece in pieces.by_ref() {
                    prop_assert!(piece.len() <= PIECE_BYTES);
                    joined.extend_from_slice(&piece);
                }
                prop_assert_eq!(pieces.left(), 0);
                prop_assert!(joined == expected, "{encoding}");
            }
        }
    }
}
