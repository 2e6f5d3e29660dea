//! Who may call: signatures verified against the known keys, or anyone let in.

use std::collections::{BTreeMap, HashMap};

use model::{Region, Timestamp};
use parking_lot::Mutex;
use wire::sigv4::{self, PayloadHash, Secret, Signed, SigningKey};
use wire::{ApiError, Caller, ErrorCode, HttpRequest};

use crate::config::{AccessKey, AuthMode, ClientPrincipal};

/// The region of a request that names none, where those are let in.
const DEFAULT_REGION: &str = "us-east-1";

/// Signing keys kept; one per access key, day and region is needed. Past this, all are derived
/// again, which costs four hashes each.
const SIGNING_KEYS_MAX: usize = 1024;

/// Who calls, and which region is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) account: String,
    pub(crate) region: String,
    /// The ARN of the principal.
    pub(crate) principal: String,
    /// The key that signed; empty if none had to.
    pub(crate) access_key_id: String,
}

/// Decides who may call.
pub(crate) struct Access {
    mode: AuthMode,
    account: String,
    keys: BTreeMap<String, Secret>,
    signing_keys: Mutex<HashMap<String, SigningKey>>,
}

impl Access {
    pub(crate) fn new(
        mode: AuthMode,
        account: impl Into<String>,
        keys: impl IntoIterator<Item = AccessKey>,
    ) -> Self {
        let secret =
            |key: AccessKey| (key.access_key_id, Secret::new(key.secret_access_key.expose()));
        let keys = keys.into_iter().map(secret).collect();
        Self { mode, account: account.into(), keys, signing_keys: Mutex::default() }
    }

    /// Lets a request in and says whose it is, or refuses it. A signature says who calls,
    /// whatever `certificate` the connection has; without one, the certificate does.
    pub(crate) fn admit(
        &self,
        request: &HttpRequest<'_>,
        body: &[u8],
        certificate: Option<&ClientPrincipal>,
        now: Timestamp,
    ) -> Result<Admitted, ApiError> {
        let signed = match sigv4::parse(request) {
            Err(refusal) if refusal.code == ErrorCode::MissingAuthenticationToken => {
                return self.unsigned(certificate).ok_or(refusal);
            }
            signed => signed?,
        };
        if self.mode == AuthMode::Verify {
            self.verify(&signed, request, body, now)?;
        }
        let region = region_of(signed.claimed_scope().region)?;
        Ok(Admitted { access_key_id: signed.claimed_scope().key_id.into(), ..self.root(region) })
    }

    /// Whose a request without a signature is, if one is let in.
    fn unsigned(&self, certificate: Option<&ClientPrincipal>) -> Option<Admitted> {
        if let Some(ClientPrincipal { principal, region, .. }) = certificate {
            let account = principal.split(':').nth(4).unwrap_or_default().into();
            let (principal, region) = (principal.clone(), region.clone());
            return Some(Admitted { account, region, principal, access_key_id: String::new() });
        }
        (self.mode == AuthMode::AcceptAny).then(|| self.root(DEFAULT_REGION.into()))
    }

    fn root(&self, region: String) -> Admitted {
        let Caller { account, region, principal, access_key_id, .. } =
            Caller::root(self.account.clone(), region);
        Admitted { account, region, principal, access_key_id }
    }

    fn verify(
        &self,
        signed: &Signed<'_>,
        request: &HttpRequest<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let scope = signed.scope(now)?;
        let secret = self.keys.get(scope.key_id).ok_or_else(sigv4::unknown_key)?;
        // The keys here are permanent: one with a token is not one of them.
        if signed.session_token().is_some() {
            return Err(sigv4::unknown_key());
        }
        let key = self.signing_key(secret, scope);
        signed.verify(request, PayloadHash::of(body), &key)
    }

    fn signing_key(&self, secret: &Secret, scope: sigv4::Scope<'_>) -> SigningKey {
        let name = format!("{}/{}/{}", scope.key_id, scope.date, scope.region);
        if let Some(key) = self.signing_keys.lock().get(&name) {
            return key.clone();
        }
        let key = sigv4::signing_key(secret, scope.date, scope.region);
        let mut kept = self.signing_keys.lock();
        if kept.len() >= SIGNING_KEYS_MAX {
            kept.clear();
        }
        kept.insert(name, key.clone());
        key
    }
}

fn region_of(scoped: &str) -> Result<String, ApiError> {
    if scoped.is_empty() {
        return Ok(DEFAULT_REGION.into());
    }
    // Names of streams and their ARNs are made of it, so it must be one even if nobody verifies.
    let region = scoped.parse::<Region>().map_err(|_| {
        let text = format!("Credential should be scoped to a valid region, not '{scoped}'. ");
        ApiError::new(ErrorCode::InvalidSignature, text)
    })?;
    Ok(region.to_string())
}

#[cfg(test)]
mod tests {
    use wire::sigv4::Credentials;

    use super::*;
    use crate::config;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn access() -> Access {
        let key = AccessKey {
            access_key_id: "AKIAEXAMPLE".into(),
            secret_access_key: config::Secret::new("secret"),
        };
        Access::new(AuthMode::Verify, "000000000000", [key])
    }

    fn admit_signed(
        access: &Access,
        region: &str,
        token: Option<&str>,
    ) -> Result<String, ApiError> {
        let plain = HttpRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: [("host", &b"weir"[..])].into_iter().collect(),
        };
        let credentials = Credentials {
            access_key_id: "AKIAEXAMPLE".into(),
            secret: Secret::new("secret"),
            session_token: token.map(str::to_owned),
        };
        let added = sigv4::sign(&plain, PayloadHash::of(b"{}"), &credentials, region, NOW);
        let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
        let headers = plain.headers.iter().chain(added).collect();
        access
            .admit(&HttpRequest { headers, ..plain }, b"{}", None, NOW)
            .map(|admitted| admitted.region)
    }

    #[test]
    fn the_region_is_taken_from_the_scope_and_signing_keys_are_kept_within_their_bound() {
        let access = access();
        for n in 0..=SIGNING_KEYS_MAX {
            let region = format!("region-{n}");
            assert_eq!(admit_signed(&access, &region, None).as_ref(), Ok(&region));
            assert!(access.signing_keys.lock().len() <= SIGNING_KEYS_MAX);
        }
        assert_eq!(access.signing_keys.lock().len(), 1);
        assert_eq!(admit_signed(&access, "region-0", None).unwrap(), "region-0");
    }

    #[test]
    fn a_permanent_key_with_a_session_token_is_nobodys() {
        let refusal = admit_signed(&access(), "eu-west-1", Some("token")).unwrap_err();
        assert_eq!(refusal, sigv4::unknown_key());
    }
}
