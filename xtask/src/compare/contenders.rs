//! The contenders: how each is installed, started and used, and what it promises.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::clients::{Client, Kafka, Kinesis, Nats, S2};
use super::server::Place;
use crate::packages;
use crate::workspace;

/// A server that is compared.
pub(super) struct Contender {
    /// On the command line and in the table.
    pub(super) name: &'static str,
    pub(super) package: Package,
    pub(super) start: fn(&Place) -> Result<Command>,
    pub(super) client: &'static dyn Client,
    pub(super) api: &'static str,
    pub(super) durability: Durability,
    /// Where a record is when it is acknowledged, by the contender's own documentation.
    pub(super) promise: &'static str,
}

/// What survives, coarsely: the colours of the plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// On disk, synced, before it is acknowledged.
    Synced,
    /// In files, but not synced, or later.
    Files,
    Memory,
}

/// What is installed, with its version.
pub(super) enum Package {
    /// This work tree.
    Weir,
    /// A crate with programs.
    Crate(&'static str),
    /// A package of npm: its name and version.
    Npm(&'static str, &'static str),
    /// A package of pip.
    Pip(&'static str),
    /// Go programs.
    Go(&'static [&'static str]),
    /// Java archives.
    Java(&'static [&'static str]),
}

impl Package {
    /// Installs it and says where its programs are.
    pub(super) fn install(&self, weir: &Path) -> Result<PathBuf> {
        let into = |name: &str| home().join("programs").join(name.replace(['/', '[', ']'], "-"));
        match self {
            Self::Weir => Ok(weir.to_owned()),
            Self::Crate(package) => packages::crate_programs(&into(package), package),
            Self::Npm(name, version) => {
                let wanted = format!("{{\"dependencies\": {{\"{name}\": \"{version}\"}}}}\n");
                Ok(packages::node_modules(&into(name), &wanted)?.join(name))
            }
            Self::Pip(package) => packages::python(&into(package), &format!("{package}\n")),
            Self::Go(list) => packages::go_programs(&into("go"), list),
            Self::Java(list) => packages::java_archives(&into("java"), list),
        }
    }

    /// `kinesalite 3.3.3`
    pub(super) fn version(&self) -> String {
        let name_and_version = |text: &str, mark| {
            let (name, version) = text.split_once(mark).unwrap_or((text, ""));
            format!("{} {version}", name.rsplit('/').next().unwrap_or(name))
        };
        match self {
            Self::Weir => "this work tree".to_owned(),
            Self::Crate(package) => name_and_version(package, "@"),
            Self::Npm(name, version) => format!("{name} {version}"),
            Self::Pip(package) => name_and_version(package, "=="),
            Self::Go(list) => {
                let module = |package: &&str| package.replace("/v2@", "@").replace("/nats@", "@");
                let versions = list.iter().map(|package| name_and_version(&module(package), "@"));
                versions.collect::<Vec<_>>().join(", ")
            }
            Self::Java(list) => {
                name_and_version(list[0].split_once(':').unwrap_or_default().1, ":")
            }
        }
    }
}

/// Everything of this command; safe to delete at any time.
pub(super) fn home() -> PathBuf {
    workspace::root().join("target/compare")
}

const FERROKINESIS: Package = Package::Crate("ferrokinesis@0.7.0");
const KINESALITE: Package = Package::Npm("kinesalite", "3.3.3");
const KINESIS_LOCAL: Package = Package::Npm("kinesis-local", "0.6.2");

