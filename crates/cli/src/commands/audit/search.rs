//! `weir audit search`.

use anyhow::Context;
use clap::Args;
use model::Timestamp;
use serde_json::Value;

use super::trail::Trail;
use crate::environment::ConnectionArgs;
use crate::exit::Exit;
use crate::output::{self, BAD, Cell, Table};

/// Arguments of `weir audit search`.
#[derive(Args)]
pub(super) struct SearchArgs {
    /// Not before this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<jiff::Timestamp>,
    /// Not after this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<jiff::Timestamp>,
    /// Only calls of this principal: an ARN, or its last part such as a user's name
    #[arg(long, value_name = "PRINCIPAL")]
    principal: Option<String>,
    /// Only this operation, such as DeleteStream
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Only calls about this stream: its ARN or its name
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// Only calls that were refused with this code; `any` stands for all of them
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// Print the records themselves, one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(super) async fn run(args: SearchArgs) -> anyhow::Result<Exit> {
    let since = args.since.map(|since| u64::try_from(since.as_millisecond()));
    let since = since.transpose().context("--since is before 1970")?.map(Timestamp::from_millis);
    let mut trail = Trail::open(&args.connection, since).await?;
    let mut table = Table::new(["TIME", "PRINCIPAL", "FROM", "EVENT", "RESOURCE", "ERROR"]);
    while let Some(kept) = trail.next().await? {
        // What is no record is the business of `verify`.
        let Ok(record) = serde_json::from_slice::<Value>(&kept.data) else { continue };
        if !args.wants(&record) {
            continue;
        }
        match args.json {
            true => output::json(&record)?,
            false => table.row(cells(&record)),
        }
    }
    if !args.json {
        table.print()?;
    }
    Ok(Exit::Done)
}

impl SearchArgs {
    fn wants(&self, record: &Value) -> bool {
        let time = || text(record, "/eventTime").parse::<jiff::Timestamp>().ok();
        let error = text(record, "/errorCode");
        // A record's time is whole seconds, and cut off.
        let since = self.since.map(|since| since.as_second());
        since.is_none_or(|since| time().is_some_and(|time| time.as_second() >= since))
            && self.until.is_none_or(|until| time().is_some_and(|time| time <= until))
            && is(&self.principal, text(record, "/userIdentity/arn"))
            && self.event.as_deref().is_none_or(|event| event == text(record, "/eventName"))
            && (self.stream.is_none() || resources(record).any(|arn| is(&self.stream, arn)))
            && match self.error.as_deref() {
                None => true,
                Some("any") => !error.is_empty(),
                Some(code) => code == error,
            }
    }
}

/// Whether an ARN is the wanted one, or ends with its name.
fn is(wanted: &Option<String>, arn: &str) -> bool {
    wanted.as_deref().is_none_or(|wanted| {
        let rest = arn.strip_suffix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with([':', '/']))
    })
}

fn text<'r>(record: &'r Value, pointer: &str) -> &'r str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn resources(record: &Value) -> impl Iterator<Item = &str> {
    let resources = record["resources"].as_array().into_iter().flatten();
    resources.filter_map(|resource| resource["ARN"].as_str())
}

fn cells(record: &Value) -> [Cell; 6] {
    let principal = match text(record, "/userIdentity/arn") {
        "" => format!("unknown, key {}", text(record, "/userIdentity/accessKeyId")),
        arn => arn.to_owned(),
    };
    [
        text(record, "/eventTime").into(),
        principal.into(),
        text(record, "/sourceIPAddress").into(),
        text(record, "/eventName").into(),
        resources(record).collect::<Vec<_>>().join(" ").into(),
        Cell::styled(BAD, text(record, "/errorCode")),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SearchArgs,
    }

    #[test]
    fn every_filter_lets_through_what_it_names() {
        let record = json!({
            "eventTime": "2026-11-25T12:00:00Z",
            "userIdentity": { "arn": "arn:aws:iam::000000000000:user/team/alice" },
            "eventName": "DeleteStream",
            "resources": [{ "ARN": "arn:aws:kinesis:us-east-1:000000000000:stream/orders" }],
            "errorCode": "AccessDeniedException",
        });
        for (filter, value, wanted) in [
            ("--since", "2026-11-25T12:00:00Z", true),
            ("--since", "2026-11-25T12:00:01Z", false),
            ("--until", "2026-11-25T12:00:00Z", true),
            ("--until", "2026-11-25T11:59:59Z", false),
            ("--principal", "alice", true),
            ("--principal", "arn:aws:iam::000000000000:user/team/alice", true),
            ("--principal", "lice", false),
            ("--event", "DeleteStream", true),
            ("--event", "Delete", false),
            ("--stream", "orders", true),
            ("--stream", "rders", false),
            ("--error", "any", true),
            ("--error", "AccessDeniedException", true),
            ("--error", "Other", false),
        ] {
            let line = Line::parse_from(["x", filter, value]);
            assert_eq!(line.args.wants(&record), wanted, "{filter} {value}");
        }
        let line = Line::parse_from(["x", "--error", "any"]);
        assert!(!line.args.wants(&json!({ "eventName": "ListStreams" })));
    }
}
