//! What stands around a body: the envelope, the signature, the forms of STS.

use std::borrow::Cow;

use bytes::Bytes;
use model::Timestamp;
use wire::envelope;
use wire::sigv4::{self, Credentials, PayloadHash, Secret};
use wire::{ApiError, Encoding, ErrorCode, HttpRequest, sts};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-11-23T23:31:07Z.
const NOW: Timestamp = Timestamp::from_seconds(1_795_476_667);

/// A request written as `METHOD path?query`, a line `name:value` for each header, an empty line,
/// and the body.
struct Sent<'a> {
    line: Cow<'a, str>,
    headers: Vec<(Cow<'a, str>, &'a [u8])>,
    body: Bytes,
}

impl<'a> Sent<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let mut read = 0;
        let mut line = || {
            let line = lines.next()?;
            read += line.len();
            Some(line.strip_suffix(b"\n").unwrap_or(line)).filter(|line| !line.is_empty())
        };
        let first = String::from_utf8_lossy(line().unwrap_or_default());
        let mut headers = Vec::new();
        while let Some(line) = line() {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or_default();
            let name = String::from_utf8_lossy(&line[..colon]);
            if is_name(&name) {
                headers.push((name, value));
            }
        }
        Self { line: first, headers, body: Bytes::copy_from_slice(&bytes[read..]) }
    }

    fn request(&self) -> HttpRequest<'_> {
        let (method, target) = self.line.split_once(' ').unwrap_or((&self.line, "/"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = self.headers.iter().map(|(name, value)| (&**name, *value));
        HttpRequest { method, path, query, headers: headers.collect() }
    }
}

/// Names that HTTP does not have do not get as far as this.
fn is_name(name: &str) -> bool {
    let is_letter =
        |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.strip_prefix(':').unwrap_or(name).bytes().all(is_letter)
}

/// Judged as it is, and then signed here: what is signed here is accepted here.
pub(crate) fn sigv4(bytes: &[u8]) {
    let sent = Sent::read(bytes);
    let request = sent.request();
    let payload = PayloadHash::of(&sent.body);
    let _ = judge(&request, payload);
    let ours = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
    let headers = request.headers.iter().filter(|(name, _)| !ours.contains(name));
    let bare = HttpRequest { headers: headers.collect(), ..request };
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret: Secret::new(SECRET),
        session_token: None,
    };
    let added = sigv4::sign(&bare, payload, &credentials, "eu-west-1", NOW);
    let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
    let headers = bare.headers.iter().chain(added).collect();
    let signed = HttpRequest { headers, ..bare };
    // A query that claims a signature too is refused whatever else it says.
    let claims_another = sigv4::parse(&bare).is_ok() || !is_unsigned(&bare);
    if !claims_another {
        assert_eq!(judge(&signed, payload), Ok(()), "it was signed here");
    }
}

fn is_unsigned(request: &HttpRequest<'_>) -> bool {
    sigv4::parse(request).is_err_and(|error| error.code == ErrorCode::MissingAuthenticationToken)
}

fn judge(request: &HttpRequest<'_>, payload: PayloadHash) -> Result<(), ApiError> {
    let signed = sigv4::parse(request)?;
    let scope = signed.scope(NOW)?;
    let key = sigv4::signing_key(&Secret::new(SECRET), scope.date, scope.region);
    signed.verify(request, payload, &key)
}

/// A form is read or refused, and both are an answer.
pub(crate) fn sts(bytes: &[u8]) {
    let sent = Sent::read(bytes);
    let Some(form) = sts::form_of(&sent.request(), &sent.body) else { return };
    match sts::Call::read(&form) {
        Ok(sts::Call::AssumeRole(input)) => {
            assert!(input.packed_policy_size().is_none_or(|percent| percent <= 100));
            assert_eq!(form.get("RoleArn"), Some(&*input.role_arn));
        }
        Ok(sts::Call::GetCallerIdentity) => {}
        Err(refusal) => {
            let response = refusal.response("id");
            assert!((400..600).contains(&response.status), "{response:?}");
            assert!(std::str::from_utf8(&response.body).is_ok(), "{response:?}");
        }
    }
}

/// Every request asks for something or is answered, with a body that a client can read.
pub(crate) fn envelope(bytes: &[u8]) {
    let sent = Sent::read(bytes);
    let request = sent.request();
    let mut response = match envelope::check(&request, &sent.body) {
        Ok(accepted) => {
            let refusal = ApiError::bare(ErrorCode::InvalidSignature);
            envelope::refused_signature(refusal, accepted.encoding, &sent.body)
        }
        Err(response) => response,
    };
    let content_type = response.headers.iter().find(|(name, _)| *name == "content-type");
    if let Some(encoding) = content_type.and_then(|(_, it)| Encoding::from_content_type(it)) {
        assert!(response.status >= 400, "{response:?}");
        assert!(wire::codec::decode(encoding, &response.body).is_ok(), "{response:?}");
    }
    response.complete(&request, "id".into(), b"extended");
}
