//! `weir keys delete`: says what becomes unreadable, asks, and deletes.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use clap::Args;
use weir_client::admin::{DeleteKeyInput, DescribeKeyInput};

use super::show::print_uses;
use crate::commands::administer::AdminArgs;
use crate::exit::{Exit, Usage};
use crate::output;

/// What has to be typed.
const CONSENT: &str = "delete";

/// Arguments of `weir keys delete`.
#[derive(Args)]
#[command(after_help = "\
There is no way back: the key's material is erased, and every record that was encrypted with it is
unreadable for everybody from then on, in this data directory. Copies of the directory that were made
before still have the key.")]
pub(super) struct DeleteArgs {
    /// The key: UUID, ARN or alias
    key: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(super) async fn run(args: DeleteArgs) -> anyhow::Result<Exit> {
    let DeleteArgs { key, yes, admin } = args;
    let client = admin.client()?;
    let found = client.call(DescribeKeyInput { key_id: key }).await?;
    if !admin.json {
        output::line(format!("Everything encrypted with {} is lost for ever.", found.key.arn))?;
        print_uses(&found.uses)?;
    }
    if !yes && !consent()? {
        output::note("Nothing was deleted.");
        return Ok(Exit::Failed);
    }
    // By its ARN: an alias may have been given to another key since it was looked at.
    let key_id = found.key.arn.clone();
    client.call(DeleteKeyInput { key_id, acknowledge_data_loss: Some(true) }).await?;
    admin.report(format!("{} is deleted", found.key.arn))?;
    Ok(Exit::Done)
}

fn consent() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        let why = "nobody can be asked whether to delete the key: say --yes".to_owned();
        return Err(Usage(why).into());
    }
    output::note(format!("Type {CONSENT} to delete the key:"));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read standard input")?;
    Ok(line.trim() == CONSENT)
}
