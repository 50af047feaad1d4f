//! Where a URL that a caller supplied may lead.
//!
//! An image URL makes the gateway fetch on a stranger's behalf, from inside the operator's network. So the URL is read
//! once, by the parser that browsers use, and the same [`Destination`] is checked and dialled: `0x7f.1`, `2130706433`
//! and `127.1` are all the address that a connection would reach. Names are checked here without a look-up; what a name
//! resolves to is checked by [`fetch`](super::fetch) with [`is_public`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Position, Url};

/// Longer than any signed storage URL; short enough that parsing a hostile one costs nothing.
const MAX_URL_BYTES: usize = 8 * 1024;

/// A URL that may be fetched, as far as can be said before its name is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    url: Url,
    host: Host<String>,
    port: u16,
}

/// Why a URL may not be fetched. The words are fit for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the URL is longer than 8192 bytes")]
    TooLong,
    #[error("the URL is not valid; write it as https://host/path")]
    NotAUrl,
    #[error("only https URLs are fetched")]
    Scheme,
    #[error("the URL carries a user name or a password; leave it out")]
    UserInfo,
    #[error("the port is not one of those that may be fetched from; use the default port of https")]
    Port,
    #[error("the host is not a public host on the internet")]
    NotPublic,
}

impl Destination {
    /// Reads `url`. Accepts `https`, with `allow_http` also `http`, on one of `ports`, to a host that is not visibly
    /// internal.
    ///
    /// # Errors
    /// Why the URL may not be fetched.
    pub fn read(url: &str, allow_http: bool, ports: &[u16]) -> Result<Self, Refusal> {
        if url.len() > MAX_URL_BYTES {
            return Err(Refusal::TooLong);
        }
        // The parser repairs these silently; a URL that needs repair is read differently by somebody else.
        if url.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
            return Err(Refusal::NotAUrl);
        }
        let url = Url::parse(url).map_err(|_| Refusal::NotAUrl)?;
        if !(url.scheme() == "https" || (allow_http && url.scheme() == "http")) {
            return Err(Refusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let port = url.port_or_known_default().filter(|port| ports.contains(port)).ok_or(Refusal::Port)?;
        let host = match url.host().ok_or(Refusal::NotAUrl)? {
            Host::Domain(name) if is_public_name(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
            Host::Ipv4(ip) if is_public(ip.into()) => Host::Ipv4(ip),
            Host::Ipv6(ip) if is_public(ip.into()) => Host::Ipv6(ip),
            _ => return Err(Refusal::NotPublic),
        };
        Ok(Self { url, host, port })
    }

    /// The host: an address, or a name in ASCII (punycode) without a trailing dot.
    #[must_use]
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is to be spoken.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// What goes into the request line: path and query.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// The value of the `host` header: the host, and the port unless it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }
}

/// IPv4 blocks that are not the public internet:
/// <https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml>
const NOT_PUBLIC_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT; Alibaba's metadata lives here
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's host agent: a public address that only virtual machines reach
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local; the metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments; Oracle's metadata
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, broadcast
];

/// Blocks inside the global unicast space `2000::/3` that are not the public internet:
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml>
const NOT_PUBLIC_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo, ORCHID, benchmarks
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: an IPv4 address in disguise, long deprecated
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// `64:ff9b::/96`: an IPv4 address as NAT64 networks write it.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether an address belongs to the public internet, so that reaching it gives a caller nothing of the operator's.
///
/// IPv6 is judged by what is allowed: global unicast, and addresses that carry a public IPv4 address
/// (`::ffff:0:0/96`, NAT64). Everything else is refused: unique local, link-local, multicast, loopback, Teredo, 6to4.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !NOT_PUBLIC_V4.iter().any(|&block| holds_v4(block, ip)),
        IpAddr::V6(ip) => {
            let embedded = ip.to_ipv4_mapped().or_else(|| holds_v6(NAT64, ip).then(|| last_four_bytes(ip)));
            match embedded {
                Some(v4) => is_public(v4.into()),
                None => {
                    let global_unicast = ip.to_bits() >> 125 == 0b001;
                    global_unicast && !NOT_PUBLIC_V6.iter().any(|&block| holds_v6(block, ip))
                }
            }
        }
    }
}

/// Names that lead inside by their form: special-use domains (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`), and
/// names without a dot, which a search domain would complete.
fn is_public_name(name: &str) -> bool {
    const INSIDE: &[&str] = &["localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "onion"];
    let name = name.strip_suffix('.').unwrap_or(name);
    match name.rsplit_once('.') {
        Some((rest, last)) => !rest.is_empty() && !last.is_empty() && !INSIDE.contains(&last),
        None => false,
    }
}

fn holds_v4((base, bits): (Ipv4Addr, u32), ip: Ipv4Addr) -> bool {
    (base.to_bits() ^ ip.to_bits()).leading_zeros() >= bits
}

fn holds_v6((base, bits): (Ipv6Addr, u32), ip: Ipv6Addr) -> bool {
    (base.to_bits() ^ ip.to_bits()).leading_zeros() >= bits
}

fn last_four_bytes(ip: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = ip.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests;
