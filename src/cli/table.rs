//! Columns for people.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::{is_printable, printable};

/// Spaces between columns.
const GAP: usize = 2;
/// Width where the terminal does not tell its own.
const USUAL_WIDTH: usize = 100;
/// A column is not made narrower than this to fit the terminal.
const NARROWEST: usize = 8;

/// A table whose last column takes what is left of the line.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(super) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned).to_vec()] }
    }

    /// Adds a row. Names and texts of others lose their control characters and line breaks.
    pub(super) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.map(one_line).to_vec());
    }

    /// The table as lines.
    pub(super) fn render(&self) -> String {
        let width = terminal_size::terminal_size()
            .map_or(USUAL_WIDTH, |(terminal_size::Width(width), _)| usize::from(width));
        self.render_in(width)
    }

    fn render_in(&self, width: usize) -> String {
        let columns = self.rows[0].len();
        let widths: Vec<_> = (0..columns)
            .map(|column| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0))
            .collect();
        let before_last: usize = widths[..columns - 1].iter().map(|width| width + GAP).sum();
        let last = width.saturating_sub(before_last).max(NARROWEST);
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                if column + 1 == columns {
                    line.push_str(&cut(cell, last));
                } else {
                    line.push_str(cell);
                    line.extend(std::iter::repeat_n(' ', widths[column] + GAP - cell.width()));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// One line without characters that hide or move others.
pub(super) fn one_line(text: &str) -> String {
    printable(text).trim().to_owned()
}

/// A text of others for a terminal: its line breaks stay, nothing else that moves the cursor, hides text or changes colours.
pub(super) fn paragraph(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\n' => Some('\n'),
            '\t' => Some(' '),
            other => is_printable(other).then_some(other),
        })
        .collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_last_one_is_cut() {
        let mut table = Table::new(["ID", "NAME", "TEXT"]);
        table.row(["usr_1", "日本", "short"]);
        table.row(["usr_22", "Ada\u{1b}[31m\nWeber", "a text that is too long for the line"]);
        let lines = [
            "ID      NAME            TEXT",
            "usr_1   日本            short",
            "usr_22  Ada [31m Weber  a text that…",
        ];
        assert_eq!(table.render_in(36), lines.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn a_paragraph_keeps_its_lines_and_loses_what_moves_the_cursor() {
        assert_eq!(paragraph("a\u{1b}[2J\r\nb\tc"), "a[2J\nb c");
    }
}
