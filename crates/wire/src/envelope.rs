//! Everything about a request that is decided before its operation is known, in AWS's order, and
//! the frame of every response.
//!
//! A gateway calls [`check`], then verifies the signature, then dispatches. Only refusals parse
//! the body early: AWS reports an unparsable body before a wrong signature, so a refused
//! signature goes through [`refused_signature`], and the ordinary request is parsed once.

use std::borrow::Cow;

use bytes::Bytes;

use crate::codec::{self, Encoding};
use crate::error::{ApiError, ErrorCode};
use crate::event_stream;
use crate::operation::Operation;
use crate::request::HttpRequest;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The operation; one that is supported.
    pub operation: Operation,
    /// How its body is encoded, and how the answer is to be.
    pub encoding: Encoding,
}

/// A response, before the headers that every response has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: Bytes,
}

const CONTENT_TYPE: &str = "content-type";
const ERROR_TYPE: &str = "x-amzn-errortype";
const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";
const EXPOSED: &str = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,\
                       x-amzn-ErrorMessage,Date";
const PREFLIGHT_SECONDS: &str = "172800";
const PLAIN_JSON: &str = "application/json";
const UNDETERMINED: &str = "<AccessDeniedException>\n  \
     <Message>Unable to determine service/operation name to be authorized</Message>\n\
     </AccessDeniedException>\n";
const UNKNOWN_XML: &str = "<UnknownOperationException/>\n";

/// Finds out what a request asks for, or answers it.
pub fn check(request: &HttpRequest<'_>, body: &Bytes) -> Result<Accepted, Response> {
    if is_preflight(request) {
        return Err(preflight(request));
    }
    if request.method != "POST" {
        return Err(xml(403, UNDETERMINED));
    }
    let content_type = request.headers.get("content-type").unwrap_or_default();
    let encoding = Encoding::from_content_type(content_type);
    let target = request.headers.get("x-amz-target").unwrap_or_default();
    let operation = Operation::from_target(target).filter(|operation| operation.is_supported());
    if body.is_empty() {
        let code = operation.map_or(ErrorCode::UnknownOperation, |_| ErrorCode::Serialization);
        return Err(failure(encoding.unwrap_or(Encoding::Cbor), &ApiError::bare(code)));
    }
    let Some(encoding) = encoding else {
        return Err(foreign(content_type, target, body));
    };
    match operation {
        Some(operation) => Ok(Accepted { operation, encoding }),
        None => {
            let unknown = ApiError::bare(ErrorCode::UnknownOperation);
            Err(failure(encoding, &unless_unparsable(unknown, encoding, body)))
        }
    }
}

/// The refusal of a signature, unless the body has the greater fault.
pub fn refused_signature(refusal: ApiError, encoding: Encoding, body: &Bytes) -> Response {
    failure(encoding, &unless_unparsable(refusal, encoding, body))
}

/// The response of a successful call.
pub fn success(encoding: Encoding, body: Bytes) -> Response {
    let headers = vec![(CONTENT_TYPE, encoding.content_type().into())];
    Response { status: 200, headers, body }
}

/// The response of a successful call whose body is a stream of messages.
pub fn events() -> Response {
    let headers = vec![(CONTENT_TYPE, event_stream::CONTENT_TYPE.into())];
    Response { status: 200, headers, body: Bytes::new() }
}

/// The response of a refused call.
pub fn failure(encoding: Encoding, error: &ApiError) -> Response {
    Response {
        status: error.code.http_status(),
        headers: vec![
            (CONTENT_TYPE, encoding.content_type().into()),
            (ERROR_TYPE, error.code.name().into()),
        ],
        body: error.encode(encoding),
    }
}

impl Response {
    /// Adds what every response to `request` carries: the ids that support staff ask for, a UUID and
    /// 64 to 80 random bytes, and leave for browsers to read it.
    pub fn complete(&mut self, request: &HttpRequest<'_>, request_id: String, extended: &[u8]) {
        self.headers.push(("x-amzn-requestid", request_id.into()));
        if is_preflight(request) {
            return;
        }
        let extended = base64_simd::STANDARD.encode_to_string(extended);
        self.headers.push(("x-amz-id-2", extended.into()));
        if request.headers.get("origin").is_some() {
            self.headers.push((ALLOW_ORIGIN, "*".into()));
            self.headers.push((EXPOSE_HEADERS, EXPOSED.into()));
        }
    }
}

fn is_preflight(request: &HttpRequest<'_>) -> bool {
    request.method == "OPTIONS" && request.headers.get("origin").is_some()
}

/// Browsers may call from anywhere: the signature is what protects, not the origin.
fn preflight(request: &HttpRequest<'_>) -> Response {
    let mut headers =
        vec![(ALLOW_ORIGIN, "*".into()), ("access-control-max-age", PREFLIGHT_SECONDS.into())];
    for (asked, allowed) in [
        ("access-control-request-headers", "access-control-allow-headers"),
        ("access-control-request-method", "access-control-allow-methods"),
    ] {
        if let Some(value) = request.headers.get(asked) {
            headers.push((allowed, value.to_owned().into()));
        }
    }
    Response { status: 200, headers, body: Bytes::new() }
}

/// A body that is in neither of the protocol's encodings.
fn foreign(content_type: &str, target: &str, body: &Bytes) -> Response {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(PLAIN_JSON) {
        let (status, code) = if codec::is_object(Encoding::Json, body) {
            (404, ErrorCode::UnknownOperation)
        } else {
            (400, ErrorCode::Serialization)
        };
        return plain_json(status, code);
    }
    match target.split_once('.') {
        Some((service, operation)) if !service.is_empty() && !operation.is_empty() => {
            xml(404, UNKNOWN_XML)
        }
        _ => xml(403, UNDETERMINED),
    }
}

/// The odd wrapper that AWS answers to `application/json`.
fn plain_json(status: u16, code: ErrorCode) -> Response {
    let name = code.name();
    let body =
        format!(r#"{{"Output":{{"__type":"com.amazon.coral.service#{name}"}},"Version":"1.0"}}"#);
    let headers = vec![(CONTENT_TYPE, PLAIN_JSON.into())];
    Response { status, headers, body: Bytes::from(body) }
}

fn xml(status: u16, body: &'static str) -> Response {
    Response { status, headers: Vec::new(), body: Bytes::from_static(body.as_bytes()) }
}

fn unless_unparsable(error: ApiError, encoding: Encoding, body: &Bytes) -> ApiError {
    if codec::is_object(encoding, body) { error } else { ApiError::bare(ErrorCode::Serialization) }
}

#[cfg(test)]
mod tests;
