//! Decisions taken from AWS's documentation, in `tests/decisions.json`: each row names the page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use security::policy::{
    Attached, Outcome, Policy, PolicyKind, Principal, PrincipalKind, Request, Resource, decide,
};
use serde::Deserialize;
use serde_json::Value;

const ROWS: &str = include_str!("../decisions.json");

/// Rows that there are at least; the table grows.
const ROWS_MIN: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// The title of the page.
    source: String,
    /// What the row shows.
    what: String,
    /// `root ACCOUNT`, `user ACCOUNT NAME` or `session ACCOUNT ROLE NAME`.
    who: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    identity: Vec<Value>,
    session: Option<Vec<Value>>,
    resource: Option<Value>,
    trust: Option<Value>,
    #[serde(default)]
    keys: BTreeMap<String, Value>,
    action: String,
    on: String,
    /// The account of the resource, if its ARN does not say it.
    owner: Option<String>,
    expect: String,
}

impl Row {
    fn name(&self) -> String {
        format!("{}: {}", self.source, self.what)
    }

    fn policy(&self, document: &Value, kind: PolicyKind) -> Policy {
        let policy = Policy::parse(&document.to_string(), kind);
        policy.unwrap_or_else(|error| panic!("{}: {error}: {document}", self.name()))
    }

    fn attached(&self, documents: &[Value], kind: PolicyKind) -> Vec<Attached> {
        let attached = |document| {
            let policy = Arc::new(self.policy(document, kind));
            Attached { name: "p".into(), policy }
        };
        documents.iter().map(attached).collect()
    }

    fn principal(&self) -> Principal {
        let words: Vec<&str> = self.who.split(' ').collect();
        let root = Principal::root(words[1]);
        let account = &root.account;
        let (arn, kind, user_id) = match words[..] {
            ["root", _] => (root.arn.clone(), PrincipalKind::Root, account.clone()),
            ["user", _, path] => {
                let name = path.rsplit('/').next().unwrap().to_owned();
                let arn = format!("arn:aws:iam::{account}:user/{path}");
                (arn, PrincipalKind::User { name }, format!("AIDA{}", path.to_uppercase()))
            }
            ["session", _, role, session] => {
                let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{session}");
                let id = format!("AROA{}:{session}", role.to_uppercase());
                let role = format!("arn:aws:iam::{account}:role/{role}");
                (arn, PrincipalKind::Session { role }, id)
            }
            _ => panic!("{}: who is {}?", self.name(), self.who),
        };
        Principal {
            arn,
            kind,
            user_id,
            tags: self.tags.clone(),
            policies: self.attached(&self.identity, PolicyKind::Identity),
            session_policies: self.session.as_ref().map(|s| self.attached(s, PolicyKind::Session)),
            ..root
        }
    }

    fn owner(&self) -> &str {
        let in_arn = || self.on.split(':').nth(4).filter(|account| !account.is_empty());
        let owner = self.owner.as_deref().or_else(in_arn);
        owner.unwrap_or_else(|| panic!("{}: whose is {}?", self.name(), self.on))
    }

    fn outcome(&self) -> Outcome {
        let resource = self.resource.as_ref().map(|d| self.policy(d, PolicyKind::Resource));
        let trust = self.trust.as_ref().map(|d| self.policy(d, PolicyKind::Trust));
        let attached = match &trust {
            Some(trust) => Resource::Trust(trust),
            None => Resource::Policy(resource.as_ref()),
        };
        self.decided(&self.principal(), attached)
    }

    fn decided(&self, principal: &Principal, attached: Resource<'_>) -> Outcome {
        let values = |value: &Value| match value {
            Value::Array(values) => values.iter().map(|v| v.as_str().unwrap().into()).collect(),
            value => vec![value.as_str().unwrap().to_owned()],
        };
        let keys: BTreeMap<String, Vec<String>> =
            self.keys.iter().map(|(key, value)| (key.to_lowercase(), values(value))).collect();
        let request = Request {
            principal,
            action: &self.action,
            resource: &self.on,
            account: self.owner(),
            attached,
            keys: &|key| keys.get(key).cloned(),
        };
        decide(&request).outcome
    }

