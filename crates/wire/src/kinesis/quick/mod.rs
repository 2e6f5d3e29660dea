//! The quick way of PutRecord and PutRecords: from the body into the typed input, no tree between.
//!
//! JSON: all payloads are decoded into one shared buffer. CBOR: payloads are slices of the body
//! itself. Only what real clients send is understood; at anything else, be it legal or not, these
//! give up, and the careful way starts over. So whatever they accept must be exactly what the
//! careful way gives, and they need no error texts.

mod cbor;
mod json;

use bytes::Bytes;

use super::names::{HASH_KEY, NAME, PARTITION_KEY, SEQUENCE_NUMBER, STREAM_ARN};
use super::records::{DATA, ENTRIES_MAX};
use super::{PutRecordInput, PutRecordsInput, PutRecordsRequestEntry};
use crate::codec::Encoding;
use crate::schema::Text;

pub(super) fn put_record(encoding: Encoding, body: &Bytes) -> Option<PutRecordInput> {
    let input = match encoding {
        Encoding::Json => json::put_record(body)?,
        Encoding::Cbor => cbor::put_record(body)?,
    };
    let admitted = DATA.admits(input.data.len())
        && admits(&PARTITION_KEY, &input.partition_key)
        && admits(&HASH_KEY, &input.explicit_hash_key)
        && admits(&SEQUENCE_NUMBER, &input.sequence_number_for_ordering)
        && admits(&NAME, &input.stream_name)
        && admits(&STREAM_ARN, &input.stream_arn);
    admitted.then_some(input)
}

pub(super) fn put_records(encoding: Encoding, body: &Bytes) -> Option<PutRecordsInput> {
    let input = match encoding {
        Encoding::Json => json::put_records(body)?,
        Encoding::Cbor => cbor::put_records(body)?,
    };
    let admitted = !input.records.is_empty()
        && input.records.len() <= ENTRIES_MAX as usize
        && input.records.iter().all(is_admitted)
        && admits(&NAME, &input.stream_name)
        && admits(&STREAM_ARN, &input.stream_arn);
    admitted.then_some(input)
}

fn is_admitted(entry: &PutRecordsRequestEntry) -> bool {
    DATA.admits(entry.data.len())
        && admits(&PARTITION_KEY, &entry.partition_key)
        && admits(&HASH_KEY, &entry.explicit_hash_key)
}

fn admits(rules: &Text, text: &Option<String>) -> bool {
    text.as_ref().is_none_or(|text| rules.admits(text))
}
