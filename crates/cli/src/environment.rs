//! Where the service is and who calls it: flags first, then the environment and the profile
//! files that the AWS tools use, then what `weir dev` listens on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use weir_client::{ClientCertificate, ClientConfig, Credentials, Encoding, Trust};

use crate::profile::ProfileFile;

/// The flags that every client command has.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// Where the service listens [env: AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL]
    /// [default: http://127.0.0.1:4567]
    #[arg(long, alias = "endpoint-url", value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The region of the streams [env: AWS_REGION, AWS_DEFAULT_REGION] [default: us-east-1]
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The profile of ~/.aws/config and ~/.aws/credentials to use [env: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Trust the authorities in this PEM file instead of the machine's [env: AWS_CA_BUNDLE]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,
    /// Show this certificate (PEM) to a service that asks who connects
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// The private key (PEM) of that certificate
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub(crate) client_key: Option<PathBuf>,
    /// The format of requests and answers
    #[arg(long, value_enum, default_value_t)]
    pub(crate) encoding: EncodingArg,
}

/// `--encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncodingArg {
    /// What the Java SDK speaks: smaller and faster.
    #[default]
    Cbor,
    /// What the other SDKs speak.
    Json,
}

impl EncodingArg {
    /// As it is written on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cbor => "cbor",
            Self::Json => "json",
        }
    }
}

impl From<EncodingArg> for Encoding {
    fn from(arg: EncodingArg) -> Self {
        match arg {
            EncodingArg::Cbor => Self::Cbor,
            EncodingArg::Json => Self::Json,
        }
    }
}

impl ConnectionArgs {
    /// Puts together flags, environment and files.
    pub(crate) fn client_config(&self) -> anyhow::Result<ClientConfig> {
        let around = Surroundings::of_this_process()?;
        let mut config = resolve(self, &around)?;
        if let Some(path) = ca_bundle(self, &around) {
            config.trust = Trust::Only(read(&path)?);
        }
        if let (Some(chain), Some(key)) = (&self.client_certificate, &self.client_key) {
            let (chain, key) = (read(chain)?, read(key)?);
            config.certificate = Some(ClientCertificate { chain, key });
        }
        Ok(config)
    }
}

/// Why the surroundings do not say how to connect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no profile {0:?} in the AWS config or credentials file")]
    NoSuchProfile(String),
    #[error("{here} is set but {missing} is not")]
    HalfAKey { here: &'static str, missing: &'static str },
    #[error("profile {profile:?} has no static key but {property}, which weir does not support")]
    NoStaticKey { profile: String, property: &'static str },
}

/// What surrounds the process: variables and files, read once.
#[derive(Default)]
struct Surroundings {
    variables: BTreeMap<&'static str, String>,
    config: ProfileFile,
    credentials: ProfileFile,
}

const VARIABLES: [&str; 13] = [
    "AWS_CA_BUNDLE",
    "AWS_ENDPOINT_URL_KINESIS",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",
];

/// Where keys come from that only the SDKs know how to fetch.
const FETCHED_KEYS: [&str; 5] =
    ["role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file"];

impl Surroundings {
    fn of_this_process() -> anyhow::Result<Self> {
        let mut surroundings = Self::default();
        for name in VARIABLES {
            if let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) {
                surroundings.variables.insert(name, value.to_string_lossy().into_owned());
            }
        }
        surroundings.config = surroundings.file("AWS_CONFIG_FILE", "config")?;
        surroundings.credentials =
            surroundings.file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        Ok(surroundings)
    }

    fn file(&self, variable: &str, name: &str) -> anyhow::Result<ProfileFile> {
        let path = match (self.variable(variable), self.variable("HOME")) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(home)) => PathBuf::from(home).join(".aws").join(name),
            (None, None) => return Ok(ProfileFile::default()),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(ProfileFile::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(ProfileFile::default())
            }
            Err(error) => {
                Err(anyhow::Error::new(error).context(format!("cannot read {}", path.display())))
            }
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}

