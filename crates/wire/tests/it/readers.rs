//! How every operation reads its input.

use std::collections::BTreeSet;
use std::fmt::Debug;

use bytes::Bytes;
use wire::codec::{decode_carefully, decode_input, encode};
use wire::schema::Structure;
use wire::{ApiError, Call, CallVisitor, Encoding, Operation, visit_calls};

/// An operation that is carried out, with its input.
pub(crate) struct Reader {
    pub(crate) operation: Operation,
    pub(crate) shape: Structure,
    read: fn(Encoding, &Bytes) -> Result<Written, ApiError>,
}

/// An input as this crate writes it: two that are written alike are the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) json: Bytes,
    pub(crate) cbor: Bytes,
}

impl Reader {
    fn of<I: Call + PartialEq + Debug>() -> Self {
        Self { operation: I::OPERATION, shape: I::SHAPE, read: read::<I> }
    }

    /// What a body means, which must not depend on the way it is read.
    pub(crate) fn read(&self, encoding: Encoding, body: &Bytes) -> Result<Written, ApiError> {
        (self.read)(encoding, body)
    }
}

fn read<I: Call + PartialEq + Debug>(
    encoding: Encoding,
    body: &Bytes,
) -> Result<Written, ApiError> {
    let input = decode_input::<I>(encoding, body);
    assert_eq!(input, decode_carefully::<I>(encoding, body), "{encoding} {body:?}");
    let input = input?;
    Ok(Written { json: encode(Encoding::Json, &input), cbor: encode(Encoding::Cbor, &input) })
}

struct Readers(Vec<Reader>);

impl CallVisitor for Readers {
    fn visit<I: Call + PartialEq + Debug>(&mut self) {
        self.0.push(Reader::of::<I>());
    }
}

/// One for each operation that is carried out.
pub(crate) fn readers() -> Vec<Reader> {
    let mut readers = Readers(Vec::new());
    visit_calls(&mut readers);
    readers.0
}

#[test]
fn every_operation_that_is_carried_out_is_among_those_read_here() {
    let supported = Operation::ALL.iter().copied().filter(|operation| operation.is_supported());
    let read = readers().into_iter().map(|reader| reader.operation);
    assert_eq!(read.collect::<BTreeSet<_>>(), supported.collect());
}
