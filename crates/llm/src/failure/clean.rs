//! A provider's words, made fit for a caller.
//!
//! Providers repeat what they were sent: a key, masked or not, an internal address, a dump of headers. The words are
//! cleaned by what things look like, not by knowing the secrets, since this crate knows none; it errs towards hiding.

use std::net::Ipv6Addr;

/// Most bytes that are kept.
const MOST: usize = 1024;

/// Characters that end a word. `=` and `:` do not: they tie a name to its value.
const DELIMITERS: &[char] =
    &[' ', '"', '\'', '`', '<', '>', '(', ')', '{', '}', '[', ']', ',', ';', '\\', '|', '!', '?'];

/// The provider's words without credentials, addresses and control characters, at most 1 KiB of them.
#[must_use]
pub fn clean(message: &str) -> String {
    let plain = printable(message);
    let mut cleaned = String::with_capacity(plain.len().min(2 * MOST));
    let mut before = Before::Nothing;
    let mut rest = plain.as_str();
    while cleaned.len() < MOST && !rest.is_empty() {
        let end = rest.find(DELIMITERS).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if !word.is_empty() {
            before = push(word, before, &mut cleaned);
        }
        let mut tail = tail.chars();
        cleaned.extend(tail.next());
        rest = tail.as_str();
    }
    cleaned.truncate(cleaned.floor_char_boundary(MOST));
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Without terminal escapes and other control characters; line ends become spaces.
fn printable(message: &str) -> String {
    let mut plain = String::with_capacity(message.len());
    let mut chars = message.chars();
    while let Some(char) = chars.next() {
        match char {
            // `ESC [ parameters letter` is the form that matters; any other escape loses its first character.
            '\u{1b}' => {
                if chars.next() == Some('[') {
                    chars.by_ref().find(|char| ('@'..='~').contains(char));
                }
            }
            _ if char.is_whitespace() => plain.push(' '),
            // Bidirectional overrides and zero-width characters disguise text.
            _ if char.is_control()
                || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
                {}
            _ => plain.push(char),
        }
    }
    plain
}

/// What the word before says of the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// `Bearer`: a credential follows, unless prose does.
    Scheme,
    /// `api_key`: a credential follows a `:` or `=`.
    Name,
    /// `api_key:`: a credential follows, unless prose does.
    Named,
}

/// Writes one word, or what stands in its place, and says what it means for the next one.
fn push(word: &str, before: Before, cleaned: &mut String) -> Before {
    if before == Before::Name && matches!(word, ":" | "=") {
        cleaned.push_str(word);
        return Before::Named;
    }
    if is_scheme(word) {
        cleaned.push_str(word);
        return Before::Scheme;
    }
    if matches!(before, Before::Scheme | Before::Named) && !is_prose(word) {
        cleaned.push_str(REDACTED);
        return Before::Nothing;
    }
    if is_url(word) {
        cleaned.push_str("[url]");
        return Before::Nothing;
    }
    if let Some((name, value)) = word.split_once(['=', ':']) {
        let tie = word.get(name.len()..=name.len()).unwrap_or_default();
        if is_secret_name(name) {
            cleaned.push_str(name);
            cleaned.push_str(tie);
            if value.is_empty() {
                return Before::Named;
            }
            let scheme = is_scheme(value);
            cleaned.push_str(if scheme { value } else { REDACTED });
            return if scheme { Before::Scheme } else { Before::Nothing };
        }
        if !value.is_empty() && tie == "=" {
            cleaned.push_str(if is_secret(name) { REDACTED } else { name });
            cleaned.push_str(tie);
            return push(value, Before::Nothing, cleaned);
        }
    }
    if is_secret(word) {
        cleaned.push_str(REDACTED);
    } else if is_address(word) {
        cleaned.push_str("[address]");
    } else {
        cleaned.push_str(word);
    }
    if is_secret_name(word) { Before::Name } else { Before::Nothing }
}

const REDACTED: &str = "[redacted]";

fn is_scheme(word: &str) -> bool {
    ["bearer", "basic"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

fn is_secret_name(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "key",
        "apikey",
        "xapikey",
        "token",
        "accesstoken",
        "authtoken",
        "secret",
        "clientsecret",
        "password",
        "passwd",
        "authorization",
        "proxyauthorization",
        "credential",
        "credentials",
        "cookie",
        "setcookie",
    ];
    let name: String = name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.contains(&name.as_str()) || name.ends_with("apikey")
}

/// Plain words: "Bearer authentication", "token: expected a string".
fn is_prose(word: &str) -> bool {
    word.len() < 20 && word.trim_end_matches(['.', ':']).chars().all(|c| c.is_lowercase() || c == '-' || c == '_')
}

fn is_url(word: &str) -> bool {
    word.find("://").is_some_and(|at| at > 0 && word.len() > at + 3)
}

/// A host or address, with or without a port, that means something inside a network only.
fn is_address(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ':']);
    if word.matches(':').count() >= 2 && word.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let host = word.split([':', '/']).next().unwrap_or_default().to_ascii_lowercase();
    let is_ipv4 = host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok());
    let inside = [".local", ".internal", ".svc", ".lan", ".corp", ".intranet", ".consul"];
    is_ipv4 || inside.iter().any(|end| host.ends_with(end)) || (host == "localhost" && word.contains(':'))
}

/// A word that looks like a credential: by its prefix, by its mask, or by being long and random.
fn is_secret(word: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "sk-",
        "sk_",
        "pk-",
        "pk_",
        "rk_",
        "gsk_",
        "xai-",
        "AIza",
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "hf_",
        "AKIA",
        "ASIA",
        "ya29.",
        "eyJ",
        "tg_live_",
        "tg_test_",
        "tgp_",
        "r8_",
        "pplx-",
        "nvapi-",
        "fw_",
        "xoxb-",
        "xoxp-",
        "sess-",
        "whsec_",
    ];
    let word = word.trim_matches(['.', ':', '/']);
    let prefixed = PREFIXES.iter().any(|prefix| {
        word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 6 && rest.contains(|c: char| !c.is_lowercase()))
    });
    prefixed || word.contains("***") || is_elided(word) || is_random(word)
}

/// `abcd...wxyz`, `abcd…wxyz`: a key with its middle cut out.
fn is_elided(word: &str) -> bool {
    word.split_once("...").or_else(|| word.split_once('…')).is_some_and(|(head, tail)| {
        let part =
            |part: &str| part.len() >= 3 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        part(head) && part(tail) && word.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    })
}

/// Long runs of letters and digits as no language has them: hexadecimal, base64, base62.
///
/// Names of models are long and mixed as well; they change between capitals, small letters and digits less often than
/// random text does, and their parts are short.
fn is_random(word: &str) -> bool {
    let bulky = word.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| {
        let digit = part.bytes().any(|b| b.is_ascii_digit());
        let letter = part.bytes().any(|b| b.is_ascii_alphabetic());
        part.len() >= 20 && digit && letter
    });
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 1,
        b'a'..=b'z' => 2,
        b'A'..=b'Z' => 3,
        _ => 0,
    };
    let classes: Vec<u8> = word.bytes().map(class).collect();
    let known = classes.iter().filter(|class| **class != 0).count();
    let turns = classes.windows(2).filter(|pair| matches!(pair, [a, b] if a != b && *a != 0 && *b != 0)).count();
    let has = |wanted: u8| classes.contains(&wanted);
    let mixed = known >= 20 && has(2) && has(3) && if has(1) { turns * 4 >= known } else { turns * 5 >= known * 2 };
    bulky || mixed
}
