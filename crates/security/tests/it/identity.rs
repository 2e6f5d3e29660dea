//! Accounts, users, roles, their keys and their policies.

use runtime::SystemEntropy;
use security::{Error, Identity, MasterKey};
use wire::admin::*;
use wire::{ApiError, ErrorCode, sigv4};

use crate::world::{OWN, READ, ROOT_KEY, TRUST_OWN, World, is_written, root_of};

fn refusal(code: ErrorCode, text: &str) -> ApiError {
    ApiError::new(code, text)
}

#[tokio::test(start_paused = true)]
async fn everything_is_there_again_after_a_restart() {
    let world = World::new();
    let node = world.start().await;
    let made = node.user("alice").await.unwrap();
    let role = node.role("reader", TRUST_OWN).await.unwrap();
    let key = node.key(Some("alice")).await.unwrap();
    node.put_policy("alice", "may-read", READ).await.unwrap();
    let input = CreateAccountInput { account_id: "111111111111".into(), name: None };
    let other = node.identity.create_account(&root_of(OWN), input).await.unwrap();
    node.stop().await;

    let node = world.start().await;
    let input = GetUserInput { user_name: "alice".into() };
    assert_eq!(node.identity.get_user(&root_of(OWN), input).await.unwrap().user, made);
    let input = GetRoleInput { role_name: "reader".into() };
    assert_eq!(node.identity.get_role(&root_of(OWN), input).await.unwrap().role, role);
    let authenticated =
        node.identity.authenticate(&key.access_key_id, None, made.create_date).unwrap();
    assert_eq!(authenticated.principal.arn, "arn:aws:iam::000000000000:user/alice");
    assert_eq!(authenticated.secret.expose(), key.secret_access_key);
    assert_eq!(authenticated.principal.policies.len(), 1);
    assert_eq!(authenticated.principal.policies[0].name, "may-read");
    let root = node.who(&other.access_key.access_key_id, None);
    assert_eq!(root.unwrap(), "arn:aws:iam::111111111111:root");
    assert_eq!(node.who(ROOT_KEY, None).unwrap(), "arn:aws:iam::000000000000:root");
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_on_disk_readable_and_without_the_master_key_nothing_starts() {
    let world = World::new();
    let node = world.start().await;
    node.user("alice").await.unwrap();
    let first = node.key(Some("alice")).await.unwrap();
    let second = node.key(None).await.unwrap();
    node.set_key(&first.access_key_id, AccessKeyStatus::Inactive).await.unwrap();
    node.stop().await;

    let directory = world.directory.path();
    for key in [&first, &second] {
        assert!(is_written(directory, key.access_key_id.as_bytes()), "the right place is read");
        assert!(!is_written(directory, key.secret_access_key.as_bytes()));
        // Nor half of it.
        assert!(!is_written(directory, &key.secret_access_key.as_bytes()[..20]));
    }
    let (tasks, storage) = world.storage().await;
    let wrong = MasterKey::generate(std::sync::Arc::new(SystemEntropy));
    let refused = Identity::start(world.parts(&tasks, &storage, wrong)).await.err().unwrap();
    assert!(matches!(refused, Error::WrongMasterKey { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_rotated_while_the_node_runs() {
    let node = World::new().start().await;
    node.user("alice").await.unwrap();
    let old = node.key(Some("alice")).await.unwrap();
    let new = node.key(Some("alice")).await.unwrap();
    let third = node.key(Some("alice")).await.err().unwrap();
    let text = "Cannot exceed quota for AccessKeysPerUser: 2";
    assert_eq!(third, refusal(ErrorCode::LimitExceeded, text));

    let (old, new) = (old.access_key_id, new.access_key_id);
    node.set_key(&old, AccessKeyStatus::Inactive).await.unwrap();
    assert_eq!(node.who(&old, None), Err(sigv4::unknown_key()), "it may not sign any more");
    assert!(node.who(&new, None).is_ok());
    node.set_key(&old, AccessKeyStatus::Active).await.unwrap();
    assert!(node.who(&old, None).is_ok(), "it was only switched off");
    node.delete_key(&old, Some("alice")).await.unwrap();
    assert_eq!(node.who(&old, None), Err(sigv4::unknown_key()));
    let gone = node.delete_key(&old, Some("alice")).await.unwrap_err();
    let text = format!("The Access Key with id {old} cannot be found.");
    assert_eq!(gone, refusal(ErrorCode::ResourceNotFound, &text));
    assert!(node.who(&new, None).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_uses_of_a_key_are_told_until_the_node_stops() {
    let world = World::new();
    let node = world.start().await;
    node.user("alice").await.unwrap();
    let key = node.key(Some("alice")).await.unwrap();
    let input = || ListAccessKeysInput { user_name: Some("alice".into()), account_id: None };
    let root = root_of(OWN);
    let list = || node.identity.list_access_keys(&root, input());
    assert_eq!(list().await.unwrap().access_key_metadata[0].last_used_date, None);
    world.clock.pass(60);
    let now = runtime::Clock::now(&*world.clock);
    node.identity.used(&key.access_key_id, now);
    // The key is read anew from the table, and its uses stay known.
    node.set_key(&key.access_key_id, AccessKeyStatus::Inactive).await.unwrap();
    let listed = &list().await.unwrap().access_key_metadata[0];
    assert_eq!(listed.last_used_date, Some(now));
    assert_eq!(listed.status, AccessKeyStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn keys_that_the_configuration_gives_are_not_changed_here() {
    let node = World::new().start().await;
    let refused = node.delete_key(ROOT_KEY, None).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    assert!(refused.to_string().contains("configuration"), "{refused}");
    assert!(node.who(ROOT_KEY, None).is_ok());
    // They do not count among those that may be made.
    node.key(None).await.unwrap();
    node.key(None).await.unwrap();
    assert_eq!(node.key(None).await.err().unwrap().code, ErrorCode::LimitExceeded);
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_whatever_their_case_and_found_only_in_it() {
    let node = World::new().start().await;
    node.user("alice").await.unwrap();
    let refused = node.user("ALICE").await.unwrap_err();
    let text = "User with name ALICE already exists.";
    assert_eq!(refused, refusal(ErrorCode::ResourceInUse, text));
    node.role("alice", TRUST_OWN).await.unwrap();
    let input = GetUserInput { user_name: "Alice".into() };
    let refused = node.identity.get_user(&root_of(OWN), input).await.unwrap_err();
    let text = "The user with name Alice cannot be found.";
    assert_eq!(refused, refusal(ErrorCode::ResourceNotFound, text));
}

#[tokio::test(start_paused = true)]
async fn what_still_has_keys_or_policies_is_not_deleted() {
    let node = World::new().start().await;
    node.user("alice").await.unwrap();
    let key = node.key(Some("alice")).await.unwrap();
    node.put_policy("alice", "may-read", READ).await.unwrap();
    let delete = || async {
        let input = DeleteUserInput { user_name: "alice".into() };
        node.identity.delete_user(&root_of(OWN), input).await
    };
    let text = "Cannot delete entity, must delete access keys first.";
    assert_eq!(delete().await, Err(refusal(ErrorCode::ResourceInUse, text)));
    node.delete_key(&key.access_key_id, Some("alice")).await.unwrap();
    let text = "Cannot delete entity, must delete policies first.";
    assert_eq!(delete().await, Err(refusal(ErrorCode::ResourceInUse, text)));
    let input = DeletePrincipalPolicyInput {
        user_name: Some("alice".into()),
        role_name: None,
        policy_name: "may-read".into(),
    };
    node.identity.delete_principal_policy(&root_of(OWN), input).await.unwrap();
    assert_eq!(delete().await, Ok(()));
    let text = "The user with name alice cannot be found.";
    assert_eq!(delete().await, Err(refusal(ErrorCode::ResourceNotFound, text)));
}

#[tokio::test(start_paused = true)]
async fn accounts_are_made_by_the_nodes_own_and_know_nothing_of_each_other() {
    let node = World::new().start().await;
    let other = "111111111111";
    let input = |id: &str| CreateAccountInput { account_id: id.into(), name: Some("B".into()) };
    node.identity.create_account(&root_of(OWN), input(other)).await.unwrap();
    let twice = node.identity.create_account(&root_of(OWN), input(other)).await.err().unwrap();
    let text = "Account 111111111111 already exists.";
    assert_eq!(twice, refusal(ErrorCode::ResourceInUse, text));
    let foreign = node.identity.create_account(&root_of(other), input("222222222222")).await;
    assert_eq!(foreign.err().unwrap().code, ErrorCode::AccessDenied);
    let reserved = node.identity.create_account(&root_of(OWN), input("999999999999")).await;
    assert_eq!(reserved.err().unwrap().code, ErrorCode::InvalidArgument);

    node.user("alice").await.unwrap();
    let users = node.identity.list_users(&root_of(other), ListUsersInput::default()).await;
    assert_eq!(users.unwrap().users, []);
    let key = |user: Option<&str>, account: Option<&str>| CreateAccessKeyInput {
        user_name: user.map(str::to_owned),
        account_id: account.map(str::to_owned),
    };
    let create = |by, input| node.identity.create_access_key(by, input);
    let (own, foreign) = (root_of(OWN), root_of(other));
    let alices = create(&foreign, key(Some("alice"), None)).await.err().unwrap();
    assert_eq!(alices.code, ErrorCode::ResourceNotFound);
    let roots = create(&foreign, key(None, Some(OWN))).await.err().unwrap();
    assert_eq!(roots.code, ErrorCode::AccessDenied);
    let lost = create(&own, key(None, Some(other))).await.unwrap().access_key;
    let root = node.who(&lost.access_key_id, None);
    assert_eq!(root.unwrap(), "arn:aws:iam::111111111111:root");
    let nobody = create(&own, key(None, Some("333333333333"))).await.err().unwrap();
    assert_eq!(nobody.code, ErrorCode::ResourceNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_given_another_account_keeps_what_was_made_in_the_old_one() {
    let mut world = World::new();
    let node = world.start().await;
    node.user("alice").await.unwrap();
    let (alices, roots) = (node.key(Some("alice")).await.unwrap(), node.key(None).await.unwrap());
    node.stop().await;
    world.account = "222222222222";
    let node = world.start().await;
    assert_eq!(node.who(ROOT_KEY, None).unwrap(), "arn:aws:iam::222222222222:root");
    let alice = node.who(&alices.access_key_id, None).unwrap();
    assert_eq!(alice, "arn:aws:iam::000000000000:user/alice");
    let root = node.who(&roots.access_key_id, None).unwrap();
    assert_eq!(root, "arn:aws:iam::000000000000:root");
    let list = ListAccountsInput::default();
    let listed = node.identity.list_accounts(&root_of("222222222222"), list).await.unwrap();
    let ids: Vec<_> = listed.accounts.into_iter().map(|account| account.account_id).collect();
    assert_eq!(ids, [OWN, "222222222222"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_kept_as_it_was_put_within_its_bounds() {
    let node = World::new().start().await;
    node.user("alice").await.unwrap();
    let refused = node.put_policy("alice", "wrong", r#"{"Statement": 5}"#).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    node.put_policy("alice", "may-read", READ).await.unwrap();
    let get = |role: Option<&str>| GetPrincipalPolicyInput {
        user_name: Some("alice".into()),
        role_name: role.map(str::to_owned),
        policy_name: "may-read".into(),
    };
    let read = node.identity.get_principal_policy(&root_of(OWN), get(None)).await.unwrap();
    assert_eq!(read.policy_document, READ);
    let both = node.identity.get_principal_policy(&root_of(OWN), get(Some("alice"))).await;
    assert_eq!(both.unwrap_err().code, ErrorCode::InvalidArgument);

    // White space does not count; what is replaced does not count either.
    let padded = |bytes: usize| {
        let resource =
            format!("arn:aws:kinesis:us-east-1:000000000000:stream/{}", "x".repeat(bytes));
        READ.replace(r#""Resource": "*""#, &format!(r#""Resource": "{resource}""#))
    };
    node.put_policy("alice", "may-read", &padded(9000)).await.unwrap();
    node.put_policy("alice", "may-read", &padded(9001)).await.unwrap();
    let refused = node.put_policy("alice", "another", &padded(2000)).await.unwrap_err();
    let text = "Maximum policy size of 10240 bytes exceeded for user alice";
    assert_eq!(refused, refusal(ErrorCode::LimitExceeded, text));
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_that_leave_nobody_out() {
    let node = World::new().start().await;
    for name in ["dora", "alice", "carol", "bob"] {
        node.user(name).await.unwrap();
    }
    let (mut names, mut next_token) = (Vec::new(), None);
    loop {
        let input = ListUsersInput { limit: Some(3), next_token };
        let page = node.identity.list_users(&root_of(OWN), input).await.unwrap();
        names.push(page.users.into_iter().map(|user| user.user_name).collect::<Vec<_>>());
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(names, [vec!["alice", "bob", "carol"], vec!["dora"]]);
}
