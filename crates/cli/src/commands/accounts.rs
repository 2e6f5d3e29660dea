//! `weir accounts …`: the accounts of a node, which do not see each other.

use clap::{Args, Subcommand};
use serde::Serialize;
use weir_client::admin::{Account, CreateAccountInput, ListAccountsInput};

use super::administer::{AdminArgs, show_key};
use super::tail::rfc3339;
use crate::exit::Exit;
use crate::output::{self, Table};

/// Arguments of `weir accounts`.
#[derive(Args)]
pub(crate) struct AccountsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make an account, with a key of its root
    #[command(after_help = "Example:\n  weir accounts create 111111111111 --name billing")]
    Create {
        /// The id: 12 digits that nobody has yet
        id: String,
        /// What people call it
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// List the accounts
    List {
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// One line of `--json`.
#[derive(Serialize)]
struct AccountLine {
    account_id: String,
    name: Option<String>,
    created: Option<String>,
}

impl From<Account> for AccountLine {
    fn from(account: Account) -> Self {
        let created = account.create_date.map(rfc3339);
        Self { account_id: account.account_id, name: account.name, created }
    }
}

pub(crate) async fn run(args: AccountsArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Create { id, name, admin } => {
            let profile = name.clone().unwrap_or_else(|| id.clone()).replace(' ', "-");
            let made = admin.client()?.call(CreateAccountInput { account_id: id, name }).await?;
            show_key(&made.access_key, &profile, admin.json)?;
        }
        Action::List { admin } => list(&admin).await?,
    }
    Ok(Exit::Done)
}

async fn list(admin: &AdminArgs) -> anyhow::Result<()> {
    let client = admin.client()?;
    let (mut accounts, mut next_token) = (Vec::new(), None);
    loop {
        let page = client.call(ListAccountsInput { limit: None, next_token }).await?;
        accounts.extend(page.accounts.into_iter().map(AccountLine::from));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    if admin.json {
        return Ok(accounts.iter().try_for_each(output::json)?);
    }
    let mut table = Table::new(["ACCOUNT", "NAME", "CREATED"]);
    for account in accounts {
        table.row([
            account.account_id.into(),
            account.name.unwrap_or_default().into(),
            account.created.unwrap_or_else(|| "with the node".into()).into(),
        ]);
    }
    Ok(table.print()?)
}
