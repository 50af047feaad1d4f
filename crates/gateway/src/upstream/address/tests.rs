use super::*;

const PORTS: &[u16] = &[443, 80];

fn read(url: &str) -> Result<Destination, Refusal> {
    Destination::read(url, true, PORTS)
}

#[test]
fn addresses_inside_are_not_public() {
    let inside = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::a9fe:a9fe",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.1.1.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    for ip in inside {
        assert!(!is_public(ip.parse().unwrap()), "{ip}");
    }
}

#[test]
fn addresses_of_the_internet_are_public() {
    let outside = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "168.63.129.17",
        "169.253.0.1",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "3ffe:ffff::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ];
    for ip in outside {
        assert!(is_public(ip.parse().unwrap()), "{ip}");
    }
}

#[test]
fn one_parser_reads_every_spelling_of_an_address() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "0xa9fea9fe",
        "[::1]",
        "[::]",
        "[::ffff:a9fe:a9fe]",
        "[::ffff:127.0.0.1]",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
        "１２７.0.0.1",
        "127。0。0。1",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "metadata.google.internal",
        "metadata.google.internal.",
        "printer.local",
        "router",
        "1.0.168.192.in-addr.arpa",
    ] {
        assert_eq!(read(&format!("http://{host}/latest")), Err(Refusal::NotPublic), "{host}");
    }
}

#[test]
fn what_is_not_a_plain_https_url_is_refused_by_name() {
    let refused = [
        ("file:///etc/passwd", Refusal::Scheme),
        ("gopher://example.com/1", Refusal::Scheme),
        ("ftp://example.com/a.png", Refusal::Scheme),
        ("data:image/png;base64,AAAA", Refusal::Scheme),
        ("http://user@example.com/", Refusal::UserInfo),
        ("http://user:word@example.com/", Refusal::UserInfo),
        ("http://good.example.com\\@evil.example.com/", Refusal::NotAUrl),
        ("http://good.example.com/a b", Refusal::NotAUrl),
        ("http://exa\tmple.com/", Refusal::NotAUrl),
        ("http://example.com/\r\nhost: evil", Refusal::NotAUrl),
        ("example.com/a.png", Refusal::NotAUrl),
        ("https://", Refusal::NotAUrl),
        ("https://[::1", Refusal::NotAUrl),
        ("https://example.com:22/", Refusal::Port),
        ("https://example.com:6379/", Refusal::Port),
        ("https://example.com:0/", Refusal::Port),
    ];
    for (url, why) in refused {
        assert_eq!(read(url), Err(why), "{url}");
    }
    assert_eq!(read(&format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES))), Err(Refusal::TooLong));
    assert_eq!(Destination::read("http://example.com/", false, PORTS), Err(Refusal::Scheme));
}

#[test]
fn what_is_checked_is_what_is_dialled() {
    let plain = read("https://Images.Example.COM/a/../b.png?size=2#part").unwrap();
    assert_eq!(plain.host(), &Host::Domain("images.example.com".to_owned()));
    assert_eq!((plain.path_and_query(), plain.authority().as_str()), ("/b.png?size=2", "images.example.com"));
    assert_eq!((plain.port(), plain.is_https()), (443, true));

    let fragment = read("http://good.example.com#@evil.example.com/").unwrap();
    assert_eq!(fragment.host(), &Host::Domain("good.example.com".to_owned()));

    // A Cyrillic letter gives another name, and that name in ASCII is the one that is resolved and shown in TLS.
    let homograph = read("https://ex\u{430}mple.com/").unwrap();
    assert_eq!(homograph.host(), &Host::Domain("xn--exmple-4nf.com".to_owned()));

    let port = Destination::read("https://example.com:8443/x", false, &[443, 8443]).unwrap();
    assert_eq!((port.port(), port.authority().as_str()), (8443, "example.com:8443"));
}
