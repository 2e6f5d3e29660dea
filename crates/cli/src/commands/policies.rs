//! `weir policies …`: what users and roles may do.

mod simulate;

use clap::{Args, Subcommand};
use serde::Serialize;
use weir_client::admin::{
    DeletePrincipalPolicyInput, GetPrincipalPolicyInput, ListPrincipalPoliciesInput,
    PutPrincipalPolicyInput,
};

use super::administer::{AdminArgs, OwnerArgs, read_document};
use crate::exit::Exit;
use crate::output;

/// Arguments of `weir policies`.
#[derive(Args)]
pub(crate) struct PoliciesArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Attach a policy to a user or a role, or replace the one of that name
    #[command(after_help = "Example:\n  weir policies put orders orders.json --user shop")]
    Put {
        /// The policy's name
        name: String,
        /// The file that has it, in JSON; `-` is standard input
        file: String,
        #[command(flatten)]
        owner: OwnerArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Print a policy as it was put
    Get {
        /// The policy's name
        name: String,
        #[command(flatten)]
        owner: OwnerArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// List the names of the policies of a user or a role
    List {
        #[command(flatten)]
        owner: OwnerArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Say whether a user, a role or a root may do something, and which statement decides
    Simulate(simulate::SimulateArgs),
    /// Detach a policy
    Delete {
        /// The policy's name
        name: String,
        #[command(flatten)]
        owner: OwnerArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// One line of `--json`.
#[derive(Serialize)]
struct PolicyLine<'a> {
    user: Option<&'a str>,
    role: Option<&'a str>,
    policy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
}

pub(crate) async fn run(args: PoliciesArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Put { name, file, owner, admin } => {
            let done = format!("{name} is attached to {}", owner.title());
            let input = PutPrincipalPolicyInput {
                user_name: owner.user,
                role_name: owner.role,
                policy_name: name,
                policy_document: read_document(&file)?,
            };
            admin.change(input, done).await?;
        }
        Action::Get { name, owner, admin } => get(name, owner, &admin).await?,
        Action::Simulate(args) => simulate::run(args).await?,
        Action::List { owner, admin } => list(owner, &admin).await?,
        Action::Delete { name, owner, admin } => {
            let done = format!("{name} is detached from {}", owner.title());
            let input = DeletePrincipalPolicyInput {
                user_name: owner.user,
                role_name: owner.role,
                policy_name: name,
            };
            admin.change(input, done).await?;
        }
    }
    Ok(Exit::Done)
}

async fn get(name: String, owner: OwnerArgs, admin: &AdminArgs) -> anyhow::Result<()> {
    let input =
        GetPrincipalPolicyInput { user_name: owner.user, role_name: owner.role, policy_name: name };
    let policy = admin.client()?.call(input).await?;
    if admin.json {
        return Ok(output::json(&PolicyLine {
            user: policy.user_name.as_deref(),
            role: policy.role_name.as_deref(),
            policy: &policy.policy_name,
            document: Some(&policy.policy_document),
        })?);
    }
    Ok(output::line(policy.policy_document.trim_end())?)
}

async fn list(owner: OwnerArgs, admin: &AdminArgs) -> anyhow::Result<()> {
    let input =
        ListPrincipalPoliciesInput { user_name: owner.user.clone(), role_name: owner.role.clone() };
    let names = admin.client()?.call(input).await?.policy_names;
    if !admin.json {
        return Ok(names.iter().try_for_each(output::line)?);
    }
    let (user, role) = (owner.user.as_deref(), owner.role.as_deref());
    let line = |policy| PolicyLine { user, role, policy, document: None };
    Ok(names.iter().try_for_each(|name| output::json(&line(name)))?)
}
