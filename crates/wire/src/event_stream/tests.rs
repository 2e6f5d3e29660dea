use proptest::prelude::*;

use super::*;

fn decode_all(bytes: &[u8], piece: usize) -> Result<Vec<Event>, Malformed> {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    for bytes in bytes.chunks(piece) {
        decoder.push(bytes);
        while let Some(event) = decoder.next_event()? {
            events.push(event);
        }
    }
    Ok(events)
}

#[derive(Serialize)]
struct Greeting {
    text: String,
}

fn greeting(text: &str) -> Bytes {
    event("Greeting", &Greeting { text: text.into() }, text.len())
}

fn greeted(text: &str) -> Event {
    let payload = codec::encode(Encoding::Json, &Greeting { text: text.into() });
    Event::Payload { kind: "Greeting".into(), encoding: Encoding::Json, payload }
}

/// Written down from the layout, with checksums of zlib.
#[test]
fn the_initial_response_is_laid_out_as_aws_does() {
    let bytes = initial_response();
    let head = [0, 0, 0, 114, 0, 0, 0, 96];
    assert_eq!(bytes[..8], head);
    assert_eq!(bytes[8..12], crc(&head).to_be_bytes());
    let mut headers = Vec::new();
    for (name, value) in [
        (":message-type", "event"),
        (":event-type", "initial-response"),
        (":content-type", "application/x-amz-json-1.1"),
    ] {
        headers.extend([&[name.len() as u8][..], name.as_bytes(), &[7, 0]].concat());
        headers.extend([&[value.len() as u8][..], value.as_bytes()].concat());
    }
    assert_eq!(bytes[12..bytes.len() - 6], headers);
    assert_eq!(bytes[bytes.len() - 6..bytes.len() - 4], *b"{}");
    // CRC-32 of the check string, as zlib gives it.
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
}

#[test]
fn an_error_comes_back_as_the_error_that_it_was() {
    let error = ApiError::new(ErrorCode::ResourceInUse, "taken \"over\"");
    let bytes = exception(&error);
    assert_eq!(decode_all(&bytes, bytes.len()), Ok(vec![Event::Refusal(error)]));
    let headers = [(MESSAGE_TYPE, "error"), (ERROR_CODE, "InternalFailure"), (ERROR_MESSAGE, "no")];
    let bytes = message(&headers, |_| ());
    let told = ApiError::new(ErrorCode::InternalFailure, "no");
    assert_eq!(decode_all(&bytes, 5), Ok(vec![Event::Refusal(told)]));
}

#[test]
fn a_message_longer_than_the_bound_is_refused_before_it_arrives() {
    let mut prelude = [0; PRELUDE_BYTES];
    prelude[..4].copy_from_slice(&number(MESSAGE_BYTES_MAX + 1).to_be_bytes());
    let sum = crc(&prelude[..8]);
    prelude[8..].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(decode_all(&prelude, 12), Err(Malformed("a message is too long")));
}

#[test]
fn headers_of_other_types_are_let_pass() {
    let mut headers = Vec::new();
    for (kind, value) in [
        (0, &[][..]),
        (1, &[]),
        (2, &[1]),
        (3, &[1; 2]),
        (4, &[1; 4]),
        (5, &[1; 8]),
        (6, b"\0\x02xx"),
        (8, &[1; 8]),
        (9, &[1; 16]),
    ] {
        headers.extend([&[1, b'x', kind][..], value].concat());
    }
    assert!(Headers::read(&headers).is_ok());
    assert!(Headers::read(b"\x01x\x0a").is_err());
    assert!(Headers::read(b"\x0d:message-type\x00").is_err());
}

proptest! {
    #[test]
    fn messages_come_back_whatever_the_pieces(
        texts in prop::collection::vec(".{0,40}", 0..5),
        piece in 1..200_usize,
    ) {
        let mut bytes = initial_response().to_vec();
        let mut expected = vec![Event::InitialResponse];
        for text in &texts {
            bytes.extend_from_slice(&greeting(text));
            expected.push(greeted(text));
        }
        prop_assert_eq!(decode_all(&bytes, piece), Ok(expected));
    }

    #[test]
    fn a_message_with_one_byte_changed_is_refused(at: prop::sample::Index, flip in 1..=255_u8) {
        let mut bytes = greeting("hello").to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(decode_all(&bytes, bytes.len()).is_err());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        headers in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = decode_all(&bytes, 7);
        // The same behind checksums that are right.
        let mut sound = vec![0; PRELUDE_BYTES];
        sound[..4].copy_from_slice(&number(16 + headers.len() + bytes.len()).to_be_bytes());
        sound[4..8].copy_from_slice(&number(headers.len()).to_be_bytes());
        let sum = crc(&sound[..8]);
        sound[8..].copy_from_slice(&sum.to_be_bytes());
        sound.extend([&headers[..], &bytes].concat());
        let sum = crc(&sound);
        sound.extend(sum.to_be_bytes());
        let _ = decode_all(&sound, sound.len());
    }
}
