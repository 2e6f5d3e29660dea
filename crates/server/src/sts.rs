//! STS: who the caller is, and sessions of roles.

use model::Timestamp;
use security::Identity;
use security::identity::AssumeRole;
use security::policy::Principal;
use wire::Caller;
use wire::envelope::Response;
use wire::sts::{AssumeRoleInput, AssumedRole, Call, CallerIdentity, Form, Refusal};

use crate::guard::request_key;

/// Answers the calls of STS.
pub(crate) struct Sts {
    pub(crate) identity: Identity,
}

impl Sts {
    /// Carries out what a form asks for.
    pub(crate) fn answer(
        &self,
        form: &Form,
        caller: &Caller,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<Response, Refusal> {
        let Principal { arn, user_id, account, .. } = principal;
        match Call::read(form)? {
            // As in AWS, no policy is asked: whoever has a key may know whose it is.
            Call::GetCallerIdentity => {
                Ok(CallerIdentity { arn, user_id, account }.response(&caller.request_id))
            }
            Call::AssumeRole(input) => self.assume_role(input, caller, principal, now),
        }
    }

    fn assume_role(
        &self,
        input: AssumeRoleInput,
        caller: &Caller,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<Response, Refusal> {
        let packed_policy_size = input.packed_policy_size();
        let (session, external) = (input.role_session_name.clone(), input.external_id.clone());
        let keys = |name: &str| match name {
            "sts:externalid" => Some(vec![external.clone()?]),
            "sts:rolesessionname" => Some(vec![session.clone()]),
            name => Some(vec![request_key(name, caller, || now)?]),
        };
        let asked = AssumeRole {
            role_arn: input.role_arn,
            session_name: input.role_session_name,
            duration_seconds: input.duration_seconds,
            policy: input.policy,
        };
        let begun = self.identity.assume_role(principal, asked, &keys)?;
        let assumed = AssumedRole {
            arn: &begun.arn,
            user_id: &begun.user_id,
            access_key_id: &begun.access_key_id,
            secret_access_key: begun.secret.expose(),
            session_token: &begun.session_token,
            expiration: begun.expires,
            packed_policy_size,
        };
        Ok(assumed.response(&caller.request_id))
    }
}
