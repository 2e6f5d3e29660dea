//! Attacks that are tried and refused. `docs/security.md` lists them, with those that are tried
//! elsewhere.

use http_body_util::{BodyExt, Full};
use hyper::header::{HeaderName, HeaderValue};
use runtime::{Clock, SystemClock};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use wire::HttpRequest;
use wire::sigv4::{Credentials, PayloadHash, Secret, sign};

use crate::harness::{Answer, CBOR, JSON, Sent, Started, post, read_to_close, request, start};

const KEY: &str = r#"[{access_key_id = "AKIAEXAMPLE", secret_access_key = "open sesame"}]"#;
const VERIFY: &[(&str, &str)] = &[("auth.mode", "verify"), ("auth.keys", KEY)];
const INVALID: &str = "InvalidSignatureException";

/// `request`, signed with all its headers as if it were sent to `path`.
async fn signed_for(path: &str, request: Sent) -> Sent {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let plain = HttpRequest { method: "POST", path, query: "", headers: headers.collect() };
    let credentials = Credentials {
        access_key_id: "AKIAEXAMPLE".into(),
        secret: Secret::new("open sesame"),
        session_token: None,
    };
    let now = SystemClock.now();
    for (name, value) in sign(&plain, PayloadHash::of(&body), &credentials, "us-east-1", now) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        head.headers.insert(name, value.parse().unwrap());
    }
    Sent::from_parts(head, body.into())
}

async fn signed(request: Sent) -> Sent {
    signed_for("/", request).await
}

async fn list() -> Sent {
    signed(post("ListStreams", "{}")).await
}

async fn send(started: &Started, request: Sent) -> Answer {
    started.http1().await.send(request).await
}

async fn is_refused(started: &Started, request: Sent, code: &str) {
    let answer = send(started, request).await;
    assert_eq!(answer.error().0, code, "{}", answer.text());
}

#[tokio::test]
async fn a_signed_header_that_is_sent_twice_is_not_the_one_that_was_signed() {
    let started = start(VERIFY).await;
    assert_eq!(send(&started, list().await).await.status, 200);
    for (name, value) in [
        ("x-amz-target", "Kinesis_20131202.DeleteStream"),
        ("x-amz-target", "Kinesis_20131202.ListStreams"),
        ("x-amz-date", "20200101T000000Z"),
        ("host", "elsewhere"),
        ("content-type", CBOR),
    ] {
        let mut twice = list().await;
        twice.headers_mut().append(name, HeaderValue::from_static(value));
        let answer = send(&started, twice).await;
        assert!(answer.status.is_client_error(), "{name}: {}", answer.text());
    }
    let mut two_signatures = list().await;
    let headers = two_signatures.headers_mut();
    let other = HeaderValue::from_static("AWS4-HMAC-SHA256 Credential=a");
    // The first one counts, whatever follows.
    let good = headers.insert("authorization", other).unwrap();
    headers.append("authorization", good);
    assert!(send(&started, two_signatures).await.status.is_client_error());
}

#[tokio::test]
async fn a_target_that_is_not_signed_does_not_count() {
    let started = start(VERIFY).await;
    let mut bare = post("ListStreams", "{}");
    let target = bare.headers_mut().remove("x-amz-target").unwrap();
    let mut unsigned = signed(bare).await;
    unsigned.headers_mut().insert("x-amz-target", target);
    is_refused(&started, unsigned, INVALID).await;
}

#[tokio::test]
async fn a_request_for_one_host_or_path_is_none_for_another() {
    let started = start(VERIFY).await;
    is_refused(&started, signed_for("/other", post("ListStreams", "{}")).await, INVALID).await;
    let mut moved = list().await;
    moved.headers_mut().insert("host", HeaderValue::from_static("elsewhere"));
    is_refused(&started, moved, INVALID).await;
    // Over HTTP/2 the host is what the pseudo-header says: the harness sends `weir`.
    let mut elsewhere = post("ListStreams", "{}");
    elsewhere.headers_mut().insert("host", HeaderValue::from_static("elsewhere"));
    let answer = started.http2().await.send(signed(elsewhere).await).await;
    assert_eq!(answer.error().0, INVALID);
}

