//! `weir keys list` and `show`.

use serde::Serialize;
use weir_client::admin::{DescribeKeyInput, Key, KeyState, KeyUse, ListKeysInput};

use crate::commands::administer::AdminArgs;
use crate::commands::tail::rfc3339;
use crate::output::{self, BAD, Cell, FADED, GOOD, Table};

/// One line of `--json`.
#[derive(Serialize)]
struct KeyLine<'a> {
    key_id: &'a str,
    arn: &'a str,
    state: &'a str,
    aliases: &'a [String],
    description: &'a str,
    created: String,
    material_version: i32,
    material_date: String,
    managed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<Vec<UseLine<'a>>>,
}

#[derive(Serialize)]
struct UseLine<'a> {
    stream_arn: &'a str,
    current: bool,
    records_max: i64,
}

impl<'a> From<&'a Key> for KeyLine<'a> {
    fn from(key: &'a Key) -> Self {
        Self {
            key_id: &key.key_id,
            arn: &key.arn,
            state: key.key_state.name(),
            aliases: &key.aliases,
            description: &key.description,
            created: rfc3339(key.creation_date),
            material_version: key.material_version,
            material_date: rfc3339(key.material_date),
            managed: key.managed,
            uses: None,
        }
    }
}

impl<'a> From<&'a KeyUse> for UseLine<'a> {
    fn from(of: &'a KeyUse) -> Self {
        let KeyUse { stream_arn, current, records_max } = of;
        Self { stream_arn, current: *current, records_max: *records_max }
    }
}

pub(super) fn print_json(key: &Key) -> std::io::Result<()> {
    output::json(&KeyLine::from(key))
}

pub(super) async fn list(admin: &AdminArgs) -> anyhow::Result<()> {
    let keys = admin.client()?.call(ListKeysInput::default()).await?.keys;
    if admin.json {
        return Ok(keys.iter().try_for_each(print_json)?);
    }
    let mut table = Table::new(["KEY", "STATE", "ALIASES", "MATERIAL", "CREATED", "DESCRIPTION"]);
    for key in keys {
        table.row([
            key.key_id.into(),
            state_cell(key.key_state),
            key.aliases.join(" ").into(),
            key.material_version.into(),
            rfc3339(key.creation_date).into(),
            key.description.into(),
        ]);
    }
    Ok(table.print()?)
}

pub(super) async fn show(key_id: String, admin: &AdminArgs) -> anyhow::Result<()> {
    let found = admin.client()?.call(DescribeKeyInput { key_id }).await?;
    let (key, uses) = (&found.key, &found.uses);
    if admin.json {
        let uses = Some(uses.iter().map(UseLine::from).collect());
        return Ok(output::json(&KeyLine { uses, ..KeyLine::from(key) })?);
    }
    let line = KeyLine::from(key);
    output::line(format!("key          {}", line.arn))?;
    output::line(format!("state        {}", line.state))?;
    output::line(format!("aliases      {}", line.aliases.join(" ")))?;
    output::line(format!("description  {}", line.description))?;
    output::line(format!("created      {}", line.created))?;
    let (version, date) = (line.material_version, line.material_date);
    output::line(format!("material     {version}, since {date}"))?;
    print_uses(uses)?;
    Ok(())
}

/// Which streams have records under a key.
pub(super) fn print_uses(uses: &[KeyUse]) -> std::io::Result<()> {
    if uses.is_empty() {
        return output::line("No stream has records under it.");
    }
    let mut table = Table::new(["STREAM", "ENCRYPTED WITH IT NOW", "RECORDS AT MOST"]);
    for KeyUse { stream_arn, current, records_max } in uses {
        let now = if *current { "yes" } else { "no" };
        table.row([stream_arn.into(), now.into(), records_max.into()]);
    }
    table.print()
}

fn state_cell(state: KeyState) -> Cell {
    let style = match state {
        KeyState::Enabled => GOOD,
        KeyState::Disabled => FADED,
        KeyState::Deleted => BAD,
    };
    Cell::styled(style, state.name())
}
