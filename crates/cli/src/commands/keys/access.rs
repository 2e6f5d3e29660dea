//! `weir keys access …`: the pairs that sign requests.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;
use weir_client::ErrorCode;
use weir_client::admin::{
    AccessKeyMetadata, AccessKeyStatus, CreateAccessKeyInput, DeleteAccessKeyInput,
    ListAccessKeysInput, UpdateAccessKeyInput,
};

use crate::commands::administer::{AdminArgs, refusal, show_key, status_cell};
use crate::commands::tail::rfc3339;
use crate::exit::Exit;
use crate::output::{self, Table};

/// Arguments of `weir keys access`.
#[derive(Args)]
#[command(
    after_help = "To change a user's key without a pause:\n  weir keys access create --user \
    shop\n  (give the new key to the application, and see that it is used)\n  weir keys access \
    disable AKIA… --user shop\n  weir keys access delete AKIA… --user shop"
)]
pub(crate) struct AccessArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key and show its secret, once
    Create {
        #[command(flatten)]
        owner: KeyOwnerArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// List keys
    List {
        #[command(flatten)]
        owner: KeyOwnerArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Let a key sign again
    Enable(KeyArgs),
    /// Refuse what a key signs, from the next request on
    Disable(KeyArgs),
    /// Delete a key for ever
    Delete(KeyArgs),
}

/// Whose key it is.
#[derive(Args)]
struct KeyOwnerArgs {
    /// The user; without one, the root of the account
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The account whose root is meant, for the node's own account
    #[arg(long, value_name = "ID", conflicts_with = "user")]
    account: Option<String>,
}

/// A key.
#[derive(Args)]
struct KeyArgs {
    /// The key's id
    id: String,
    #[command(flatten)]
    owner: KeyOwnerArgs,
    #[command(flatten)]
    admin: AdminArgs,
}

/// One line of `--json`.
#[derive(Serialize)]
struct KeyLine {
    access_key_id: String,
    user: Option<String>,
    status: &'static str,
    created: String,
    last_used: Option<String>,
}

impl From<&AccessKeyMetadata> for KeyLine {
    fn from(key: &AccessKeyMetadata) -> Self {
        Self {
            access_key_id: key.access_key_id.clone(),
            user: key.user_name.clone(),
            status: key.status.name(),
            created: rfc3339(key.create_date),
            last_used: key.last_used_date.map(rfc3339),
        }
    }
}

pub(super) async fn run(args: AccessArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Create { owner, admin } => create(owner, &admin).await?,
        Action::List { owner, admin } => list(owner, &admin).await?,
        Action::Enable(args) => switch(args, AccessKeyStatus::Active).await?,
        Action::Disable(args) => switch(args, AccessKeyStatus::Inactive).await?,
        Action::Delete(KeyArgs { id, owner, admin }) => {
            let done = format!("{id} is deleted");
            let KeyOwnerArgs { user, account } = owner;
            let input =
                DeleteAccessKeyInput { access_key_id: id, user_name: user, account_id: account };
            admin.change(input, done).await?;
        }
    }
    Ok(Exit::Done)
}

async fn create(owner: KeyOwnerArgs, admin: &AdminArgs) -> anyhow::Result<()> {
    let KeyOwnerArgs { user, account } = owner;
    let profile = user.clone().or_else(|| account.clone()).unwrap_or_else(|| "default".into());
    let input = CreateAccessKeyInput { user_name: user, account_id: account };
    let made = match admin.client()?.call(input).await {
        Err(error) if refusal(&error) == Some(ErrorCode::LimitExceeded) => bail!(
            "{error}: delete a key that is not used any more (weir keys access list, weir keys \
             access delete)"
        ),
        made => made?,
    };
    show_key(&made.access_key, &profile, admin.json)
}

async fn list(owner: KeyOwnerArgs, admin: &AdminArgs) -> anyhow::Result<()> {
    let KeyOwnerArgs { user, account } = owner;
    let input = ListAccessKeysInput { user_name: user, account_id: account };
    let keys = admin.client()?.call(input).await?.access_key_metadata;
    if admin.json {
        return Ok(keys.iter().map(KeyLine::from).try_for_each(|line| output::json(&line))?);
    }
    let mut table = Table::new(["ACCESS KEY", "STATUS", "CREATED", "LAST USED"]);
    for key in keys {
        let line = KeyLine::from(&key);
        // What the configuration gives was made when the node does not know.
        let created = match key.create_date.as_millis() {
            0 => "by configuration".to_owned(),
            _ => line.created,
        };
        table.row([
            line.access_key_id.into(),
            status_cell(key.status),
            created.into(),
            line.last_used.unwrap_or_default().into(),
        ]);
    }
    Ok(table.print()?)
}

async fn switch(args: KeyArgs, status: AccessKeyStatus) -> anyhow::Result<()> {
    let KeyArgs { id, owner, admin } = args;
    let done = match status {
        AccessKeyStatus::Active => format!("{id} may sign again"),
        AccessKeyStatus::Inactive => format!("{id} may not sign any more"),
    };
    let input = UpdateAccessKeyInput {
        access_key_id: id,
        status,
        user_name: owner.user,
        account_id: owner.account,
    };
    admin.change(input, done).await
}
