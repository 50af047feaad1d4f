//! Durations, sizes, addresses, URLs and points in time, as people write them.

use std::{net::SocketAddr, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The longest duration: a day is beyond every timeout that makes sense, a year beyond every slip of a key.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// `100ms`, `5s`, `1.5s`, `10m`, `1h`, `1d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        "d" => number * 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= LONGEST)
}

/// `64KiB`, `32MiB`, `1GiB`, `500KB`, `10MB`, `100B`, in bytes.
pub(super) fn size(text: &str) -> Option<usize> {
    let (number, unit) = split_unit(text)?;
    let one = match unit {
        "B" => 1.0,
        "KB" | "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => return None,
    };
    let bytes = (number * one).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 1 TiB")]
    (0.0..=1_099_511_627_776.0).contains(&bytes).then_some(bytes as usize)
}

/// A number of plain digits and what follows it.
fn split_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; `:8080` means every address.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix(':') {
        return port.parse().ok().map(|port: u16| SocketAddr::from(([0, 0, 0, 0], port)));
    }
    match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port))),
        None => text.parse().ok(),
    }
}

/// A date (its beginning in UTC) or a time with its offset, in microseconds since 1970.
pub(super) fn instant(text: &str) -> Option<i64> {
    let instant = match text.parse::<Date>() {
        Ok(date) if !text.contains(['T', 't', ' ', ':']) => date.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        _ => text.parse::<Timestamp>().ok()?,
    };
    Some(instant.as_microsecond())
}

/// What is wrong with a URL, if anything is, and what is said of it when it is right.
pub(super) fn url(text: &str) -> Result<Url<'_>, &'static str> {
    let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err("it must begin with `https://` or `http://`"),
    };
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii() || c == '\\') {
        return Err("it must not hold blanks, backslashes or characters beyond ASCII");
    }
    if text.contains(['?', '#']) {
        return Err("it must have neither a query nor a fragment");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("it must not hold a user name or password");
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, after)) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, after),
        Some(_) => return Err("its host is not an address"),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let good_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok_and(|port| port > 0));
    if !good_port {
        return Err("its port is not a number from 1 to 65535");
    }
    let good_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(good_host) {
        return Err("it has no host");
    }
    let loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    Ok(Url { secure, loopback, has_path: !path.is_empty(), text: text.trim_end_matches('/') })
}

/// A URL that is right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub secure: bool,
    pub loopback: bool,
    pub has_path: bool,
    /// Without a slash at its end.
    pub text: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration("100ms"), Some(Duration::from_millis(100)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1_500)));
        assert_eq!(duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for bad in ["", "5", "s", "-5s", "5 parsecs", "1e400s", "999999999d", "1.2.3s", "NaNs", "inf", "5S"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(size("32MiB"), Some(32 << 20));
        assert_eq!(size("1.5 KiB"), Some(1536));
        assert_eq!(size("10MB"), Some(10_000_000));
        for bad in ["", "5", "MiB", "-1MiB", "1TiB ", "99999999999GiB", "1mib", "5 M"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_are_numeric() {
        assert_eq!(address("127.0.0.1:80").map(|a| a.to_string()).as_deref(), Some("127.0.0.1:80"));
        assert_eq!(address("localhost:80").map(|a| a.to_string()).as_deref(), Some("127.0.0.1:80"));
        assert_eq!(address(":80").map(|a| a.to_string()).as_deref(), Some("0.0.0.0:80"));
        assert_eq!(address("[::1]:80").map(|a| a.to_string()).as_deref(), Some("[::1]:80"));
        for bad in ["", "8080", "example.com:80", "127.0.0.1", "127.0.0.1:99999"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn points_in_time_are_unambiguous() {
        assert_eq!(instant("1970-01-02"), Some(86_400_000_000));
        assert_eq!(instant("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(instant("1970-01-01T00:00:01Z"), Some(1_000_000));
        for bad in ["", "tomorrow", "2027-13-01", "2027-01-01T00:00:00", "01/02/2027", "2027"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_url_that_two_readers_could_read_differently_is_refused() {
        for good in ["https://api.example.com/v1", "http://127.0.0.1:8000/v1/", "http://[::1]:80", "http://a_b:1"] {
            assert!(url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api.example.com",
            "ftp://example.com",
            "https://",
            "https:///v1",
            "http://good\\@evil",
            "http://good#@evil",
            "http://user:password@example.com",
            "https://example.com/?key=1",
            "https://example.com:0",
            "https://example.com:99999",
            "https://exa mple.com",
            "https://exämple.com",
            "https://[::1",
            "https://[nonsense]/",
            "https://a:b:c",
            "https://exam\nple.com",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert_eq!(
            url("http://127.9.9.9:1/v1/").map(|url| (url.secure, url.loopback, url.text)),
            Ok((false, true, "http://127.9.9.9:1/v1"))
        );
        assert!(!url("http://127.0.0.1.example.com").unwrap().loopback);
    }
}
