//! Signatures: verified, refused in AWS's words, or let be.

use std::sync::Arc;

use http_body_util::Full;
use hyper::Request;
use model::Timestamp;
use wire::HttpRequest;
use wire::sigv4::{Credentials, PayloadHash, Secret, sign};

use crate::harness::{Hands, JSON, Sent, Started, post, start, start_with_clock};

const KEY: &str = r#"[{access_key_id = "AKIAEXAMPLE", secret_access_key = "open sesame"}]"#;
const VERIFY: &[(&str, &str)] = &[("auth.mode", "verify"), ("auth.keys", KEY)];
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const TARGET: &str = "Kinesis_20131202.ListStreams";

async fn verifying() -> Started {
    start_with_clock(VERIFY, Arc::new(Hands::at(NOW))).await
}

fn signed_by(key_id: &str, secret: &str, at: Timestamp) -> Sent {
    let headers = [("host", "weir"), ("x-amz-target", TARGET), ("content-type", JSON)];
    let plain = HttpRequest {
        method: "POST",
        path: "/",
        query: "",
        headers: headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
    };
    let credentials = Credentials {
        access_key_id: key_id.into(),
        secret: Secret::new(secret),
        session_token: None,
    };
    let added = sign(&plain, PayloadHash::of(b"{}"), &credentials, "eu-west-1", at);
    let mut request = Request::post("/");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    for (name, value) in added {
        request = request.header(name, value);
    }
    request.body(Full::new("{}".into())).unwrap()
}

#[tokio::test]
async fn a_request_signed_with_a_known_key_is_let_in_over_both_protocols() {
    let started = verifying().await;
    let signed = || signed_by("AKIAEXAMPLE", "open sesame", NOW);
    assert_eq!(started.http1().await.send(signed()).await.status, 200);
    assert_eq!(started.http2().await.send(signed()).await.status, 200);
}

