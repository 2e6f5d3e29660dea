//! Bodies of SubscribeToShard, as clients read them.

use crc_fast::{CrcAlgorithm, checksum};
use wire::event_stream::{Decoder, Event, Malformed};

const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// The bytes as they are, and as messages whose checksums and lengths are right. The pieces in
/// which they arrive make no difference.
pub(crate) fn run(bytes: &[u8]) {
    let piece = 1 + bytes.first().map_or(0, |byte| usize::from(*byte));
    for body in [bytes, &sound(bytes)] {
        assert_eq!(events(body, piece), events(body, body.len().max(1)), "in pieces of {piece}");
    }
}

fn events(body: &[u8], piece: usize) -> (Vec<Event>, Option<Malformed>) {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    for piece in body.chunks(piece) {
        decoder.push(piece);
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(malformed) => return (events, Some(malformed)),
            }
        }
    }
    (events, None)
}

/// The same messages, with lengths that do not go past the end and checksums that hold.
fn sound(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while rest.len() >= PRELUDE_BYTES + CHECKSUM_BYTES {
        let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|n| rest[at + n])) as usize;
        let total = number(0).clamp(PRELUDE_BYTES + CHECKSUM_BYTES, rest.len());
        let headers = number(4).min(total - PRELUDE_BYTES - CHECKSUM_BYTES);
        let start = body.len();
        body.extend((total as u32).to_be_bytes());
        body.extend((headers as u32).to_be_bytes());
        body.extend(crc(&body[start..]));
        body.extend(&rest[PRELUDE_BYTES..total - CHECKSUM_BYTES]);
        body.extend(crc(&body[start..]));
        rest = &rest[total..];
    }
    body.extend(rest);
    body
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    (checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32).to_be_bytes()
}
