use model::Timestamp;
use serde::Deserialize;

use super::canonical::{SignedHeaders, canonical_request};
use super::sign::sign_for;
use super::*;
use crate::error::{ApiError, ErrorCode};
use crate::request::{Headers, HttpRequest};

mod changed;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-11-23T23:31:07Z, when the vectors were made.
const NOW: Timestamp = Timestamp::from_seconds(1_795_476_667);
/// 2015-08-30T12:36:00Z, of AWS's published examples.
const EXAMPLE_TIME: Timestamp = Timestamp::from_seconds(1_440_938_160);

fn credentials() -> Credentials {
    Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret: Secret::new(SECRET),
        session_token: None,
    }
}

fn headers<'a>(pairs: &[(&'a str, &'a str)]) -> Headers<'a> {
    pairs.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
}

fn example<'a>(query: &'a str, pairs: &[(&'a str, &'a str)]) -> HttpRequest<'a> {
    HttpRequest { method: "GET", path: "/", query, headers: headers(pairs) }
}

#[test]
fn awss_published_examples_are_signed_as_published() {
    let iam = example(
        "Action=ListUsers&Version=2010-05-08",
        &[
            ("host", "iam.amazonaws.com"),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ],
    );
    let vanilla = example("", &[("host", "example.amazonaws.com")]);
    for (request, service, signature) in [
        (iam, "iam", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
        (vanilla, "service", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ] {
        let added = sign_for(
            &request,
            PayloadHash::of(b""),
            &credentials(),
            ("us-east-1", service),
            EXAMPLE_TIME,
        );
        let (_, authorization) = added.last().unwrap();
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
    }
    let key = signing_key_for(&Secret::new(SECRET), "20150830", "us-east-1", "iam");
    let expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
    assert_eq!(&*Hex::of(&key.0), expected);
}

/// A request that botocore 1.44.5 signed at [`NOW`], with the signature among its headers or in
/// its query. Made with `SigV4Auth` and `SigV4QueryAuth(expires=60)` under a fixed clock.
#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    region: String,
    token: Option<String>,
}

impl Vector {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("../../tests/sigv4/botocore.json")).unwrap()
    }

    fn request(&self) -> HttpRequest<'_> {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        HttpRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: headers.collect(),
        }
    }
}

fn authenticate(request: &HttpRequest<'_>, body: &[u8], now: Timestamp) -> Result<(), ApiError> {
    let signed = parse(request)?;
    let scope = signed.scope(now)?;
    if scope.key_id != KEY_ID {
        return Err(unknown_key());
    }
    let key = signing_key(&Secret::new(SECRET), scope.date, scope.region);
    signed.verify(request, PayloadHash::of(body), &key)
}

#[test]
fn what_botocore_signs_is_verified() {
    for vector in Vector::all() {
        let request = vector.request();
        let outcome = authenticate(&request, vector.body.as_bytes(), NOW);
        assert_eq!(outcome, Ok(()), "{}", vector.name);
        let signed = parse(&request).unwrap();
        assert_eq!(signed.session_token(), vector.token.as_deref(), "{}", vector.name);
        let scope = signed.claimed_scope();
        assert_eq!((scope.key_id, scope.region), (KEY_ID, vector.region.as_str()));
    }
}

#[test]
fn what_is_signed_here_is_what_botocore_signs() {
    for vector in Vector::all().into_iter().filter(|vector| !vector.query.contains("X-Amz")) {
        let added = ["x-amz-date", "x-amz-security-token", "authorization"];
        let (before, after): (Vec<_>, Vec<_>) =
            vector.headers.iter().partition(|(name, _)| !added.contains(&name.as_str()));
        let before = before.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let request = HttpRequest { headers: before.collect(), ..vector.request() };
        let payload = PayloadHash::of(vector.body.as_bytes());
        let credentials = Credentials { session_token: vector.token.clone(), ..credentials() };
        let ours = sign(&request, payload, &credentials, &vector.region, NOW);
        let ours: Vec<(String, String)> =
            ours.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let theirs: Vec<(String, String)> = after.into_iter().cloned().collect();
        assert_eq!(ours, theirs, "{}", vector.name);
    }
}

