//! Who asks: what policies can say about a principal, with the policies that say what it may do.

use std::collections::BTreeMap;

use super::document::Attached;

/// A principal with its policies, read already, so that a decision waits for nothing.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Its ARN: `arn:aws:iam::<account>:root`, `arn:aws:iam::<account>:user/<path and name>` or
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
    pub arn: String,
    /// The 12 digits of its account.
    pub account: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// `aws:userid`: the account for its root, the unique id of a user, `<role id>:<session>`.
    pub user_id: String,
    /// Its tags; for a session those of the role and of the session, which win.
    pub tags: BTreeMap<String, String>,
    /// What it may do: the policies of the user or the role. The root of an account needs none.
    pub policies: Vec<Attached>,
    /// What its session is restricted to. Nothing: it is not restricted.
    pub session_policies: Option<Vec<Attached>>,
}

/// What a principal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root of its account, which may do everything with what belongs to the account.
    Root,
    /// A user.
    User {
        /// Its name, without the path.
        name: String,
    },
    /// A session of a role.
    Session {
        /// The ARN of the role: `arn:aws:iam::<account>:role/<path and name>`.
        role: String,
    },
}

impl Principal {
    /// The root of an account.
    pub fn root(account: impl Into<String>) -> Self {
        let account = account.into();
        Self {
            arn: format!("arn:aws:iam::{account}:root"),
            kind: PrincipalKind::Root,
            user_id: account.clone(),
            account,
            tags: BTreeMap::new(),
            policies: Vec::new(),
            session_policies: None,
        }
    }

    /// The value of one of the condition keys that tell about the principal, by its name in lower
    /// case.
    pub(super) fn key(&self, name: &str) -> Option<String> {
        let value = match name {
            // For a session this is its role.
            "aws:principalarn" => self.role().unwrap_or(&self.arn),
            "aws:principalaccount" => &self.account,
            "aws:principaltype" => match self.kind {
                PrincipalKind::Root => "Account",
                PrincipalKind::User { .. } => "User",
                PrincipalKind::Session { .. } => "AssumedRole",
            },
            "aws:userid" => &self.user_id,
            "aws:username" => match &self.kind {
                PrincipalKind::User { name } => name,
                _ => return None,
            },
            _ => {
                let wanted = name.strip_prefix("aws:principaltag/")?;
                self.tags.iter().find(|(tag, _)| tag.to_lowercase() == wanted)?.1
            }
        };
        Some(value.to_owned())
    }

    /// The ARN of the role of a session.
    pub(super) fn role(&self) -> Option<&str> {
        match &self.kind {
            PrincipalKind::Session { role } => Some(role),
            _ => None,
        }
    }

    /// Whether it is the root of its account.
    pub fn is_root(&self) -> bool {
        self.kind == PrincipalKind::Root
    }
}
