//! Policy documents: what AWS accepts as one, and its words for what it does not.
//!
//! Reading is strict: unknown elements, elements that are there twice, and texts that can match
//! nothing are refused, so that nobody believes in a statement that does not work.

use std::sync::Arc;

use bytes::Bytes;
use wire::Encoding;
use wire::codec;
use wire::value::Value;

use super::Keys;
use super::condition::Condition;
use super::pattern::{Pattern, Syntax};
use super::who::Who;

/// The longest document, in bytes.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;

/// A document that is no policy; the text says why, in AWS's words where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What a policy is attached to, which tells the elements that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// A user or a role.
    Identity,
    /// A session, which it restricts.
    Session,
    /// A resource: it says to whom it gives.
    Resource,
    /// A role: it says who may assume it.
    Trust,
}

impl PolicyKind {
    fn names_principals(self) -> bool {
        matches!(self, Self::Resource | Self::Trust)
    }
}

/// A policy, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(super) statements: Vec<Statement>,
}

/// A policy with the name that explanations give it.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// What a statement does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    /// Whom it is about; nobody says so in the policies of principals.
    pub(super) who: Option<Who>,
    actions: Set,
    /// What it is about; trust policies do not say so.
    resources: Option<Set>,
    conditions: Vec<Condition>,
}

/// Anything that one of the patterns matches, or anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    negated: bool,
    patterns: Vec<Pattern>,
}

impl Policy {
    /// The policy of a resource that forbids everything to everyone.
    pub fn nobody() -> Self {
        let document =
            r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#;
        Self::parse(document, PolicyKind::Resource).expect("this is a policy")
    }

    /// Reads a document.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Self, Malformed> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(Malformed(format!(
                "The policy is longer than the {POLICY_BYTES_MAX} bytes that it may have."
            )));
        }
        let body = Bytes::copy_from_slice(text.as_bytes());
        let syntax = |_| Malformed::new("Syntax errors in policy.");
        let value = codec::decode(Encoding::Json, &body).map_err(syntax)?;
        let mut elements = Elements::new(value)?;
        let version = elements.text("Version")?;
        let variables = match version.as_deref() {
            None | Some("2008-10-17") => false,
            Some("2012-10-17") => true,
            Some(_) => return Err(Malformed::new("Invalid policy version.")),
        };
        elements.text("Id")?;
        let statements = match elements.take("Statement")? {
            Some(Value::List(statements)) if !statements.is_empty() => statements,
            Some(statement @ Value::Map(_)) => vec![statement],
            _ => return Err(Malformed::new("Syntax errors in policy.")),
        };
        elements.finish()?;
        let statement = |value| Statement::parse(value, kind, variables);
        let statements = statements.into_iter().map(statement).collect::<Result<Vec<_>, _>>()?;
        check_sids(&statements)?;
        Ok(Self { statements })
    }
}

fn check_sids(statements: &[Statement]) -> Result<(), Malformed> {
    let mut sids: Vec<_> = statements.iter().filter_map(|s| s.sid.as_deref()).collect();
    sids.sort_unstable();
    if sids.windows(2).any(|two| two[0] == two[1]) {
        return Err(Malformed::new("Statement IDs (SID) in a single policy must be unique."));
    }
    Ok(())
}

impl Statement {
    fn parse(value: Value<'_>, kind: PolicyKind, variables: bool) -> Result<Self, Malformed> {
        let mut elements = Elements::new(value)?;
        let sid = elements.text("Sid")?.filter(|sid| !sid.is_empty());
        let is_simple = |sid: &String| sid.bytes().all(|b| b.is_ascii_alphanumeric());
        if kind == PolicyKind::Identity && !sid.iter().all(is_simple) {
            return Err(Malformed::new("Statement IDs (SID) must be alpha-numeric."));
        }
        let effect = match elements.text("Effect")?.as_deref() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(Malformed::new("Syntax errors in policy.")),
        };
        let who = principals(&mut elements, kind, effect)?;
        let actions = Set::take(&mut elements, "Action", action)?
            .ok_or_else(|| Malformed::new("Policy statement must contain actions."))?;
        let resources = Set::take(&mut elements, "Resource", |text| resource(text, variables))?;
        match (kind, &resources) {
            (PolicyKind::Trust, Some(_)) => {
                return Err(Malformed::new("Has prohibited field Resource."));
            }
            (PolicyKind::Trust, None) | (_, Some(_)) => {}
            (_, None) => return Err(Malformed::new("Policy statement must contain resources.")),
        }
        let conditions = match elements.take("Condition")? {
            None => Vec::new(),
            Some(value) => conditions(value, variables)?,
        };
        elements.finish()?;
        Ok(Self { sid, effect, who, actions, resources, conditions })
    }

    /// Whether it is about this action, which is in lower case, on this resource, and its
    /// conditions hold. Whom it is about is not looked at.
    pub(super) fn applies(&self, action: &str, resource: &str, keys: &Keys<'_>) -> bool {
        self.actions.has(action, keys)
            && self.resources.as_ref().is_none_or(|resources| resources.has(resource, keys))
            && self.conditions.iter().all(|condition| condition.holds(keys))
    }
}

