//! The envelope of reference 1.2 and 1.3, over the wire.

use std::collections::BTreeSet;

use http_body_util::Full;
use hyper::Request;
use serde_json::json;

use crate::harness::{Answer, CBOR, JSON, post, request, start};

const KNOWN: &str = "Kinesis_20131202.ListStreams";
const UNDETERMINED: &str = "<AccessDeniedException>\n  \
     <Message>Unable to determine service/operation name to be authorized</Message>\n\
     </AccessDeniedException>\n";

#[tokio::test]
async fn each_row_of_the_envelope_answers_as_aws_does() {
    let started = start(&[]).await;
    let mut http = started.http1().await;
    let serialization = r#"{"__type":"SerializationException"}"#;
    let unknown = r#"{"__type":"UnknownOperationException"}"#;
    let coral = |name: &str| {
        let name = format!("com.amazon.coral.service#{name}");
        format!(r#"{{"Output":{{"__type":"{name}"}},"Version":"1.0"}}"#)
    };
    for (method, target, content_type, body, status, answer) in [
        ("GET", KNOWN, JSON, "", 403, UNDETERMINED),
        ("PUT", KNOWN, JSON, "{}", 403, UNDETERMINED),
        ("POST", KNOWN, JSON, "", 400, serialization),
        ("POST", "Kinesis_20131202.Nothing", JSON, "", 400, unknown),
        ("POST", "", "text/plain", "{}", 403, UNDETERMINED),
        ("POST", KNOWN, "text/plain", "{}", 404, "<UnknownOperationException/>\n"),
        ("POST", KNOWN, JSON, "{", 400, serialization),
        ("POST", KNOWN, JSON, "[]", 400, serialization),
        ("POST", KNOWN, "application/json", "{", 400, &coral("SerializationException")),
        ("POST", KNOWN, "application/json", "{}", 404, &coral("UnknownOperationException")),
        ("POST", "Kinesis_20131202.Nothing", JSON, "{}", 400, unknown),
        ("POST", "kinesis_20131202.ListStreams", JSON, "{}", 400, unknown),
        ("POST", "Kinesis_20131202.CreateQueue", JSON, "{}", 400, unknown),
    ] {
        let got = http.send(request(method, target, content_type, body)).await;
        let case = format!("{method} {target} {content_type} {body}");
        assert_eq!((got.status.as_u16(), got.text().as_str()), (status, answer), "{case}");
        assert_is_identified(&got);
        let content_type = match answer.starts_with('<') {
            true => "",
            false => content_type,
        };
        assert_eq!(got.header("content-type"), content_type, "{case}");
        assert_eq!(got.header("content-length"), answer.len().to_string(), "{case}");
    }
}

#[tokio::test]
async fn the_answer_is_in_the_encoding_of_the_request() {
    let started = start(&[]).await;
    let mut http = started.http1().await;
    let answer = http.send(request("POST", KNOWN, CBOR, &b"\xa0"[..])).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, CBOR));
    let answer = http.send(request("POST", KNOWN, CBOR, &b"\xff"[..])).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (400, CBOR));
    let json = format!("{JSON}; charset=utf-8");
    let answer = http.send(request("POST", KNOWN, &json, "{}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, JSON));
    assert_eq!(answer.json()["StreamNames"], json!([]));
}

#[tokio::test]
async fn a_void_operation_answers_an_empty_body() {
    let started = start(&[]).await;
    let answer = started.call("CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-length"), "0");
    assert_eq!(answer.header("content-type"), JSON);
}

#[tokio::test]
async fn a_preflight_is_answered_with_what_it_asks_for() {
    let started = start(&[]).await;
    let preflight = Request::options("/")
        .header("host", "weir")
        .header("origin", "https://example.org")
        .header("access-control-request-headers", "x-amz-target, authorization")
        .header("access-control-request-method", "POST")
        .body(Full::default())
        .unwrap();
    let answer = started.http1().await.send(preflight).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-max-age"), "172800");
    assert_eq!(answer.header("access-control-allow-headers"), "x-amz-target, authorization");
    assert_eq!(answer.header("access-control-allow-methods"), "POST");
    assert!(answer.header("x-amz-id-2").is_empty() && answer.header("content-type").is_empty());
}

#[tokio::test]
async fn a_browsers_request_may_be_read_by_its_page() {
    let started = start(&[]).await;
    let mut request = post("ListStreams", "{}");
    request.headers_mut().insert("origin", "https://example.org".parse().unwrap());
    let answer = started.http1().await.send(request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-expose-headers").contains("x-amzn-RequestId"));
}

#[tokio::test]
async fn requests_on_one_connection_have_ids_of_their_own() {
    let started = start(&[]).await;
    let (mut http1, mut http2) = (started.http1().await, started.http2().await);
    let mut ids = BTreeSet::new();
    for _ in 0..10 {
        for answer in [
            http1.send(post("ListStreams", "{}")).await,
            http2.send(post("ListStreams", "{}")).await,
        ] {
            assert_eq!(answer.status, 200);
            assert!(answer.header("connection").is_empty());
            assert!(!answer.header("date").is_empty());
            assert_is_identified(&answer);
            ids.insert(answer.header("x-amzn-requestid").to_owned());
        }
    }
    assert_eq!(ids.len(), 20);
}

fn assert_is_identified(answer: &Answer) {
    let id = answer.header("x-amzn-requestid");
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
    assert!((88..=108).contains(&answer.header("x-amz-id-2").len()));
}
