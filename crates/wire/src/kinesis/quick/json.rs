//! JSON, with payloads borrowed from the body until all of them are decoded at once.

use std::fmt;
use std::marker::PhantomData;

use base64_simd::STANDARD;
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{ENTRIES_MAX, PutRecordInput, PutRecordsInput, PutRecordsRequestEntry};

pub(super) fn put_record(body: &[u8]) -> Option<PutRecordInput> {
    let Object(RecordMembers { mut input, data }) = serde_json::from_slice(body).ok()?;
    input.data = decode_all(std::iter::once(data?))?.pop()?;
    Some(input)
}

pub(super) fn put_records(body: &[u8]) -> Option<PutRecordsInput> {
    let Object(RecordsMembers { mut input, entries }) = serde_json::from_slice(body).ok()?;
    let payloads = entries.iter().map(|Object(entry)| entry.data).collect::<Option<Vec<_>>>()?;
    let payloads = decode_all(payloads.into_iter())?;
    input.records = entries
        .into_iter()
        .zip(payloads)
        .map(|(Object(entry), data)| PutRecordsRequestEntry { data, ..entry.rest })
        .collect();
    Some(input)
}

/// Decodes payloads into slices of one buffer.
fn decode_all<'a>(payloads: impl Iterator<Item = &'a str> + Clone) -> Option<Vec<Bytes>> {
    let capacity = payloads.clone().map(|payload| payload.len() / 4 * 3).sum();
    let mut buffer = Vec::with_capacity(capacity);
    let mut ends = Vec::new();
    for payload in payloads {
        STANDARD.decode_append(payload.as_bytes(), &mut buffer).ok()?;
        ends.push(buffer.len());
    }
    let mut buffer = Bytes::from(buffer);
    let mut taken = 0;
    let slices = ends.into_iter().map(|end| {
        let slice = buffer.split_to(end - taken);
        taken = end;
        slice
    });
    Some(slices.collect())
}

/// What a reader of an object does with each member. Derived readers would also take arrays.
trait Members<'de>: Default {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, value: &mut A) -> Result<(), A::Error>;
}

struct Object<M>(M);

impl<'de, M: Members<'de>> Deserialize<'de> for Object<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<M>(PhantomData<M>);

impl<'de, M: Members<'de>> Visitor<'de> for ObjectVisitor<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut members = M::default();
        while let Some(name) = map.next_key::<&str>()? {
            members.take(name, &mut map)?;
        }
        Ok(members)
    }
}

fn unusual<E: Error>() -> E {
    E::custom("left to the careful way")
}

#[derive(Default)]
struct RecordMembers<'de> {
    input: PutRecordInput,
    data: Option<&'de str>,
}

impl<'de> Members<'de> for RecordMembers<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, value: &mut A) -> Result<(), A::Error> {
        let input = &mut self.input;
        match name {
            // Of a second one the first would go unchecked.
            "Data" if self.data.is_none() => self.data = Some(value.next_value()?),
            "PartitionKey" => input.partition_key = value.next_value()?,
            "ExplicitHashKey" => input.explicit_hash_key = value.next_value()?,
            "SequenceNumberForOrdering" => {
                input.sequence_number_for_ordering = value.next_value()?;
            }
            "StreamName" => input.stream_name = value.next_value()?,
            "StreamARN" => input.stream_arn = value.next_value()?,
            _ => return Err(unusual()),
        }
        Ok(())
    }
}

#[derive(Default)]
struct RecordsMembers<'de> {
    input: PutRecordsInput,
    entries: Vec<Object<EntryMembers<'de>>>,
}

impl<'de> Members<'de> for RecordsMembers<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, value: &mut A) -> Result<(), A::Error> {
        match name {
            "Records" if self.entries.is_empty() => {
                self.entries = value.next_value::<Entries<'de>>()?.0;
            }
            "StreamName" => self.input.stream_name = value.next_value()?,
            "StreamARN" => self.input.stream_arn = value.next_value()?,
            _ => return Err(unusual()),
        }
        Ok(())
    }
}

#[derive(Default)]
struct EntryMembers<'de> {
    rest: PutRecordsRequestEntry,
    data: Option<&'de str>,
}

impl<'de> Members<'de> for EntryMembers<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, value: &mut A) -> Result<(), A::Error> {
        match name {
            // Of a second one the first would go unchecked.
            "Data" if self.data.is_none() => self.data = Some(value.next_value()?),
            "PartitionKey" => self.rest.partition_key = value.next_value()?,
            "ExplicitHashKey" => self.rest.explicit_hash_key = value.next_value()?,
            _ => return Err(unusual()),
        }
        Ok(())
    }
}

/// The entries, no more than are legal, so that a body cannot make this allocate without bound.
struct Entries<'de>(Vec<Object<EntryMembers<'de>>>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor).map(Entries)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<Object<EntryMembers<'de>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = elements.next_element()? {
            if entries.len() == ENTRIES_MAX as usize {
                return Err(unusual());
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}
