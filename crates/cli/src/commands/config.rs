//! `weir config`.

use clap::{Args, ValueEnum};
use server::config::{Profile, render};

use super::node::NodeArgs;
use crate::exit::Exit;
use crate::output;

/// Arguments of `weir config`.
#[derive(Args)]
#[command(after_help = "\
The output is a weir.toml that gives the same configuration, but for the secrets it hides.

Examples:
  weir config
  weir config dev --set storage.tail_bytes=128MiB")]
pub(crate) struct ConfigArgs {
    /// The command whose defaults to start from
    #[arg(value_enum, default_value = "serve")]
    profile: ProfileArg,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileArg {
    Dev,
    Serve,
}

pub(crate) fn run(args: &ConfigArgs) -> anyhow::Result<Exit> {
    let profile = match args.profile {
        ProfileArg::Dev => Profile::Dev,
        ProfileArg::Serve => Profile::Serve,
    };
    output::line(render(&args.node.load(profile)?).trim_end())?;
    Ok(Exit::Done)
}
