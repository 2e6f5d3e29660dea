//! What is a policy document and what is none, and how a decision explains itself.

use std::sync::Arc;

use proptest::prelude::*;
use security::policy::{
    Attached, Deciding, Decision, Outcome, POLICY_BYTES_MAX, Policy, PolicyKind, Principal,
    PrincipalKind, Request, Resource, decide,
};

const ORDERS: &str = "arn:aws:kinesis:us-east-1:111122223333:stream/orders";

fn refusal(text: &str, kind: PolicyKind) -> String {
    Policy::parse(text, kind).expect_err(text).to_string()
}

/// A document of one statement with these members beside `"Effect": "Allow"`.
fn document(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{members}}}}}"#)
}

#[test]
fn documents_that_are_no_policies_are_refused_with_what_is_wrong() {
    let identity = |members: &str| refusal(&document(members), PolicyKind::Identity);
    let syntax = "Syntax errors in policy.";
    for (text, why) in [
        ("", syntax),
        ("{}", syntax),
        ("[]", syntax),
        (r#"{"Version":"2012-10-17","Statement":[]}"#, syntax),
        (r#"{"Version":"2020-01-01","Statement":{}}"#, "Invalid policy version."),
        (
            r#"{"Version":"2012-10-17","Extra":1,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Has prohibited field Extra.",
        ),
        (r#"{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}"#, syntax),
    ] {
        assert_eq!(refusal(text, PolicyKind::Identity), why, "{text}");
    }
    for (members, why) in [
        (r#""Resource":"*""#, "Policy statement must contain actions."),
        (r#""Action":"*""#, "Policy statement must contain resources."),
        (r#""Action":"*","NotAction":"*","Resource":"*""#, syntax),
        (r#""Action":[],"Resource":"*""#, syntax),
        (r#""Action":1,"Resource":"*""#, syntax),
        (r#""Action":"put","Resource":"*""#, "Actions/Conditions must be prefaced by a vendor."),
        (r#""Action":"kine*:Put","Resource":"*""#, "Vendor kine* is not valid"),
        (r#""Action":"a:b:c","Resource":"*""#, "Actions/Condition can contain only one colon."),
        (r#""Action":"*","Resource":"orders""#, "Resource orders must be in ARN format or \"*\"."),
        (
            r#""Action":"*","Resource":"arn:aws:*:us-east-1:1:x""#,
            "Resource arn:aws:*:us-east-1:1:x must be in ARN format or \"*\".",
        ),
        (
            r#""Action":"*","Resource":"*","Principal":"*""#,
            "Policy document should not specify a principal.",
        ),
        (r#""Action":"*","action":"*","Resource":"*""#, "Duplicate key action in policy."),
        (r#""Action":"*","Resource":"*","Colour":1"#, "Has prohibited field Colour."),
        (
            r#""Sid":"a b","Action":"*","Resource":"*""#,
            "Statement IDs (SID) must be alpha-numeric.",
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"StringIs":{"a:b":"c"}}"#,
            "Invalid Condition type : StringIs",
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"NullIfExists":{"a:b":"true"}}"#,
            "Invalid Condition type : NullIfExists",
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}"#,
            "The value \"10.0.0.0/33\" is not valid for the operator IpAddress.",
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"nocolon":"c"}}"#,
            "Actions/Conditions must be prefaced by a vendor.",
        ),
        (r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"a:b":{}}}"#, syntax),
        (
            r#""Action":"*","Resource":"arn:aws:s3:::${aws:username""#,
            "Invalid policy variable in \"arn:aws:s3:::${aws:username\".",
        ),
    ] {
        assert_eq!(identity(members), why, "{members}");
    }
}

#[test]
fn policies_of_resources_say_whom_they_mean_and_no_wildcard_names_anyone_by_accident() {
    let of = |principal: &str| {
        document(&format!(r#""Principal":{principal},"Action":"kinesis:*","Resource":"*""#))
    };
    for good in [
        r#""*""#,
        r#"{"AWS":"*"}"#,
        r#"{"AWS":"111122223333"}"#,
        r#"{"AWS":["arn:aws:iam::111122223333:root","arn:aws-cn:iam::111122223333:user/a/b"]}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s","Service":"a.amazonaws.com"}"#,
    ] {
        assert!(Policy::parse(&of(good), PolicyKind::Resource).is_ok(), "{good}");
    }
    for bad in [
        r#""111122223333""#,
        "{}",
        r#"{"AWS":[]}"#,
        r#"{"AWS":"alice"}"#,
        r#"{"AWS":"1234"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
        r#"{"AWS":"arn:aws:iam::*:root"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:group/g"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/r"}"#,
        r#"{"Everyone":"*"}"#,
    ] {
        let why = refusal(&of(bad), PolicyKind::Resource);
        assert!(why.starts_with("Invalid principal in policy"), "{bad}: {why}");
    }
    let nobody = document(r#""Action":"*","Resource":"*""#);
    assert_eq!(refusal(&nobody, PolicyKind::Resource), "Missing required field Principal");
    let others = document(r#""NotPrincipal":"*","Action":"*","Resource":"*""#);
    let why = "Allow with NotPrincipal is not allowed.";
    assert_eq!(refusal(&others, PolicyKind::Resource), why);
    let trust = document(r#""Principal":"*","Action":"sts:AssumeRole","Resource":"*""#);
    assert_eq!(refusal(&trust, PolicyKind::Trust), "Has prohibited field Resource.");
}

#[test]
fn a_document_is_bounded_in_size_and_depth() {
    let long = document(&format!(
        r#""Action":"*","Resource":"arn:aws:s3:::{}""#,
        "x".repeat(POLICY_BYTES_MAX)
    ));
    assert!(refusal(&long, PolicyKind::Identity).contains("20480 bytes"));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(refusal(&deep, PolicyKind::Identity), "Syntax errors in policy.");
    let sids = r#"{"Statement":[{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"},
        {"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    assert!(refusal(sids, PolicyKind::Identity).contains("must be unique"));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}") {
        for kind in [PolicyKind::Identity, PolicyKind::Resource, PolicyKind::Trust] {
            let _ = Policy::parse(&text, kind);
        }
    }

    #[test]
    fn no_members_of_a_statement_make_the_reader_panic(
        members in prop::collection::vec((
            prop::sample::select(vec![
                "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
                "NotResource", "Condition", "Version",
            ]),
            prop::sample::select(vec![
                "null", "1", "\"*\"", "[]", "{}", "\"Allow\"", "\"kinesis:*\"", "[\"*\", 1]",
                "{\"AWS\": \"*\"}", "{\"StringEquals\": {\"a:b\": \"${\"}}",
                "{\"DateEquals\": {\"a:b\": \"-99999999999999\"}}", "\"arn:aws:s3:::${*}\"",
            ]),
        ), 0..8),
    ) {
        let members: Vec<_> = members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        let text = format!("{{\"Statement\":{{{}}}}}", members.join(","));
        for kind in [PolicyKind::Identity, PolicyKind::Resource, PolicyKind::Trust] {
            let _ = Policy::parse(&text, kind);
        }
    }
}

fn attached(name: &str, text: &str, kind: PolicyKind) -> Attached {
    Attached { name: name.into(), policy: Arc::new(Policy::parse(text, kind).unwrap()) }
}

fn bob() -> Principal {
    Principal {
        arn: "arn:aws:iam::444455556666:user/bob".into(),
        kind: PrincipalKind::User { name: "bob".into() },
        ..Principal::root("444455556666")
    }
}

fn put<'a>(principal: &'a Principal, policy: &'a Policy) -> Decision<'a> {
    decide(&Request {
        principal,
        action: "kinesis:PutRecord",
        resource: ORDERS,
        account: "111122223333",
        attached: Resource::Policy(Some(policy)),
        keys: &|_| None,
    })
}

#[test]
fn a_decision_names_the_statements_that_decided() {
    let shared = r#"{"Statement":[
        {"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"kinesis:*","Resource":"*"},
        {"Sid":"Bob","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:user/bob"},
         "Action":"kinesis:*","Resource":"*"}]}"#;
    let shared = Policy::parse(shared, PolicyKind::Resource).unwrap();
    let writes = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Sid":"Put","Effect":"Allow","Action":"kinesis:Put*","Resource":"*"}]}"#;
    let writes = attached("writes", writes, PolicyKind::Identity);
    let bob = Principal { policies: vec![writes], ..bob() };
    let decision = put(&bob, &shared);
    assert_eq!(decision.outcome, Outcome::Allowed);
    let by_identity =
        Deciding { kind: PolicyKind::Identity, policy: Some("writes"), index: 1, sid: Some("Put") };
    let by_resource =
        Deciding { kind: PolicyKind::Resource, policy: None, index: 1, sid: Some("Bob") };
    assert_eq!(decision.statements, [by_identity, by_resource]);
}

#[test]
fn a_refusal_says_in_aws_s_words_which_kind_of_policy_refuses() {
    let text = |outcome: Outcome| outcome.refusal("arn:u", "kinesis:PutRecord", Some(ORDERS));
    let of = |outcome: Outcome| {
        let text = text(outcome).unwrap();
        let start = format!(
            "User: arn:u is not authorized to perform: kinesis:PutRecord on resource: {ORDERS} "
        );
        text.strip_prefix(&start).unwrap().to_owned()
    };
    use PolicyKind::{Identity, Resource, Session, Trust};
    assert_eq!(text(Outcome::Allowed), None);
    for (outcome, why) in [
        (
            Outcome::NotAllowed(Identity),
            "because no identity-based policy allows the kinesis:PutRecord action",
        ),
        (
            Outcome::NotAllowed(Resource),
            "because no resource-based policy allows the kinesis:PutRecord action",
        ),
        (
            Outcome::NotAllowed(Session),
            "because no session policy allows the kinesis:PutRecord action",
        ),
        (
            Outcome::NotAllowed(Trust),
            "because no role trust policy allows the kinesis:PutRecord action",
        ),
        (Outcome::Forbidden(Identity), "with an explicit deny in an identity-based policy"),
        (Outcome::Forbidden(Resource), "with an explicit deny in a resource-based policy"),
        (Outcome::Forbidden(Session), "with an explicit deny in a session policy"),
        (Outcome::Forbidden(Trust), "with an explicit deny in the role trust policy"),
    ] {
        assert_eq!(of(outcome), why);
    }
}