#[tokio::test]
async fn a_signature_is_refused_alike_wherever_it_is_wrong() {
    let started = start(VERIFY).await;
    let mut texts = Vec::new();
    for from_the_end in [0, 31, 63] {
        let mut wrong = list().await;
        let header = wrong.headers()["authorization"].to_str().unwrap().to_owned();
        let at = header.len() - 1 - from_the_end;
        let digit = if &header[at..=at] == "0" { "1" } else { "0" };
        let changed = format!("{}{digit}{}", &header[..at], &header[at + 1..]);
        wrong.headers_mut().insert("authorization", changed.parse().unwrap());
        let answer = send(&started, wrong).await;
        let (code, text) = answer.error();
        assert_eq!(code, INVALID);
        // The text tells what was calculated over, never the signature that would do.
        texts.push(text.split("'POST").next().unwrap().to_owned());
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[1], texts[2]);
}

/// Sends bytes and reads until the node closes.
async fn raw(started: &Started, bytes: &str) -> String {
    let mut stream = started.connect().await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    read_to_close(&mut stream).await
}

#[tokio::test]
async fn ambiguous_framing_is_refused_and_what_is_smuggled_must_be_signed_itself() {
    let started = start(VERIFY).await;
    let head = "POST / HTTP/1.1\r\nhost: weir\r\ncontent-type: application/x-amz-json-1.1\r\n\
        x-amz-target: Kinesis_20131202.ListStreams\r\n";
    for framing in [
        "content-length: 2\r\ncontent-length: 3\r\n\r\n{}}",
        "content-length: +2\r\n\r\n{}",
        "content-length: 2, 3\r\n\r\n{}",
        "transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "content-length : 2\r\n\r\n{}",
        "x-folded: a\r\n b\r\ncontent-length: 2\r\n\r\n{}",
    ] {
        let said = raw(&started, &format!("{head}{framing}")).await;
        assert!(!said.contains("HTTP/1.1 200"), "{framing}: {said}");
    }
    // Whichever length counts, the second request has no signature of its own.
    let hidden = format!("{head}content-length: 2\r\n\r\n{{}}");
    let both = format!(
        "{head}content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{hidden}",
        12 + hidden.len()
    );
    let said = raw(&started, &both).await;
    assert!(!said.contains("HTTP/1.1 200") && !said.contains("StreamNames"), "{said}");
    assert_eq!(send(&started, list().await).await.status, 200);
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let started = start(&[]).await;
    // The beginning of what unpacks to very much more.
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xec, 0xc1].repeat(100);
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let target = "Kinesis_20131202.ListStreams";
        let mut bomb = request("POST", target, JSON, packed.clone());
        bomb.headers_mut().insert("content-encoding", encoding.parse().unwrap());
        is_refused(&started, bomb, "SerializationException").await;
    }
    started.still_answers().await;
}

#[tokio::test]
async fn a_body_that_nests_or_repeats_without_end_is_refused_before_it_is_built() {
    let started = start(&[]).await;
    let nested = |open: &str, close: &str| {
        format!("{{\"StreamName\":{}{}}}", open.repeat(500_000), close.repeat(500_000))
    };
    let many = format!("{{\"StreamName\":[{}0]}}", "0,".repeat(1_000_000));
    for bomb in [nested("[", "]"), nested("{\"a\":", "}"), "[".repeat(1_000_000), many] {
        is_refused(&started, post("ListStreams", &bomb), "SerializationException").await;
    }
    let target = "Kinesis_20131202.ListStreams";
    // Arrays in arrays; a map that announces more entries than there are bytes; endless tags.
    let announced = [0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for bomb in [vec![0x81; 1_000_000], announced.to_vec(), vec![0xc1; 1_000_000]] {
        let answer = send(&started, request("POST", target, CBOR, bomb)).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("x-amzn-errortype"), "SerializationException");
    }
    started.still_answers().await;
}

