//! `weir keys …`: keys that encrypt, and under `access` keys that sign.

mod access;
mod delete;
mod show;

use anyhow::Context;
use clap::{Args, Subcommand};
use weir_client::admin::{
    CreateAliasInput, CreateKeyInput, DeleteAliasInput, DisableKeyInput, EnableKeyInput,
    RotateKeyInput,
};

use super::administer::AdminArgs;
use crate::exit::Exit;
use crate::output;

/// Arguments of `weir keys`.
#[derive(Args)]
#[command(after_help = "\
KEY is a key's UUID or ARN, or the name or ARN of an alias.

Examples:
  weir keys create --alias alias/orders
  weir streams encrypt orders --key alias/orders --wait
  weir keys show alias/orders
  weir keys rotate alias/orders")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key that encrypts
    Create {
        /// What it is for
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Give it this name: alias/…
        #[arg(long, value_name = "NAME", value_parser = alias_name)]
        alias: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// List the keys that encrypt
    List {
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Show a key and the streams that use it
    Show(KeyArgs),
    /// Let a disabled key be used again
    Enable(KeyArgs),
    /// Let a key not be used, neither to write nor to read, until it is enabled again
    Disable(KeyArgs),
    /// Give a key new material; what is encrypted stays as it is and readable
    Rotate(KeyArgs),
    /// Delete a key: what it encrypted is unreadable for ever
    Delete(delete::DeleteArgs),
    /// Name keys
    Alias(AliasArgs),
    /// Make, list, switch and delete the access keys that sign requests
    Access(access::AccessArgs),
}

/// A key.
#[derive(Args)]
struct KeyArgs {
    /// The key: UUID, ARN or alias
    key: String,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Arguments of `weir keys alias`.
#[derive(Args)]
struct AliasArgs {
    #[command(subcommand)]
    action: AliasAction,
}

#[derive(Subcommand)]
enum AliasAction {
    /// Give a key another name
    Create {
        /// The name: alias/…
        #[arg(value_parser = alias_name)]
        name: String,
        /// The key: UUID, ARN or alias
        key: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Take a name away; streams go on using the key
    Delete {
        /// The name: alias/…
        #[arg(value_parser = alias_name)]
        name: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

pub(crate) async fn run(args: KeysArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Create { description, alias, admin } => create(description, alias, &admin).await?,
        Action::List { admin } => show::list(&admin).await?,
        Action::Show(KeyArgs { key, admin }) => show::show(key, &admin).await?,
        Action::Enable(KeyArgs { key, admin }) => {
            let done = format!("{key} may be used again");
            admin.change(EnableKeyInput { key_id: key }, done).await?;
        }
        Action::Disable(KeyArgs { key, admin }) => {
            let done = format!("{key} may not be used any more");
            admin.change(DisableKeyInput { key_id: key }, done).await?;
        }
        Action::Rotate(KeyArgs { key, admin }) => {
            let done = format!("{key} has new material");
            admin.change(RotateKeyInput { key_id: key }, done).await?;
        }
        Action::Delete(args) => return delete::run(args).await,
        Action::Alias(args) => alias(args).await?,
        Action::Access(args) => return access::run(args).await,
    }
    Ok(Exit::Done)
}

async fn create(
    description: String,
    alias: Option<String>,
    admin: &AdminArgs,
) -> anyhow::Result<()> {
    let client = admin.client()?;
    let input = CreateKeyInput { description: Some(description) };
    let mut key = client.call(input).await?.key;
    if let Some(alias_name) = alias {
        let named = CreateAliasInput { alias_name: alias_name.clone(), key_id: key.arn.clone() };
        let named = client.call(named).await;
        named.with_context(|| format!("the key {} is made, but has no name", key.arn))?;
        key.aliases.push(alias_name);
    }
    match admin.json {
        true => show::print_json(&key)?,
        false => output::line(&key.arn)?,
    }
    Ok(())
}

/// Refused before anything is made.
fn alias_name(text: &str) -> Result<String, String> {
    match text.strip_prefix("alias/") {
        Some(name) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("the name of an alias begins with alias/, as in alias/orders".into()),
    }
}

async fn alias(args: AliasArgs) -> anyhow::Result<()> {
    match args.action {
        AliasAction::Create { name, key, admin } => {
            let done = format!("{name} is a name of {key}");
            admin.change(CreateAliasInput { alias_name: name, key_id: key }, done).await
        }
        AliasAction::Delete { name, admin } => {
            let done = format!("{name} names nothing any more");
            admin.change(DeleteAliasInput { alias_name: name }, done).await
        }
    }
}