#[test]
fn nothing_that_is_signed_can_be_changed() {
    for vector in Vector::all() {
        let request = vector.request();
        let body = vector.body.as_bytes();
        let mismatch = |outcome: Result<(), ApiError>| {
            let error = outcome.expect_err(&vector.name);
            assert_eq!(error.code, ErrorCode::InvalidSignature);
            assert!(error.message.unwrap().starts_with("The request signature we calculated"));
        };
        mismatch(authenticate(&request, &[body, b" "].concat(), NOW));
        mismatch(authenticate(&HttpRequest { method: "PUT", ..request.clone() }, body, NOW));
        mismatch(authenticate(&HttpRequest { path: "/other", ..request.clone() }, body, NOW));
        let query = format!("{}&more=1", vector.query);
        mismatch(authenticate(&HttpRequest { query: &query, ..request.clone() }, body, NOW));
        let headers = request.headers.iter().map(|(name, value)| match name {
            "x-amz-target" => (name, &b"Kinesis_20131202.DeleteStream"[..]),
            _ => (name, value),
        });
        let retargeted = HttpRequest { headers: headers.collect(), ..request.clone() };
        mismatch(authenticate(&retargeted, body, NOW));
    }
}

/// A request with this `Authorization`, and a date unless it is to have none.
fn with_header<'a>(authorization: &'a str, date: Option<&'a str>) -> HttpRequest<'a> {
    let mut pairs = vec![("host", "localhost"), ("authorization", authorization)];
    pairs.extend(date.map(|date| ("x-amz-date", date)));
    HttpRequest { method: "POST", path: "/", query: "", headers: headers(&pairs) }
}

fn with_query(query: &str) -> HttpRequest<'_> {
    HttpRequest { method: "POST", path: "/", query, headers: headers(&[("host", "localhost")]) }
}

fn refusal(request: &HttpRequest<'_>) -> (ErrorCode, String) {
    let error = parse(request).expect_err("it should be refused");
    (error.code, error.message.unwrap())
}

#[test]
fn an_unsigned_request_says_so() {
    let missing =
        (ErrorCode::MissingAuthenticationToken, "Missing Authentication Token".to_owned());
    assert_eq!(refusal(&with_query("")), missing);
    assert_eq!(refusal(&with_query("X-Amz-Credential=a")), missing);
    assert_eq!(refusal(&with_header("Basic dXNlcjpwYXNz", None)), missing);
}

#[test]
fn a_header_is_read_leniently_and_its_missing_parts_are_listed() {
    assert!(
        parse(&with_header("AWS4- Signature=b Credential=a,SignedHeaders=c", Some("d"))).is_ok()
    );
    let (code, text) = refusal(&with_header("AWS4- Signature=b Credential=a", Some("d")));
    assert_eq!(code, ErrorCode::IncompleteSignature);
    assert_eq!(
        text,
        "Authorization header requires 'SignedHeaders' parameter. \
         Authorization=AWS4- Signature=b Credential=a"
    );
    let (_, text) = refusal(&with_header("AWS4-HMAC-SHA256", None));
    assert_eq!(
        text,
        "Authorization header requires 'Credential' parameter. \
         Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. \
         Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
         Authorization=AWS4-HMAC-SHA256"
    );
}

#[test]
fn a_query_lists_its_missing_parts_and_excludes_a_header() {
    let (code, text) = refusal(&with_query("X-Amz-Algorithm=&X-Amz-Signature=b&X-Amz-Date="));
    assert_eq!(code, ErrorCode::IncompleteSignature);
    assert_eq!(
        text,
        "AWS query-string parameters must include 'X-Amz-Algorithm'. \
         AWS query-string parameters must include 'X-Amz-Credential'. \
         AWS query-string parameters must include 'X-Amz-SignedHeaders'. \
         AWS query-string parameters must include 'X-Amz-Date'. \
         Re-examine the query-string parameters."
    );
    let mut both = with_header("AWS4-HMAC-SHA256 Credential=a", None);
    both.query = "X-Amz-Algorithm=a";
    let expected = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as \
                    HTTP header.";
    assert_eq!(refusal(&both), (ErrorCode::InvalidSignature, expected.to_owned()));
}

