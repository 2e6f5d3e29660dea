//! Sessions of roles: who gets one, what it may do, when it is over.

use security::identity::{AssumeRole, SessionCredentials};
use security::policy::Principal;
use wire::admin::*;
use wire::{ApiError, ErrorCode, sigv4};

use crate::world::{Node, OWN, READ, ROOT_KEY, TRUST_OWN, World, root_of};

const ROLE: &str = "arn:aws:iam::000000000000:role/reader";

fn asked(session: &str) -> AssumeRole {
    AssumeRole {
        role_arn: ROLE.into(),
        session_name: session.into(),
        duration_seconds: None,
        policy: None,
    }
}

impl Node {
    /// Asks as the root of the node's own account.
    fn assume(&self, input: AssumeRole) -> Result<SessionCredentials, ApiError> {
        self.assume_as(&Principal::root(OWN), input)
    }

    fn assume_as(
        &self,
        principal: &Principal,
        input: AssumeRole,
    ) -> Result<SessionCredentials, ApiError> {
        self.identity.assume_role(principal, input, &|_| None)
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_acts_as_its_role_until_it_is_over_even_across_a_restart() {
    let world = World::new();
    let node = world.start().await;
    let role = node.role("reader", TRUST_OWN).await.unwrap();
    let session = node.assume(asked("nightly")).unwrap();
    assert_eq!(session.arn, "arn:aws:sts::000000000000:assumed-role/reader/nightly");
    assert_eq!(session.user_id, format!("{}:nightly", role.role_id));
    assert!(session.access_key_id.starts_with("ASIA"));
    node.stop().await;

    let node = world.start().await;
    let (id, token) = (&*session.access_key_id, &*session.session_token);
    assert_eq!(node.who(id, Some(token)).unwrap(), session.arn);
    let now = runtime::Clock::now(&*world.clock);
    let authenticated = node.identity.authenticate(id, Some(token), now).unwrap();
    assert_eq!(authenticated.secret.expose(), session.secret.expose());
    world.clock.pass(3599);
    assert!(node.who(id, Some(token)).is_ok());
    world.clock.pass(1);
    assert_eq!(node.who(id, Some(token)), Err(sigv4::expired_token()));
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_only_with_its_own_key_and_only_untouched() {
    let node = World::new().start().await;
    node.role("reader", TRUST_OWN).await.unwrap();
    let one = node.assume(asked("one")).unwrap();
    let two = node.assume(asked("two")).unwrap();
    let unknown = Err(sigv4::unknown_key());
    let (id, token) = (&*one.access_key_id, &*one.session_token);
    assert!(node.who(id, Some(token)).is_ok());
    assert_eq!(node.who(id, Some(&two.session_token)), unknown, "another's token");
    assert_eq!(node.who(id, None), unknown, "no token");
    assert_eq!(node.who(ROOT_KEY, Some(token)), unknown, "a permanent key with a token");
    for at in [0, 20, token.len() / 2, token.len() - 4] {
        let mut forged = token.to_owned();
        let letter = if token[at..].starts_with('A') { "B" } else { "A" };
        forged.replace_range(at..=at, letter);
        assert_eq!(node.who(id, Some(&forged)), unknown, "byte {at} changed");
    }
    for forged in ["", "token", &"A".repeat(100_000)] {
        assert_eq!(node.who(id, Some(forged)), unknown);
    }
    let other = World::new().start().await;
    other.role("reader", TRUST_OWN).await.unwrap();
    assert_eq!(other.who(id, Some(token)), unknown, "another node's token");
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_from_a_role_is_gone_from_its_sessions_at_once() {
    let node = World::new().start().await;
    node.role("reader", TRUST_OWN).await.unwrap();
    let put = PutPrincipalPolicyInput {
        role_name: Some("reader".into()),
        policy_name: "may-read".into(),
        policy_document: READ.into(),
        ..Default::default()
    };
    node.identity.put_principal_policy(&root_of(OWN), put).await.unwrap();
    let narrowed = AssumeRole { policy: Some(READ.into()), ..asked("nightly") };
    let session = node.assume(narrowed).unwrap();
    let authenticate = || {
        let now = wire_now(&session);
        let (id, token) = (&session.access_key_id, &session.session_token);
        node.identity.authenticate(id, Some(token), now)
    };
    let principal = authenticate().unwrap().principal;
    assert_eq!(principal.policies.len(), 1);
    assert_eq!(principal.session_policies.as_ref().map(Vec::len), Some(1));

    let delete = DeletePrincipalPolicyInput {
        user_name: None,
        role_name: Some("reader".into()),
        policy_name: "may-read".into(),
    };
    node.identity.delete_principal_policy(&root_of(OWN), delete).await.unwrap();
    assert_eq!(authenticate().unwrap().principal.policies.len(), 0);
    let delete = DeleteRoleInput { role_name: "reader".into() };
    node.identity.delete_role(&root_of(OWN), delete).await.unwrap();
    assert_eq!(authenticate().err(), Some(sigv4::unknown_key()));
    // Another role of that name is not the same role.
    node.role("reader", TRUST_OWN).await.unwrap();
    assert_eq!(authenticate().err(), Some(sigv4::unknown_key()));
}

/// A moment within the session.
fn wire_now(session: &SessionCredentials) -> model::Timestamp {
    session.expires.minus_millis(1)
}

#[tokio::test(start_paused = true)]
async fn only_who_is_trusted_and_allowed_begins_a_session() {
    let node = World::new().start().await;
    node.role("reader", TRUST_OWN).await.unwrap();
    node.user("alice").await.unwrap();
    let alice = || node.identity.principal("arn:aws:iam::000000000000:user/alice").unwrap();
    let denied = |who: &str, role: &str| {
        let text =
            format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}");
        Some(ApiError::new(ErrorCode::AccessDenied, text))
    };
    // The account is trusted, so it is the account's policies that say who of it.
    assert_eq!(node.assume_as(&alice(), asked("a")).err(), denied(&alice().arn, ROLE));
    let allow = READ.replace("kinesis:Get*", "sts:AssumeRole");
    node.put_policy("alice", "may-assume", &allow).await.unwrap();
    assert!(node.assume_as(&alice(), asked("a")).is_ok());
    // Another account is not trusted, whatever it allows itself.
    let stranger = Principal::root("111111111111");
    assert_eq!(node.assume_as(&stranger, asked("a")).err(), denied(&stranger.arn, ROLE));
    // A role that is not there is refused in the same words.
    for arn in ["arn:aws:iam::000000000000:role/nobody", "arn:aws:iam::1:role/x", "reader"] {
        let input = AssumeRole { role_arn: arn.into(), ..asked("a") };
        let root = Principal::root(OWN);
        assert_eq!(node.assume(input).err(), denied(&root.arn, arn));
    }
}

#[tokio::test(start_paused = true)]
async fn across_accounts_both_sides_must_agree_and_the_session_is_of_the_roles_account() {
    let node = World::new().start().await;
    let other = "111111111111";
    node.role("reader", &TRUST_OWN.replace(OWN, other)).await.unwrap();
    let input = CreateAccountInput { account_id: other.into(), name: None };
    node.identity.create_account(&root_of(OWN), input).await.unwrap();
    let create = CreateUserInput { user_name: "bob".into(), ..Default::default() };
    node.identity.create_user(&root_of(other), create).await.unwrap();
    let bob = || node.identity.principal("arn:aws:iam::111111111111:user/bob").unwrap();
    assert_eq!(node.assume_as(&bob(), asked("a")).err().unwrap().code, ErrorCode::AccessDenied);
    let put = PutPrincipalPolicyInput {
        user_name: Some("bob".into()),
        policy_name: "may-assume".into(),
        policy_document: READ.replace("kinesis:Get*", "sts:AssumeRole"),
        ..Default::default()
    };
    node.identity.put_principal_policy(&root_of(other), put).await.unwrap();
    let session = node.assume_as(&bob(), asked("a")).unwrap();
    let (id, token) = (&session.access_key_id, &session.session_token);
    let authenticated = node.identity.authenticate(id, Some(token), wire_now(&session)).unwrap();
    assert_eq!(authenticated.principal.account, OWN);
    // Its own account's root is not trusted: the role trusts the other one only.
    assert_eq!(node.assume(asked("a")).err().unwrap().code, ErrorCode::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_no_longer_than_its_role_allows() {
    let node = World::new().start().await;
    node.role("reader", TRUST_OWN).await.unwrap();
    let long = || AssumeRole { duration_seconds: Some(7200), ..asked("long") };
    let refused = node.assume(long()).err().unwrap();
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!(refused, ApiError::new(ErrorCode::Validation, text));
    let update = UpdateRoleInput {
        role_name: "reader".into(),
        max_session_duration: Some(7200),
        ..Default::default()
    };
    let role = node.identity.update_role(&root_of(OWN), update).await.unwrap().role;
    assert_eq!(role.assume_role_policy_document, TRUST_OWN, "what is not said stays");
    let session = node.assume(long()).unwrap();

    // A session may begin another, but not a long one.
    let allow = READ.replace("kinesis:Get*", "sts:AssumeRole");
    let put = PutPrincipalPolicyInput {
        role_name: Some("reader".into()),
        policy_name: "may-assume".into(),
        policy_document: allow,
        ..Default::default()
    };
    node.identity.put_principal_policy(&root_of(OWN), put).await.unwrap();
    let (id, token) = (&session.access_key_id, &session.session_token);
    let principal =
        node.identity.authenticate(id, Some(token), wire_now(&session)).unwrap().principal;
    assert!(node.assume_as(&principal, asked("chained")).is_ok());
    let refused = node.assume_as(&principal, long()).err().unwrap();
    assert!(refused.to_string().contains("1 hour session limit"), "{refused}");
}
