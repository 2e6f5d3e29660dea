//! The page: tables, and what of it is equal and what is not.

use std::fmt::Write;

use super::Run;
use super::contenders::{CONTENDERS, Contender};
use super::figures::{Figures, Kept, Row, typical};

pub(super) fn of(run: &Run) -> String {
    let mut page = String::new();
    write(&mut page, run).expect("a string takes all");
    page
}

fn write(page: &mut String, run: &Run) -> std::fmt::Result {
    let rounds = run.rows.iter().map(|row| row.rounds.len()).max().unwrap_or_default();
    let others = run.rows.iter().flat_map(|row| &row.rounds);
    let others = others.flat_map(|round| [round.batches, round.singles, round.reads]);
    let others: Vec<f64> = others.flatten().map(|figures| 100.0 * figures.others).collect();
    let (least, most) =
        others.iter().fold((100.0_f64, 0.0_f64), |(l, m), o| (l.min(*o), m.max(*o)));
    let loads: Vec<String> = run.loads.iter().map(|load| format!("{load:.1}")).collect();
    writeln!(
        page,
        "# Comparison\n\nWritten by `cargo xtask compare`. {}; rounds: {rounds};",
        run.machine
    )?;
    writeln!(
        page,
        "medians. Load average before the first round and after each: {}. While it",
        loads.join(", ")
    )?;
    writeln!(
        page,
        "was measured, programs that are no part of it used {least:.0} to {most:.0} % of the processors: take"
    )?;
    writeln!(page, "ratios, and the processor time per record, which others disturb least.\n")?;
    writeln!(page, "![Records per second of each contender](comparison.svg)\n\n{PUTS}")?;
    for (contender, row) in rows(run) {
        puts(page, contender, row)?;
    }
    writeln!(page, "\n{REST}")?;
    for (contender, row) in rows(run) {
        rest(page, contender, row)?;
    }
    let failures = run.rows.iter().filter(|row| !row.failures.is_empty());
    for (index, row) in failures.enumerate() {
        let title = if index == 0 { "\n## What did not work\n\n" } else { "" };
        writeln!(page, "{title}- {}: {}", row.name, row.failures.join("; "))?;
    }
    write!(page, "\n{REMARKS}")
}

fn rows(run: &Run) -> impl Iterator<Item = (&'static Contender, &Row)> {
    run.rows.iter().filter_map(|row| {
        Some((CONTENDERS.iter().find(|contender| contender.name == row.name)?, row))
    })
}

fn puts(page: &mut String, contender: &Contender, row: &Row) -> std::fmt::Result {
    let Contender { name, api, promise, .. } = contender;
    let batches = typical(&row.rounds, |round| round.batches);
    let singles = typical(&row.rounds, |round| round.singles);
    if row.rounds.is_empty() {
        return writeln!(page, "| `{name}` | {api} | {promise} | not installed | | | | | |");
    }
    writeln!(
        page,
        "| `{name}` | {api} | {promise} | {} | {} | {} | {} | {} | {} |",
        rate(batches),
        latency(batches),
        server(batches),
        rate(singles),
        latency(singles),
        server(singles),
    )
}

fn rest(page: &mut String, contender: &Contender, row: &Row) -> std::fmt::Result {
    let version = contender.package.version();
    let reads = typical(&row.rounds, |round| round.reads);
    let kept: Vec<Kept> = row.rounds.iter().filter_map(|round| round.kept).collect();
    let kept = match kept.as_slice() {
        [] => "not measured".to_owned(),
        kept => survived(
            kept.iter().map(|kept| kept.there).sum(),
            kept.iter().map(|kept| kept.acknowledged).sum(),
        ),
    };
    writeln!(page, "| `{}` | {version} | {} | {kept} |", contender.name, rate(reads))
}

fn survived(there: u64, acknowledged: u64) -> String {
    let all = grouped(acknowledged);
    match there {
        0 => format!("nothing of {all}"),
        there if there >= acknowledged => format!("all of {all}"),
        there => format!("{} of {all}", grouped(there)),
    }
}

fn rate(figures: Option<Figures>) -> String {
    let Some(figures) = figures else { return "-".to_owned() };
    let refused = match figures.refused {
        0.0 => String::new(),
        refused => format!(" ({} failed)", grouped(refused as u64)),
    };
    grouped(figures.records_per_second.round() as u64) + &refused
}

