//! Tables as CSV (RFC 4180), written so that no spreadsheet takes a cell for a formula, and read as others write them.

/// Writes a line: what must be quoted is, and a text that a spreadsheet would run gets an apostrophe in front.
///
/// Texts come from callers (names, tags, models). A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or
/// a line break for a formula (<https://owasp.org/www-community/attacks/CSV_Injection>); numbers keep their sign.
pub fn line<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        self::cell(out, cell);
    }
    out.push_str("\r\n");
}

fn cell(out: &mut String, text: &str) {
    let guard = is_dangerous(text);
    // A lone direction mark or control character would change how the rest of the sheet reads.
    let strange = |c: char| (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || is_direction(c);
    let quoted = text.contains([',', '"', '\n', '\r', '\t', ';']) || guard;
    if quoted {
        out.push('"');
    }
    if guard {
        out.push('\'');
    }
    for c in text.chars().filter(|c| !strange(*c)) {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    if quoted {
        out.push('"');
    }
}

/// Whether a spreadsheet would take the text for a formula. Leading blanks and marks do not hide one.
fn is_dangerous(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| {
        (c.is_whitespace() && c != '\t' && c != '\r' && c != '\n') || is_direction(c) || c == '\u{feff}' || c == '\''
    });
    let bare = bare.trim_start_matches(|c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n'));
    match bare.chars().next() {
        // Full-width forms are taken for the plain ones by some.
        Some('=' | '+' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => !is_number(text),
        Some('-') => !is_number(text),
        _ => false,
    }
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

/// `12`, `-0.5`, `1.5e-07`: digits, one point, one exponent.
fn is_number(text: &str) -> bool {
    llm::price::parse_decimal(text, 0).is_ok()
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BadTable {
    /// Of the text, from 1.
    pub line: usize,
    pub problem: &'static str,
}

/// Reads a table: rows of cells, quoted or not, lines ended by either kind of line break. A byte order mark is passed
/// over, and so are empty lines.
///
/// # Errors
/// A quote is not closed, or stands where none may.
pub fn read(text: &str) -> Result<Vec<Vec<String>>, BadTable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut was_quoted, mut line) = (false, false, 1);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        line += usize::from(c == '\n');
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                cell.push('"');
                characters.next();
            }
            '"' if quoted => (quoted, was_quoted) = (false, true),
            c if quoted => cell.push(c),
            '"' if cell.is_empty() && !was_quoted => quoted = true,
            ',' => {
                row.push(std::mem::take(&mut cell));
                was_quoted = false;
            }
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\r' => {
                end_row(&mut rows, &mut row, &mut cell);
                was_quoted = false;
            }
            _ if was_quoted => return Err(BadTable { line, problem: "there is text behind a closing quote" }),
            '"' => return Err(BadTable { line, problem: "a quote stands in the middle of a cell" }),
            c => cell.push(c),
        }
    }
    if quoted {
        return Err(BadTable { line, problem: "a quote is opened and never closed" });
    }
    end_row(&mut rows, &mut row, &mut cell);
    Ok(rows)
}

fn end_row(rows: &mut Vec<Vec<String>>, row: &mut Vec<String>, cell: &mut String) {
    let last = std::mem::take(cell);
    if !row.is_empty() || !last.is_empty() {
        row.push(last);
        rows.push(std::mem::take(row));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(cell: &str) -> String {
        let mut out = String::new();
        line(&mut out, [cell]);
        out.trim_end_matches("\r\n").to_owned()
    }

    #[test]
    fn sec_024_no_cell_is_a_formula() {
        for formula in [
            "=cmd|' /C calc'!A0",
            "+1+1",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\u{feff}=1",
            "\u{202e}=1",
            "\u{200b}@x",
            "'=1",
            "＝1+1",
            "-",
            "=HYPERLINK(\"http://evil\",\"x\")",
            "\u{0}=1",
        ] {
            let cell = written(formula);
            let content = read(&cell).unwrap().remove(0).remove(0);
            assert!(content.starts_with('\''), "{formula:?} became {cell:?}");
            assert!(!cell.contains(['\u{202e}', '\u{200b}', '\u{0}']), "{cell:?}");
        }
        for number in ["-1.5", "12", "1e-7", "0", "-0.000000001"] {
            assert_eq!(written(number), number);
        }
        for plain in ["gpt-4o", "research", "a b", "3=4", "ü"] {
            assert_eq!(written(plain), plain);
        }
    }

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let rows = read("\u{feff}a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\n\n1,\n").unwrap();
        assert_eq!(rows, [vec!["a", "b"], vec!["x, \"y\"", "two\nlines"], vec!["1", ""]]);
        assert_eq!(read("a\n\"b").unwrap_err().to_string(), "line 2: a quote is opened and never closed");
        assert!(read("a\"b\n").is_err() && read("\"a\"b\n").is_err());
        assert_eq!(read("").unwrap(), Vec::<Vec<String>>::new());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(cells in prop::collection::vec("[a-z,\"\n ;0-9]{1,12}", 1..6)) {
            let mut out = String::new();
            line(&mut out, cells.iter().map(String::as_str));
            let back = read(&out).unwrap();
            let cells: Vec<String> = cells.iter().map(|cell| match is_dangerous(cell) {
                true => format!("'{cell}"),
                false => cell.clone(),
            }).collect();
            prop_assert_eq!(back, vec![cells]);
        }
    }
}
