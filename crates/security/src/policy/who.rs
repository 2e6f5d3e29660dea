//! The Principal and NotPrincipal elements: whom a statement is about.

use model::AccountId;
use wire::value::Value;

use super::document::{Malformed, texts};
use super::principal::{Principal, PrincipalKind};

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    negated: bool,
    anyone: bool,
    named: Vec<Named>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// A whole account.
    Account(String),
    /// A user, a role or a session.
    Arn(String),
    /// Something that nobody here can be: a service, an identity provider.
    Other,
}

/// How closely a statement means a principal, from the loosest to the closest. What it grants
/// reaches past other policies the further the closer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// Its account: whoever administers that hands out what is granted.
    Account,
    /// Everyone, or the role that it is a session of.
    Role,
    /// The principal itself.
    Itself,
}

impl Who {
    pub(super) fn parse(element: &Value<'_>, negated: bool) -> Result<Self, Malformed> {
        let mut who = Self { negated, anyone: false, named: Vec::new() };
        let kinds = match element {
            Value::Str(text) if text == "*" => {
                who.anyone = true;
                return Ok(who);
            }
            Value::Map(kinds) if !kinds.is_empty() => kinds,
            _ => return Err(Malformed::new("Invalid principal in policy.")),
        };
        for (kind, value) in kinds {
            for text in
                texts(value).ok_or_else(|| Malformed::new("Invalid principal in policy."))?
            {
                who.add(kind, text)?;
            }
        }
        Ok(who)
    }

    fn add(&mut self, kind: &str, text: &str) -> Result<(), Malformed> {
        let named = match kind {
            "AWS" if text == "*" => {
                self.anyone = true;
                return Ok(());
            }
            "AWS" => aws(text),
            "Service" | "Federated" | "CanonicalUser" if !text.is_empty() => Some(Named::Other),
            _ => None,
        };
        let invalid =
            || Malformed::new(format!("Invalid principal in policy: \"{kind}\":\"{text}\""));
        self.named.push(named.ok_or_else(invalid)?);
        Ok(())
    }

    /// How closely it means `principal`, if at all.
    pub(super) fn covers(&self, principal: &Principal) -> Option<Closeness> {
        if self.negated {
            return (!self.exempts(principal)).then_some(Closeness::Role);
        }
        let named = self.named.iter().filter_map(|named| named.covers(principal)).max();
        let anyone = self.anyone.then_some(Closeness::Role);
        named.max(anyone)
    }

    /// Whether a NotPrincipal leaves `principal` out. For that it has to name everything that the
    /// principal is: its account, its role, itself.
    fn exempts(&self, principal: &Principal) -> bool {
        let names = |arn: &str| self.named.iter().any(|n| matches!(n, Named::Arn(a) if a == arn));
        let account = |n: &Named| matches!(n, Named::Account(a) if *a == principal.account);
        let has_account = self.named.iter().any(account);
        let has_role = principal.role().is_none_or(names);
        self.anyone || has_account && has_role && (principal.is_root() || names(&principal.arn))
    }
}

impl Named {
    fn covers(&self, principal: &Principal) -> Option<Closeness> {
        match self {
            Self::Account(account) if *account == principal.account => {
                Some(if principal.is_root() { Closeness::Itself } else { Closeness::Account })
            }
            Self::Arn(arn) if *arn == principal.arn => Some(Closeness::Itself),
            Self::Arn(arn) => match &principal.kind {
                PrincipalKind::Session { role } if role == arn => Some(Closeness::Role),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What `"AWS": text` names. Wildcards within an ARN name nobody, so AWS refuses them.
fn aws(text: &str) -> Option<Named> {
    if text.parse::<AccountId>().is_ok() {
        return Some(Named::Account(text.to_owned()));
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, resource] = parts[..] else { return None };
    account.parse::<AccountId>().ok()?;
    if !partition.starts_with("aws") || text.contains(['*', '?']) {
        return None;
    }
    if (service, resource) == ("iam", "root") {
        return Some(Named::Account(account.to_owned()));
    }
    let (kind, name) = resource.split_once('/')?;
    let is_known = match (service, kind) {
        ("iam", "user" | "role") | ("sts", "federated-user") => !name.is_empty(),
        ("sts", "assumed-role") => name
            .split_once('/')
            .is_some_and(|(role, session)| !role.is_empty() && !session.is_empty()),
        _ => false,
    };
    is_known.then(|| Named::Arn(text.to_owned()))
}
