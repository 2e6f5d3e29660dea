//! Who calls: signatures verified against the keys of the identities, or anyone let in.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Region, Timestamp};
use parking_lot::Mutex;
use security::Identity;
use security::identity::Authenticated;
use security::policy::{Principal, PrincipalKind};
use wire::sigv4::{self, PayloadHash, Scope, Secret, Signed, SigningKey};
use wire::{ApiError, ErrorCode, HttpRequest};

use crate::config::{AuthMode, ClientPrincipal};

/// The region of a request that names none, where those are let in.
const DEFAULT_REGION: &str = "us-east-1";

/// Signing keys kept; one per access key, day, region and service is needed. Past this, all are
/// derived again, which costs four hashes each.
const SIGNING_KEYS_MAX: usize = 1024;

/// Decides who may call.
pub(crate) struct Access {
    mode: AuthMode,
    identity: Identity,
    /// Who calls where anyone is let in.
    root: Arc<Principal>,
    signing_keys: SigningKeys,
}

/// Whose request it is, and which region it is meant for.
pub(crate) struct Admitted {
    pub(crate) principal: Arc<Principal>,
    pub(crate) region: String,
    /// The key that signed; empty if none had to.
    pub(crate) access_key_id: String,
}

impl Access {
    pub(crate) fn new(mode: AuthMode, identity: Identity) -> Self {
        let root = Arc::new(Principal::root(identity.account().to_string()));
        Self { mode, identity, root, signing_keys: SigningKeys::default() }
    }

    /// Lets a request to `service` in and says whose it is, or refuses it. A signature says who
    /// calls, whatever `certificate` the connection has; without one, the certificate does.
    pub(crate) fn admit(
        &self,
        request: &HttpRequest<'_>,
        body: &[u8],
        service: &str,
        certificate: Option<&ClientPrincipal>,
        now: Timestamp,
    ) -> Result<Admitted, ApiError> {
        let signed = match sigv4::parse(request) {
            Err(refusal) if refusal.code == ErrorCode::MissingAuthenticationToken => {
                return self.unsigned(certificate).ok_or(refusal);
            }
            signed => signed?,
        };
        let principal = match self.mode {
            AuthMode::AcceptAny => self.root.clone(),
            AuthMode::Verify => self.verify(&signed, request, body, service, now)?,
        };
        let Scope { key_id, region, .. } = signed.claimed_scope();
        Ok(Admitted { principal, region: region_of(region)?, access_key_id: key_id.to_owned() })
    }

    /// Whose a request without a signature is, if one is let in.
    fn unsigned(&self, certificate: Option<&ClientPrincipal>) -> Option<Admitted> {
        let access_key_id = String::new();
        if let Some(ClientPrincipal { principal, region, .. }) = certificate {
            let known = self.identity.principal(principal);
            let principal = known.unwrap_or_else(|| Arc::new(without_rights(principal)));
            return Some(Admitted { principal, region: region.clone(), access_key_id });
        }
        let (principal, region) = (self.root.clone(), DEFAULT_REGION.to_owned());
        (self.mode == AuthMode::AcceptAny).then_some(Admitted { principal, region, access_key_id })
    }

    fn verify(
        &self,
        signed: &Signed<'_>,
        request: &HttpRequest<'_>,
        body: &[u8],
        service: &str,
        now: Timestamp,
    ) -> Result<Arc<Principal>, ApiError> {
        let scope = signed.scope_for(service, now)?;
        let authenticated =
            self.identity.authenticate(scope.key_id, signed.session_token(), now)?;
        let Authenticated { secret, principal } = authenticated;
        let key = self.signing_keys.get(&secret, scope, service);
        signed.verify(request, PayloadHash::of(body), &key)?;
        self.identity.used(scope.key_id, now);
        Ok(principal)
    }
}

/// Signing keys that were derived, so that not every request derives its own.
#[derive(Default)]
struct SigningKeys(Mutex<HashMap<String, (Secret, SigningKey)>>);

impl SigningKeys {
    fn get(&self, secret: &Secret, scope: Scope<'_>, service: &str) -> SigningKey {
        let Scope { key_id, date, region, .. } = scope;
        let name = [key_id, date, region, service].join("/");
        // The id alone does not say which secret is meant: a key may be made anew elsewhere.
        if let Some((of, key)) = self.0.lock().get(&name)
            && of == secret
        {
            return key.clone();
        }
        let key = sigv4::signing_key_for(secret, date, region, service);
        let mut kept = self.0.lock();
        if kept.len() >= SIGNING_KEYS_MAX {
            kept.clear();
        }
        kept.insert(name, (secret.clone(), key.clone()));
        key
    }
}

/// A principal that the settings name and the identities do not: the root of an account that is
/// not made here may all the same act for it, a user may do nothing.
fn without_rights(arn: &str) -> Principal {
    let account = arn.split(':').nth(4).unwrap_or_default();
    let root = Principal::root(account);
    match arn.rsplit_once('/') {
        None => root,
        Some((_, name)) => Principal {
            arn: arn.to_owned(),
            kind: PrincipalKind::User { name: name.to_owned() },
            user_id: String::new(),
            ..root
        },
    }
}

fn region_of(scoped: &str) -> Result<String, ApiError> {
    if scoped.is_empty() {
        return Ok(DEFAULT_REGION.into());
    }
    // Names of streams and their ARNs are made of it, so it must be one even if nobody verifies.
    if scoped.parse::<Region>().is_err() {
        let text = format!("Credential should be scoped to a valid region, not '{scoped}'. ");
        return Err(ApiError::new(ErrorCode::InvalidSignature, text));
    }
    Ok(scoped.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request for Kinesis in `region` claims that it is signed with.
    fn scoped<T>(region: &str, then: impl FnOnce(Scope<'_>) -> T) -> T {
        let credential = format!("AKIAEXAMPLE/20270115/{region}/kinesis/aws4_request");
        let header =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        let headers = [("authorization", header.as_bytes()), ("x-amz-date", b"20270115T080000Z")];
        let headers = headers.into_iter().collect();
        let request = HttpRequest { method: "POST", path: "/", query: "", headers };
        then(sigv4::parse(&request).unwrap().claimed_scope())
    }

    #[test]
    fn signing_keys_are_kept_within_their_bound_and_only_for_their_own_secret() {
        let (keys, secret) = (SigningKeys::default(), Secret::new("secret"));
        let get = |region: &str, secret: &Secret| {
            scoped(region, |scope| keys.get(secret, scope, sigv4::KINESIS));
            let kept = keys.0.lock();
            assert!(kept.len() <= SIGNING_KEYS_MAX);
            kept[&format!("AKIAEXAMPLE/20270115/{region}/kinesis")].0.expose().to_owned()
        };
        for n in 0..=SIGNING_KEYS_MAX {
            assert_eq!(get(&format!("region-{n}"), &secret), "secret");
        }
        assert_eq!(keys.0.lock().len(), 1, "the first one past the bound made room");
        let another = format!("region-{SIGNING_KEYS_MAX}");
        assert_eq!(get(&another, &Secret::new("another")), "another");
    }
}
