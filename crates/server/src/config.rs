//! The node's settings: one tree of plain values, without a collaborator in it.
//!
//! Owns the profiles of `weir dev` and `weir serve`, the layers that change them, and what must
//! hold between settings. A `Config` that passed [`Config::validate`] cannot be wrong.

mod audit;
mod credentials;
mod layers;
mod master_key;
mod reference;
mod secret;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use model::AccountId;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

pub use audit::Audit;
pub(crate) use credentials::load_or_create_root_key;
pub use layers::{Layers, environment};
pub(crate) use master_key::load_or_create_master_key;
pub use reference::reference;
pub use secret::Secret;
pub(crate) use tls::TlsFiles;
pub use tls::{ClientPrincipal, Tls};

/// Which command's defaults a configuration starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `weir dev`: any credentials, relaxed limits.
    Dev,
    /// `weir serve`: signatures verified, AWS's limits.
    Serve,
}

/// Every setting of a node.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Directory that holds everything durable. Relative to the working directory.
    pub data_dir: PathBuf,
    /// Keep the data in a temporary directory that is removed at the end.
    pub ephemeral: bool,
    /// The account that owns every stream: 12 digits.
    pub account_id: String,
    /// Listen beyond loopback although requests and answers travel unencrypted.
    pub insecure_http: bool,
    /// What diagnostics to print: a level, or `target=level` pairs separated by commas.
    pub trace: String,
    /// How long a graceful stop may take before what is left is cut off.
    #[serde(with = "friendly")]
    pub stop_grace: Duration,
    /// Who may call.
    pub auth: Auth,
    /// The master key, which wraps every secret on disk.
    pub security: Security,
    /// The listener and its bounds.
    pub http: Http,
    /// TLS on the listener, and the certificates of clients.
    pub tls: Tls,
    /// What is written into the audit stream.
    pub audit: Audit,
    /// What a caller may use.
    pub limits: streams::Limits,
    /// Enhanced fan-out.
    pub fanout: streams::Fanout,
    /// Streams and shards.
    pub streams: streams::Config,
    /// The journal, the tail and the segments.
    pub storage: storage::Config,
}

/// Who may call.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// `verify` checks every signature; `accept-any` takes any, or none.
    pub mode: AuthMode,
    /// Access keys that `verify` knows: `[{access_key_id = "…", secret_access_key = "…"}]`.
    /// Without any, the first start makes one and keeps it in `<data_dir>/credentials`.
    pub keys: Vec<AccessKey>,
}

/// How signatures are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// Every request must be signed by a known key.
    Verify,
    /// Whatever the signature is, the request is let in.
    AcceptAny,
}

/// A pair that signs requests.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The public half, which requests name.
    pub access_key_id: String,
    /// The half that signs.
    pub secret_access_key: Secret,
}

/// Where the master key comes from: at most one of these. Without any, the first start makes a
/// key and keeps it in `<data_dir>/master.key`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// The master key itself, base64 of 32 bytes: meant for the environment, as
    /// `WEIR_SECURITY__MASTER_KEY`. Empty: not here.
    pub master_key: Secret,
    /// A file that holds the master key and that only its owner may read. Empty: none.
    pub master_key_file: PathBuf,
    /// A command for `sh -c` that prints the master key, run once at the start, such as
    /// `"vault kv get -field=key secret/weir"`. Empty: none.
    pub master_key_command: String,
}

/// The listener and its bounds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Largest request body; a larger one is answered with 413.
    pub body_bytes_max: ByteSize,
    /// Request bodies held in memory at one time, over all connections; more of them wait.
    pub bodies_bytes_max: ByteSize,
    /// Connections served at one time; more of them wait to be accepted.
    pub connections_max: usize,
    /// Requests that one HTTP/2 connection may have in flight.
    pub streams_per_connection_max: u32,
    /// How long a client may take from the first byte of a request to the end of its header.
    #[serde(with = "friendly")]
    pub header_timeout: Duration,
    /// How long a client may take to send a body.
    #[serde(with = "friendly")]
    pub body_timeout: Duration,
    /// How long a client may leave an answer unread.
    #[serde(with = "friendly")]
    pub write_timeout: Duration,
    /// How long a connection without a request stays open.
    #[serde(with = "friendly")]
    pub idle_timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            // 10 MiB of payload is 14 MiB of base64, and the rest of the JSON comes on top.
            body_bytes_max: ByteSize::mib(16),
            bodies_bytes_max: ByteSize::mib(128),
            connections_max: 16_384,
            streams_per_connection_max: 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
        }
    }
}

impl Config {
    /// The defaults of `profile`.
    pub fn new(profile: Profile) -> Self {
        let (auth_mode, limits, audited) = match profile {
            Profile::Dev => (AuthMode::AcceptAny, streams::Mode::Relaxed, false),
            Profile::Serve => (AuthMode::Verify, streams::Mode::Aws, true),
        };
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4567)),
            data_dir: "weir-data".into(),
            ephemeral: false,
            account_id: "000000000000".into(),
            insecure_http: false,
            trace: "info".into(),
            stop_grace: Duration::from_secs(25),
            auth: Auth { mode: auth_mode, keys: Vec::new() },
            security: Security::default(),
            http: Http::default(),
            tls: Tls::default(),
            audit: Audit::new(audited),
            limits: streams::Limits { mode: limits, ..streams::Limits::default() },
            fanout: streams::Fanout::default(),
            streams: streams::Config::default(),
            storage: storage::Config::default(),
        }
    }

    /// Refuses what cannot work, or should not.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key: &str, reason: &str| {
            Err(Error::Setting { key: key.into(), origin: None, reason: reason.into() })
        };
        match self.account_id.parse::<AccountId>() {
            Err(_) => return refuse("account_id", "an account id is 12 digits"),
            Ok(account) if streams::is_reserved(account) => {
                return refuse("account_id", "the node keeps this account for its own streams");
            }
            Ok(_) => {}
        }
        if !self.listen.ip().is_loopback() && !self.tls.is_on() && !self.insecure_http {
            return Err(Error::InsecureListen(self.listen));
        }
        if self.http.connections_max == 0 {
            return refuse("http.connections_max", "at least one connection must be served");
        }
        if self.http.streams_per_connection_max == 0 {
            return refuse("http.streams_per_connection_max", "at least one is needed");
        }
        if self.http.body_bytes_max == ByteSize(0) {
            return refuse("http.body_bytes_max", "a request without a body says nothing");
        }
        if self.http.bodies_bytes_max < self.http.body_bytes_max {
            return refuse("http.bodies_bytes_max", "must not be less than http.body_bytes_max");
        }
        if self.auth.keys.iter().any(|key| key.access_key_id.is_empty()) {
            return refuse("auth.keys", "an access_key_id is empty");
        }
        let Security { master_key, master_key_file: file, master_key_command: command } =
            &self.security;
        let empty =
            [master_key.expose().is_empty(), file.as_os_str().is_empty(), command.is_empty()];
        if empty.iter().filter(|empty| !**empty).count() > 1 {
            return refuse("security", "the master key has more than one source");
        }
        if let Some((key, reason)) = self.tls.fault().or(self.audit.fault()) {
            return refuse(key, reason);
        }
        if let Err(error) = self.storage.validate() {
            return refuse("storage", &error.to_string());
        }
        Ok(())
    }
}

/// The configuration as a `weir.toml` that would give it again, with the secrets hidden.
pub fn render(config: &Config) -> String {
    toml::to_string(config).expect("plain values have a TOML form")
}

#[cfg(test)]
mod tests;