pub(super) const CONTENDERS: &[Contender] = &[
    Contender {
        name: "weir",
        package: Package::Weir,
        start: |place| Ok(weir("serve", place)),
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Synced,
        promise: "on disk, synced; signatures verified",
    },
    Contender {
        name: "weir-discard",
        package: Package::Weir,
        start: |place| {
            let mut weir = weir("dev", place);
            weir.args(["--set", "storage.journal=discard"]);
            Ok(weir)
        },
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Memory,
        promise: "in memory (`storage.journal=discard`)",
    },
    Contender {
        name: "ferrokinesis",
        package: FERROKINESIS,
        start: |place| Ok(ferrokinesis(place)),
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Memory,
        promise: "in memory",
    },
    Contender {
        name: "ferrokinesis-state",
        package: FERROKINESIS,
        start: |place| {
            let mut ferrokinesis = ferrokinesis(place);
            ferrokinesis.arg("--state-dir").arg(&place.data);
            Ok(ferrokinesis)
        },
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Synced,
        promise: "on disk, synced (`--state-dir`)",
    },
    Contender {
        name: "kinesalite",
        package: KINESALITE,
        start: |place| Ok(kinesalite(place)),
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Memory,
        promise: "in memory",
    },
    Contender {
        name: "kinesalite-leveldb",
        package: KINESALITE,
        start: |place| {
            let mut kinesalite = kinesalite(place);
            kinesalite.arg("--path").arg(place.data.join("leveldb"));
            Ok(kinesalite)
        },
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Files,
        promise: "in LevelDB, not synced",
    },
    Contender {
        name: "kinesis-local",
        package: KINESIS_LOCAL,
        start: |place| Ok(kinesis_local(place)),
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Memory,
        promise: "in memory",
    },
    Contender {
        name: "kinesis-local-persist",
        package: KINESIS_LOCAL,
        start: |place| {
            let mut kinesis_local = kinesis_local(place);
            kinesis_local.env("SHOULD_PERSIST_DATA", "true").env("PERSIST_PATH", &place.data);
            Ok(kinesis_local)
        },
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Files,
        promise: "in memory, in a file every 5 s",
    },
    Contender {
        name: "moto",
        package: Package::Pip("moto[server]==5.2.5"),
        start: |place| {
            let mut moto = Command::new(place.programs.with_file_name("moto_server"));
            moto.args(["--host", "127.0.0.1", "--port", &place.port.to_string()]);
            Ok(moto)
        },
        client: &Kinesis,
        api: "Kinesis",
        durability: Durability::Memory,
        promise: "in memory",
    },
    Contender {
        name: "nats-jetstream",
        package: Package::Go(&[
            "github.com/nats-io/nats-server/v2@v2.15.2",
            "github.com/nats-io/natscli/nats@v0.5.1",
        ]),
        start: nats_server,
        client: &Nats,
        api: "JetStream",
        durability: Durability::Synced,
        promise: "on disk, synced (`sync_interval: always`)",
    },
    Contender {
        name: "kafka",
        package: Package::Java(&[
            "org.apache.kafka:kafka_2.13:4.1.0",
            "org.apache.kafka:kafka-tools:4.1.0",
            "org.slf4j:slf4j-nop:1.7.36",
        ]),
        start: kafka,
        client: &Kafka,
        api: "Kafka",
        durability: Durability::Synced,
        promise: "on disk, synced (`flush.messages=1`)",
    },
    Contender {
        name: "s2-lite",
        package: Package::Crate("s2-cli@0.43.4"),
        start: |place| {
            let mut s2 = Command::new(place.programs.join("s2"));
            s2.args(["lite", "--no-dashboard", "--port", &place.port.to_string()]);
            s2.arg("--local-root").arg(place.data.join("objects"));
            Ok(s2)
        },
        client: &S2,
        api: "S2",
        durability: Durability::Synced,
        promise: "in objects on disk, synced (`lite --local-root`)",
    },
];

fn weir(command: &str, place: &Place) -> Command {
    let mut weir = Command::new(&place.programs);
    weir.args([command, "--trace", "error", "--set", "limits.mode=relaxed"]);
    weir.arg("--listen").arg(format!("127.0.0.1:{}", place.port));
    weir.arg("--data-dir").arg(&place.data);
    weir
}

fn ferrokinesis(place: &Place) -> Command {
    let mut ferrokinesis = Command::new(place.programs.join("ferrokinesis"));
    ferrokinesis.args(["--port", &place.port.to_string(), "--shard-limit", "100"]);
    // Beside it is where a configuration would be found.
    ferrokinesis.current_dir(&place.data);
    ferrokinesis
}

fn kinesalite(place: &Place) -> Command {
    let mut kinesalite = Command::new("node");
    kinesalite.arg(place.programs.join("cli.js"));
    kinesalite.args(["--port", &place.port.to_string(), "--shardLimit", "100"]);
    kinesalite
}

fn kinesis_local(place: &Place) -> Command {
    let mut kinesis_local = Command::new("node");
    // It looks for its certificate where it runs.
    kinesis_local.arg("main.js").current_dir(&place.programs);
    kinesis_local.env("KINESIS_MOCK_PLAIN_PORT", place.port.to_string());
    kinesis_local.env("KINESIS_MOCK_TLS_PORT", place.second_port.to_string());
    kinesis_local.env("SHARD_LIMIT", "100");
    kinesis_local
}

fn nats_server(place: &Place) -> Result<Command> {
    let (file, store) = (place.data.join("nats.conf"), place.data.join("jetstream"));
    let (port, store) = (place.port, store.display());
    let settings = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{store}\", sync_interval: always }}\n"
    );
    fs::write(&file, settings)?;
    let mut server = Command::new(place.programs.join("nats-server"));
    server.arg("--config").arg(file);
    Ok(server)
}

fn kafka(place: &Place) -> Result<Command> {
    let (file, log) = (place.data.join("server.properties"), place.data.join("log"));
    let (port, controller) = (place.port, place.second_port);
    fs::write(
        &file,
        format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\nlog.dirs={}\n",
            log.display()
        ),
    )?;
    if !log.exists() {
        let mut format = java(&place.programs, "kafka.tools.StorageTool");
        format.args(["format", "--cluster-id", CLUSTER, "--config"]).arg(&file);
        workspace::run(&mut format)?;
    }
    let mut broker = java(&place.programs, "kafka.Kafka");
    broker.arg(file);
    Ok(broker)
}

/// Any name will do, but of this form.
const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

/// A Java program of the archives in `folder`.
pub(super) fn java(folder: &Path, class: &str) -> Command {
    let mut java = Command::new("java");
    java.arg("-Xmx1g").arg("-cp").arg(folder.join("*")).arg(class);
    java
}
