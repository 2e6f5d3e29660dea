use bytes::Bytes;

use super::*;
use crate::request::Headers;

const JSON: &str = "application/x-amz-json-1.1";
const CBOR: &str = "application/x-amz-cbor-1.1";
const KNOWN: &str = "Kinesis_20131202.ListStreams";

fn request<'a>(method: &'a str, pairs: &[(&'a str, &'a str)]) -> HttpRequest<'a> {
    let headers: Headers<'a> =
        pairs.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    HttpRequest { method, path: "/", query: "", headers }
}

fn answer(content_type: &str, target: &str, body: &str) -> Response {
    let request = request("POST", &[("content-type", content_type), ("x-amz-target", target)]);
    check(&request, &Bytes::copy_from_slice(body.as_bytes())).expect_err("it should be answered")
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| &**value)
}

fn complete(response: &mut Response, request: &HttpRequest<'_>) {
    response.complete(request, "3f2a".to_owned(), b"\x00\x01\x02");
}

#[test]
fn a_preflight_is_granted_what_it_asks_for() {
    let request = request(
        "OPTIONS",
        &[
            ("origin", "https://example.org"),
            ("access-control-request-headers", "x-amz-target,authorization"),
            ("access-control-request-method", "POST"),
        ],
    );
    let mut response = check(&request, &Bytes::new()).unwrap_err();
    complete(&mut response, &request);
    assert_eq!((response.status, response.body.len()), (200, 0));
    let headers: Vec<(&str, &str)> =
        response.headers.iter().map(|(name, value)| (*name, &**value)).collect();
    assert_eq!(
        headers,
        [
            ("access-control-allow-origin", "*"),
            ("access-control-max-age", "172800"),
            ("access-control-allow-headers", "x-amz-target,authorization"),
            ("access-control-allow-methods", "POST"),
            ("x-amzn-requestid", "3f2a"),
        ]
    );
}

#[test]
fn every_other_response_carries_its_ids_and_leave_to_read_them() {
    for origin in [None, Some("https://example.org")] {
        let mut pairs = vec![("content-type", JSON)];
        pairs.extend(origin.map(|origin| ("origin", origin)));
        let request = request("POST", &pairs);
        let mut response = success(Encoding::Json, Bytes::from_static(b"{}"));
        complete(&mut response, &request);
        assert_eq!(header(&response, "content-type"), Some(JSON));
        assert_eq!(header(&response, "x-amzn-requestid"), Some("3f2a"));
        assert_eq!(header(&response, "x-amz-id-2"), Some("AAEC"));
        let allowed = header(&response, "access-control-allow-origin");
        assert_eq!(allowed, origin.map(|_| "*"));
        let exposed = header(&response, "access-control-expose-headers");
        let expected = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,\
                        x-amzn-ErrorMessage,Date";
        assert_eq!(exposed, origin.map(|_| expected));
    }
}

#[test]
fn other_methods_are_denied_in_xml() {
    for method in ["GET", "PUT", "OPTIONS"] {
        let request = request(method, &[("content-type", JSON), ("x-amz-target", KNOWN)]);
        let response = check(&request, &Bytes::from_static(b"{}")).unwrap_err();
        assert_eq!(response.status, 403);
        assert_eq!(response.headers, []);
        assert_eq!(
            response.body,
            "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to \
             be authorized</Message>\n</AccessDeniedException>\n"
        );
    }
}

#[test]
fn an_empty_body_is_answered_in_cbor_unless_json_was_meant() {
    for (content_type, encoding) in
        [(JSON, Encoding::Json), (CBOR, Encoding::Cbor), ("application/json", Encoding::Cbor)]
    {
        for (target, code) in [
            (KNOWN, ErrorCode::Serialization),
            ("Kinesis_20131202.Nope", ErrorCode::UnknownOperation),
            ("", ErrorCode::UnknownOperation),
        ] {
            let response = answer(content_type, target, "");
            assert_eq!(response.status, 400);
            assert_eq!(header(&response, "content-type"), Some(encoding.content_type()));
            assert_eq!(response.body, ApiError::bare(code).encode(encoding));
        }
    }
}

#[test]
fn a_foreign_content_type_is_denied_or_unknown_in_xml() {
    for content_type in ["", "text/plain", "application/x-amz-json-1.0"] {
        for target in [KNOWN, "Foo.Bar"] {
            let response = answer(content_type, target, "{}");
            assert_eq!(response.status, 404);
            assert_eq!(response.body, "<UnknownOperationException/>\n");
            assert_eq!(response.headers, []);
        }
        for target in ["", "Kinesis_20131202", "Kinesis_20131202.", ".ListStreams"] {
            let response = answer(content_type, target, "{}");
            assert_eq!(response.status, 403, "{target}");
            assert!(response.body.starts_with(b"<AccessDeniedException>"));
        }
    }
}

#[test]
fn plain_json_gets_its_odd_answers() {
    for (body, status, code) in
        [("{", 400, "Serialization"), ("[]", 400, "Serialization"), ("{}", 404, "UnknownOperation")]
    {
        let response = answer("application/json; charset=utf-8", KNOWN, body);
        assert_eq!(response.status, status);
        assert_eq!(
            response.body,
            format!(
                r#"{{"Output":{{"__type":"com.amazon.coral.service#{code}Exception"}},"Version":"1.0"}}"#
            )
        );
    }
}

#[test]
fn an_unknown_operation_is_told_only_to_those_whose_body_parses() {
    for target in ["Kinesis_20131202.Nope", "Kinesis_20131202.CreateQueue", "", "DynamoDB.Get"] {
        let response = answer(JSON, target, "{}");
        assert_eq!(response.status, 400);
        assert_eq!(response.body, r#"{"__type":"UnknownOperationException"}"#);
        assert_eq!(header(&response, "x-amzn-errortype"), Some("UnknownOperationException"));
        let response = answer(JSON, target, "{");
        assert_eq!(response.body, r#"{"__type":"SerializationException"}"#);
    }
}

#[test]
fn an_unparsable_body_is_reported_before_a_wrong_signature() {
    let refusal = ApiError::new(ErrorCode::InvalidSignature, "no");
    for (body, code) in [("{}", ErrorCode::InvalidSignature), ("[", ErrorCode::Serialization)] {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let response = refused_signature(refusal.clone(), Encoding::Json, &body);
        let told = ApiError::decode(Encoding::Json, response.status, &response.body);
        assert_eq!((response.status, told.code), (400, code));
    }
}

#[test]
fn a_supported_operation_is_accepted_without_a_look_at_its_body() {
    for (content_type, encoding) in [(JSON, Encoding::Json), (CBOR, Encoding::Cbor)] {
        let request = request("POST", &[("content-type", content_type), ("x-amz-target", KNOWN)]);
        let accepted = check(&request, &Bytes::from_static(b"?"));
        assert_eq!(accepted, Ok(Accepted { operation: Operation::ListStreams, encoding }));
    }
}
