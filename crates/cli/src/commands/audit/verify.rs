//! `weir audit verify`.

use std::str::FromStr;

use clap::Args;
use serde_json::json;

use super::chain::{Chain, Head};
use super::trail::Trail;
use crate::environment::ConnectionArgs;
use crate::exit::Exit;
use crate::output;

/// Arguments of `weir audit verify`.
#[derive(Args)]
#[command(after_help = "\
Every record repeats the digest of the one before, so a change or a gap shows. What is cut off at
the end shows only to whoever noted the head that an earlier run printed: give it to --expect.")]
pub(super) struct VerifyArgs {
    /// A head that an earlier run printed, which must still be in the chain
    #[arg(long, value_name = "SEQUENCE:DIGEST", value_parser = Head::from_str)]
    expect: Option<Head>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sequence, digest) = text.split_once(':').ok_or("it must look like SEQUENCE:DIGEST")?;
        let sequence = sequence.parse().map_err(|_| "the sequence is no number")?;
        Ok(Self { sequence, digest: digest.to_ascii_lowercase() })
    }
}

pub(super) async fn run(args: VerifyArgs) -> anyhow::Result<Exit> {
    let mut trail = Trail::open(&args.connection, None).await?;
    let mut chain = Chain::default();
    let mut faults = Vec::new();
    let mut expected = args.expect;
    while let Some(kept) = trail.next().await? {
        faults.extend(chain.add(kept.place, &kept.data).err());
        if expected.is_some() && expected == chain.head {
            expected = None;
        }
    }
    if let Some(Head { sequence, digest }) = expected {
        faults.push(format!("there is no record {sequence} with the digest {digest}"));
    }
    let head = chain.head.as_ref().map(|head| format!("{}:{}", head.sequence, head.digest));
    if args.json {
        let (first, records) = (chain.first, chain.records);
        let result = json!({ "records": records, "first": first, "head": head, "faults": faults });
        output::json(&result)?;
    } else {
        print(&chain, head.as_deref(), &faults)?;
    }
    Ok(if faults.is_empty() { Exit::Done } else { Exit::Damaged })
}

fn print(chain: &Chain, head: Option<&str>, faults: &[String]) -> std::io::Result<()> {
    for fault in faults {
        output::line(format_args!("{} {fault}", output::styled(output::BAD, "broken:")))?;
    }
    let Some(head) = head else { return output::line("there are no records") };
    let first = chain.first.unwrap_or_default();
    if first > 1 {
        let before = first - 1;
        output::line(format_args!("records 1 to {before} are gone: they are older than is kept"))?;
    }
    let verdict = if faults.is_empty() { "hold together" } else { "were walked" };
    output::line(format_args!("{} records {verdict}\nhead {head}", chain.records))
}
