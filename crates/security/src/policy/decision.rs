//! The decision: AWS's evaluation logic for one account and across two.

use super::Keys;
use super::document::{Attached, Effect, Policy, PolicyKind};
use super::principal::Principal;
use super::who::Closeness;

/// What is asked.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// What for, such as `kinesis:PutRecord`.
    pub action: &'a str,
    /// On what: an ARN, or `*`.
    pub resource: &'a str,
    /// The account that owns it.
    pub account: &'a str,
    /// What is attached to it: for an AssumeRole the role's trust policy, without which nobody
    /// may assume it.
    pub attached: Resource<'a>,
    /// The condition keys of the request; those of the principal are known from it.
    pub keys: &'a Keys<'a>,
}

/// What is attached to the resource.
#[derive(Clone, Copy)]
pub enum Resource<'a> {
    /// Perhaps a policy.
    Policy(Option<&'a Policy>),
    /// A role's trust policy.
    Trust(&'a Policy),
}

/// What was decided, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// What was decided.
    pub outcome: Outcome,
    /// The statements that decided: the one that denies, or for each kind of policy that had to
    /// allow it the first that does.
    pub statements: Vec<Deciding<'a>>,
}

/// What can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may be done.
    Allowed,
    /// A statement of a policy of this kind forbids it.
    Forbidden(PolicyKind),
    /// No statement of a policy of this kind allows it, and one would have to.
    NotAllowed(PolicyKind),
}

/// A statement that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deciding<'a> {
    /// The kind of its policy.
    pub kind: PolicyKind,
    /// The name of its policy, if it is one of the principal's.
    pub policy: Option<&'a str>,
    /// Which of the policy's statements it is, from 0.
    pub index: usize,
    /// Its Sid, if it has one.
    pub sid: Option<&'a str>,
}

impl Resource<'_> {
    fn kind(&self) -> PolicyKind {
        match self {
            Self::Policy(_) => PolicyKind::Resource,
            Self::Trust(_) => PolicyKind::Trust,
        }
    }
}

/// Decides a request.
pub fn decide<'a>(request: &Request<'a>) -> Decision<'a> {
    let principal = request.principal;
    let action = request.action.to_ascii_lowercase();
    let keys = |name: &str| match principal.key(name) {
        Some(value) => Some(vec![value]),
        None if is_principal_key(name) => None,
        None => (request.keys)(name),
    };
    let question = Question { request, action: &action, keys: &keys };
    if let Some(denying) = question.denying() {
        let outcome = Outcome::Forbidden(denying.kind);
        return Decision { outcome, statements: vec![denying] };
    }
    let identity = question.allowing(PolicyKind::Identity, &principal.policies);
    let by_identity = principal.is_root() || identity.is_some();
    let session = principal.session_policies.as_ref();
    let session = session.map(|policies| question.allowing(PolicyKind::Session, policies));
    let by_session = session.is_none_or(|session| session.is_some());
    let (resource, closeness) = question.granting().unzip();
    let outcome = question.weigh(by_identity, by_session, closeness);
    let mut statements = Vec::new();
    if outcome == Outcome::Allowed {
        statements.extend(identity);
        statements.extend(session.flatten());
        statements.extend(resource);
    }
    Decision { outcome, statements }
}

/// Keys that only the principal itself tells about: a request cannot claim them.
fn is_principal_key(name: &str) -> bool {
    matches!(
        name,
        "aws:username"
            | "aws:userid"
            | "aws:principalarn"
            | "aws:principalaccount"
            | "aws:principaltype"
    ) || name.starts_with("aws:principaltag/")
}

struct Question<'q, 'a> {
    request: &'q Request<'a>,
    action: &'q str,
    keys: &'q Keys<'q>,
}

