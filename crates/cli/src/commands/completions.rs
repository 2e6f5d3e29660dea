//! `weir completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Weir;
use crate::exit::Exit;
use crate::output;

/// Arguments of `weir completions`.
#[derive(Args)]
#[command(after_help = "Example:\n  source <(weir completions bash)")]
pub(crate) struct CompletionsArgs {
    /// The shell that will read the script
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Weir::command(), "weir", &mut script);
    output::line(String::from_utf8(script)?.trim_end())?;
    Ok(Exit::Done)
}
