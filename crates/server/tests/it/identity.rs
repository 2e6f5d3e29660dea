//! Users, roles and keys, managed and used over the network.

use std::sync::Arc;

use model::Timestamp;
use runtime::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use weir_client::{Client, ClientConfig, Credentials, Error};
use wire::admin::*;
use wire::kinesis::{CreateStreamInput, ListStreamsInput};
use wire::sigv4::{self, PayloadHash, Secret, sign_for};
use wire::{Call, ErrorCode, HttpRequest};

use crate::harness::{Answer, Hands, Sent, Started, start, start_with_clock};

const KEY: &str =
    r#"[{access_key_id = "AKIAROOT000000000000", secret_access_key = "open sesame"}]"#;
const VERIFY: &[(&str, &str)] = &[("auth.mode", "verify"), ("auth.keys", KEY)];
const ALL: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["kinesis:*", "sts:*"], "Resource": "*"}]}"#;
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:ExternalId": "42"}}}]}"#;

fn root() -> Credentials {
    Credentials {
        access_key_id: "AKIAROOT000000000000".into(),
        secret_access_key: "open sesame".into(),
        session_token: None,
    }
}

fn of(key: NewAccessKey) -> Credentials {
    let (access_key_id, secret_access_key) = (key.access_key_id, key.secret_access_key);
    Credentials { access_key_id, secret_access_key, session_token: None }
}

fn client(started: &Started, credentials: &Credentials) -> Client {
    let config = ClientConfig {
        endpoint: format!("http://{}", started.node.address()),
        credentials: credentials.clone(),
        attempts_max: 1,
        ..Default::default()
    };
    Client::new(config).unwrap()
}

