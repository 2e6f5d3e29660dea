//! Requests signed as one of several principals.

use http_body_util::BodyExt;
use model::Timestamp;
use runtime::{Clock, SystemClock};
use serde_json::Value;
use wire::HttpRequest;
use wire::sigv4::{Credentials, PayloadHash, Secret, sign};

use crate::harness::Sent;

/// A key that signs.
pub(crate) struct Key {
    id: String,
    secret: String,
}

impl Key {
    pub(crate) fn new(id: &str, secret: &str) -> Self {
        Self { id: id.into(), secret: secret.into() }
    }

    /// The key in the answer of an operation that made it.
    pub(crate) fn of(answer: &Value) -> Self {
        let text = |member: &str| answer["AccessKey"][member].as_str().unwrap();
        Self::new(text("AccessKeyId"), text("SecretAccessKey"))
    }
}

/// The request, signed with the key for `us-east-1`.
pub(crate) async fn signed(request: Sent, key: &Key) -> Sent {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let plain = HttpRequest { method: "POST", path: "/", query: "", headers: headers.collect() };
    let credentials = Credentials {
        access_key_id: key.id.clone(),
        secret: Secret::new(&*key.secret),
        session_token: None,
    };
    let now: Timestamp = SystemClock.now();
    let added = sign(&plain, PayloadHash::of(&body), &credentials, "us-east-1", now);
    for (name, value) in added {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        head.headers.insert(name, value.parse().unwrap());
    }
    Sent::from_parts(head, body.into())
}
