//! JSON, by a cursor that knows these two shapes and nothing else.
//!
//! Payloads are nearly all of a body, so they are looked at twice only: for the quote that ends
//! them, and when they are decoded, all into one buffer. What is not base64 is noticed there.

use std::ops::Range;

use base64_simd::STANDARD;
use bytes::Bytes;

use super::{ENTRIES_MAX, PutRecordInput, PutRecordsInput, PutRecordsRequestEntry};

pub(super) fn put_record(body: &[u8]) -> Option<PutRecordInput> {
    let mut input = PutRecordInput::default();
    let mut payloads = Payloads::for_body(body);
    let mut has_data = false;
    let mut cursor = Cursor { rest: body };
    cursor.object(|name, cursor| {
        match name {
            // Of a second one the first would go unchecked.
            b"Data" if !has_data => {
                payloads.decode(cursor.raw_text()?)?;
                has_data = true;
            }
            b"PartitionKey" => input.partition_key = cursor.text()?,
            b"ExplicitHashKey" => input.explicit_hash_key = cursor.text()?,
            b"SequenceNumberForOrdering" => input.sequence_number_for_ordering = cursor.text()?,
            b"StreamName" => input.stream_name = cursor.text()?,
            b"StreamARN" => input.stream_arn = cursor.text()?,
            _ => return None,
        }
        Some(())
    })?;
    cursor.end()?;
    input.data = payloads.finish().next()?;
    Some(input)
}

pub(super) fn put_records(body: &[u8]) -> Option<PutRecordsInput> {
    let mut input = PutRecordsInput::default();
    let mut payloads = Payloads::for_body(body);
    let mut cursor = Cursor { rest: body };
    cursor.object(|name, cursor| {
        match name {
            b"Records" if input.records.is_empty() => {
                input.records = entries(cursor, &mut payloads)?;
            }
            b"StreamName" => input.stream_name = cursor.text()?,
            b"StreamARN" => input.stream_arn = cursor.text()?,
            _ => return None,
        }
        Some(())
    })?;
    cursor.end()?;
    for (entry, data) in input.records.iter_mut().zip(payloads.finish()) {
        entry.data = data;
    }
    Some(input)
}

/// The entries, no more than are legal, so that a body cannot make this allocate without bound;
/// their payloads go to `payloads`.
fn entries(
    cursor: &mut Cursor<'_>,
    payloads: &mut Payloads,
) -> Option<Vec<PutRecordsRequestEntry>> {
    let mut entries = Vec::new();
    cursor.array(|cursor| {
        if entries.len() == ENTRIES_MAX as usize {
            return None;
        }
        let mut entry = PutRecordsRequestEntry::default();
        let mut has_data = false;
        cursor.object(|name, cursor| {
            match name {
                b"Data" if !has_data => {
                    payloads.decode(cursor.raw_text()?)?;
                    has_data = true;
                }
                b"PartitionKey" => entry.partition_key = cursor.text()?,
                b"ExplicitHashKey" => entry.explicit_hash_key = cursor.text()?,
                _ => return None,
            }
            Some(())
        })?;
        entries.push(entry);
        has_data.then_some(())
    })?;
    Some(entries)
}

/// Decoded payloads, one behind the other.
struct Payloads {
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Payloads {
    fn for_body(body: &[u8]) -> Self {
        Self { buffer: Vec::with_capacity(body.len() / 4 * 3), ends: Vec::new() }
    }

    fn decode(&mut self, base64: &[u8]) -> Option<()> {
        STANDARD.decode_append(base64, &mut self.buffer).ok()?;
        self.ends.push(self.buffer.len());
        Some(())
    }

    /// Slices of the one buffer, in order.
    fn finish(self) -> impl Iterator<Item = Bytes> {
        let buffer = Bytes::from(self.buffer);
        let mut start = 0;
        self.ends.into_iter().map(move |end| {
            let range: Range<usize> = start..end;
            start = end;
            buffer.slice(range)
        })
    }
}

/// What is left of a body. Every method takes a whole thing from its front, or gives up.
struct Cursor<'b> {
    rest: &'b [u8],
}

impl<'b> Cursor<'b> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest.first().copied()
    }

    /// Whether `byte` came next; it is taken then.
    fn takes(&mut self, byte: u8) -> Option<bool> {
        let taken = self.peek()? == byte;
        if taken {
            self.rest = &self.rest[1..];
        }
        Some(taken)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.takes(byte)?.then_some(())
    }

    fn end(mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// An object, whose values `take` takes.
    fn object(&mut self, mut take: impl FnMut(&[u8], &mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.takes(b'}')? {
            return Some(());
        }
        loop {
            let name = self.raw_text()?;
            self.expect(b':')?;
            // No known name has an escape, so one that is escaped is not known.
            take(name, self)?;
            if !self.takes(b',')? {
                return self.expect(b'}');
            }
        }
    }

    /// An array, whose elements `take` takes.
    fn array(&mut self, mut take: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if self.takes(b']')? {
            return Some(());
        }
        loop {
            take(self)?;
            if !self.takes(b',')? {
                return self.expect(b']');
            }
        }
    }

    /// What is between two quotes, unless it has an escaped quote; unchecked.
    fn raw_text(&mut self) -> Option<&'b [u8]> {
        self.expect(b'"')?;
        let end = memchr::memchr(b'"', self.rest)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Some(text)
    }

    /// A text, or null.
    fn text(&mut self) -> Option<Option<String>> {
        if self.peek()? != b'"' {
            self.rest = self.rest.strip_prefix(b"null")?;
            return Some(None);
        }
        let quoted = self.rest;
        let text = self.raw_text()?;
        if text.iter().all(|&byte| byte >= b' ' && byte != b'\\') {
            return std::str::from_utf8(text).ok().map(|text| Some(text.to_owned()));
        }
        let mut texts = serde_json::Deserializer::from_slice(quoted).into_iter::<String>();
        let text = texts.next()?.ok()?;
        self.rest = &quoted[texts.byte_offset()..];
        Some(Some(text))
    }
}
