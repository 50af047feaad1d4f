//! Columns for a terminal, and text that cannot play tricks on one.

use std::{fmt::Write as _, io};

use jiff::{Timestamp, tz::TimeZone};
use llm::price::Money;

/// Prints rows in columns as wide as their widest cell. The first row is the head.
pub fn print(out: &mut dyn io::Write, rows: &[Vec<String>]) -> io::Result<()> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A text with everything escaped that a terminal would obey or that would change how the rest of a line reads: control
/// characters, and those that turn the direction of writing.
#[must_use]
pub fn plain(text: &str) -> String {
    let turns =
        |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    text.chars().fold(String::with_capacity(text.len()), |mut plain, c| {
        if c.is_control() || turns(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
        plain
    })
}

/// A text, or a dash.
#[must_use]
pub fn or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), plain)
}

/// A point in time, in the zone of this machine.
#[must_use]
pub fn time(micros: i64) -> String {
    Timestamp::from_microsecond(micros)
        .map(|time| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_else(|_| "-".to_owned())
}

/// US dollars to the millionth.
#[must_use]
pub fn dollars(cost: Money) -> String {
    format!("${:.6}", cost.0 as f64 / 1e9)
}
