//! The canonical form of a request, which both sides hash.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::date::Moment;
use super::{ALGORITHM, PayloadHash, SigningKey, TERMINATOR, hex, hmac};
use crate::request::{Headers, HttpRequest};

/// The query parameter that a signature does not cover: itself.
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// The names of the signed headers: lower case, sorted, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedHeaders(Vec<String>);

impl SignedHeaders {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|signed| signed == name)
    }

    pub(super) fn joined(&self) -> String {
        self.0.join(";")
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
) -> String {
    let hash = hex(&Sha256::digest(canonical_request(request, signed_headers, payload)));
    let string_to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{hash}", moment.text);
    hex(&hmac(&key.0, string_to_sign.as_bytes()))
}

/// `day/region/service/aws4_request`.
pub(super) fn scope(day: &str, region: &str, service: &str) -> String {
    format!("{day}/{region}/{service}/{TERMINATOR}")
}

pub(super) fn canonical_request(
    request: &HttpRequest<'_>,
    signed_headers: &SignedHeaders,
    payload: PayloadHash,
) -> Vec<u8> {
    let mut canonical = Vec::with_capacity(1024);
    canonical.extend_from_slice(request.method.as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(canonical_path(request.path).as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(canonical_query(request.query).as_bytes());
    canonical.push(b'\n');
    for name in &signed_headers.0 {
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
fn canonical_path(path: &str) -> String {
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
    let mut canonical = String::with_capacity(path.len() + 1);
    for segment in &segments {
        canonical.push('/');
        encode(&mut canonical, segment.as_bytes());
    }
    if segments.is_empty() || path.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

/// Names and values are decoded and encoded again, so that it does not matter how they were sent,
/// and sorted by their encoded form.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = parameters(query)
        .filter(|(name, _)| name.as_ref() != SIGNATURE_PARAMETER.as_bytes())
        .map(|(name, value)| (encoded(&name), encoded(&value)))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
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

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode(&mut text, bytes);
    text
}

fn encode(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
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
