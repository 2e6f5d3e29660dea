//! `weir check`: reads a stopped node's directory and says what is damaged.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;

/// Arguments of `weir check`.
#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The data directory
    directory: PathBuf,
    /// Print each damage as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(_args: CheckArgs) -> anyhow::Result<Exit> {
    anyhow::bail!("pending")
}