fn latency(figures: Option<Figures>) -> String {
    match figures.and_then(|figures| figures.latency_ms) {
        Some(latency) => format!("{} / {}", short(latency.p50), short(latency.p99)),
        None => "-".to_owned(),
    }
}

fn server(figures: Option<Figures>) -> String {
    figures.map_or("-".to_owned(), |figures| short(figures.server_us))
}

/// Three digits are as many as mean anything here.
fn short(number: f64) -> String {
    match number {
        number if number >= 100.0 => grouped(number.round() as u64),
        number if number >= 10.0 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const PUTS: &str = "\
## Puts

Batches are PutRecords of 500 x 1 KiB or the nearest thing, single records PutRecord of 1 KiB; eight
requests are under way at any time, on four shards. Latencies are p50 / p99 of a request in ms; the
processor time is the server's, user and system.

| contender | API | when it is acknowledged, a record is | batches: records/s | ms | us of CPU per record | single: records/s | ms | us of CPU per record |
|---|---|---|---|---|---|---|---|---|";

const REST: &str = "\
## Reads and crashes

Reads are of what was written in batches, from the beginning. For the last column a contender is killed
with `kill -9` the moment the last record is acknowledged, started again on its data, and what is there
is counted; sums of all rounds.

| contender | version | records/s read | there after `kill -9` |
|---|---|---|---|";

const REMARKS: &str = "\
## What is equal, and what is not

Equal: the machine and the file system; in every round each contender starts once, empty, and all have
their turns one after the other; 1 KiB of bytes that do not compress in a record, 500 records in a
batch, eight requests under way, four shards or partitions where there are such; client and server
share the processors. Contenders with the Kinesis API have the same client too, `weir bench`, with the
same requests: JSON, HTTP/1.1, signed.

Not equal:

- **Durability.** `weir`, `ferrokinesis-state`, JetStream, Kafka and S2 Lite sync before they
  acknowledge; JetStream and Kafka as they are configured here, not by default. What is in files that
  are not synced survives `kill -9`, since the kernel has it, but not a power failure; no power failure
  is tried here. Those in memory compare with `weir-discard`, which throws its journal away and cannot
  be used for anything else.
- **Signatures.** `weir` verifies the signature of every request and hashes its whole body for that.
  `weir-discard` takes any key, and so do the emulators: they answered to a key that they cannot know.
- **Purpose.** The emulators are made for tests of applications, not for load.
- **Protocol and client.** JetStream, Kafka and S2 speak protocols of their own, without base64 and
  without signatures, and are loaded by their own clients. A batch of JetStream is an atomic publish of 500
  messages by each of eight clients, to one stream without partitions. Kafka's one producer makes
  batches of up to 512 KiB, holds at most 4 MiB, and counts the time in that buffer as latency; one by
  one it has room for eight records. `s2 bench` writes to one stream, in batches and with as much under
  way as it likes; its latency is that of a record, and one by one it does not write.
- **Length.** `weir bench` runs for a time, the others' clients for a number of records, start and
  warm-up included.
- **Reads.** `weir bench` reads with eight connections on four shards, again and again, what it wrote
  before, and counts answers without decoding them; the others have one consumer, once.

## Run it

`cargo xtask compare` installs all below `target/compare`, which can be deleted at any time, with cargo,
npm, pip, go and Maven; versions are pinned in `xtask/src/compare/contenders.rs`. What cannot be
installed is told in its row. `cargo xtask compare weir kinesalite` compares these only. Some of the
contenders listen on all addresses of the machine and cannot be told otherwise.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands_and_cut_to_three_digits() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.25, 12.34, 1234.5].map(short), ["0.25", "12.3", "1,235"]);
    }

    #[test]
    fn a_contender_that_is_not_installed_has_its_row_and_its_reason() {
        let mut row = Row::new("kinesalite");
        row.failures.push("not installed: no npm".to_owned());
        let machine = "2 processors".to_owned();
        let run = Run { is_of_all: false, machine, loads: vec![0.5], rows: vec![row] };
        let page = of(&run);
        assert!(page.contains("| `kinesalite` | Kinesis | in memory | not installed |"), "{page}");
        assert!(page.contains("- kinesalite: not installed: no npm\n"), "{page}");
    }

    #[test]
    fn what_survived_is_told_in_words() {
        assert_eq!(survived(0, 1000), "nothing of 1,000");
        assert_eq!(survived(1000, 1000), "all of 1,000");
        assert_eq!(survived(999, 1000), "999 of 1,000");
    }
}
