//! One file per command. Each has its arguments, its `--help` and its work.

mod accounts;
mod administer;
mod audit;
mod bench;
mod check;
mod completions;
mod config;
mod keys;
mod node;
mod policies;
mod put;
mod roles;
mod streams;
mod tail;
mod tls;
mod users;

use clap::Subcommand;

use crate::exit::Exit;

/// What `weir` can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a node for development: loopback only, any credentials, relaxed limits
    Dev(node::DevArgs),
    /// Run a node: signatures verified, AWS limits
    Serve(node::ServeArgs),
    /// Put records, one a line of standard input
    Put(put::PutArgs),
    /// Print the records of all shards of a stream
    Tail(tail::TailArgs),
    /// List, show, create, delete, split, merge and scale streams
    Streams(streams::StreamsArgs),
    /// Make, list, show and delete users
    Users(users::UsersArgs),
    /// Make, list, show, change and delete roles
    Roles(roles::RolesArgs),
    /// Attach policies to users and roles, show and detach them
    Policies(policies::PoliciesArgs),
    /// Manage the access keys that sign requests
    Keys(keys::KeysArgs),
    /// Make and list the accounts of a node
    Accounts(accounts::AccountsArgs),
    /// Measure a node's throughput and latency, and verify what it gives back
    Bench(bench::BenchArgs),
    /// Search and verify the audit of a node
    Audit(audit::AuditArgs),
    /// Make certificates for development
    Tls(tls::TlsArgs),
    /// Print the effective configuration of a node
    Config(config::ConfigArgs),
    /// Verify the data directory of a stopped node; changes nothing
    Check(check::CheckArgs),
    /// Print the completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        match command {
            Command::Dev(args) => node::dev(args).await,
            Command::Serve(args) => node::serve(args).await,
            Command::Put(args) => put::run(args).await,
            Command::Tail(args) => tail::run(args).await,
            Command::Streams(args) => streams::run(args).await,
            Command::Users(args) => users::run(args).await,
            Command::Roles(args) => roles::run(args).await,
            Command::Policies(args) => policies::run(args).await,
            Command::Keys(args) => keys::run(args).await,
            Command::Accounts(args) => accounts::run(args).await,
            Command::Bench(args) => bench::run(args).await,
            Command::Check(args) => check::run(args).await,
            Command::Audit(args) => audit::run(args).await,
            Command::Tls(args) => tls::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Completions(args) => completions::run(&args),
        }
    });
    // A thread that waits for a line of standard input cannot be woken up: leave it behind.
    runtime.shutdown_background();
    ended
}