#[tokio::test]
async fn a_signature_in_the_query_is_as_good_as_one_in_the_header() {
    // Calculated outside of this program, for the key and the time of these tests.
    let query = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAEXAMPLE%2F20270115%2Feu-west-1%2Fkinesis%2Faws4_request\
        &X-Amz-Date=20270115T080000Z&X-Amz-SignedHeaders=host%3Bx-amz-target&X-Amz-Signature=";
    let signature = "3db951dade69d7ab95865b540f733fd243c0b50c4d033ee6ccb00156a1bdd2b9";
    let started = verifying().await;
    let mut http = started.http1().await;
    for (signature, code) in [
        (signature, ""),
        (&signature.replace('3', "4"), "InvalidSignatureException"),
        ("", "IncompleteSignatureException"),
    ] {
        let mut request = post("ListStreams", "{}");
        *request.uri_mut() = format!("{query}{signature}").parse().unwrap();
        let answer = http.send(request).await;
        match code {
            "" => assert_eq!(answer.status, 200, "{}", answer.text()),
            code => assert_eq!(answer.error().0, code),
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_key_and_a_changed_body_are_refused() {
    let started = verifying().await;
    let mut http = started.http1().await;
    let (code, text) = http.send(signed_by("AKIAEXAMPLE", "open barley", NOW)).await.error();
    assert_eq!(code, "InvalidSignatureException");
    assert!(text.starts_with("The request signature we calculated does not match"), "{text}");

    let (code, text) = http.send(signed_by("AKIANOBODY", "open sesame", NOW)).await.error();
    assert_eq!(code, "UnrecognizedClientException");
    assert_eq!(text, "The security token included in the request is invalid.");

    let mut changed = signed_by("AKIAEXAMPLE", "open sesame", NOW);
    *changed.body_mut() = Full::new(r#"{"Limit":1}"#.into());
    assert_eq!(http.send(changed).await.error().0, "InvalidSignatureException");

    let mut other = signed_by("AKIAEXAMPLE", "open sesame", NOW);
    let target = "Kinesis_20131202.DescribeLimits".parse().unwrap();
    other.headers_mut().insert("x-amz-target", target);
    assert_eq!(http.send(other).await.error().0, "InvalidSignatureException");
}

#[tokio::test]
async fn a_request_without_a_signature_or_with_half_of_one_is_refused() {
    let started = verifying().await;
    let mut http = started.http1().await;
    let (code, text) = http.send(post("ListStreams", "{}")).await.error();
    assert_eq!(
        (&*code, &*text),
        ("MissingAuthenticationTokenException", "Missing Authentication Token")
    );

    let mut half = post("ListStreams", "{}");
    let header = "AWS4-HMAC-SHA256 Credential=a/b/c/kinesis/aws4_request";
    half.headers_mut().insert("authorization", header.parse().unwrap());
    let (code, text) = http.send(half).await.error();
    assert_eq!(code, "IncompleteSignatureException");
    assert!(text.contains("requires 'Signature' parameter. "), "{text}");
    assert!(text.ends_with(&format!("Authorization={header}")), "{text}");

    let mut both = signed_by("AKIAEXAMPLE", "open sesame", NOW);
    *both.uri_mut() = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256".parse().unwrap();
    assert_eq!(http.send(both).await.error().0, "InvalidSignatureException");
}

#[tokio::test]
async fn an_unparsable_body_is_told_before_a_wrong_signature() {
    let started = verifying().await;
    let mut http = started.http1().await;
    assert_eq!(http.send(post("ListStreams", "{")).await.error().0, "SerializationException");
}

#[tokio::test]
async fn a_client_whose_clock_is_off_is_refused_and_told_the_time() {
    let started = verifying().await;
    let mut http = started.http1().await;
    let at = |seconds: u64| Timestamp::from_seconds(seconds);
    let now = NOW.as_seconds();
    for (seconds, refused) in [
        (now - 301, "Signature expired"),
        (now - 299, ""),
        (now + 299, ""),
        (now + 301, "Signature not yet current"),
    ] {
        let answer = http.send(signed_by("AKIAEXAMPLE", "open sesame", at(seconds))).await;
        assert!(!answer.header("date").is_empty());
        if refused.is_empty() {
            assert_eq!(answer.status, 200, "{}", answer.text());
            continue;
        }
        let (code, text) = answer.error();
        assert_eq!(code, "InvalidSignatureException");
        assert!(text.starts_with(refused), "{text}");
    }
}

#[tokio::test]
async fn where_any_credentials_are_accepted_a_wrong_signature_names_the_region() {
    let started = start(&[("auth.mode", "accept-any")]).await;
    let mut http = started.http1().await;
    assert_eq!(http.send(signed_by("nobody", "nothing", NOW)).await.status, 200);
    assert_eq!(http.send(post("ListStreams", "{}")).await.status, 200);
    // Names are made of the region, so it must be one whoever signs.
    let mut odd = post("ListStreams", "{}");
    let header = "AWS4-HMAC-SHA256 Credential=a/20270115/..%2f/kinesis/aws4_request, \
                  SignedHeaders=host, Signature=0";
    odd.headers_mut().insert("authorization", header.parse().unwrap());
    odd.headers_mut().insert("x-amz-date", "20270115T080000Z".parse().unwrap());
    let (code, text) = http.send(odd).await.error();
    assert_eq!(code, "InvalidSignatureException");
    assert!(text.contains("valid region"), "{text}");
}

#[tokio::test]
async fn streams_of_one_region_are_not_seen_in_another() {
    let started = start(&[]).await;
    let created = serde_json::json!({"StreamName": "s", "ShardCount": 1});
    assert_eq!(started.call("CreateStream", created).await.status, 200);
    let mut http = started.http1().await;
    let elsewhere = http.send(signed_by("any", "any", NOW)).await.json();
    assert_eq!(elsewhere["StreamNames"], serde_json::json!([]));
    let here = http.send(post("ListStreams", "{}")).await.json();
    assert_eq!(here["StreamNames"], serde_json::json!(["s"]));
}
