//! Counts the records of a body, and the bytes of their data, without decoding it.
//!
//! A record is known by the name of its member `Data`; what stands in the data is skipped, so it
//! cannot be mistaken for a member. Names in JSON stand in quotes, which texts have to escape.

use memchr::{memchr, memmem};
use weir_client::Encoding;

const JSON_DATA: &[u8] = b"\"Data\":";
const CBOR_DATA: &[u8] = b"\x64Data";
const JSON_ITERATOR: &[u8] = b"\"NextShardIterator\":\"";
const CBOR_ITERATOR: &[u8] = b"NextShardIterator";

/// Counts pieces of a body.
pub(super) struct Counter {
    encoding: Encoding,
    place: Place,
    pub(super) records: u64,
    /// Of data, decoded.
    pub(super) bytes: u64,
}

/// Where the next byte is.
#[derive(Clone, Copy)]
enum Place {
    Outside,
    /// In a byte string that has so many bytes left.
    Blob(usize),
    /// In base64 after so many characters, of which so many are padding.
    Base64 {
        chars: u64,
        padding: u64,
    },
}

impl Counter {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, place: Place::Outside, records: 0, bytes: 0 }
    }

    /// Takes the next bytes. Answers how many of the last ones it wants to see once more, in front
    /// of those that follow.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            match self.place {
                Place::Outside => match self.enter(rest) {
                    Ok(skipped) => at += skipped,
                    Err(again) => return again,
                },
                Place::Blob(left) if left > rest.len() => {
                    self.place = Place::Blob(left - rest.len());
                    return 0;
                }
                Place::Blob(left) => {
                    at += left;
                    self.place = Place::Outside;
                }
                Place::Base64 { chars, padding } => {
                    let end = memchr(b'"', rest);
                    let text = &rest[..end.unwrap_or(rest.len())];
                    let last = &text[text.len().saturating_sub(2)..];
                    let padding =
                        padding + last.iter().filter(|&&byte| byte == b'=').count() as u64;
                    let chars = chars + text.len() as u64;
                    self.place = Place::Base64 { chars, padding };
                    let Some(end) = end else { return 0 };
                    self.bytes += chars / 4 * 3 - padding;
                    self.place = Place::Outside;
                    at += end + 1;
                }
            }
        }
    }

    /// Looks for the next record's data. Answers where it begins, or, if there is none, what to
    /// show again.
    fn enter(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        let name = match self.encoding {
            Encoding::Json => JSON_DATA,
            Encoding::Cbor => CBOR_DATA,
        };
        let Some(at) = memmem::find(bytes, name) else {
            return Err(bytes.len().min(name.len() - 1));
        };
        let value = at + name.len();
        match self.encoding {
            Encoding::Json => {
                let Some(quote) = bytes.get(value) else { return Err(bytes.len() - at) };
                if *quote == b'"' {
                    self.records += 1;
                    self.place = Place::Base64 { chars: 0, padding: 0 };
                }
                Ok(value + 1)
            }
            Encoding::Cbor => {
                let Some((skipped, length)) = blob_header(&bytes[value..]) else {
                    return Err(bytes.len() - at);
                };
                self.records += 1;
                self.bytes += length as u64;
                self.place = Place::Blob(length);
                Ok(value + skipped)
            }
        }
    }
}

/// The length of the header of a byte or text string, and of what follows it; `None` if there may
/// be more of it to come.
fn blob_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let (first, rest) = bytes.split_first()?;
    let width = match first & 0x1f {
        direct @ 0..24 => return Some((1, usize::from(direct))),
        24 => 1,
        25 => 2,
        26 => 4,
        _ => return Some((1, 0)),
    };
    let length = rest.get(..width)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    Some((1 + width, length))
}

/// The next iterator of a GetRecords answer that begins and ends like this.
pub(super) fn next_iterator(encoding: Encoding, first: &[u8], last: &[u8]) -> Option<String> {
    let name = match encoding {
        Encoding::Json => JSON_ITERATOR,
        Encoding::Cbor => CBOR_ITERATOR,
    };
    let (edge, at) = [first, last]
        .into_iter()
        .find_map(|edge| memmem::rfind(edge, name).map(|at| (edge, at + name.len())))?;
    let value = &edge[at..];
    let text = match encoding {
        Encoding::Json => &value[..memchr(b'"', value)?],
        Encoding::Cbor => {
            let (skipped, length) = blob_header(value)?;
            value.get(skipped..skipped + length)?
        }
    };
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use weir_client::kinesis::{GetRecordsOutput, Record};

    use super::*;

    fn answer(lengths: &[usize]) -> GetRecordsOutput {
        let record = |length: &usize| Record {
            sequence_number: "495".into(),
            data: Bytes::from(vec![b'D'; *length]),
            // What names a member in an answer stands in a key only with its quotes escaped.
            partition_key: Some("\"Data\":\"x".into()),
            ..Record::default()
        };
        GetRecordsOutput {
            records: lengths.iter().map(record).collect(),
            next_shard_iterator: Some("AAAA/b+=".into()),
            millis_behind_latest: Some(0),
            child_shards: None,
        }
    }

    #[test]
    fn records_and_bytes_are_counted_however_the_body_is_cut() {
        let lengths = [0, 1, 2, 3, 23, 24, 255, 256, 1000, 70_000];
        for encoding in [Encoding::Json, Encoding::Cbor] {
            let body = wire::codec::encode(encoding, &answer(&lengths));
            for piece in [1, 2, 3, 7, 64, 1000, body.len()] {
                let mut counter = Counter::new(encoding);
                let mut unread = Vec::new();
                for bytes in body.chunks(piece) {
                    unread.extend_from_slice(bytes);
                    let again = counter.feed(&unread);
                    unread.drain(..unread.len() - again);
                }
                assert_eq!(counter.records, lengths.len() as u64, "{encoding}, {piece}");
                let bytes = lengths.iter().sum::<usize>() as u64;
                assert_eq!(counter.bytes, bytes, "{encoding}, {piece}");
            }
        }
    }

    #[test]
    fn the_next_iterator_is_found_at_either_end() {
        for encoding in [Encoding::Json, Encoding::Cbor] {
            let body = wire::codec::encode(encoding, &answer(&[5]));
            let expected = Some("AAAA/b+=".to_owned());
            assert_eq!(next_iterator(encoding, &body, b""), expected);
            assert_eq!(next_iterator(encoding, b"", &body), expected);
            assert_eq!(next_iterator(encoding, b"", b"{}"), None);
        }
    }
}
