//! AssumeRole: whether a principal may act as a role, and the session that it gets.

use std::sync::Arc;

use model::{AccountId, Timestamp};
use wire::sigv4::Secret;
use wire::{ApiError, ErrorCode};

use super::Identity;
use super::entity::{Entity, RoleDetails};
use super::record::{Kind, PrincipalKey};
use super::session::{Begun, NewSession};
use crate::policy::{
    Keys, Outcome, Policy, PolicyKind, Principal, PrincipalKind, Request, Resource, decide,
};

const ACTION: &str = "sts:AssumeRole";

/// How long a session lasts that nobody gave a length.
const SECONDS_DEFAULT: u32 = 3600;

/// How long a session may last that another session began.
const CHAINED_SECONDS_MAX: u32 = 3600;

/// What a caller asks for.
pub struct AssumeRole {
    /// The ARN of the role.
    pub role_arn: String,
    /// What the session is called.
    pub session_name: String,
    /// How long it lasts; an hour if it is not said.
    pub duration_seconds: Option<u32>,
    /// What it is narrowed to.
    pub policy: Option<String>,
}

/// A session that began.
pub struct SessionCredentials {
    /// The key that signs.
    pub access_key_id: String,
    /// Its secret.
    pub secret: Secret,
    /// What must go with every request that it signs.
    pub session_token: String,
    /// From when on the session is over.
    pub expires: Timestamp,
    /// The ARN of the session.
    pub arn: String,
    /// The role's id and the session's name.
    pub user_id: String,
}

impl Identity {
    /// Begins a session of a role, if both its trust policy and the caller's own policies let the
    /// caller do so. `keys` gives the condition keys of the request. That there is no such role
    /// is said in the same words as that it may not be assumed.
    pub fn assume_role(
        &self,
        principal: &Principal,
        input: AssumeRole,
        keys: &Keys<'_>,
    ) -> Result<SessionCredentials, ApiError> {
        let denied = || {
            let (arn, role) = (&principal.arn, &input.role_arn);
            let text =
                format!("User: {arn} is not authorized to perform: {ACTION} on resource: {role}");
            ApiError::new(ErrorCode::AccessDenied, text)
        };
        let key = role_of(&input.role_arn).ok_or_else(denied)?;
        let snapshot = self.0.snapshot();
        let role = snapshot.entities.get(&key).ok_or_else(denied)?;
        let details = role.role.as_ref().ok_or_else(denied)?;
        let account = key.account.to_string();
        let decision = decide(&Request {
            principal,
            action: ACTION,
            resource: &input.role_arn,
            account: &account,
            attached: Resource::Trust(&details.trust.policy),
            keys,
        });
        if decision.outcome != Outcome::Allowed {
            return Err(denied());
        }
        let seconds = seconds(principal, details, input.duration_seconds)?;
        if let Some(policy) = &input.policy {
            Policy::parse(policy, PolicyKind::Session)
                .map_err(|error| ApiError::new(ErrorCode::InvalidArgument, error.to_string()))?;
        }
        Ok(self.begin(role, input, seconds))
    }

    fn begin(&self, role: &Arc<Entity>, input: AssumeRole, seconds: u32) -> SessionCredentials {
        let now = self.0.clock.now();
        let expires = Timestamp::from_millis(now.as_millis() + u64::from(seconds) * 1000);
        let principal = role.as_session(&input.session_name, None);
        let begun = self.0.sessions.begin(NewSession {
            role: role.key.clone(),
            role_id: role.id.clone(),
            name: input.session_name,
            expires,
            policy: input.policy,
        });
        let Begun { access_key_id, secret, token } = begun;
        let Principal { arn, user_id, .. } = principal;
        SessionCredentials { access_key_id, secret, session_token: token, expires, arn, user_id }
    }
}

fn role_of(arn: &str) -> Option<PrincipalKey> {
    let (account, name) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    let account: AccountId = account.parse().ok()?;
    Some(PrincipalKey { account, kind: Kind::Role, name: name.to_owned() })
}

fn seconds(principal: &Principal, role: &RoleDetails, asked: Option<u32>) -> Result<u32, ApiError> {
    let seconds = asked.unwrap_or(SECONDS_DEFAULT);
    let chained = matches!(principal.kind, PrincipalKind::Session { .. });
    let text = if chained && seconds > CHAINED_SECONDS_MAX {
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role \
         chaining"
    } else if seconds > role.session_seconds_max {
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    } else {
        return Ok(seconds);
    };
    Err(ApiError::new(ErrorCode::Validation, text))
}