impl<'a> Question<'_, 'a> {
    /// The rules. Within one account one side is enough: the principal's policies, as far as the
    /// session's allow it too, or the resource's if they mean the principal more closely than by
    /// its account. Across two accounts both sides must allow it. A trust policy always must.
    fn weigh(&self, identity: bool, session: bool, granted: Option<Closeness>) -> Outcome {
        let Request { principal, account, attached, .. } = self.request;
        let kind = attached.kind();
        let same = principal.account == *account;
        let must_grant = !same || kind == PolicyKind::Trust;
        if must_grant && granted.is_none() {
            return Outcome::NotAllowed(kind);
        }
        if same && granted == Some(Closeness::Itself) {
            return Outcome::Allowed;
        }
        let enough = same && granted == Some(Closeness::Role);
        if !identity && !enough {
            return Outcome::NotAllowed(PolicyKind::Identity);
        }
        if session { Outcome::Allowed } else { Outcome::NotAllowed(PolicyKind::Session) }
    }

    /// The first statement that forbids it.
    fn denying(&self) -> Option<Deciding<'a>> {
        let principal = self.request.principal;
        let of_session = principal.session_policies.iter().flatten();
        let of_session = of_session.map(|attached| (PolicyKind::Session, attached));
        let own = principal.policies.iter().map(|attached| (PolicyKind::Identity, attached));
        let own = own.chain(of_session);
        let mut found = own.filter_map(|(kind, Attached { name, policy })| {
            let statement = self.first(policy, Effect::Deny)?;
            Some(Deciding { kind, policy: Some(name), ..statement })
        });
        found.next().or_else(|| {
            let policy = self.resource_policy()?;
            let applying = self.applying(policy, Effect::Deny);
            applying
                .filter(|(_, closeness)| closeness.is_some())
                .map(|(deciding, _)| deciding)
                .next()
        })
    }

    /// The first statement of these policies that allows it.
    fn allowing(&self, kind: PolicyKind, policies: &'a [Attached]) -> Option<Deciding<'a>> {
        policies.iter().find_map(|Attached { name, policy }| {
            let statement = self.first(policy, Effect::Allow)?;
            Some(Deciding { kind, policy: Some(name), ..statement })
        })
    }

    /// The statement of the resource's policy that grants it, and means the principal closest.
    fn granting(&self) -> Option<(Deciding<'a>, Closeness)> {
        let applying = self.applying(self.resource_policy()?, Effect::Allow);
        let granting = applying.filter_map(|(deciding, closeness)| Some((deciding, closeness?)));
        // Of equally close ones the first, as elsewhere.
        granting.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    fn resource_policy(&self) -> Option<&'a Policy> {
        match self.request.attached {
            Resource::Policy(policy) => policy,
            Resource::Trust(policy) => Some(policy),
        }
    }

    fn first(&self, policy: &'a Policy, effect: Effect) -> Option<Deciding<'a>> {
        self.applying(policy, effect).next().map(|(deciding, _)| deciding)
    }

    /// The statements of a policy with this effect that apply, with how closely they mean the
    /// principal if they say whom they mean.
    fn applying(
        &self,
        policy: &'a Policy,
        effect: Effect,
    ) -> impl Iterator<Item = (Deciding<'a>, Option<Closeness>)> {
        let kind = self.request.attached.kind();
        let statements = policy.statements.iter().enumerate();
        statements.filter_map(move |(index, statement)| {
            let closeness = match &statement.who {
                Some(who) => Some(who.covers(self.request.principal)?),
                None => None,
            };
            let applies = statement.effect == effect
                && statement.applies(self.action, self.request.resource, self.keys);
            let sid = statement.sid.as_deref();
            applies.then_some((Deciding { kind, policy: None, index, sid }, closeness))
        })
    }
}

impl Outcome {
    /// What AWS tells a principal to whom it refuses `action`, if there is something to tell.
    /// Without a resource the action is of none in particular.
    pub fn refusal(self, arn: &str, action: &str, resource: Option<&str>) -> Option<String> {
        let kind = |kind| match kind {
            PolicyKind::Identity => "identity-based policy",
            PolicyKind::Session => "session policy",
            PolicyKind::Resource => "resource-based policy",
            PolicyKind::Trust => "role trust policy",
        };
        let why = match self {
            Self::Allowed => return None,
            Self::Forbidden(PolicyKind::Identity) => {
                "with an explicit deny in an identity-based policy".to_owned()
            }
            Self::Forbidden(PolicyKind::Trust) => {
                "with an explicit deny in the role trust policy".to_owned()
            }
            Self::Forbidden(of) => format!("with an explicit deny in a {}", kind(of)),
            Self::NotAllowed(of) => format!("because no {} allows the {action} action", kind(of)),
        };
        let on = resource.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
        Some(format!("User: {arn} is not authorized to perform: {action}{on} {why}"))
    }
}
