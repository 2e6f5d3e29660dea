//! CBOR, with payloads as slices of the body.

use bytes::Bytes;
use minicbor::Decoder;
use minicbor::data::Type;

use super::{ENTRIES_MAX, PutRecordInput, PutRecordsInput, PutRecordsRequestEntry};

pub(super) fn put_record(body: &Bytes) -> Option<PutRecordInput> {
    let mut input = PutRecordInput::default();
    let mut data = None;
    whole(body, |decoder| {
        members(decoder, |name, decoder| {
            match name {
                "Data" => data = Some(blob(decoder, body)?),
                "PartitionKey" => input.partition_key = text(decoder)?,
                "ExplicitHashKey" => input.explicit_hash_key = text(decoder)?,
                "SequenceNumberForOrdering" => {
                    input.sequence_number_for_ordering = text(decoder)?;
                }
                "StreamName" => input.stream_name = text(decoder)?,
                "StreamARN" => input.stream_arn = text(decoder)?,
                _ => return None,
            }
            Some(())
        })
    })?;
    Some(PutRecordInput { data: data?, ..input })
}

pub(super) fn put_records(body: &Bytes) -> Option<PutRecordsInput> {
    let mut input = PutRecordsInput::default();
    whole(body, |decoder| {
        members(decoder, |name, decoder| {
            match name {
                "Records" => input.records = entries(decoder, body)?,
                "StreamName" => input.stream_name = text(decoder)?,
                "StreamARN" => input.stream_arn = text(decoder)?,
                _ => return None,
            }
            Some(())
        })
    })?;
    Some(input)
}

fn entries(decoder: &mut Decoder<'_>, body: &Bytes) -> Option<Vec<PutRecordsRequestEntry>> {
    let mut left = decoder.array().ok()?;
    let mut entries = Vec::new();
    while has_next(decoder, &mut left)? {
        if entries.len() == ENTRIES_MAX as usize {
            return None;
        }
        let mut entry = PutRecordsRequestEntry::default();
        let mut data = None;
        members(decoder, |name, decoder| {
            match name {
                "Data" => data = Some(blob(decoder, body)?),
                "PartitionKey" => entry.partition_key = text(decoder)?,
                "ExplicitHashKey" => entry.explicit_hash_key = text(decoder)?,
                _ => return None,
            }
            Some(())
        })?;
        entries.push(PutRecordsRequestEntry { data: data?, ..entry });
    }
    Some(entries)
}

/// Reads one value, after which the body must end.
fn whole<'b>(body: &'b Bytes, mut read: impl FnMut(&mut Decoder<'b>) -> Option<()>) -> Option<()> {
    let mut decoder = Decoder::new(body);
    read(&mut decoder)?;
    (decoder.position() == body.len()).then_some(())
}

fn members<'b>(
    decoder: &mut Decoder<'b>,
    mut take: impl FnMut(&str, &mut Decoder<'b>) -> Option<()>,
) -> Option<()> {
    let mut left = decoder.map().ok()?;
    while has_next(decoder, &mut left)? {
        let name = decoder.str().ok()?;
        take(name, decoder)?;
    }
    Some(())
}

fn has_next(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Option<bool> {
    match left {
        Some(0) => Some(false),
        Some(count) => {
            *count -= 1;
            Some(true)
        }
        None if decoder.datatype().ok()? == Type::Break => {
            decoder.skip().ok()?;
            Some(false)
        }
        None => Some(true),
    }
}

fn text(decoder: &mut Decoder<'_>) -> Option<Option<String>> {
    match decoder.datatype().ok()? {
        Type::Null => decoder.null().ok().map(|()| None),
        _ => decoder.str().ok().map(|text| Some(text.to_owned())),
    }
}

fn blob(decoder: &mut Decoder<'_>, body: &Bytes) -> Option<Bytes> {
    decoder.bytes().ok().map(|bytes| body.slice_ref(bytes))
}
