//! Decisions taken from AWS's documentation, in `tests/decisions.json`: each row names the page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
        let principal = self.principal();
        let resource = self.resource.as_ref().map(|d| self.policy(d, PolicyKind::Resource));
        let trust = self.trust.as_ref().map(|d| self.policy(d, PolicyKind::Trust));
        let values = |value: &Value| match value {
            Value::Array(values) => values.iter().map(|v| v.as_str().unwrap().into()).collect(),
            value => vec![value.as_str().unwrap().to_owned()],
        };
        let keys: BTreeMap<String, Vec<String>> =
            self.keys.iter().map(|(key, value)| (key.to_lowercase(), values(value))).collect();
        let request = Request {
            principal: &principal,
            action: &self.action,
            resource: &self.on,
            account: self.owner(),
            attached: match &trust {
                Some(trust) => Resource::Trust(trust),
                None => Resource::Policy(resource.as_ref()),
            },
            keys: &|key| keys.get(key).cloned(),
        };
        decide(&request).outcome
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