fn scope_refusal(credential: &str, date: &str, now: Timestamp) -> (ErrorCode, String) {
    let header =
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
    let request = with_header(&header, Some(date));
    let error = parse(&request).unwrap().scope(now).expect_err("it should be refused");
    (error.code, error.message.unwrap())
}

#[test]
fn a_date_may_be_five_minutes_off_and_no_more() {
    let signed_at =
        |date: &str| scope_refusal("k/20150830/r-1/kinesis/aws4_request", date, EXAMPLE_TIME);
    assert_eq!(
        signed_at("20150830T123059Z"),
        (
            ErrorCode::InvalidSignature,
            "Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z \
             (20150830T123600Z - 5 min.)"
                .to_owned()
        )
    );
    assert_eq!(
        signed_at("20150830T124101Z"),
        (
            ErrorCode::InvalidSignature,
            "Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z \
             (20150830T123600Z + 5 min.)"
                .to_owned()
        )
    );
    for date in ["20150830T123100Z", "20150830T124100Z", "Sun, 30 Aug 2015 12:36:00 GMT"] {
        let header = "AWS4-HMAC-SHA256 Credential=k/20150830/r-1/kinesis/aws4_request, \
                      SignedHeaders=host, Signature=0";
        let request = with_header(header, Some(date));
        assert!(parse(&request).unwrap().scope(EXAMPLE_TIME).is_ok(), "{date}");
    }
    let (code, text) = signed_at("yesterday");
    assert_eq!(code, ErrorCode::IncompleteSignature);
    assert!(text.starts_with("Date must be in ISO-8601 'basic format'. Got 'yesterday'."));
}

#[test]
fn a_signature_in_a_query_may_ask_for_a_shorter_life() {
    let later = |seconds| Timestamp::from_seconds(NOW.as_seconds() + seconds);
    let vectors = Vector::all();
    let vector = vectors.iter().find(|vector| vector.name == "query form").unwrap();
    assert_eq!(authenticate(&vector.request(), b"", later(60)), Ok(()));
    let error = authenticate(&vector.request(), b"", later(61)).unwrap_err();
    assert_eq!(
        error.message.unwrap(),
        "Signature expired: 20261123T233107Z is now earlier than 20261123T233108Z \
         (20261123T233208Z - 60 sec.)"
    );
}

#[test]
fn everything_wrong_with_a_scope_is_listed() {
    let (code, text) = scope_refusal("k/20150831//s3/aws5", "20150830T123600Z", EXAMPLE_TIME);
    assert_eq!(code, ErrorCode::InvalidSignature);
    assert_eq!(
        text,
        "Credential should be scoped to a valid region, not ''. \
         Credential should be scoped to correct service: 'kinesis'. \
         Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. \
         Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
         HTTP: '20150831' != '20150830', from '20150830T123600Z'. "
    );
    let (code, text) = scope_refusal("k/20150830", "20150830T123600Z", EXAMPLE_TIME);
    assert_eq!(code, ErrorCode::IncompleteSignature);
    assert!(text.ends_with("e.g. keyid/date/region/service/term, got 'k/20150830'"), "{text}");
}

#[test]
fn a_claimed_body_hash_must_be_the_real_one() {
    let body = b"{}";
    let payload = PayloadHash::of(body);
    for (claim, accepted) in [(&*payload.hex(), true), ("UNSIGNED-PAYLOAD", false)] {
        let own = [
            ("host", "localhost"),
            ("x-amz-target", "Kinesis_20131202.ListStreams"),
            ("x-amz-content-sha256", claim),
        ];
        let plain = HttpRequest { method: "POST", path: "/", query: "", headers: headers(&own) };
        let added = sign(&plain, payload, &credentials(), "eu-west-1", NOW);
        let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
        let all = plain.headers.iter().chain(added).collect();
        let outcome = authenticate(&HttpRequest { headers: all, ..plain.clone() }, body, NOW);
        assert_eq!(outcome.is_ok(), accepted, "{claim}: {outcome:?}");
    }
}

