//! Signing a request, for clients.

use model::Timestamp;

use super::canonical::{self, SignedHeaders};
use super::date::Moment;
use super::{ALGORITHM, KINESIS, PayloadHash, Secret, signing_key_for};
use crate::request::{Headers, HttpRequest};

/// What a client signs with. Deliberately without `Debug`.
#[derive(Clone)]
pub struct Credentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret: Secret,
    /// The token, if the credentials are temporary.
    pub session_token: Option<String>,
}

/// The headers to add to a request so that it is signed for Kinesis. Every header that `request` has is
/// covered; `host` and `x-amz-target` must be among them.
pub fn sign(
    request: &HttpRequest<'_>,
    payload: PayloadHash,
    credentials: &Credentials,
    region: &str,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    sign_for(request, payload, credentials, (region, KINESIS), now)
}

/// The same, for any service.
pub fn sign_for(
    request: &HttpRequest<'_>,
    payload: PayloadHash,
    credentials: &Credentials,
    (region, service): (&str, &str),
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let moment = Moment::at(now);
    let mut added = vec![("x-amz-date", moment.text.clone())];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token", token.clone()));
    }
    let own = added.iter().map(|(name, value)| (*name, value.as_bytes()));
    let headers: Headers<'_> = request.headers.iter().chain(own).collect();
    let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
    let signed_headers = SignedHeaders::new(&names.join(";"));
    let complete = HttpRequest { headers, ..*request };
    let scope = canonical::scope(moment.day(), region, service);
    let key = signing_key_for(&credentials.secret, moment.day(), region, service);
    let signature =
        canonical::signature(&complete, &signed_headers, payload, &key, &moment, &scope);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={}",
        credentials.access_key_id,
        signed_headers.joined(),
        &*signature,
    );
    added.push(("authorization", authorization));
    added
}
