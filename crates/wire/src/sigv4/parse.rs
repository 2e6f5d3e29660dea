//! Finding the signature of a request, as leniently as AWS does.

use std::borrow::Cow;

use super::canonical::{SignedHeaders, parameters};
use crate::error::{ApiError, ErrorCode};
use crate::request::HttpRequest;

/// A request's claim about who signed it.
#[derive(Clone, Debug)]
pub struct Signed<'a> {
    pub(super) credential: Cow<'a, str>,
    pub(super) signature: Cow<'a, str>,
    pub(super) signed_headers: SignedHeaders,
    pub(super) date: Cow<'a, str>,
    /// How long a signature in the query is to be good for, in seconds.
    pub(super) expires: Option<u64>,
    token: Option<Cow<'a, str>>,
}

/// What a credential is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The access key.
    pub key_id: &'a str,
    /// The day, `yyyymmdd`.
    pub date: &'a str,
    /// The region.
    pub region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
}

impl Signed<'_> {
    /// The parts of the credential; a part that is not there is empty. Nothing is checked.
    pub fn claimed_scope(&self) -> Scope<'_> {
        // A key id may hold slashes, the rest may not, so the parts are counted from the end.
        let mut parts = self.credential.rsplitn(5, '/');
        let mut last = || parts.next().unwrap_or_default();
        let (terminator, service, region, date) = (last(), last(), last(), last());
        match parts.next() {
            Some(key_id) => Scope { key_id, date, region, service, terminator },
            None => {
                let none = "";
                Scope {
                    key_id: &self.credential,
                    date: none,
                    region: none,
                    service: none,
                    terminator: none,
                }
            }
        }
    }

    /// The token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

const ALGORITHM_PARAMETER: &str = "X-Amz-Algorithm";

/// Finds the signature in the header or in the query.
pub fn parse<'a>(request: &HttpRequest<'a>) -> Result<Signed<'a>, ApiError> {
    let header = request.headers.get("authorization");
    let query = Query::of(request.query);
    match (header, query.has(ALGORITHM_PARAMETER)) {
        (Some(_), true) => Err(ApiError::new(
            ErrorCode::InvalidSignature,
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP \
             header.",
        )),
        (None, true) => from_query(query),
        (Some(header), false) if header.trim_start().starts_with("AWS4-") => {
            from_header(request, header)
        }
        _ => Err(ApiError::new(
            ErrorCode::MissingAuthenticationToken,
            "Missing Authentication Token",
        )),
    }
}

fn from_header<'a>(request: &HttpRequest<'a>, header: &'a str) -> Result<Signed<'a>, ApiError> {
    let (mut credential, mut signature, mut signed_headers) = (None, None, None);
    for part in header.split([',', ' ', '\t']) {
        let Some((key, value)) = part.split_once('=').filter(|(_, value)| !value.is_empty()) else {
            continue;
        };
        let found = match key {
            "Credential" => &mut credential,
            "Signature" => &mut signature,
            "SignedHeaders" => &mut signed_headers,
            _ => continue,
        };
        found.get_or_insert(value);
    }
    let date = request.headers.get("x-amz-date").or_else(|| request.headers.get("date"));
    match (credential, signature, signed_headers, date) {
        (Some(credential), Some(signature), Some(signed_headers), Some(date)) => Ok(Signed {
            credential: Cow::Borrowed(credential),
            signature: Cow::Borrowed(signature),
            signed_headers: SignedHeaders::new(signed_headers),
            date: Cow::Borrowed(date),
            expires: None,
            token: request.headers.get("x-amz-security-token").map(Cow::Borrowed),
        }),
        (credential, signature, signed_headers, date) => {
            let mut text = String::new();
            for (name, missing) in [
                ("Credential", credential.is_none()),
                ("Signature", signature.is_none()),
                ("SignedHeaders", signed_headers.is_none()),
            ] {
                if missing {
                    text.push_str(&format!("Authorization header requires '{name}' parameter. "));
                }
            }
            if date.is_none() {
                text.push_str(
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
                     header. ",
                );
            }
            text.push_str(&format!("Authorization={header}"));
            Err(ApiError::new(ErrorCode::IncompleteSignature, text))
        }
    }
}

fn from_query(mut query: Query<'_>) -> Result<Signed<'_>, ApiError> {
    let mut missing = String::new();
    let mut part = |name: &str| {
        let value = query.take(name);
        if value.is_none() {
            missing.push_str(&format!("AWS query-string parameters must include '{name}'. "));
        }
        value.unwrap_or_default()
    };
    part(ALGORITHM_PARAMETER);
    let credential = part("X-Amz-Credential");
    let signature = part("X-Amz-Signature");
    let signed_headers = part("X-Amz-SignedHeaders");
    let date = part("X-Amz-Date");
    if !missing.is_empty() {
        missing.push_str("Re-examine the query-string parameters.");
        return Err(ApiError::new(ErrorCode::IncompleteSignature, missing));
    }
    Ok(Signed {
        credential,
        signature,
        signed_headers: SignedHeaders::new(&signed_headers),
        date,
        expires: query.take("X-Amz-Expires").and_then(|seconds| seconds.parse().ok()),
        token: query.take("X-Amz-Security-Token"),
    })
}

/// The parameters of a query, as text.
struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    fn of(query: &'a str) -> Self {
        Self(parameters(query).map(|(name, value)| (text(name), text(value))).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// An empty value counts as missing.
    fn take(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = self.0.iter_mut().find(|(key, value)| key == name && !value.is_empty())?;
        Some(std::mem::take(value))
    }
}

/// What is no text cannot be the right value of anything that is looked for here.
fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}
