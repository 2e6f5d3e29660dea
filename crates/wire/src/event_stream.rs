//! Event streams (`application/vnd.amazon.eventstream`): messages with headers and checksums, one
//! after the other in the body of one response.
//!
//! ```text
//! total u32 | headers u32 | CRC-32 of both | headers | payload | CRC-32 of all before
//! header: length u8, name, type u8 (7: text), length u16, value
//! ```
//!
//! All numbers are big-endian. A decoder takes bytes in any pieces and holds at most one message
//! of at most [`MESSAGE_BYTES_MAX`].

use bytes::{Buf, Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, checksum};
use serde::{Deserialize, Serialize};

use crate::codec::{self, Encoding};
use crate::error::{ApiError, ErrorCode};

/// The value of `Content-Type` of a body of messages.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The longest message that is read: ten mebibytes of data in base64 and what comes with them.
pub const MESSAGE_BYTES_MAX: usize = 24 * 1024 * 1024;

const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;
/// About what stands around the payload of an event.
const HEADERS_BYTES: usize = 128;
const TEXT: u8 = 7;

const MESSAGE_TYPE: &str = ":message-type";
const EVENT_TYPE: &str = ":event-type";
const EXCEPTION_TYPE: &str = ":exception-type";
const ERROR_CODE: &str = ":error-code";
const ERROR_MESSAGE: &str = ":error-message";
const CONTENT_TYPE_HEADER: &str = ":content-type";
/// The event that says that the call succeeded.
const INITIAL_RESPONSE: &str = "initial-response";

/// Why bytes are no messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed event stream: {0}")]
pub struct Malformed(&'static str);

/// What one message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The call succeeded; the events of the stream follow.
    InitialResponse,
    /// An event of a type, with its payload in an encoding.
    Payload {
        /// The name of the event's type.
        kind: String,
        /// How the payload is encoded.
        encoding: Encoding,
        /// The event.
        payload: Bytes,
    },
    /// The stream ends with this error.
    Refusal(ApiError),
}

/// The message that comes first: the call succeeded.
pub fn initial_response() -> Bytes {
    message(&event_headers(INITIAL_RESPONSE), |out| out.extend_from_slice(b"{}"))
}

/// An event of about `bytes` bytes. Payloads are JSON whatever the request was, and their headers
/// say so.
pub fn event<T: Serialize>(kind: &str, event: &T, bytes: usize) -> Bytes {
    let out = Vec::with_capacity(bytes + HEADERS_BYTES);
    message_in(out, &event_headers(kind), |out| codec::encode_onto(Encoding::Json, event, out))
}

/// The message that ends a stream with an error.
pub fn exception(error: &ApiError) -> Bytes {
    let headers = [
        (MESSAGE_TYPE, "exception"),
        (EXCEPTION_TYPE, error.code.name()),
        (CONTENT_TYPE_HEADER, Encoding::Json.content_type()),
    ];
    message(&headers, |out| {
        let message = error.message.clone().unwrap_or_default();
        codec::encode_onto(Encoding::Json, &ErrorPayload { message }, out);
    })
}

#[derive(Serialize, Deserialize)]
struct ErrorPayload {
    message: String,
}

