//! `weir roles …`: what principals may act as for a while.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Serialize;
use weir_client::Client;
use weir_client::ErrorCode;
use weir_client::admin::{
    CreateRoleInput, DeletePrincipalPolicyInput, DeleteRoleInput, GetRoleInput,
    ListPrincipalPoliciesInput, ListRolesInput, PutPrincipalPolicyInput, Role, UpdateRoleInput,
};

use super::administer::{AdminArgs, read_document, refusal, tags, tags_text};
use super::tail::rfc3339;
use crate::exit::Exit;
use crate::output::{self, HEADING, Table, styled};

/// Arguments of `weir roles`.
#[derive(Args)]
pub(crate) struct RolesArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a role; its sessions may do nothing until it has a policy
    Create(CreateArgs),
    /// List the roles
    List {
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Show a role with its policies and who may assume it
    Show {
        /// The role
        name: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Change who may assume a role, or for how long
    Update(UpdateArgs),
    /// Delete a role; its sessions are over at once
    Delete {
        /// The role
        name: String,
        /// Delete its policies too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// Arguments of `weir roles create`.
#[derive(Args)]
#[command(after_help = "Examples:\n  weir roles create reader --trust 111111111111 --policy \
    read.json\n  weir roles create reader --trust-policy trust.json")]
struct CreateArgs {
    /// The name
    name: String,
    #[command(flatten)]
    trust: TrustArgs,
    /// Attach the policy in this file, or standard input if it is `-`, under the role's name
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// A tag, which policies can ask for; may be said several times
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Who may assume it.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct TrustArgs {
    /// Trust this account (12 digits) or principal (ARN); may be said several times
    #[arg(long, value_name = "PRINCIPAL")]
    trust: Vec<String>,
    /// The trust policy in this file, or standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    trust_policy: Option<String>,
}

#[derive(Args)]
struct SettingsArgs {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How long its sessions may last: 3600 to 43200 [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    max_session: Option<i32>,
}

/// Arguments of `weir roles update`.
#[derive(Args)]
struct UpdateArgs {
    /// The role
    name: String,
    /// Trust this account (12 digits) or principal (ARN) and no other; may be said several times
    #[arg(long, value_name = "PRINCIPAL", conflicts_with = "trust_policy")]
    trust: Vec<String>,
    /// The trust policy in this file, or standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    trust_policy: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    admin: AdminArgs,
}

/// One line of `--json`.
#[derive(Serialize)]
struct RoleLine<'a> {
    name: &'a str,
    arn: &'a str,
    role_id: &'a str,
    created: String,
    description: Option<&'a str>,
    max_session_seconds: i32,
    tags: &'a BTreeMap<String, String>,
    trust_policy: &'a str,
}

/// The line of `weir roles show --json`.
#[derive(Serialize)]
struct ShowLine<'a> {
    #[serde(flatten)]
    role: RoleLine<'a>,
    policies: &'a [String],
}

impl<'a> From<&'a Role> for RoleLine<'a> {
    fn from(role: &'a Role) -> Self {
        Self {
            name: &role.role_name,
            arn: &role.arn,
            role_id: &role.role_id,
            created: rfc3339(role.create_date),
            description: role.description.as_deref(),
            max_session_seconds: role.max_session_duration,
            tags: &role.tags,
            trust_policy: &role.assume_role_policy_document,
        }
    }
}

pub(crate) async fn run(args: RolesArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Create(args) => create(args).await?,
        Action::List { admin } => list(&admin).await?,
        Action::Show { name, admin } => show(name, &admin).await?,
        Action::Update(args) => update(args).await?,
        Action::Delete { name, all, admin } => delete(name, all, &admin).await?,
    }
    Ok(Exit::Done)
}

async fn create(args: CreateArgs) -> anyhow::Result<()> {
    let CreateArgs { name, trust, policy, settings, tags: said, admin } = args;
    // Read first: a file that is not there leaves no role behind.
    let policy_document = policy.as_deref().map(read_document).transpose()?;
    let trust = trust_document(&trust.trust, trust.trust_policy.as_deref())?;
    let client = admin.client()?;
    let input = CreateRoleInput {
        role_name: name.clone(),
        assume_role_policy_document: trust.unwrap_or_default(),
        description: settings.description,
        max_session_duration: settings.max_session,
        tags: tags(&said)?,
    };
    let role = client.call(input).await?.role;
    if let Some(policy_document) = policy_document {
        let put = PutPrincipalPolicyInput {
            user_name: None,
            role_name: Some(name.clone()),
            policy_name: name.clone(),
            policy_document,
        };
        client.call(put).await?;
    }
    match admin.json {
        true => output::json(&RoleLine::from(&role))?,
        false => output::line(format!("{name} is made: {}", role.arn))?,
    }
    Ok(())
}

/// The trust policy that was given, or one that trusts these principals.
fn trust_document(trusted: &[String], file: Option<&str>) -> anyhow::Result<Option<String>> {
    if let Some(file) = file {
        return read_document(file).map(Some);
    }
    if trusted.is_empty() {
        return Ok(None);
    }
    let trusted = serde_json::to_string(trusted)?;
    let document = format!(
        "{{\"Version\": \"2012-10-17\", \"Statement\": [{{\"Effect\": \"Allow\", \"Principal\": \
         {{\"AWS\": {trusted}}}, \"Action\": \"sts:AssumeRole\"}}]}}"
    );
    Ok(Some(document))
}

async fn list(admin: &AdminArgs) -> anyhow::Result<()> {
    let client = admin.client()?;
    let (mut roles, mut next_token) = (Vec::new(), None);
    loop {
        let page = client.call(ListRolesInput { limit: None, next_token }).await?;
        roles.extend(page.roles);
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    if admin.json {
        return Ok(roles.iter().map(RoleLine::from).try_for_each(|line| output::json(&line))?);
    }
    let mut table = Table::new(["NAME", "CREATED", "ARN", "DESCRIPTION"]);
    for role in roles {
        let created = rfc3339(role.create_date);
        let description = role.description.unwrap_or_default();
        table.row([role.role_name.into(), created.into(), role.arn.into(), description.into()]);
    }
    Ok(table.print()?)
}

async fn show(name: String, admin: &AdminArgs) -> anyhow::Result<()> {
    let client = admin.client()?;
    let role = client.call(GetRoleInput { role_name: name.clone() }).await?.role;
    let policies = policies(&client, &name).await?;
    if admin.json {
        let role = RoleLine::from(&role);
        return Ok(output::json(&ShowLine { role, policies: &policies })?);
    }
    output::line(format!("{}  {}", styled(HEADING, &role.role_name), role.arn))?;
    let (id, made) = (&role.role_id, rfc3339(role.create_date));
    output::line(format!("id {id}, made {made}, sessions of {} s", role.max_session_duration))?;
    if let Some(description) = &role.description {
        output::line(description)?;
    }
    if !role.tags.is_empty() {
        output::line(format!("tags {}", tags_text(&role.tags)))?;
    }
    let policies = if policies.is_empty() { "none".to_owned() } else { policies.join(", ") };
    output::line(format!("policies: {policies}"))?;
    output::line("may be assumed by:")?;
    Ok(output::line(role.assume_role_policy_document)?)
}

async fn update(args: UpdateArgs) -> anyhow::Result<()> {
    let UpdateArgs { name, trust, trust_policy, settings, admin } = args;
    let input = UpdateRoleInput {
        role_name: name.clone(),
        assume_role_policy_document: trust_document(&trust, trust_policy.as_deref())?,
        description: settings.description,
        max_session_duration: settings.max_session,
    };
    let role = admin.client()?.call(input).await?.role;
    match admin.json {
        true => output::json(&RoleLine::from(&role))?,
        false => output::line(format!("{name} is changed"))?,
    }
    Ok(())
}

async fn delete(name: String, all: bool, admin: &AdminArgs) -> anyhow::Result<()> {
    let client = admin.client()?;
    if all {
        for policy_name in policies(&client, &name).await? {
            let input = DeletePrincipalPolicyInput {
                user_name: None,
                role_name: Some(name.clone()),
                policy_name,
            };
            client.call(input).await?;
        }
    }
    let deleted = client.call(DeleteRoleInput { role_name: name.clone() }).await;
    if let Err(error) = deleted {
        let in_use = refusal(&error) == Some(ErrorCode::ResourceInUse);
        let error = anyhow::Error::from(error);
        return Err(match in_use {
            true => error.context("the role has policies; --all deletes them too"),
            false => error,
        });
    }
    admin.report(format!("{name} is deleted"))
}

async fn policies(client: &Client, name: &str) -> anyhow::Result<Vec<String>> {
    let input = ListPrincipalPoliciesInput { user_name: None, role_name: Some(name.into()) };
    Ok(client.call(input).await?.policy_names)
}
