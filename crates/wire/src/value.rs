//! The one tree that both encodings are read into, before it is known what it should be.

use std::borrow::Cow;

use bytes::Bytes;

/// The deepest nesting that is read. No shape is deeper than six; more is a bomb.
pub const MAX_DEPTH: usize = 128;

/// The most values one body may hold. The largest legal body, a GetRecords answer of 10,000
/// records, has about 60,000; without a bound a body of brackets would grow twentyfold in memory.
pub const MAX_VALUES: usize = 100_000;

/// A value as it was sent. Texts borrow from the body and blobs share it where they can.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Absent: JSON `null`, CBOR null or undefined.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number that fits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Str(Cow<'a, str>),
    /// Raw bytes: only CBOR has them before the schema is applied.
    Blob(Bytes),
    /// Milliseconds since the epoch: only CBOR marks them before the schema is applied.
    Timestamp(i64),
    /// An array.
    List(Vec<Value<'a>>),
    /// An object, in the order it was sent. A later entry replaces an earlier one of its name.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}
