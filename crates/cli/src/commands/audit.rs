//! `weir audit`: reads the audit stream, like any client that may.

mod chain;
mod search;
mod trail;
mod verify;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// Arguments of `weir audit`.
#[derive(Args)]
#[command(after_help = "\
The audit stream is arn:aws:kinesis:us-east-1:999999999999:stream/weir-audit. The root of the node's
account may read it, and every principal of that account whose policies allow it.

Examples:
  weir audit search --event DeleteStream
  weir audit search --principal alice --since 2026-11-25T00:00:00Z --json
  weir audit verify")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Find records by time, caller, event, stream and error
    Search(search::SearchArgs),
    /// Walk the chain of records, and say where it is broken
    Verify(verify::VerifyArgs),
}

pub(crate) async fn run(args: AuditArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Search(args) => search::run(args).await,
        Action::Verify(args) => verify::run(args).await,
    }
}
