//! The canonical form of a request, which both sides hash.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::date::Moment;
use super::{ALGORITHM, Hex, PayloadHash, SigningKey, TERMINATOR, hmac};
use crate::request::{Headers, HttpRequest};

/// The query parameter that a signature does not cover: itself.
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// The names of the signed headers: lower case, sorted, each once, with semicolons between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedHeaders(String);

impl SignedHeaders {
    /// Takes names with semicolons between them, in any case and order.
    pub(super) fn new(names: &str) -> Self {
        let names = names.to_ascii_lowercase();
        let mut sorted: Vec<&str> = names.split(';').collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self(sorted.join(";"))
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.split(';').any(|signed| signed == name)
    }

    pub(super) fn joined(&self) -> &str {
        &self.0
    }
}

/// The signature of a request.
pub(super) fn signature(
    request: &HttpRequest<'_>,
    signed_headers: &SignedHeaders,
    payload: PayloadHash,
    key: &SigningKey,
    moment: &Moment,
    scope: &str,
) -> Hex {
    let mut text = canonical_request(request, signed_headers, payload);
    let hash = Hex::of(&Sha256::digest(&text).into());
    text.clear();
    for part in [ALGORITHM, "\n", &moment.text, "\n", scope, "\n", &hash] {
        text.extend_from_slice(part.as_bytes());
    }
    Hex::of(&hmac(&key.0, &text))
}

/// `day/region/service/aws4_request`.
pub(super) fn scope(day: &str, region: &str, service: &str) -> String {
    [day, region, service, TERMINATOR].join("/")
}

pub(super) fn canonical_request(
    request: &HttpRequest<'_>,
    signed_headers: &SignedHeaders,
    payload: PayloadHash,
) -> Vec<u8> {
    let mut canonical = Vec::with_capacity(1024);
    canonical.extend_from_slice(request.method.as_bytes());
    canonical.push(b'\n');
    canonical_path(&mut canonical, request.path);
    canonical.push(b'\n');
    canonical_query(&mut canonical, request.query);
    canonical.push(b'\n');
    for name in signed_headers.0.split(';') {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        canonical_values(&mut canonical, &request.headers, name);
        canonical.push(b'\n');
    }
    canonical.push(b'\n');
    canonical.extend_from_slice(signed_headers.joined().as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(payload.hex().as_bytes());
    canonical
}

/// Dot segments and empty ones are resolved, then every byte is encoded once more: AWS does so for
/// every service but S3.
fn canonical_path(out: &mut Vec<u8>, path: &str) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        encode(out, segment.as_bytes());
    }
    if segments.is_empty() || path.ends_with('/') {
        out.push(b'/');
    }
}

/// Names and values are decoded and encoded again, so that it does not matter how they were sent,
/// and sorted by their encoded form.
fn canonical_query(out: &mut Vec<u8>, query: &str) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = parameters(query)
        .filter(|(name, _)| name.as_ref() != SIGNATURE_PARAMETER.as_bytes())
        .map(|(name, value)| (encoded(&name), encoded(&value)))
        .collect();
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// The parameters of a query, decoded. A plus is a plus: this is not a form.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &rest[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    Cow::Owned(bytes)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    encode(&mut text, bytes);
    text
}

fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte);
        } else {
            let digit = |nibble: u8| DIGITS[usize::from(nibble)];
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// Trimmed, runs of blanks folded into one, several headers of a name joined by commas.
fn canonical_values(out: &mut Vec<u8>, headers: &Headers<'_>, name: &str) {
    for (at, value) in headers.all(name).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let mut words =
            value.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        if let Some(first) = words.next() {
            out.extend_from_slice(first);
        }
        for word in words {
            out.push(b' ');
            out.extend_from_slice(word);
        }
    }
}