/// The code of a refusal.
fn refused<T>(result: Result<T, Error>) -> ErrorCode {
    match result {
        Err(Error::Service { error, .. }) => error.code,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

async fn may_list(started: &Started, credentials: &Credentials) -> Result<(), Error> {
    client(started, credentials).call(ListStreamsInput::default()).await.map(|_| ())
}

/// A user with a key that may do everything with streams and roles.
async fn alice(started: &Started) -> Credentials {
    let root = client(started, &root());
    let user_name = || "alice".to_owned();
    root.call(CreateUserInput { user_name: user_name(), ..Default::default() }).await.unwrap();
    let policy = PutPrincipalPolicyInput {
        user_name: Some(user_name()),
        policy_name: "all".into(),
        policy_document: ALL.into(),
        ..Default::default()
    };
    root.call(policy).await.unwrap();
    of(new_key(started).await)
}

async fn new_key(started: &Started) -> NewAccessKey {
    let input = CreateAccessKeyInput { user_name: Some("alice".into()), account_id: None };
    client(started, &root()).call(input).await.unwrap().access_key
}

async fn set(started: &Started, key: &Credentials, status: AccessKeyStatus) {
    let input = UpdateAccessKeyInput {
        access_key_id: key.access_key_id.clone(),
        status,
        user_name: Some("alice".into()),
        account_id: None,
    };
    client(started, &root()).call(input).await.unwrap();
}

/// A call of STS, signed for `service` now.
async fn sts(started: &Started, by: &Credentials, service: &str, form: &[(&str, &str)]) -> Answer {
    sts_at(SystemClock.now(), started, by, service, form).await
}

async fn sts_at(
    now: Timestamp,
    started: &Started,
    by: &Credentials,
    service: &str,
    form: &[(&str, &str)],
) -> Answer {
    let encoded = |text: &str| {
        let byte = |byte: u8| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect::<String>()
    };
    let version = [("Version", "2011-06-15")];
    let pairs = form.iter().chain(&version);
    let pairs = pairs.map(|(name, value)| format!("{name}={}", encoded(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    let headers = [("host", "weir"), ("content-type", "application/x-www-form-urlencoded")];
    let plain = HttpRequest {
        method: "POST",
        path: "/",
        query: "",
        headers: headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
    };
    let credentials = sigv4::Credentials {
        access_key_id: by.access_key_id.clone(),
        secret: Secret::new(&by.secret_access_key),
        session_token: by.session_token.clone(),
    };
    let payload = PayloadHash::of(body.as_bytes());
    let added = sign_for(&plain, payload, &credentials, ("us-east-1", service), now);
    let mut request = Sent::new(body.into());
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = "/".parse().unwrap();
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in headers.into_iter().chain(added) {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    started.http1().await.send(request).await
}

/// What stands in an element of a document.
fn element(document: &str, name: &str) -> String {
    let from = document.split_once(&format!("<{name}>")).expect(document).1;
    from.split_once(&format!("</{name}>")).expect(document).0.to_owned()
}

fn assume<'a>(role: &'a str, external_id: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("Action", "AssumeRole"),
        ("RoleArn", role),
        ("RoleSessionName", "nightly"),
        ("DurationSeconds", "900"),
        ("ExternalId", external_id),
    ]
}

#[tokio::test]
async fn a_user_made_while_the_node_runs_signs_at_once_and_its_key_is_rotated_under_load() {
    let started = start(VERIFY).await;
    let old = alice(&started).await;
    let stream = CreateStreamInput {
        stream_name: "river".into(),
        shard_count: Some(1),
        ..Default::default()
    };
    client(&started, &old).call(stream).await.unwrap();

    // Whoever uses a key that is on is never refused while others come and go.
    let mut calling = JoinSet::new();
    for _ in 0..4 {
        let client = client(&started, &root());
        calling.spawn(async move {
            for _ in 0..50 {
                client.call(ListStreamsInput::default()).await.unwrap();
            }
        });
    }
    let new = of(new_key(&started).await);
    may_list(&started, &new).await.unwrap();
    set(&started, &old, AccessKeyStatus::Inactive).await;
    assert_eq!(refused(may_list(&started, &old).await), ErrorCode::UnrecognizedClient);
    set(&started, &old, AccessKeyStatus::Active).await;
    may_list(&started, &old).await.unwrap();
    let input = DeleteAccessKeyInput {
        access_key_id: old.access_key_id.clone(),
        user_name: Some("alice".into()),
        account_id: None,
    };
    client(&started, &root()).call(input).await.unwrap();
    assert_eq!(refused(may_list(&started, &old).await), ErrorCode::UnrecognizedClient);
    may_list(&started, &new).await.unwrap();
    calling.join_all().await;

    let input = ListAccessKeysInput { user_name: Some("alice".into()), account_id: None };
    let keys = client(&started, &root()).call(input).await.unwrap().access_key_metadata;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].access_key_id, new.access_key_id);
    assert!(keys[0].last_used_date.is_some());
}

#[tokio::test]
async fn accounts_of_one_node_do_not_see_each_other() {
    let started = start(VERIFY).await;
    let own = client(&started, &root());
    let input = CreateAccountInput { account_id: "111111111111".into(), name: None };
    let other = of(own.call(input).await.unwrap().access_key);
    let stream = |name: &str| CreateStreamInput {
        stream_name: name.into(),
        shard_count: Some(1),
        ..Default::default()
    };
    own.call(stream("ours")).await.unwrap();
    let other = client(&started, &other);
    other.call(stream("theirs")).await.unwrap();
    let names = |output: <ListStreamsInput as Call>::Output| output.stream_names;
    assert_eq!(names(own.call(ListStreamsInput::default()).await.unwrap()), ["ours"]);
    assert_eq!(names(other.call(ListStreamsInput::default()).await.unwrap()), ["theirs"]);
    let input = CreateAccountInput { account_id: "222222222222".into(), name: None };
    assert_eq!(refused(other.call(input).await), ErrorCode::AccessDenied);
    assert_eq!(refused(other.call(ListAccountsInput::default()).await), ErrorCode::AccessDenied);
}

#[tokio::test]
async fn whoever_has_a_key_is_told_whose_it_is() {
    let started = start(VERIFY).await;
    let alice = alice(&started).await;
    let who = [("Action", "GetCallerIdentity")];
    for (by, arn) in [
        (&root(), "arn:aws:iam::000000000000:root"),
        (&alice, "arn:aws:iam::000000000000:user/alice"),
    ] {
        let answer = sts(&started, by, "sts", &who).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "text/xml");
        assert_eq!(element(&answer.text(), "Arn"), arn);
        assert_eq!(element(&answer.text(), "Account"), "000000000000");
        let request_id = element(&answer.text(), "RequestId");
        assert_eq!(answer.header("x-amzn-requestid"), request_id);
    }
}

#[tokio::test]
async fn a_session_of_a_role_signs_with_its_token_and_never_without() {
    let started = start(VERIFY).await;
    let alice = alice(&started).await;
    let role = CreateRoleInput {
        role_name: "lister".into(),
        assume_role_policy_document: TRUST.into(),
        ..Default::default()
    };
    let role = client(&started, &root()).call(role).await.unwrap().role;
    let policy = PutPrincipalPolicyInput {
        role_name: Some("lister".into()),
        policy_name: "all".into(),
        policy_document: ALL.into(),
        ..Default::default()
    };
    client(&started, &root()).call(policy).await.unwrap();

    let refused_sts = sts(&started, &alice, "sts", &assume(&role.arn, "41")).await;
    assert_eq!(refused_sts.status, 403);
    assert_eq!(element(&refused_sts.text(), "Code"), "AccessDenied");
    let text = format!(
        "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: sts:AssumeRole \
         on resource: {}",
        role.arn
    );
    assert_eq!(element(&refused_sts.text(), "Message"), text);

    let answer = sts(&started, &alice, "sts", &assume(&role.arn, "42")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let document = answer.text();
    let session = Credentials {
        access_key_id: element(&document, "AccessKeyId"),
        secret_access_key: element(&document, "SecretAccessKey"),
        session_token: Some(element(&document, "SessionToken")),
    };
    may_list(&started, &session).await.unwrap();
    let who = sts(&started, &session, "sts", &[("Action", "GetCallerIdentity")]).await;
    let arn = "arn:aws:sts::000000000000:assumed-role/lister/nightly";
    assert_eq!(element(&who.text(), "Arn"), arn);

    let bare = Credentials { session_token: None, ..session.clone() };
    assert_eq!(refused(may_list(&started, &bare).await), ErrorCode::UnrecognizedClient);
    let forged = Credentials { session_token: Some("token".into()), ..session.clone() };
    assert_eq!(refused(may_list(&started, &forged).await), ErrorCode::UnrecognizedClient);
    let wrong = Credentials { secret_access_key: "guessed".into(), ..session };
    assert_eq!(refused(may_list(&started, &wrong).await), ErrorCode::InvalidSignature);
}

#[tokio::test]
async fn a_role_can_ask_where_the_caller_comes_from() {
    let started = start(VERIFY).await;
    for (network, code) in [("127.0.0.0/8", ""), ("10.0.0.0/8", "AccessDenied")] {
        let condition = format!(r#""IpAddress": {{"aws:SourceIp": "{network}"}}"#);
        let role = CreateRoleInput {
            role_name: format!("from-{}", &network[..2]),
            assume_role_policy_document: TRUST
                .replace(r#""StringEquals": {"sts:ExternalId": "42"}"#, &condition),
            ..Default::default()
        };
        let role = client(&started, &root()).call(role).await.unwrap().role;
        let answer = sts(&started, &root(), "sts", &assume(&role.arn, "42")).await;
        match code {
            "" => assert_eq!(answer.status, 200, "{}", answer.text()),
            code => assert_eq!(element(&answer.text(), "Code"), code),
        }
    }
}

#[tokio::test]
async fn what_a_user_may_manage_is_for_policies_to_say() {
    let started = start(VERIFY).await;
    let alice = alice(&started).await;
    let keys = || ListAccessKeysInput { user_name: Some("alice".into()), account_id: None };
    let denied = client(&started, &alice).call(keys()).await.unwrap_err().to_string();
    assert!(
        denied.contains(
            "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: \
         weir:ListAccessKeys on resource: arn:aws:iam::000000000000:user/alice"
        ),
        "{denied}"
    );
    let own = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "weir:*",
        "Resource": "arn:aws:iam::*:user/${aws:username}"}]}"#;
    let policy = PutPrincipalPolicyInput {
        user_name: Some("alice".into()),
        policy_name: "own".into(),
        policy_document: own.into(),
        ..Default::default()
    };
    client(&started, &root()).call(policy).await.unwrap();
    client(&started, &alice).call(keys()).await.unwrap();
    // What is her own is not the root's, nor a new user.
    let roots = ListAccessKeysInput::default();
    assert_eq!(refused(client(&started, &alice).call(roots).await), ErrorCode::AccessDenied);
    let user = CreateUserInput { user_name: "bob".into(), ..Default::default() };
    assert_eq!(refused(client(&started, &alice).call(user).await), ErrorCode::AccessDenied);
}

#[tokio::test]
async fn a_session_that_is_over_is_told_so_before_its_signature_counts() {
    let clock = Arc::new(Hands::at(Timestamp::from_seconds(1_800_000_000)));
    let started = start_with_clock(VERIFY, clock.clone()).await;
    let client = |credentials: &Credentials| {
        let config = ClientConfig {
            endpoint: format!("http://{}", started.node.address()),
            credentials: credentials.clone(),
            attempts_max: 1,
            ..Default::default()
        };
        let world = weir_client::World { clock: clock.clone(), ..Default::default() };
        Client::in_world(config, world).unwrap()
    };
    let role = CreateRoleInput {
        role_name: "lister".into(),
        assume_role_policy_document: TRUST.into(),
        ..Default::default()
    };
    let role = client(&root()).call(role).await.unwrap().role;
    let form = assume(&role.arn, "42");
    let document = sts_at(clock.now(), &started, &root(), "sts", &form).await.text();
    assert_eq!(element(&document, "Expiration"), "2027-01-15T08:15:00Z");
    let session = Credentials {
        access_key_id: element(&document, "AccessKeyId"),
        secret_access_key: "guessed".into(),
        session_token: Some(element(&document, "SessionToken")),
    };
    clock.pass(899);
    let refusal = refused(client(&session).call(ListStreamsInput::default()).await);
    assert_eq!(refusal, ErrorCode::InvalidSignature);
    clock.pass(1);
    let refusal = client(&session).call(ListStreamsInput::default()).await.unwrap_err();
    assert!(
        refusal.to_string().contains(
            "ExpiredTokenException: The security token included in the request is expired"
        )
    );
    let who = [("Action", "GetCallerIdentity")];
    let answer = sts_at(clock.now(), &started, &session, "sts", &who).await;
    assert_eq!((answer.status.as_u16(), &*element(&answer.text(), "Code")), (403, "ExpiredToken"));
}

#[tokio::test]
async fn sts_refuses_in_its_own_words_and_only_takes_signatures_for_itself() {
    let started = start(VERIFY).await;
    let who = [("Action", "GetCallerIdentity")];
    let nobody = Credentials { access_key_id: "AKIANOBODY".into(), ..root() };
    let wrong = Credentials { secret_access_key: "guessed".into(), ..root() };
    for (by, service, form, code) in [
        (&nobody, "sts", &who[..], "InvalidClientTokenId"),
        (&wrong, "sts", &who, "SignatureDoesNotMatch"),
        (&root(), "kinesis", &who, "SignatureDoesNotMatch"),
        (&root(), "sts", &[("Action", "GetFederationToken")], "InvalidAction"),
        (&root(), "sts", &[("Action", "AssumeRole")], "ValidationError"),
    ] {
        let answer = sts(&started, by, service, form).await;
        assert_eq!(element(&answer.text(), "Code"), code);
        assert_eq!(answer.header("content-type"), "text/xml");
    }
    let mut unsigned = Sent::new("Action=GetCallerIdentity&Version=2011-06-15".into());
    *unsigned.method_mut() = hyper::Method::POST;
    *unsigned.uri_mut() = "/".parse().unwrap();
    unsigned.headers_mut().insert("host", "weir".parse().unwrap());
    let form = "application/x-www-form-urlencoded".parse().unwrap();
    unsigned.headers_mut().insert("content-type", form);
    let answer = started.http1().await.send(unsigned).await;
    assert_eq!(answer.status, 403);
    assert_eq!(element(&answer.text(), "Code"), "MissingAuthenticationToken");
}

#[tokio::test]
async fn where_anyone_is_let_in_sts_answers_as_the_root() {
    let started = start(&[]).await;
    let any = Credentials { access_key_id: "test".into(), ..root() };
    let who = sts(&started, &any, "sts", &[("Action", "GetCallerIdentity")]).await;
    assert_eq!(element(&who.text(), "Arn"), "arn:aws:iam::000000000000:root");
    let listed: Value = started.call("ListStreams", json!({})).await.json();
    assert_eq!(listed["StreamNames"], json!([]));
}
