//! Who may do what: every call of the operation table is decided on before its handler sees it.
//!
//! What is decided on is the resource as the handler will find it, whatever name, ARN or token
//! the request uses for it. A principal that may not do something is told so whether the resource
//! exists or not.

use std::sync::Arc;

use model::Timestamp;
use runtime::Clock;
use security::policy::{Outcome, Principal, PrincipalKind, Request, Resource, decide};
use security::{Identity, KeyRing};
use streams::{Streams, Subject};
use wire::{ApiError, Caller, ErrorCode, Guard, Operation, Tags, Target};

use crate::admin::realm;

/// What others than its owner can be allowed to do with a stream or a consumer, as in AWS.
const SHARED: &[Operation] = &[
    Operation::DescribeStream,
    Operation::DescribeStreamConsumer,
    Operation::DescribeStreamSummary,
    Operation::GetRecords,
    Operation::GetShardIterator,
    Operation::ListShards,
    Operation::PutRecord,
    Operation::PutRecords,
    Operation::SubscribeToShard,
];

/// What the owner's root can always do, so that no policy locks a resource for ever.
const RESCUING: &[Operation] =
    &[Operation::DeleteResourcePolicy, Operation::GetResourcePolicy, Operation::PutResourcePolicy];

/// Decides by the policies of principals and resources. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Policies {
    pub(crate) streams: Streams,
    pub(crate) clock: Arc<dyn Clock>,
    /// Tells which key an alias names.
    pub(crate) keys: KeyRing,
    /// The node's own account, which looks after what the node keeps for itself.
    pub(crate) account: String,
}

impl Guard for Policies {
    fn authorize(
        &self,
        caller: &Caller,
        operation: Operation,
        target: &Target<'_>,
        tags: Tags<'_>,
    ) -> Result<(), ApiError> {
        let subject = self.streams.subject(caller, operation, target)?;
        let unknown;
        let principal = match caller.authority.get::<Principal>() {
            Some(principal) => principal,
            None => {
                unknown = nobody(caller);
                &unknown
            }
        };
        let question = Question { guard: self, caller, target, subject: subject.as_ref(), tags };
        question.ask(principal, operation)?;
        match also(operation, tags) {
            Some(also) => question.ask(principal, also),
            None => Ok(()),
        }
    }
}

impl Policies {
    pub(crate) fn new(
        streams: Streams,
        clock: Arc<dyn Clock>,
        keys: KeyRing,
        identity: &Identity,
    ) -> Self {
        Self { streams, clock, keys, account: identity.account().to_string() }
    }

    /// The ARN of a key as the request names it, and its own ARN if that is another.
    fn key_arns(&self, caller: &Caller, key_id: &str) -> Vec<String> {
        let Ok(realm) = realm(caller) else { return vec![key_id.to_owned()] };
        let partition = realm.region.partition();
        let of = format!("arn:{partition}:kms:{}:{}", caller.region, caller.account);
        let named = match key_id {
            arn if arn.starts_with("arn:") => arn.to_owned(),
            alias if alias.starts_with("alias/") => format!("{of}:{alias}"),
            id => format!("{of}:key/{id}"),
        };
        let own = self.keys.describe(&realm, key_id).ok().map(|key| key.arn);
        let own = own.filter(|own| *own != named);
        [named].into_iter().chain(own).collect()
    }

    /// The value of a condition key that tells the time.
    pub(crate) fn time(&self, name: &str) -> Option<String> {
        time(name, || self.clock.now())
    }
}

/// Whether the policy of a resource in `account` has a say in what `principal` wants to do.
pub(crate) fn counts(principal: &Principal, operation: Operation, account: &str) -> bool {
    if principal.account == account {
        return !(principal.is_root() && RESCUING.contains(&operation));
    }
    SHARED.contains(&operation)
}

/// What has to be allowed besides: tags of a new stream are added as those of an old one, tags
/// of a new consumer as those of any resource.
fn also(operation: Operation, tags: Tags<'_>) -> Option<Operation> {
    match operation {
        _ if tags.is_empty() => None,
        Operation::CreateStream => Some(Operation::AddTagsToStream),
        Operation::RegisterStreamConsumer => Some(Operation::TagResource),
        _ => None,
    }
}

/// A caller of whom nobody said who it is: the root of its account, or somebody without rights.
fn nobody(caller: &Caller) -> Principal {
    let root = Principal::root(caller.account.clone());
    if root.arn == caller.principal {
        return root;
    }
    let kind = PrincipalKind::User { name: String::new() };
    Principal { arn: caller.principal.clone(), kind, user_id: String::new(), ..root }
}

