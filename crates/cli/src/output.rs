//! What goes to stdout: lines, tables and NDJSON. Colours only reach a terminal: `anstream`
//! strips them everywhere else.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// Headings of tables.
pub(crate) const HEADING: Style = Style::new().bold();
/// Things that work.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Things that are on their way, or gone.
pub(crate) const FADED: Style = Style::new().dimmed();
/// Things that are wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Prints one line.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    writeln!(anstream::stdout(), "{text}")
}

/// Prints one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    line(serde_json::to_string(value).expect("plain data has a JSON form"))
}

/// `text` in `style`.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Tells a person something on stderr that is not a result.
pub(crate) fn note(text: impl Display) {
    // A closed stderr is no reason to stop.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Rows whose columns line up.
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// One cell of a [`Table`].
pub(crate) struct Cell {
    style: Style,
    text: String,
}

impl<T: Display> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { style: Style::new(), text: text.to_string() }
    }
}

impl Cell {
    pub(crate) fn styled(style: Style, text: impl Display) -> Self {
        Self { style, text: text.to_string() }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl Table {
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(|text| Cell::styled(HEADING, text)).into()] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    pub(crate) fn print(&self) -> io::Result<()> {
        line(self.render())
    }

    fn render(&self) -> String {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let mut lines = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let mut text = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                text.push_str(&styled(cell.style, &cell.text));
                if index + 1 < row.len() {
                    text.push_str(&" ".repeat(width - cell.width() + 2));
                }
            }
            lines.push(text);
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_styles() {
        let mut table = Table::new(["NAME", "N"]);
        table.row([Cell::styled(GOOD, "long name"), 1.into()]);
        table.row(["ä".into(), 22.into()]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "NAME       N\nlong name  1\nä          22");
    }
}
