//! `weir dev` and `weir serve`: a node in this process, from its first line to its last.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use clap::Args;
use server::config::{Config, Layers, Profile, environment};
use server::{Node, World};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::exit::Exit;
use crate::output;

/// The flags of a node. Each is short for a setting.
#[derive(Args)]
pub(crate) struct NodeArgs {
    /// Where to listen; port 0 takes any free port, and the first line of output tells which
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The directory that holds everything durable
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keep the data in a temporary directory that is removed at the end
    #[arg(long)]
    ephemeral: bool,
    /// The account that owns the streams: 12 digits
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
    /// Read settings from this file [default: weir.toml in the working directory, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What diagnostics to print: a level, or target=level pairs separated by commas
    #[arg(long, value_name = "FILTER")]
    trace: Option<String>,
    /// Listen beyond loopback although nothing is encrypted
    #[arg(long)]
    insecure_http: bool,
    /// Any other setting; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Setting::from_str)]
    settings: Vec<Setting>,
}

/// `key=value`.
#[derive(Clone)]
struct Setting(String, String);

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("it must look like KEY=VALUE")?;
        Ok(Self(key.to_owned(), value.to_owned()))
    }
}

impl NodeArgs {
    /// The configuration that defaults, file, environment and flags give together.
    pub(crate) fn load(&self, profile: Profile) -> server::Result<Config> {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let short = [
            ("listen", self.listen.map(|address| address.to_string())),
            ("data_dir", self.data_dir.as_ref().map(text)),
            ("ephemeral", self.ephemeral.then(|| "true".to_owned())),
            ("account_id", self.account_id.clone()),
            ("trace", self.trace.clone()),
            ("insecure_http", self.insecure_http.then(|| "true".to_owned())),
        ];
        let short = short.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let long = self.settings.iter().map(|Setting(key, value)| (key.clone(), value.clone()));
        Layers {
            profile,
            file: self.config.clone(),
            environment: environment(),
            flags: short.chain(long).collect(),
        }
        .load()
    }
}

/// Arguments of `weir dev`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  weir dev
  weir dev --ephemeral --listen 127.0.0.1:0
  weir dev --set limits.mode=aws --set streams.transition_delay=0ms")]
pub(crate) struct DevArgs {
    #[command(flatten)]
    node: NodeArgs,
}

/// Arguments of `weir serve`.
#[derive(Args)]
#[command(after_help = "\
The first start makes a root access key, shows it once and keeps it in DATA_DIR/credentials.

Examples:
  weir serve --data-dir /var/lib/weir
  weir serve --listen 0.0.0.0:4567 --set tls.certificate=chain.pem --set tls.key=key.pem
  weir serve --config /etc/weir.toml --listen 0.0.0.0:4567 --insecure-http")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn dev(args: DevArgs) -> anyhow::Result<Exit> {
    let config = args.node.load(Profile::Dev)?;
    run(config, |node| output::line(dev_instructions(&node.endpoint()))).await
}

pub(crate) async fn serve(args: ServeArgs) -> anyhow::Result<Exit> {
    let config = args.node.load(Profile::Serve)?;
    run(config, |node| match node.root_key_created() {
        Some(key) => output::line(format_args!(
            "\nThis is the root access key. It is shown only now and kept in the data directory:\n  \
             export AWS_ACCESS_KEY_ID={}\n  export AWS_SECRET_ACCESS_KEY={}\n",
            key.access_key_id,
            key.secret_access_key.expose(),
        )),
        None => Ok(()),
    })
    .await
}

fn dev_instructions(endpoint: &str) -> String {
    format!(
        "
To use it from the AWS CLI and the SDKs:
  export AWS_ENDPOINT_URL={endpoint} AWS_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=weir AWS_SECRET_ACCESS_KEY=weir
  aws kinesis create-stream --stream-name events --shard-count 2
  aws kinesis put-record --stream-name events --partition-key alice --data aGVsbG8=

Or with weir itself:
  weir streams create events --shards 2 --wait
  echo 'hello' | weir put events
  weir tail events -o beginning -e
"
    )
}

/// Starts a node, greets, and stops it when it is told to.
async fn run(
    config: Config,
    greet: impl FnOnce(&Node) -> std::io::Result<()>,
) -> anyhow::Result<Exit> {
    start_tracing(&config.trace)?;
    raise_file_limit();
    // Before the first line of output: who reads it may send a signal at once.
    let (mut first, mut second) = (Signals::new()?, Signals::new()?);
    let world = World::real(&config)?;
    let node = Node::start(config, world).await?;
    let greeted = output::line(format_args!("listening on {}", node.endpoint()));
    if let Err(error) = greeted.and_then(|()| greet(&node)) {
        // Whoever started it read what they wanted, or nothing: the node is there all the same.
        tracing::warn!(%error, "standard output takes no more lines");
    }
    let asked_to_stop = async {
        let name = first.next().await;
        tracing::info!(signal = name, "stopping");
    };
    let asked_twice = async {
        second.next().await;
        second.next().await
    };
    tokio::select! {
        biased;
        stopped = node.run_until(asked_to_stop) => stopped?,
        name = asked_twice => anyhow::bail!("cut off by a second signal, {name}"),
    }
    Ok(Exit::Done)
}

/// The signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

fn start_tracing(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).context("setting `trace` is not a filter")?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(AutoStream::choice(&std::io::stderr()) != ColorChoice::Never)
        .init();
    Ok(())
}

/// Every connection and every open file takes a descriptor, and the usual soft limit is 1024.
fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