    /// Every document of the row.
    fn documents(&self) -> Vec<(&Value, PolicyKind)> {
        let of = |kind| move |document| (document, kind);
        let session = self.session.iter().flatten().map(of(PolicyKind::Session));
        let identity = self.identity.iter().map(of(PolicyKind::Identity));
        let resource = self.resource.iter().map(of(PolicyKind::Resource));
        let trust = self.trust.iter().map(of(PolicyKind::Trust));
        session.chain(identity).chain(resource).chain(trust).collect()
    }

    /// With this policy in the place of all of its kind.
    fn decided_by(&self, policy: Policy, kind: PolicyKind) -> Outcome {
        let policy = Arc::new(policy);
        let attached = vec![Attached { name: "p".into(), policy: Arc::clone(&policy) }];
        let principal = self.principal();
        let (principal, resource) = match kind {
            PolicyKind::Identity => {
                (Principal { policies: attached, ..principal }, Resource::Policy(None))
            }
            PolicyKind::Session => {
                let session_policies = Some(attached);
                (Principal { session_policies, ..principal }, Resource::Policy(None))
            }
            PolicyKind::Resource => (principal, Resource::Policy(Some(&policy))),
            PolicyKind::Trust => (principal, Resource::Trust(&policy)),
        };
        self.decided(&principal, resource)
    }
}

fn name(outcome: Outcome) -> String {
    let kind = |kind| match kind {
        PolicyKind::Identity => "identity",
        PolicyKind::Session => "session",
        PolicyKind::Resource => "resource",
        PolicyKind::Trust => "trust",
    };
    match outcome {
        Outcome::Allowed => "allowed".into(),
        Outcome::Forbidden(of) => format!("forbidden by {}", kind(of)),
        Outcome::NotAllowed(of) => format!("not allowed by {}", kind(of)),
    }
}

#[test]
fn every_decision_of_the_documentation_is_taken_as_documented() {
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
    let wrong: Vec<_> = rows
        .iter()
        .map(|row| (row, name(row.outcome())))
        .filter(|(row, outcome)| *outcome != row.expect)
        .map(|(row, outcome)| format!("{}: {outcome}, not {}", row.name(), row.expect))
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_row_shows_something_of_its_own() {
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    let mut names = BTreeSet::new();
    for row in &rows {
        assert!(names.insert(row.name()), "{} is there twice", row.name());
    }
}

/// What comes into a document, or in the place of one of its characters.
fn piece() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "\"",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "*",
        "?",
        "$",
        "${",
        "}*{$",
        "${*}",
        "/",
        "0",
        "-1",
        "99999999999999999999",
        "é",
        "\\",
        "\\u0000",
        "\\ud800",
        "null",
        "IfExists",
        "ForAllValues:",
        "Not",
        "T",
        "Z",
        ".",
    ])
}

proptest! {
    #[test]
    fn a_damaged_policy_is_read_or_refused_and_what_is_read_decides(
        row in any::<Index>(),
        document in any::<Index>(),
        damage in prop::collection::vec((any::<Index>(), piece(), any::<bool>()), 1..4),
    ) {
        let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
        let rows: Vec<&Row> = rows.iter().filter(|row| !row.documents().is_empty()).collect();
        let row = row.get(&rows);
        let documents = row.documents();
        let (document, kind) = document.get(&documents);
        let mut text = document.to_string();
        for (at, piece, inserted) in damage {
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            let Some(&from) = places.get(at.index(places.len() + 1)) else { continue };
            let width = text[from..].chars().next().map_or(0, char::len_utf8);
            text.replace_range(from..from + if inserted { 0 } else { width }, piece);
        }
        if let Ok(policy) = Policy::parse(&text, *kind) {
            let _allowed_or_not = row.decided_by(policy, *kind);
        }
    }
}
