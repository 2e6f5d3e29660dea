//! `weir streams list`.

use anstyle::Style;
use clap::Args;
use serde::Serialize;
use weir_client::kinesis::{StreamMode, StreamModeDetails, StreamStatus, StreamSummary};

use super::CommonArgs;
use crate::commands::tail::rfc3339;
use crate::output::{self, Cell, Table};

/// Arguments of `weir streams list`.
#[derive(Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    common: CommonArgs,
}

/// One line of `--json`.
#[derive(Serialize)]
struct StreamLine {
    name: String,
    arn: String,
    status: &'static str,
    mode: &'static str,
    created: Option<String>,
}

impl From<StreamSummary> for StreamLine {
    fn from(summary: StreamSummary) -> Self {
        Self {
            status: status_word(summary.stream_status),
            mode: mode_word(summary.stream_mode_details.as_ref()),
            created: summary.stream_creation_timestamp.map(rfc3339),
            name: summary.stream_name,
            arn: summary.stream_arn,
        }
    }
}

pub(super) async fn run(args: ListArgs) -> anyhow::Result<()> {
    let streams = args.common.client()?.streams().await?;
    if args.common.json {
        for stream in streams {
            output::json(&StreamLine::from(stream))?;
        }
        return Ok(());
    }
    let mut table = Table::new(["NAME", "STATUS", "MODE", "CREATED"]);
    for stream in streams {
        let style = status_style(stream.stream_status);
        let line = StreamLine::from(stream);
        table.row([
            line.name.into(),
            Cell::styled(style, line.status),
            line.mode.into(),
            line.created.unwrap_or_default().into(),
        ]);
    }
    table.print()?;
    Ok(())
}

/// As the API spells it.
pub(super) fn status_word(status: StreamStatus) -> &'static str {
    match status {
        StreamStatus::Creating => "CREATING",
        StreamStatus::Deleting => "DELETING",
        StreamStatus::Active => "ACTIVE",
        StreamStatus::Updating => "UPDATING",
    }
}

pub(super) fn status_style(status: StreamStatus) -> Style {
    match status {
        StreamStatus::Active => output::GOOD,
        StreamStatus::Creating | StreamStatus::Deleting | StreamStatus::Updating => output::FADED,
    }
}

/// As the API spells it. Streams from before there were modes have none.
pub(super) fn mode_word(mode: Option<&StreamModeDetails>) -> &'static str {
    match mode.map(|details| details.stream_mode) {
        Some(StreamMode::OnDemand) => "ON_DEMAND",
        Some(StreamMode::Provisioned) | None => "PROVISIONED",
    }
}