#[test]
fn keys_that_do_not_exist_or_are_over_are_refused_in_awss_words() {
    let unknown = "The security token included in the request is invalid.";
    assert_eq!(unknown_key(), ApiError::new(ErrorCode::UnrecognizedClient, unknown));
    let expired = "The security token included in the request is expired";
    assert_eq!(expired_token(), ApiError::new(ErrorCode::ExpiredToken, expired));
}

#[test]
fn host_and_target_must_be_signed() {
    let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/kinesis/aws4_request, \
                  SignedHeaders=x-amz-date, Signature=0";
    let request = with_header(header, Some("20261123T233107Z"));
    let error = authenticate(&request, b"{}", NOW).unwrap_err();
    let expected = "'host' must be a 'SignedHeader' in the AWS Authorization.";
    assert_eq!(error, ApiError::new(ErrorCode::InvalidSignature, expected));
}

#[test]
fn over_http2_the_authority_may_be_signed_in_place_of_the_host() {
    let body = b"{}";
    let target = ("x-amz-target", "Kinesis_20131202.ListStreams");
    let signed = [(":authority", "localhost"), target];
    let plain = HttpRequest { method: "POST", path: "/", query: "", headers: headers(&signed) };
    let added = sign(&plain, PayloadHash::of(body), &credentials(), "eu-west-1", NOW);
    let outcome = |sent: &[(&str, &str)]| {
        let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
        let all = headers(sent).iter().chain(added).collect();
        authenticate(&HttpRequest { headers: all, ..plain.clone() }, body, NOW)
    };
    let [here, host] = [(":authority", "localhost"), ("host", "localhost")];
    assert!(outcome(&[here, host, target]).is_ok());
    let elsewhere = outcome(&[(":authority", "elsewhere"), host, target]).unwrap_err();
    assert_eq!(elsewhere.code, ErrorCode::InvalidSignature);
    // HTTP/1.1 has no authority that could stand for the host.
    let without = outcome(&[host, target]).unwrap_err();
    let expected = "'host' must be a 'SignedHeader' in the AWS Authorization.";
    assert_eq!(without, ApiError::new(ErrorCode::InvalidSignature, expected));
}

#[test]
fn the_canonical_form_resolves_sorts_folds_and_joins() {
    let request = HttpRequest {
        method: "POST",
        path: "/a/../b//%41 ",
        query: "z=1&a=%7e%2f+&X-Amz-Signature=gone&a&=x&%zz=%",
        headers: headers(&[("b", " x \t y "), ("a", ""), ("b", "z")]),
    };
    let signed = SignedHeaders::new("b;A;missing;b");
    let canonical = canonical_request(&request, &signed, PayloadHash::of(b""));
    let lines = [
        "POST",
        "/b/%2541%20",
        "=x&%25zz=%25&a=&a=~%2F%2B&z=1",
        "a:",
        "b:x y,z",
        "missing:",
        "",
        "a;b;missing",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ];
    assert_eq!(String::from_utf8(canonical).unwrap(), lines.join("\n"));
}

proptest::proptest! {
    #[test]
    fn arbitrary_authorizations_are_judged(
        authorization in ".{0,80}",
        parts in "(AWS4-HMAC-SHA256 )?(Credential=[a-z/é]{0,12},? ?)?(Signature=[0-9a-f]{0,4} )?",
        query in "(X-Amz-(Algorithm|Credential|Date|Signature|SignedHeaders)=[%0-9a-zé/]{0,5}&?){0,6}",
        path in "[/.%a-zé ]{0,12}",
    ) {
        for header in [&authorization, &parts] {
            let mut request = with_header(header, Some("20261123T233107Z"));
            request.path = &path;
            let _ = authenticate(&request, b"", NOW);
            let request = HttpRequest { path: &path, ..with_query(&query) };
            let _ = authenticate(&request, b"", NOW);
        }
    }
}
