use super::*;

/// Bytes that pass for random.
fn bytes(seed: u8) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(std::array::from_fn(|at| (at as u8).wrapping_mul(7).wrapping_add(seed)))
}

fn bound() -> Bound {
    Bound { tenant: "acme".into(), name: "openai".into(), origin: "https://api.openai.com".into(), version: 1 }
}

fn sealed() -> (Kek, String, Vec<u8>) {
    let (kek, key) = (Kek::new(bytes(1)), DataKey::new(bytes(2)));
    let sealed = key.seal(&Secret::new("the text"), &bound(), [3; 12]).unwrap();
    (Kek::new(bytes(1)), kek.wrap(&key, &bound(), [4; 12]).unwrap(), sealed)
}

#[test]
fn what_is_sealed_for_a_use_opens_for_that_use() {
    let (kek, wrapped, sealed) = sealed();
    let opened = kek.unwrap(&wrapped, &bound()).unwrap().open(&sealed, &bound()).unwrap();
    assert_eq!(opened.expose(), "the text");
    assert!(!String::from_utf8_lossy(&sealed).contains("text"));
}

#[test]
fn no_other_use_opens_it() {
    let (kek, wrapped, sealed) = sealed();
    let key = kek.unwrap(&wrapped, &bound()).unwrap();
    let others = [
        Bound { tenant: "other".into(), ..bound() },
        Bound { name: "anthropic".into(), ..bound() },
        Bound { origin: "https://attacker.example".into(), ..bound() },
        Bound { version: 2, ..bound() },
        // The same letters, cut elsewhere.
        Bound { tenant: "acmeo".into(), name: "penai".into(), ..bound() },
    ];
    for other in others {
        assert_eq!(key.open(&sealed, &other).unwrap_err(), Unopened::NotAuthentic, "{other:?}");
        assert_eq!(kek.unwrap(&wrapped, &other).unwrap_err(), Unopened::NotAuthentic, "{other:?}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let (kek, wrapped, sealed) = sealed();
    let key = kek.unwrap(&wrapped, &bound()).unwrap();
    for at in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(key.open(&flipped, &bound()).is_err(), "bit {at}");
    }
    for length in 0..sealed.len() {
        assert!(key.open(&sealed[..length], &bound()).is_err(), "{length} bytes");
    }
    for (from, to) in [("kek:", "ke:"), (":", ""), (kek.id(), "0123456789abcdef")] {
        assert!(kek.unwrap(&wrapped.replacen(from, to, 1), &bound()).is_err(), "{to}");
    }
}

#[test]
fn another_kek_says_which_one_is_missing() {
    let (kek, wrapped, _) = sealed();
    let error = Kek::new(bytes(9)).unwrap(&wrapped, &bound()).unwrap_err();
    assert_eq!(error, Unopened::UnknownKek(kek.id().to_owned()));
}

#[test]
fn keks_are_read_in_order_and_weak_ones_are_refused() {
    let (new, old) = (hex(&*bytes(1)), hex(&*bytes(2)));
    let keks = Kek::read_all(&format!("{new}\n{old}\n")).unwrap();
    assert_eq!(keks.iter().map(Kek::id).collect::<Vec<_>>(), [Kek::new(bytes(1)).id(), Kek::new(bytes(2)).id()]);
    assert_eq!(Kek::read_all(&format!("{new},{old}")).unwrap().len(), 2);
    for (text, why) in [
        ("", BadKek::Empty),
        (" \n", BadKek::Empty),
        ("changeme", BadKek::NotHex),
        (&new[1..], BadKek::NotHex),
        (&"00".repeat(32), BadKek::Weak),
        (&"0123456789abcdef".repeat(4), BadKek::Weak),
    ] {
        assert_eq!(Kek::read_all(text).unwrap_err(), why, "{text}");
    }
    let shown = format!("{:?} {:?}", keks[0], DataKey::new(bytes(3)));
    assert_eq!(shown, format!("[kek {}] [data key]", keks[0].id()));
}

#[test]
fn an_origin_is_written_in_one_way() {
    for (url, right) in [
        ("https://api.openai.com/v1", Some("https://api.openai.com")),
        ("HTTPS://API.OpenAI.com:443", Some("https://api.openai.com")),
        ("http://127.0.0.1:8000/v1?x#y", Some("http://127.0.0.1:8000")),
        ("http://[::1]:80/", Some("http://[::1]")),
        ("https://good@evil.example/", None),
        ("https:///v1", None),
        ("ftp://x", None),
        ("x", None),
    ] {
        assert_eq!(origin(url).as_deref(), right, "{url}");
    }
}