/// The file of the authorities to trust, if not the machine's are.
fn ca_bundle(flags: &ConnectionArgs, around: &Surroundings) -> Option<PathBuf> {
    let set = flags.ca_bundle.clone();
    let set = set.or_else(|| around.variable("AWS_CA_BUNDLE").map(PathBuf::from));
    set.or_else(|| {
        let name = profile_name(flags, around).unwrap_or("default");
        Some(around.config.config_profile(name)?.get("ca_bundle")?.into())
    })
}

fn read(path: &Path) -> anyhow::Result<Bytes> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes.into())
}

fn profile_name<'a>(flags: &'a ConnectionArgs, around: &'a Surroundings) -> Option<&'a str> {
    let named = flags.profile.as_deref();
    let named = named.or_else(|| around.variable("AWS_PROFILE"));
    named.or_else(|| around.variable("AWS_DEFAULT_PROFILE"))
}

fn resolve(flags: &ConnectionArgs, around: &Surroundings) -> Result<ClientConfig, Error> {
    let named = profile_name(flags, around);
    let name = named.unwrap_or("default");
    let config = around.config.config_profile(name);
    let keys = around.credentials.credentials_profile(name);
    if named.is_some() && config.is_none() && keys.is_none() {
        return Err(Error::NoSuchProfile(name.to_owned()));
    }
    let in_profile = |key: &str| {
        let value = keys.and_then(|profile| profile.get(key));
        value.or_else(|| config.and_then(|profile| profile.get(key))).map(String::as_str)
    };
    let defaults = ClientConfig::default();
    let endpoint = flags
        .endpoint
        .as_deref()
        .or_else(|| around.variable("AWS_ENDPOINT_URL_KINESIS"))
        .or_else(|| around.variable("AWS_ENDPOINT_URL"))
        .or_else(|| in_profile("services").and_then(|name| around.config.services_endpoint(name)))
        .or_else(|| in_profile("endpoint_url"))
        .unwrap_or(&defaults.endpoint);
    let region = flags
        .region
        .as_deref()
        .or_else(|| around.variable("AWS_REGION"))
        .or_else(|| around.variable("AWS_DEFAULT_REGION"))
        .or_else(|| in_profile("region"))
        .unwrap_or(&defaults.region);
    // A profile asked for by a flag is meant more than what happens to be in the environment.
    let from_environment = if flags.profile.is_some() { None } else { environment_key(around)? };
    let credentials = match from_environment {
        Some(key) => key,
        None => profile_key(name, &in_profile)?.unwrap_or_default(),
    };
    Ok(ClientConfig {
        endpoint: endpoint.to_owned(),
        region: region.to_owned(),
        credentials,
        encoding: flags.encoding.into(),
        ..defaults
    })
}

fn environment_key(around: &Surroundings) -> Result<Option<Credentials>, Error> {
    let id = around.variable("AWS_ACCESS_KEY_ID");
    let secret = around.variable("AWS_SECRET_ACCESS_KEY");
    key(
        id,
        secret,
        around.variable("AWS_SESSION_TOKEN"),
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    )
}

fn profile_key<'a>(
    profile: &str,
    property: &impl Fn(&str) -> Option<&'a str>,
) -> Result<Option<Credentials>, Error> {
    let found = key(
        property("aws_access_key_id"),
        property("aws_secret_access_key"),
        property("aws_session_token"),
        ["aws_access_key_id", "aws_secret_access_key"],
    )?;
    let fetched = FETCHED_KEYS.into_iter().find(|name| property(name).is_some());
    match (found, fetched) {
        (Some(key), _) => Ok(Some(key)),
        (None, None) => Ok(None),
        (None, Some(property)) => Err(Error::NoStaticKey { profile: profile.to_owned(), property }),
    }
}

fn key(
    id: Option<&str>,
    secret: Option<&str>,
    token: Option<&str>,
    [id_name, secret_name]: [&'static str; 2],
) -> Result<Option<Credentials>, Error> {
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: token.map(str::to_owned),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::HalfAKey { here: id_name, missing: secret_name }),
        (None, Some(_)) => Err(Error::HalfAKey { here: secret_name, missing: id_name }),
    }
}

#[cfg(test)]
mod tests;
