//! `weir streams …`: streams and shards for people and scripts.

mod change;
mod explain;
mod list;
mod show;

use clap::{Args, Subcommand};
use weir_client::Client;

use crate::environment::ConnectionArgs;
use crate::exit::Exit;

pub(crate) use change::{wait_until_active, wait_until_gone};

/// Arguments of `weir streams`.
#[derive(Args)]
pub(crate) struct StreamsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the streams
    List(list::ListArgs),
    /// Show a stream with its shards: where their hash keys lie and where they came from
    Show(show::ShowArgs),
    /// Explain what is throttled, by which keys, and what would help
    Explain(explain::ExplainArgs),
    /// Create a stream
    Create(change::CreateArgs),
    /// Delete a stream and all its records
    Delete(change::DeleteArgs),
    /// Split a shard in two
    Split(change::SplitArgs),
    /// Merge two adjacent shards
    Merge(change::MergeArgs),
    /// Change the number of shards, evenly
    Scale(change::ScaleArgs),
    /// Encrypt the records that are put from now on, or stop that
    Encrypt(change::EncryptArgs),
}

/// What every action has.
#[derive(Args)]
struct CommonArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl CommonArgs {
    fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.connection.client_config()?)?)
    }
}

pub(crate) async fn run(args: StreamsArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::List(args) => list::run(args).await?,
        Action::Show(args) => show::run(args).await?,
        Action::Explain(args) => explain::run(args).await?,
        Action::Create(args) => change::create(args).await?,
        Action::Delete(args) => change::delete(args).await?,
        Action::Split(args) => change::split(args).await?,
        Action::Merge(args) => change::merge(args).await?,
        Action::Scale(args) => change::scale(args).await?,
        Action::Encrypt(args) => change::encrypt(args).await?,
    }
    Ok(Exit::Done)
}
