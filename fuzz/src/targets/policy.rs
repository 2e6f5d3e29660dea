//! Policy documents, and the decisions that follow from them.

use security::policy::{
    Attached, Outcome, POLICY_BYTES_MAX, Policy, PolicyKind, Principal, PrincipalKind, Request,
    Resource, decide,
};

const ACCOUNT: &str = "111122223333";
const STREAM: &str = "arn:aws:kinesis:us-east-1:111122223333:stream/orders";
const ROLE: &str = "arn:aws:iam::111122223333:role/reader";

/// Reads a document as every kind of policy, and lets it decide.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for kind in [PolicyKind::Identity, PolicyKind::Session, PolicyKind::Resource, PolicyKind::Trust]
    {
        let Ok(policy) = Policy::parse(text, kind) else { continue };
        assert!(text.len() <= POLICY_BYTES_MAX);
        assert_eq!(Policy::parse(text, kind).as_ref(), Ok(&policy), "it says one thing");
        deciding(kind, policy);
    }
}

/// Lets `policy` decide, and then beside a statement that denies everything.
fn deciding(kind: PolicyKind, policy: Policy) {
    let attached = |policy: &Policy| Attached { name: "it".into(), policy: policy.clone().into() };
    let mut user = user();
    match kind {
        PolicyKind::Identity => user.policies.push(attached(&policy)),
        PolicyKind::Session => {
            user.policies.push(attached(&everything(PolicyKind::Identity, "Allow")));
            user.session_policies = Some(vec![attached(&policy)]);
        }
        PolicyKind::Resource | PolicyKind::Trust => {}
    }
    let mut denied = user.clone();
    denied.policies.push(attached(&everything(PolicyKind::Identity, "Deny")));
    let (action, resource, attached) = match kind {
        PolicyKind::Trust => ("sts:AssumeRole", ROLE, Resource::Trust(&policy)),
        PolicyKind::Resource => ("kinesis:PutRecord", STREAM, Resource::Policy(Some(&policy))),
        _ => ("kinesis:PutRecord", STREAM, Resource::Policy(None)),
    };
    let keys = |name: &str| match name {
        "aws:sourceip" => Some(vec!["10.0.0.1".to_owned()]),
        "aws:currenttime" => Some(vec!["2026-11-23T23:31:07Z".to_owned()]),
        "aws:securetransport" => Some(vec!["true".to_owned()]),
        "aws:tagkeys" => Some(vec!["a".to_owned(), "b".to_owned()]),
        _ => None,
    };
    let request = |principal| {
        let account = ACCOUNT;
        decide(&Request { principal, action, resource, account, attached, keys: &keys }).outcome
    };
    assert_eq!(request(&user), request(&user), "a decision is a function of the request");
    assert!(matches!(request(&denied), Outcome::Forbidden(_)), "a deny wins over everything");
}

fn everything(kind: PolicyKind, effect: &str) -> Policy {
    let text = format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"*","Resource":"*"}}}}"#);
    Policy::parse(&text, kind).expect("this is a policy")
}

fn user() -> Principal {
    Principal {
        arn: format!("arn:aws:iam::{ACCOUNT}:user/alice"),
        kind: PrincipalKind::User { name: "alice".into() },
        user_id: "AIDAEXAMPLE".into(),
        tags: [("team".to_owned(), "blue".to_owned())].into(),
        ..Principal::root(ACCOUNT)
    }
}
