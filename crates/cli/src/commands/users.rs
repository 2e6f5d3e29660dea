//! `weir users …`: who may call besides the root of an account.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Serialize;
use weir_client::Client;
use weir_client::ErrorCode;
use weir_client::admin::{
    CreateAccessKeyInput, CreateUserInput, DeleteAccessKeyInput, DeletePrincipalPolicyInput,
    DeleteUserInput, GetUserInput, ListAccessKeysInput, ListPrincipalPoliciesInput, ListUsersInput,
    PutPrincipalPolicyInput, User,
};

use super::administer::{
    AdminArgs, read_document, refusal, show_key, status_cell, tags, tags_text,
};
use super::tail::rfc3339;
use crate::exit::Exit;
use crate::output::{self, HEADING, Table, styled};

/// Arguments of `weir users`.
#[derive(Args)]
pub(crate) struct UsersArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a user; it may do nothing until it has a policy
    Create(CreateArgs),
    /// List the users
    List {
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Show a user with its keys and policies
    Show {
        /// The user
        name: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Delete a user
    Delete {
        /// The user
        name: String,
        /// Delete its keys and policies too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// Arguments of `weir users create`.
#[derive(Args)]
#[command(after_help = "Example:\n  weir users create shop --policy shop.json --key")]
struct CreateArgs {
    /// The name
    name: String,
    /// Attach the policy in this file, or standard input if it is `-`, under the user's name
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    /// Make an access key and show it
    #[arg(long)]
    key: bool,
    /// A tag, which policies can ask for; may be said several times
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// One line of `--json`.
#[derive(Serialize)]
struct UserLine<'a> {
    name: &'a str,
    arn: &'a str,
    user_id: &'a str,
    created: String,
    tags: &'a BTreeMap<String, String>,
}

/// The line of `weir users show --json`.
#[derive(Serialize)]
struct ShowLine<'a> {
    #[serde(flatten)]
    user: UserLine<'a>,
    access_keys: Vec<&'a str>,
    policies: &'a [String],
}

impl<'a> From<&'a User> for UserLine<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            name: &user.user_name,
            arn: &user.arn,
            user_id: &user.user_id,
            created: rfc3339(user.create_date),
            tags: &user.tags,
        }
    }
}

pub(crate) async fn run(args: UsersArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Create(args) => create(args).await?,
        Action::List { admin } => list(&admin).await?,
        Action::Show { name, admin } => show(name, &admin).await?,
        Action::Delete { name, all, admin } => delete(name, all, &admin).await?,
    }
    Ok(Exit::Done)
}

async fn create(args: CreateArgs) -> anyhow::Result<()> {
    let CreateArgs { name, policy, key, tags: said, admin } = args;
    // Read first: a file that is not there leaves no user behind.
    let policy_document = policy.as_deref().map(read_document).transpose()?;
    let client = admin.client()?;
    let input = CreateUserInput { user_name: name.clone(), tags: tags(&said)? };
    let user = client.call(input).await?.user;
    if let Some(policy_document) = policy_document {
        let put = PutPrincipalPolicyInput {
            user_name: Some(name.clone()),
            role_name: None,
            policy_name: name.clone(),
            policy_document,
        };
        client.call(put).await.with_context(|| {
            format!("user {name} is made, but has no policy: mend it and use weir policies put")
        })?;
    }
    if !key {
        return match admin.json {
            true => Ok(output::json(&UserLine::from(&user))?),
            false => Ok(output::line(format!("{name} is made: {}", user.arn))?),
        };
    }
    let input = CreateAccessKeyInput { user_name: Some(name.clone()), account_id: None };
    show_key(&client.call(input).await?.access_key, &name, admin.json)
}

async fn list(admin: &AdminArgs) -> anyhow::Result<()> {
    let client = admin.client()?;
    let (mut users, mut next_token) = (Vec::new(), None);
    loop {
        let page = client.call(ListUsersInput { limit: None, next_token }).await?;
        users.extend(page.users);
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    if admin.json {
        return Ok(users.iter().map(UserLine::from).try_for_each(|line| output::json(&line))?);
    }
    let mut table = Table::new(["NAME", "CREATED", "ARN"]);
    for user in users {
        let created = rfc3339(user.create_date);
        table.row([user.user_name.into(), created.into(), user.arn.into()]);
    }
    Ok(table.print()?)
}

async fn show(name: String, admin: &AdminArgs) -> anyhow::Result<()> {
    let client = admin.client()?;
    let user = client.call(GetUserInput { user_name: name.clone() }).await?.user;
    let input = ListAccessKeysInput { user_name: Some(name.clone()), account_id: None };
    let keys = client.call(input).await?.access_key_metadata;
    let policies = policies(&client, &name).await?;
    if admin.json {
        let access_keys = keys.iter().map(|key| &*key.access_key_id).collect();
        let user = UserLine::from(&user);
        return Ok(output::json(&ShowLine { user, access_keys, policies: &policies })?);
    }
    output::line(format!("{}  {}", styled(HEADING, &user.user_name), user.arn))?;
    output::line(format!("id {}, made {}", user.user_id, rfc3339(user.create_date)))?;
    if !user.tags.is_empty() {
        output::line(format!("tags {}", tags_text(&user.tags)))?;
    }
    let policies = if policies.is_empty() { "none".to_owned() } else { policies.join(", ") };
    output::line(format!("policies: {policies}"))?;
    if keys.is_empty() {
        return Ok(output::line("access keys: none")?);
    }
    let mut table = Table::new(["ACCESS KEY", "STATUS", "CREATED", "LAST USED"]);
    for key in keys {
        table.row([
            key.access_key_id.into(),
            status_cell(key.status),
            rfc3339(key.create_date).into(),
            key.last_used_date.map(rfc3339).unwrap_or_default().into(),
        ]);
    }
    Ok(table.print()?)
}

async fn delete(name: String, all: bool, admin: &AdminArgs) -> anyhow::Result<()> {
    let client = admin.client()?;
    if all {
        delete_belongings(&client, &name).await?;
    }
    let deleted = client.call(DeleteUserInput { user_name: name.clone() }).await;
    if let Err(error) = deleted {
        let in_use = refusal(&error) == Some(ErrorCode::ResourceInUse);
        let error = anyhow::Error::from(error);
        return Err(match in_use {
            true => error.context("the user has keys or policies; --all deletes them too"),
            false => error,
        });
    }
    admin.report(format!("{name} is deleted"))
}

async fn delete_belongings(client: &Client, name: &str) -> anyhow::Result<()> {
    let input = ListAccessKeysInput { user_name: Some(name.into()), account_id: None };
    for key in client.call(input).await?.access_key_metadata {
        let input = DeleteAccessKeyInput {
            access_key_id: key.access_key_id,
            user_name: Some(name.into()),
            account_id: None,
        };
        client.call(input).await?;
    }
    for policy_name in policies(client, name).await? {
        let input = DeletePrincipalPolicyInput {
            user_name: Some(name.into()),
            role_name: None,
            policy_name,
        };
        client.call(input).await?;
    }
    Ok(())
}

async fn policies(client: &Client, name: &str) -> anyhow::Result<Vec<String>> {
    let input = ListPrincipalPoliciesInput { user_name: Some(name.into()), role_name: None };
    Ok(client.call(input).await?.policy_names)
}