#[tokio::test]
async fn whatever_is_oversized_is_refused_and_nobody_else_is_kept_waiting() {
    let started = start(&[]).await;
    let long = "x".repeat(1_000_000);
    let number = "9".repeat(100_000);
    let entry = json!({"Data": "YQ==", "PartitionKey": "a"});
    for (operation, body) in [
        ("CreateStream", json!({"StreamName": long, "ShardCount": 1}).to_string()),
        ("DescribeStream", json!({"StreamARN": long}).to_string()),
        ("ListStreams", format!("{{\"Limit\":{number}}}")),
        ("PutRecords", json!({"StreamName": "s", "Records": vec![entry; 501]}).to_string()),
        ("PutRecord", json!({"StreamName": "s", "Data": "", "PartitionKey": long}).to_string()),
        ("GetRecords", json!({"ShardIterator": long}).to_string()),
        ("ListShards", json!({"NextToken": long}).to_string()),
    ] {
        let answer = send(&started, post(operation, &body)).await;
        assert!(answer.status.is_client_error(), "{operation}: {}", answer.status);
        assert!(answer.body.len() < 64 * 1024, "{operation}: it is repeated");
    }
    for line in [
        format!("POST /{long} HTTP/1.1\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000)),
        format!("{long} / HTTP/1.1\r\n\r\n"),
    ] {
        let said = raw(&started, &line).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    }
    started.still_answers().await;
}

#[tokio::test]
async fn no_path_leads_anywhere_but_to_the_one_door() {
    let started = start(VERIFY).await;
    for path in [
        "/..",
        "//",
        "/%2e%2e/",
        "/%2e%2e%2fcredentials",
        "/weir-data/credentials",
        "/health/..",
        "/metrics/",
        "/health%00",
        "/./health",
        "/credentials",
        "/master.key",
        "/?x=../..",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "TRACE", "HEAD"] {
            let mut odd = request(method, "Kinesis_20131202.ListStreams", JSON, "{}");
            *odd.uri_mut() = path.parse().unwrap();
            let answer = send(&started, odd).await;
            assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
        }
    }
    for target in ["kinesis_20131202.ListStreams", "Kinesis_20131202.liststreams", "ListStreams"] {
        let answer = send(&started, signed(request("POST", target, JSON, "{}")).await).await;
        assert!(answer.status.is_client_error(), "{target}");
    }
}

#[tokio::test]
async fn an_iterator_or_page_token_with_one_character_changed_is_none() {
    let started = start(&[]).await;
    let created = json!({"StreamName": "s", "ShardCount": 3});
    assert_eq!(started.call("CreateStream", created).await.status, 200);
    let from = json!({"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = started.call("GetShardIterator", from).await.json()["ShardIterator"].clone();
    let page = json!({"StreamName": "s", "MaxResults": 1});
    let token = started.call("ListShards", page).await.json()["NextToken"].clone();
    for (operation, member, good) in
        [("GetRecords", "ShardIterator", iterator), ("ListShards", "NextToken", token)]
    {
        let good = good.as_str().unwrap();
        for at in (0..good.len()).step_by(7) {
            let other = if &good[at..=at] == "A" { "B" } else { "A" };
            let forged = format!("{}{other}{}", &good[..at], &good[at + 1..]);
            let answer = started.call(operation, json!({ member: forged })).await;
            // The last character of base64 may hold bits that mean nothing.
            let same = at + 1 >= good.trim_end_matches('=').len();
            assert!(same || answer.status == 400, "{operation}, character {at}: {}", answer.text());
        }
        // One is not the other.
        let (other, named) = match operation {
            "GetRecords" => ("ListShards", "NextToken"),
            _ => ("GetRecords", "ShardIterator"),
        };
        assert_eq!(started.call(other, json!({ named: good })).await.status, 400);
        assert_eq!(started.call(operation, json!({ member: good })).await.status, 200);
    }
}

#[tokio::test]
async fn a_browsers_page_reads_refusals_and_is_given_nothing_without_a_signature() {
    let started = start(VERIFY).await;
    let from_a_page = |mut request: Sent| {
        request.headers_mut().insert("origin", HeaderValue::from_static("https://evil.example"));
        request
    };
    let answer = send(&started, from_a_page(post("ListStreams", "{}"))).await;
    assert_eq!(answer.error().0, "MissingAuthenticationTokenException");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-expose-headers").contains("x-amzn-ErrorType"));
    // Cookies and the like are never asked for, so a page has only what it can sign itself.
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let answer = send(&started, from_a_page(list().await)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");

    let mut preflight = from_a_page(Sent::new(Full::default()));
    *preflight.method_mut() = hyper::Method::OPTIONS;
    let headers = preflight.headers_mut();
    headers.insert("host", HeaderValue::from_static("weir"));
    headers.insert("access-control-request-method", HeaderValue::from_static("POST"));
    let wanted = HeaderValue::from_static("authorization,content-type,x-amz-date,x-amz-target");
    headers.insert("access-control-request-headers", wanted.clone());
    let answer = send(&started, preflight).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["access-control-allow-headers"], wanted);
    assert!(answer.body.is_empty());
}

/// The page is a promise: every row names a test that is there.
#[test]
fn every_attack_of_the_page_is_tried() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = include_str!("../../../../docs/security.md");
    let named = page.split('`').filter_map(|text| text.split_once(".rs::"));
    let mut found = 0;
    for (file, test) in named {
        let source = std::fs::read_to_string(crates.join(format!("{file}.rs"))).unwrap();
        assert!(source.contains(&format!("fn {test}(")), "{file}.rs has no {test}");
        found += 1;
    }
    assert!(found > 30, "{found} tests are named");
}
