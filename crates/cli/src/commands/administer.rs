//! What the commands have in common that manage accounts, users, roles, policies and keys.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, anyhow};
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use weir_client::admin::{AccessKeyStatus, NewAccessKey};
use weir_client::{Call, ErrorCode};
use weir_client::{Client, ClientConfig};

use crate::commands::tail::rfc3339;
use crate::environment::ConnectionArgs;
use crate::exit::Usage;
use crate::output;

/// What every action has.
#[derive(Args)]
pub(crate) struct AdminArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Whose policy or key it is.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct OwnerArgs {
    /// The user that has it
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The role that has it
    #[arg(long, value_name = "NAME")]
    pub(crate) role: Option<String>,
}

impl OwnerArgs {
    /// As a sentence names it.
    pub(crate) fn title(&self) -> String {
        match (&self.user, &self.role) {
            (Some(user), _) => format!("user {user}"),
            (None, role) => format!("role {}", role.as_deref().unwrap_or_default()),
        }
    }
}

impl AdminArgs {
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        // A quota that is reached is no passing trouble, and what was made once is not made again.
        let config = ClientConfig { attempts_max: 1, ..self.connection.client_config()? };
        Ok(Client::new(config)?)
    }

    /// Makes a call whose result is only that it succeeded, and says so.
    pub(crate) async fn change<I>(
        &self,
        input: I,
        done: impl std::fmt::Display,
    ) -> anyhow::Result<()>
    where
        I: Call<Output: DeserializeOwned>,
    {
        self.client()?.call(input).await?;
        self.report(done)
    }

    /// Says what was done, unless a program reads the output.
    pub(crate) fn report(&self, done: impl std::fmt::Display) -> anyhow::Result<()> {
        if !self.json {
            output::line(done)?;
        }
        Ok(())
    }
}

/// The code of a refusal, if the service refused.
pub(crate) fn refusal(error: &weir_client::Error) -> Option<ErrorCode> {
    match error {
        weir_client::Error::Service { error, .. } => Some(error.code),
        _ => None,
    }
}

/// A policy from a file, or from standard input if it is `-`.
pub(crate) fn read_document(file: &str) -> anyhow::Result<String> {
    if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read the policy {file}"))
}

/// `key=value`, as often as it is said.
pub(crate) fn tags(said: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let tag = |text: &String| {
        let pair = text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.ok_or_else(|| anyhow!(Usage(format!("--tag {text}: a tag is KEY=VALUE"))))
    };
    said.iter().map(tag).collect()
}

/// Tags as people read them.
pub(crate) fn tags_text(tags: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(" ")
}

/// A new key, as `--json` prints it.
#[derive(Serialize, Deserialize)]
struct KeyLine<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    user: Option<&'a str>,
    status: &'a str,
    created: String,
}

/// Shows a new key, once: as a profile of an AWS credentials file.
pub(crate) fn show_key(key: &NewAccessKey, profile: &str, json: bool) -> anyhow::Result<()> {
    let NewAccessKey { access_key_id, secret_access_key, user_name, status, create_date } = key;
    if json {
        output::json(&KeyLine {
            access_key_id,
            secret_access_key,
            user: user_name.as_deref(),
            status: status.name(),
            created: rfc3339(*create_date),
        })?;
        return Ok(());
    }
    output::line(format!(
        "[{profile}]\naws_access_key_id = {access_key_id}\n\
         aws_secret_access_key = {secret_access_key}"
    ))?;
    output::note(
        "This is the only time the secret is shown. The lines above are a profile for \
         ~/.aws/credentials.",
    );
    Ok(())
}

/// A key's status, and how it is shown.
pub(crate) fn status_cell(status: AccessKeyStatus) -> output::Cell {
    let style = match status {
        AccessKeyStatus::Active => output::GOOD,
        AccessKeyStatus::Inactive => output::FADED,
    };
    output::Cell::styled(style, status.name())
}
