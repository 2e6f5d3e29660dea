//! Bodies that came to harm: they are read or refused, and never differently by the two ways.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wire::{Encoding, Operation};

use crate::legal::any_input;
use crate::readers::{Reader, readers};
use crate::tree::{bodies, run_cases};

/// What happens to a body.
#[derive(Clone, Debug)]
enum Damage {
    /// A byte becomes another.
    Change(Index, u8),
    /// A byte that was not there.
    Insert(Index, u8),
    /// The end is missing.
    Cut(Index),
    /// A piece is missing.
    Skip(Index, Index),
    /// A piece stands there twice.
    Repeat(Index, Index),
    /// From somewhere on it is another body.
    Splice(Index, Index),
}

/// Any byte, and more often those that mean something to one of the two parsers.
fn byte() -> impl Strategy<Value = u8> {
    let telling =
        b"{}[]\",:\\0-eE.+nu= \x5f\x7f\x9f\xbf\xc1\xd9\xf4\xf6\xf7\xf9\xfb\xff\x1b\x3b\xa0";
    prop_oneof![any::<u8>(), select(telling.to_vec())]
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        2 => (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Damage::Skip(from, to)),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Damage::Repeat(from, to)),
        1 => any::<(Index, Index)>().prop_map(|(at, from)| Damage::Splice(at, from)),
    ]
}

impl Damage {
    fn befall(&self, body: &mut Vec<u8>, other: &[u8]) {
        // One more than the bytes there are, so that an empty body has a place too.
        let place = |at: &Index| at.index(body.len() + 1);
        let piece = |from: &Index, to: &Index| {
            let (from, to) = (place(from), place(to));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Change(at, byte) => {
                let at = place(at);
                if let Some(changed) = body.get_mut(at) {
                    *changed = *byte;
                }
            }
            Self::Insert(at, byte) => body.insert(place(at), *byte),
            Self::Cut(at) => body.truncate(place(at)),
            Self::Skip(from, to) => drop(body.drain(piece(from, to))),
            Self::Repeat(from, to) => {
                let piece = piece(from, to);
                let again = body[piece.clone()].to_vec();
                body.splice(piece.end..piece.end, again);
            }
            Self::Splice(at, from) => {
                body.truncate(place(at));
                body.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
        }
    }
}

/// Those that are read in two ways are tried more often.
fn cases(reader: &Reader) -> u32 {
    match reader.operation {
        Operation::PutRecord | Operation::PutRecords => 1500,
        _ => 40,
    }
}

#[test]
fn a_damaged_body_is_read_or_refused_by_both_ways_alike() {
    for reader in readers() {
        let input = || any_input(&reader.shape);
        let harm = (input(), input(), any::<bool>(), vec(damage(), 1..4));
        run_cases(cases(&reader), harm, |(value, other, ours, harm)| {
            let ((json, cbor), other) = (bodies(&value), bodies(&other));
            // This crate's own writer gives no lengths where the tests' does.
            let (json, cbor) = match ours {
                true => {
                    let written = reader.read(Encoding::Cbor, &cbor).unwrap();
                    (written.json, written.cbor)
                }
                false => (json, cbor),
            };
            for (encoding, body, other) in
                [(Encoding::Json, json, other.0), (Encoding::Cbor, cbor, other.1)]
            {
                let mut body = body.to_vec();
                harm.iter().for_each(|damage| damage.befall(&mut body, &other));
                let _judged_alike = reader.read(encoding, &Bytes::from(body));
            }
        });
    }
}

#[test]
fn arbitrary_bytes_are_read_or_refused_by_both_ways_alike() {
    for reader in readers() {
        let bytes = prop_oneof![vec(any::<u8>(), 0..200), vec(byte(), 0..40)];
        run_cases(cases(&reader), bytes, |bytes| {
            let body = Bytes::from(bytes);
            for encoding in [Encoding::Json, Encoding::Cbor] {
                let _judged_alike = reader.read(encoding, &body);
            }
        });
    }
}
