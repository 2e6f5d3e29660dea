//! `weir keys …`: keys that sign.

mod access;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// Arguments of `weir keys`.
#[derive(Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make, list, switch and delete the access keys that sign requests
    Access(access::AccessArgs),
}

pub(crate) async fn run(args: KeysArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Access(args) => access::run(args).await,
    }
}