fn event_headers(kind: &str) -> [(&'static str, &str); 3] {
    [
        (MESSAGE_TYPE, "event"),
        (EVENT_TYPE, kind),
        (CONTENT_TYPE_HEADER, Encoding::Json.content_type()),
    ]
}

/// Writes a message whose payload goes straight into its buffer.
fn message(headers: &[(&str, &str)], payload: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    message_in(Vec::with_capacity(2 * HEADERS_BYTES), headers, payload)
}

fn message_in(
    mut out: Vec<u8>,
    headers: &[(&str, &str)],
    payload: impl FnOnce(&mut Vec<u8>),
) -> Bytes {
    out.resize(PRELUDE_BYTES, 0);
    for (name, value) in headers {
        out.push(u8::try_from(name.len()).expect("names are short"));
        out.extend_from_slice(name.as_bytes());
        out.push(TEXT);
        let length = u16::try_from(value.len()).expect("values are short");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    let headers = number(out.len() - PRELUDE_BYTES);
    payload(&mut out);
    let total = number(out.len() + CHECKSUM_BYTES);
    out[..4].copy_from_slice(&total.to_be_bytes());
    out[4..8].copy_from_slice(&headers.to_be_bytes());
    let prelude = crc(&out[..8]);
    out[8..PRELUDE_BYTES].copy_from_slice(&prelude.to_be_bytes());
    let whole = crc(&out);
    out.extend_from_slice(&whole.to_be_bytes());
    out.into()
}

fn number(length: usize) -> u32 {
    u32::try_from(length).expect("a message is far shorter than four gibibytes")
}

fn crc(bytes: &[u8]) -> u32 {
    let crc = checksum(CrcAlgorithm::Crc32IsoHdlc, bytes);
    u32::try_from(crc).expect("a CRC-32 has 32 bits")
}

/// Takes a body apart.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if all of it has arrived. Call it until it has none before pushing more:
    /// that is what bounds the decoder. After an error the body is of no use.
    pub fn next_event(&mut self) -> Result<Option<Event>, Malformed> {
        let Some((prelude, _)) = self.buffer.split_first_chunk::<PRELUDE_BYTES>() else {
            return Ok(None);
        };
        let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|n| prelude[at + n]));
        let (total, headers) = (number(0) as usize, number(4) as usize);
        if number(8) != crc(&prelude[..8]) {
            return Err(Malformed("the checksum of a prelude is wrong"));
        }
        if total > MESSAGE_BYTES_MAX {
            return Err(Malformed("a message is too long"));
        }
        let Some(payload) = total.checked_sub(PRELUDE_BYTES + CHECKSUM_BYTES + headers) else {
            return Err(Malformed("the headers are longer than their message"));
        };
        if self.buffer.len() < total {
            return Ok(None);
        }
        let mut message = self.buffer.split_to(total).freeze();
        let given = message.split_off(total - CHECKSUM_BYTES).get_u32();
        if given != crc(&message) {
            return Err(Malformed("the checksum of a message is wrong"));
        }
        let payload = message.split_off(message.len() - payload);
        Headers::read(&message[PRELUDE_BYTES..])?.event(payload).map(Some)
    }

    /// Whether everything that was pushed has been taken out.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

/// The headers that say what a message is. Others are let pass.
#[derive(Default)]
struct Headers<'a> {
    message_type: &'a str,
    event_type: &'a str,
    exception_type: &'a str,
    error_code: &'a str,
    error_message: &'a str,
    content_type: &'a str,
}

impl<'a> Headers<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut headers = Self::default();
        while !bytes.is_empty() {
            let length = usize::from(take(&mut bytes, 1)?[0]);
            let name = text(take(&mut bytes, length)?)?;
            let kind = take(&mut bytes, 1)?[0];
            let value = value(&mut bytes, kind)?;
            let known = match name {
                MESSAGE_TYPE => &mut headers.message_type,
                EVENT_TYPE => &mut headers.event_type,
                EXCEPTION_TYPE => &mut headers.exception_type,
                ERROR_CODE => &mut headers.error_code,
                ERROR_MESSAGE => &mut headers.error_message,
                CONTENT_TYPE_HEADER => &mut headers.content_type,
                _ => continue,
            };
            if kind != TEXT {
                return Err(Malformed("a header that is a text has another type"));
            }
            *known = text(value)?;
        }
        Ok(headers)
    }

    fn event(&self, payload: Bytes) -> Result<Event, Malformed> {
        let encoding = Encoding::from_content_type(self.content_type).unwrap_or(Encoding::Json);
        match self.message_type {
            "event" if self.event_type == INITIAL_RESPONSE => Ok(Event::InitialResponse),
            "event" => Ok(Event::Payload { kind: self.event_type.to_owned(), encoding, payload }),
            "exception" => {
                let told: ErrorPayload = codec::decode_output(encoding, &payload)
                    .map_err(|_| Malformed("an exception has no message"))?;
                Ok(Event::Refusal(refusal(self.exception_type, Some(told.message))))
            }
            "error" => Ok(Event::Refusal(refusal(
                self.error_code,
                (!self.error_message.is_empty()).then(|| self.error_message.to_owned()),
            ))),
            _ => Err(Malformed("a message is of no known type")),
        }
    }
}

fn refusal(name: &str, message: Option<String>) -> ApiError {
    match ErrorCode::from_name(name) {
        Some(code) => ApiError { code, message },
        None => ApiError::new(ErrorCode::Unrecognized, name),
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) =
        bytes.split_at_checked(count).ok_or(Malformed("a header goes past its message"))?;
    *bytes = rest;
    Ok(taken)
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed("a header is not UTF-8"))
}

/// The bytes of a header's value, by its type.
fn value<'a>(bytes: &mut &'a [u8], kind: u8) -> Result<&'a [u8], Malformed> {
    let length = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        6 | TEXT => {
            let length = take(bytes, 2)?;
            usize::from(u16::from_be_bytes([length[0], length[1]]))
        }
        9 => 16,
        _ => return Err(Malformed("a header is of no known type")),
    };
    take(bytes, length)
}

#[cfg(test)]
mod tests;
