//! The plot: two panels of bars on logarithmic axes, one row per contender.

use std::fmt::Write;

use super::contenders::{CONTENDERS, Contender, Durability};
use super::figures::{Figures, Round, Row, typical};

const WIDTH: f64 = 960.0;
const LABELS: f64 = 190.0;
/// Between the panels, and at the right: room for the number after the longest bar.
const GAP: f64 = 70.0;
const PANEL: f64 = (WIDTH - LABELS - 2.0 * GAP) / 2.0;
const TOP: f64 = 92.0;
const ROW: f64 = 28.0;
const BAR: f64 = 16.0;
/// The axes go from 10 to 10 to the sixth.
const DECADES: std::ops::RangeInclusive<i32> = 1..=6;

type Load = fn(&Round) -> Option<Figures>;

const PANELS: [(&str, Load); 2] = [
    ("batches of 500 x 1 KiB, records/s", |round| round.batches),
    ("single records of 1 KiB, records/s", |round| round.singles),
];

const LEGEND: [(Durability, &str); 3] = [
    (Durability::Synced, "synced before it is acknowledged"),
    (Durability::Files, "in files, not synced"),
    (Durability::Memory, "in memory"),
];

/// Its own background, so that it can be read on pages of any colour.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.small{font-size:11px}.ours{font-weight:700}\
.title{font-weight:600}.background{fill:#fff}.grid{stroke:#d8dee4}.range{stroke:#1f2328}\
.synced{fill:#2f81c7}.files{fill:#d98b1f}.memory{fill:#9aa1a9}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.background{fill:#161b22}\
.grid{stroke:#30363d}.range{stroke:#e6edf3}}";

pub(super) fn of(rows: &[Row]) -> String {
    let height = TOP + ROW * rows.len() as f64 + 24.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Records per second of each contender\">\n<style>{STYLE}</style>\n\
         <rect class=\"background\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n"
    );
    draw(&mut svg, rows, height).expect("a string takes all");
    svg + "</svg>\n"
}

fn draw(svg: &mut String, rows: &[Row], height: f64) -> std::fmt::Result {
    let mut x = 16.0;
    for (durability, meaning) in LEGEND {
        let class = class(durability);
        writeln!(svg, "<rect class=\"{class}\" x=\"{x}\" y=\"16\" width=\"14\" height=\"14\"/>")?;
        writeln!(svg, "<text x=\"{}\" y=\"28\">{meaning}</text>", x + 20.0)?;
        x += 60.0 + 7.0 * meaning.len() as f64;
    }
    writeln!(
        svg,
        "<text class=\"small\" x=\"16\" y=\"48\">bar: median; line: slowest and fastest round; logarithmic</text>"
    )?;
    for (index, (title, _)) in PANELS.iter().enumerate() {
        axis(svg, left(index), title, height)?;
    }
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let contender = CONTENDERS.iter().find(|contender| contender.name == row.name);
        let Some(contender) = contender else { continue };
        let ours = if row.name.starts_with("weir") { " class=\"ours\"" } else { "" };
        let baseline = y + BAR - 3.0;
        let name = &row.name;
        writeln!(
            svg,
            "<text{ours} x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{name}</text>",
            LABELS - 10.0
        )?;
        for (panel, (_, load)) in PANELS.iter().enumerate() {
            bar(svg, left(panel), y, contender, row, *load)?;
        }
    }
    Ok(())
}

fn axis(svg: &mut String, left: f64, title: &str, height: f64) -> std::fmt::Result {
    writeln!(svg, "<text class=\"title\" x=\"{left}\" y=\"70\">{title}</text>")?;
    for decade in DECADES {
        let x = left + position(10_f64.powi(decade));
        let (top, bottom) = (TOP - 10.0, height - 22.0);
        writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>"
        )?;
        let tick = short(10_f64.powi(decade));
        writeln!(
            svg,
            "<text class=\"small\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
            height - 8.0
        )?;
    }
    Ok(())
}

fn bar(
    svg: &mut String,
    left: f64,
    y: f64,
    contender: &Contender,
    row: &Row,
    load: Load,
) -> std::fmt::Result {
    let Some(figures) = typical(&row.rounds, load) else {
        let why = if row.rounds.is_empty() { "not installed" } else { "no figure" };
        return writeln!(
            svg,
            "<text class=\"small\" x=\"{}\" y=\"{}\">{why}</text>",
            left + 4.0,
            y + 12.0
        );
    };
    let rates = row.rounds.iter().filter_map(load).map(|figures| figures.records_per_second);
    let (slowest, fastest) =
        rates.fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
    let (slowest, fastest) = (left + position(slowest), left + position(fastest));
    let width = position(figures.records_per_second);
    let class = class(contender.durability);
    let middle = y + BAR / 2.0;
    writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{left}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\"/>"
    )?;
    writeln!(
        svg,
        "<line class=\"range\" x1=\"{slowest:.1}\" y1=\"{middle}\" x2=\"{fastest:.1}\" y2=\"{middle}\"/>"
    )?;
    let (x, baseline) = (fastest.max(left + width) + 6.0, y + BAR - 4.0);
    let rate = short(figures.records_per_second);
    writeln!(svg, "<text class=\"small\" x=\"{x:.1}\" y=\"{baseline}\">{rate}</text>")
}

fn left(panel: usize) -> f64 {
    LABELS + panel as f64 * (PANEL + GAP)
}

/// How far right a rate is on its axis.
fn position(rate: f64) -> f64 {
    let (first, last) = (f64::from(*DECADES.start()), f64::from(*DECADES.end()));
    ((rate.max(1.0).log10() - first) / (last - first)).clamp(0.0, 1.0) * PANEL
}

/// `950`, `1.2k`, `310k`, `1M`
fn short(rate: f64) -> String {
    let (number, unit) = match rate {
        rate if rate >= 999_500.0 => (rate / 1e6, "M"),
        rate if rate >= 999.5 => (rate / 1e3, "k"),
        rate => (rate, ""),
    };
    let has_fraction = number < 9.95 && number.fract() >= 0.05 && number.fract() < 0.95;
    let digits = usize::from(has_fraction);
    format!("{number:.digits$}{unit}")
}

fn class(durability: Durability) -> &'static str {
    match durability {
        Durability::Synced => "synced",
        Durability::Files => "files",
        Durability::Memory => "memory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_shortly() {
        for (rate, text) in [
            (12.3, "12"),
            (950.0, "950"),
            (1000.0, "1k"),
            (1234.0, "1.2k"),
            (9_970.0, "10k"),
            (313_400.0, "313k"),
            (1e6, "1M"),
        ] {
            assert_eq!(short(rate), text);
        }
    }

    #[test]
    fn an_axis_begins_at_ten_and_ends_at_a_million() {
        assert_eq!(position(10.0), 0.0);
        assert_eq!(position(3.0), 0.0);
        assert_eq!(position(1e6), PANEL);
    }
}