/// A call that is decided on.
struct Question<'a> {
    guard: &'a Policies,
    caller: &'a Caller,
    target: &'a Target<'a>,
    subject: Option<&'a Subject>,
    tags: Tags<'a>,
}

impl Question<'_> {
    fn ask(&self, principal: &Principal, operation: Operation) -> Result<(), ApiError> {
        let account = match self.subject {
            Some(subject) if subject.is_the_node_s() => self.guard.account.clone(),
            Some(subject) => subject.account(),
            None => self.caller.account.clone(),
        };
        let resources = self.resources();
        let policy = self.subject.and_then(Subject::policy);
        let policy = policy.filter(|_| counts(principal, operation, &account));
        let outcome = |resource: &str| {
            let attached = Resource::Policy(policy);
            let keys = &|name: &str| self.key(name, &account);
            let (action, account) = (operation.action(), &*account);
            decide(&Request { principal, action, resource, account, attached, keys }).outcome
        };
        let (named, outcome) = match &*resources {
            [] => (None, outcome("*")),
            [first, others @ ..] => {
                let of_others = others.iter().map(|resource| outcome(resource));
                (Some(&**first), of_others.fold(outcome(first), stricter))
            }
        };
        match outcome.refusal(&principal.arn, operation.action(), named) {
            None => Ok(()),
            Some(text) => Err(ApiError::new(ErrorCode::AccessDenied, text)),
        }
    }

    /// The ARNs of what the call is about; none if it is about nothing in particular.
    fn resources(&self) -> Vec<String> {
        if let Some(subject) = self.subject {
            return subject.arns();
        }
        let account = &self.caller.account;
        match *self.target {
            Target::User(name) => vec![format!("arn:aws:iam::{account}:user/{name}")],
            Target::Role(name) => vec![format!("arn:aws:iam::{account}:role/{name}")],
            Target::Key(key_id) => self.guard.key_arns(self.caller, key_id),
            Target::Principal(arn) => vec![arn.to_owned()],
            // Whether an account's root is the caller's to manage is its handler's business.
            Target::Root(of) => vec![format!("arn:aws:iam::{}:root", of.unwrap_or(account))],
            _ => Vec::new(),
        }
    }

    /// The values of a condition key of the request, by its name in lower case.
    fn key(&self, name: &str, account: &str) -> Option<Vec<String>> {
        let value = match name {
            "aws:resourceaccount" => account.to_owned(),
            "aws:tagkeys" => return Some(self.tags.keys().map(str::to_owned).collect()),
            _ => match name.split_once('/') {
                Some(("aws:resourcetag", tag)) => self.subject?.tag(tag)?.to_owned(),
                Some(("aws:requesttag", tag)) => self.tags.value(tag)?.to_owned(),
                _ => request_key(name, self.caller, || self.guard.clock.now())?,
            },
        };
        Some(vec![value])
    }
}

/// The value of a condition key that any request has, whatever it asks for, by its name in lower
/// case.
pub(crate) fn request_key(
    name: &str,
    caller: &Caller,
    now: impl FnOnce() -> Timestamp,
) -> Option<String> {
    Some(match name {
        "aws:sourceip" => caller.source_ip?.to_canonical().to_string(),
        "aws:securetransport" => caller.secure_transport.to_string(),
        "aws:useragent" if caller.user_agent.is_empty() => return None,
        "aws:useragent" => caller.user_agent.clone(),
        "aws:requestedregion" => caller.region.clone(),
        _ => return time(name, now),
    })
}

/// The value of a condition key that tells the time.
fn time(name: &str, now: impl FnOnce() -> Timestamp) -> Option<String> {
    match name {
        "aws:currenttime" => Some(moment(now())),
        "aws:epochtime" => Some(now().as_seconds().to_string()),
        _ => None,
    }
}

/// A moment as conditions write it: `2026-11-25T12:00:00Z`.
fn moment(time: Timestamp) -> String {
    let seconds = i64::try_from(time.as_seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// What is decided of a resource with two ARNs: either may allow it, and either may forbid it.
fn stricter(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Forbidden(_), _) => one,
        (_, Outcome::Forbidden(_)) | (Outcome::NotAllowed(_), Outcome::Allowed) => other,
        _ => one,
    }
}
