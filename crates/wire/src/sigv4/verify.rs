//! Checking a signature, with AWS's words for what is wrong with it.

use model::Timestamp;
use subtle::ConstantTimeEq;

use super::canonical;
use super::date::Moment;
use super::parse::{Scope, Signed};
use super::{KINESIS, PayloadHash, SigningKey, TERMINATOR};
use crate::error::{ApiError, ErrorCode};
use crate::request::HttpRequest;

/// How far a signature's date may be from now.
const SKEW_SECONDS: u64 = 5 * 60;

/// Headers that must be signed: without them a signed body could be sent elsewhere, or to another
/// operation.
const MUST_BE_SIGNED: [&str; 2] = ["host", "x-amz-target"];

/// What says the host over HTTP/2; some clients sign it under its own name.
const AUTHORITY: &str = ":authority";

const MISMATCH: &str = "The request signature we calculated does not match the signature you \
     provided. Check your AWS Secret Access Key and signing method. Consult the service \
     documentation for details.";

/// The refusal of a key id that nobody has.
pub fn unknown_key() -> ApiError {
    ApiError::new(
        ErrorCode::UnrecognizedClient,
        "The security token included in the request is invalid.",
    )
}

/// The refusal of temporary credentials that are over.
pub fn expired_token() -> ApiError {
    ApiError::new(ErrorCode::ExpiredToken, "The security token included in the request is expired")
}

impl Signed<'_> {
    /// What the credential is good for, if that is Kinesis, now.
    pub fn scope(&self, now: Timestamp) -> Result<Scope<'_>, ApiError> {
        self.scope_for(KINESIS, now)
    }

    /// The same, for any service.
    pub fn scope_for(&self, service: &str, now: Timestamp) -> Result<Scope<'_>, ApiError> {
        let scope = self.claimed_scope();
        if self.credential.split('/').count() < 5 {
            return Err(ApiError::new(
                ErrorCode::IncompleteSignature,
                format!(
                    "Credential must have exactly 5 slash-delimited elements, e.g. \
                     keyid/date/region/service/term, got '{}'",
                    self.credential
                ),
            ));
        }
        let moment = self.moment()?;
        check_scope(&scope, service, &moment)?;
        self.check_skew(&moment, now)?;
        Ok(scope)
    }

    /// Whether whoever holds the key signed this request with this body. To be asked after
    /// [`Signed::scope`], whose date and region the key must be of.
    pub fn verify(
        &self,
        request: &HttpRequest<'_>,
        payload: PayloadHash,
        key: &SigningKey,
    ) -> Result<(), ApiError> {
        for name in MUST_BE_SIGNED {
            let signed = |name| self.signed_headers.contains(name);
            let by_authority =
                name == "host" && signed(AUTHORITY) && request.headers.get(AUTHORITY).is_some();
            if !signed(name) && !by_authority && request.headers.get(name).is_some() {
                return Err(invalid(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        if let Some(claimed) = request.headers.get("x-amz-content-sha256")
            && claimed != &*payload.hex()
        {
            return Err(invalid(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ));
        }
        let scope = self.claimed_scope();
        let expected = canonical::signature(
            request,
            &self.signed_headers,
            payload,
            key,
            &self.moment()?,
            &canonical::scope(scope.date, scope.region, scope.service),
        );
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            Ok(())
        } else {
            Err(invalid(MISMATCH))
        }
    }

    fn moment(&self) -> Result<Moment, ApiError> {
        Moment::parse(&self.date).ok_or_else(|| {
            ApiError::new(
                ErrorCode::IncompleteSignature,
                format!(
                    "Date must be in ISO-8601 'basic format'. Got '{}'. See \
                     http://en.wikipedia.org/wiki/ISO_8601",
                    self.date
                ),
            )
        })
    }

    fn check_skew(&self, moment: &Moment, now: Timestamp) -> Result<(), ApiError> {
        let now_seconds = now.as_seconds();
        // A signature in a query may ask for less than AWS gives, never for more.
        let lifetime = self.expires.map_or(SKEW_SECONDS, |expires| expires.min(SKEW_SECONDS));
        let earliest = now_seconds.saturating_sub(lifetime);
        let latest = now_seconds.saturating_add(SKEW_SECONDS);
        let date = &moment.text;
        if moment.seconds < earliest {
            let (earliest, now) = (Moment::from_seconds(earliest).text, Moment::at(now).text);
            let lifetime = spell_seconds(lifetime);
            return Err(invalid(format!(
                "Signature expired: {date} is now earlier than {earliest} ({now} - {lifetime}.)"
            )));
        }
        if moment.seconds > latest {
            let (latest, now) = (Moment::from_seconds(latest).text, Moment::at(now).text);
            return Err(invalid(format!(
                "Signature not yet current: {date} is still later than {latest} ({now} + 5 min.)"
            )));
        }
        Ok(())
    }
}

/// AWS lists everything that is wrong with a scope, each ending in a blank.
fn check_scope(scope: &Scope<'_>, service: &str, moment: &Moment) -> Result<(), ApiError> {
    let mut text = String::new();
    let is_region = !scope.region.is_empty()
        && scope.region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_region {
        text.push_str(&format!(
            "Credential should be scoped to a valid region, not '{}'. ",
            scope.region
        ));
    }
    if scope.service != service {
        text.push_str(&format!("Credential should be scoped to correct service: '{service}'. "));
    }
    if scope.terminator != TERMINATOR {
        text.push_str(&format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'. ",
            scope.terminator
        ));
    }
    if scope.date != moment.day() {
        text.push_str(&format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{}' != '{}', from '{}'. ",
            scope.date,
            moment.day(),
            moment.text
        ));
    }
    if text.is_empty() { Ok(()) } else { Err(invalid(text)) }
}

fn spell_seconds(seconds: u64) -> String {
    if seconds == SKEW_SECONDS { "5 min".to_owned() } else { format!("{seconds} sec") }
}

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidSignature, text)
}
