//! ArcSight's Common Event Format, version 0, as log collectors read it.
//!
//! `CEF:0|vendor|product|version|signature|name|severity|extension`. In the header `|` and `\` are escaped, in the
//! extension `=`, `\` and line breaks. Field names are those of the CEF dictionary:
//! <https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors/pdfdoc/common-event-format-v25/common-event-format-v25.pdf>

use std::fmt::Write;

use super::Shown;

/// The entry as one line, without its end. `version` is the product's.
#[must_use]
pub fn line(shown: &Shown, version: &str) -> String {
    let entry = &shown.entry;
    let mut line = String::from("CEF:0|Tollgate|Tollgate|");
    header(&mut line, version);
    line.push('|');
    header(&mut line, &entry.action);
    line.push('|');
    header(&mut line, &format!("{} {}", entry.action, entry.target.split('/').next().unwrap_or_default()));
    let _ = write!(line, "|{}|", severity(shown.verb()));
    let seq = entry.seq.to_string();
    let at = (entry.at / 1_000).to_string();
    let ip = shown.ip().map(|ip| ip.to_string()).unwrap_or_default();
    let (actor, target) = (shown.actor().to_owned(), shown.target());
    // An IPv6 address has a field of its own kind.
    let (v4, v6) = if ip.contains(':') { ("", ip.as_str()) } else { (ip.as_str(), "") };
    let fields = [
        ("rt", at.as_str()),
        ("externalId", &seq),
        ("act", &entry.action),
        ("suser", &actor),
        ("src", v4),
        ("c6a2Label", if v6.is_empty() { "" } else { "Source IPv6 Address" }),
        ("c6a2", v6),
        ("cs1Label", "tenant"),
        ("cs1", &entry.tenant),
        ("cs2Label", "target"),
        ("cs2", &target),
        ("cs3Label", if entry.fields.is_empty() { "" } else { "fields" }),
        ("cs3", &entry.fields),
        ("cs4Label", if entry.request_id.is_empty() { "" } else { "request_id" }),
        ("cs4", &entry.request_id),
        ("cs5Label", "prev_hash"),
        ("cs5", &entry.prev_hash),
        ("cs6Label", "hash"),
        ("cs6", &entry.hash),
        ("oldFileHash", &entry.before_hash),
        ("fileHash", &entry.after_hash),
    ];
    for (at, (name, value)) in fields.iter().filter(|(_, value)| !value.is_empty()).enumerate() {
        let _ = write!(line, "{}{name}=", if at == 0 { "" } else { " " });
        extension(&mut line, value);
    }
    line
}

/// From 0 to 10: what takes something away counts more than what adds or reads.
fn severity(verb: &str) -> u8 {
    match verb {
        "delete" | "erase" | "disable" | "revoke" => 6,
        "refuse" | "deny" => 7,
        "view" | "list" | "export" => 2,
        _ => 3,
    }
}

fn header(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '|' | '\\' => line.extend(['\\', c]),
            '\n' | '\r' => line.push(' '),
            c => line.push(c),
        }
    }
}

fn extension(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '=' | '\\' => line.extend(['\\', c]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            c => line.push(c),
        }
    }
}
