//! Users and roles, with the policies attached to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;

use super::record::{Kind, PrincipalKey};
use crate::policy::{Attached, Policy, Principal, PrincipalKind};

/// A user or a role at one version of the identities.
pub(super) struct Entity {
    pub(super) key: PrincipalKey,
    /// Tells it from a later one of the same name: `AIDA…` or `AROA…`.
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) tags: BTreeMap<String, String>,
    /// What only a role has.
    pub(super) role: Option<RoleDetails>,
    pub(super) policies: Vec<Inline>,
}

/// What only a role has.
#[derive(Clone)]
pub(super) struct RoleDetails {
    pub(super) trust: Document,
    pub(super) description: Option<String>,
    pub(super) session_seconds_max: u32,
}

/// A policy attached to one principal.
#[derive(Clone)]
pub(super) struct Inline {
    pub(super) name: String,
    pub(super) document: Document,
}

/// A policy: as it was put, and as it was read.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) text: Arc<str>,
    pub(super) policy: Arc<Policy>,
}

impl Entity {
    pub(super) fn arn(&self) -> String {
        self.key.arn()
    }

    pub(super) fn name(&self) -> String {
        self.key.name.clone()
    }

    /// The policy of that name.
    pub(super) fn policy(&self, name: &str) -> Option<&Inline> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    pub(super) fn attached(&self) -> Vec<Attached> {
        let attached = |inline: &Inline| {
            let (name, policy) = (inline.name.clone(), inline.document.policy.clone());
            Attached { name, policy }
        };
        self.policies.iter().map(attached).collect()
    }

    /// Who a request is from that one of the user's keys signed.
    pub(super) fn as_user(&self) -> Principal {
        Principal {
            arn: self.arn(),
            account: self.key.account.to_string(),
            kind: PrincipalKind::User { name: self.key.name.clone() },
            user_id: self.id.clone(),
            tags: self.tags.clone(),
            policies: self.attached(),
            session_policies: None,
        }
    }

    /// Who a request is from that the key of a session of the role signed.
    pub(super) fn as_session(&self, name: &str, policy: Option<&Arc<Policy>>) -> Principal {
        let (account, role) = (self.key.account, &self.key.name);
        let narrowed = |policy: &Arc<Policy>| {
            vec![Attached { name: "the session's policy".into(), policy: policy.clone() }]
        };
        Principal {
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{name}"),
            account: account.to_string(),
            kind: PrincipalKind::Session { role: self.arn() },
            user_id: format!("{}:{name}", self.id),
            tags: self.tags.clone(),
            policies: self.attached(),
            session_policies: policy.map(narrowed),
        }
    }
}

impl PrincipalKey {
    pub(super) fn arn(&self) -> String {
        let Self { account, kind, name } = self;
        format!("arn:aws:iam::{account}:{}/{name}", kind.word())
    }

    /// How texts begin with its kind.
    pub(super) fn title(&self) -> &'static str {
        match self.kind {
            Kind::User => "User",
            Kind::Role => "Role",
        }
    }
}