fn principals(
    elements: &mut Elements<'_>,
    kind: PolicyKind,
    effect: Effect,
) -> Result<Option<Who>, Malformed> {
    match (elements.take("Principal")?, elements.take("NotPrincipal")?) {
        (None, None) if kind.names_principals() => {
            Err(Malformed::new("Missing required field Principal"))
        }
        (None, None) => Ok(None),
        _ if !kind.names_principals() => {
            Err(Malformed::new("Policy document should not specify a principal."))
        }
        (Some(principal), None) => Who::parse(&principal, false).map(Some),
        // It would allow everyone else in the world.
        (None, Some(_)) if effect == Effect::Allow => {
            Err(Malformed::new("Allow with NotPrincipal is not allowed."))
        }
        (None, Some(principal)) => Who::parse(&principal, true).map(Some),
        (Some(_), Some(_)) => Err(Malformed::new("Syntax errors in policy.")),
    }
}

impl Set {
    /// Takes the element `name`, or the one with `Not` before it.
    fn take(
        elements: &mut Elements<'_>,
        name: &str,
        parse: impl Fn(&str) -> Result<Pattern, Malformed>,
    ) -> Result<Option<Self>, Malformed> {
        let negated_name = format!("Not{name}");
        let (negated, value) = match (elements.take(name)?, elements.take(&negated_name)?) {
            (None, None) => return Ok(None),
            (Some(value), None) => (false, value),
            (None, Some(value)) => (true, value),
            (Some(_), Some(_)) => return Err(Malformed::new("Syntax errors in policy.")),
        };
        let texts = texts(&value).ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
        let patterns = texts.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Some(Self { negated, patterns }))
    }

    fn has(&self, text: &str, keys: &Keys<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(text, keys)) != self.negated
    }
}

/// `*` or `service:action`; upper and lower case are the same.
fn action(text: &str) -> Result<Pattern, Malformed> {
    let lower = text.to_ascii_lowercase();
    if lower != "*" {
        let Some((service, name)) = lower.split_once(':') else {
            return Err(Malformed::new("Actions/Conditions must be prefaced by a vendor."));
        };
        let is_service = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if service != "*" && (service.is_empty() || !service.bytes().all(is_service)) {
            return Err(Malformed(format!("Vendor {service} is not valid")));
        }
        if name.contains(':') {
            return Err(Malformed::new("Actions/Condition can contain only one colon."));
        }
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'-');
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(Malformed(format!("The action {text} is not valid.")));
        }
    }
    Pattern::parse(&lower, Syntax::Glob, false)
}

/// `*` or an ARN, whose service must be said.
fn resource(text: &str, variables: bool) -> Result<Pattern, Malformed> {
    if text != "*" {
        let parts: Vec<&str> = text.splitn(4, ':').collect();
        let ["arn", partition, service, _] = parts[..] else {
            return Err(Malformed(format!("Resource {text} must be in ARN format or \"*\".")));
        };
        if partition.is_empty() || service.is_empty() || service.contains(['*', '?', '$']) {
            return Err(Malformed(format!("Resource {text} must be in ARN format or \"*\".")));
        }
    }
    Pattern::parse(text, Syntax::Resource, variables)
}

fn conditions(value: Value<'_>, variables: bool) -> Result<Vec<Condition>, Malformed> {
    let mut conditions = Vec::new();
    let mut operators = Elements::new(value)?;
    for (operator, keys) in operators.rest()? {
        for (key, values) in Elements::new(keys)?.rest()? {
            conditions.push(Condition::parse(&operator, &key, &values, variables)?);
        }
    }
    Ok(conditions)
}

/// A text or a list of texts, not empty.
pub(super) fn texts<'v>(value: &'v Value<'_>) -> Option<Vec<&'v str>> {
    let text = |value: &'v Value<'_>| match value {
        Value::Str(text) => Some(&**text),
        _ => None,
    };
    match value {
        Value::List(values) if !values.is_empty() => values.iter().map(text).collect(),
        value => Some(vec![text(value)?]),
    }
}

/// The members of an object, each of which is there once.
struct Elements<'v>(Vec<(String, Value<'v>)>);

impl<'v> Elements<'v> {
    fn new(value: Value<'v>) -> Result<Self, Malformed> {
        let Value::Map(members) = value else {
            return Err(Malformed::new("Syntax errors in policy."));
        };
        let mut names: Vec<_> = members.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort_unstable();
        if let Some(two) = names.windows(2).find(|two| two[0] == two[1]) {
            return Err(Malformed(format!("Duplicate key {} in policy.", two[0])));
        }
        Ok(Self(members.into_iter().map(|(name, value)| (name.into_owned(), value)).collect()))
    }

    fn take(&mut self, name: &str) -> Result<Option<Value<'v>>, Malformed> {
        let found = self.0.iter().position(|(member, _)| member == name);
        Ok(found.map(|at| self.0.swap_remove(at).1))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Malformed> {
        match self.take(name)? {
            None => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text.into_owned())),
            Some(_) => Err(Malformed(format!("The element {name} must be a text."))),
        }
    }

    /// All that is left, which must be something.
    fn rest(&mut self) -> Result<Vec<(String, Value<'v>)>, Malformed> {
        if self.0.is_empty() {
            return Err(Malformed::new("Syntax errors in policy."));
        }
        Ok(std::mem::take(&mut self.0))
    }

    /// Nothing may be left.
    fn finish(self) -> Result<(), Malformed> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Malformed(format!("Has prohibited field {name}."))),
        }
    }
}
