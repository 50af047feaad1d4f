use super::*;

fn random(seed: u8) -> [u8; RANDOM_BYTES] {
    std::array::from_fn(|at| (at as u8).wrapping_mul(37).wrapping_add(seed.wrapping_mul(101)))
}

fn pepper() -> Pepper {
    Pepper::new(&[7; 32])
}

fn rule(minted: &Minted) -> KeyRule {
    KeyRule {
        id: minted.id.clone(),
        name: "ci".into(),
        owner: Default::default(),
        access: Default::default(),
        bounds: Default::default(),
        principal: Arc::default(),
        hash: minted.hash(&pepper()),
        previous: None,
        models: vec!["*".into()],
        expires_at: None,
        disabled: false,
        parallel: None,
        origin: Origin::Store,
    }
}

fn admits(rule: &KeyRule, minted: &Minted, now: i64) -> Result<(), Denied> {
    rule.admits(&pepper(), &Parsed::parse(minted.text.expose()).unwrap(), now)
}

#[test]
fn a_minted_key_has_the_published_form_and_parses() {
    for seed in 0..50 {
        let minted = Minted::new(if seed % 2 == 0 { Env::Live } else { Env::Test }, &random(seed));
        let text = minted.text.expose();
        assert_eq!(text.len(), "tg_live_".len() + 12 + 1 + 43 + 1 + 8, "{text}");
        let parsed = Parsed::parse(text).unwrap();
        assert_eq!(parsed.id, minted.id.0);
        assert_eq!(parsed.env == Env::Live, seed % 2 == 0);
        assert!(Parsed::is_id(parsed.id));
    }
    assert_ne!(Minted::new(Env::Live, &random(1)).text.expose(), Minted::new(Env::Live, &random(2)).text.expose());
}

#[test]
fn the_extremes_of_randomness_fit_the_form() {
    for random in [[0; RANDOM_BYTES], [255; RANDOM_BYTES]] {
        assert!(Parsed::parse(Minted::new(Env::Live, &random).text.expose()).is_ok());
    }
}

#[test]
fn sec_003_a_changed_or_cut_key_is_refused_without_a_lookup() {
    let minted = Minted::new(Env::Live, &random(3));
    let text = minted.text.expose();
    for at in 0..text.len() {
        let mut changed = text.as_bytes().to_vec();
        changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
        assert!(Parsed::parse(std::str::from_utf8(&changed).unwrap()).is_err(), "changed at {at}");
        assert!(Parsed::parse(&text[..at]).is_err(), "cut at {at}");
    }
    for garbage in ["", "_", "tg", "tg____", "' OR 1=1--", "tg_live_a_b_c", "Bearer", &text.to_uppercase()] {
        assert!(Parsed::parse(garbage).is_err(), "{garbage}");
    }
    assert!(Parsed::parse(&format!("{text} ")).is_err());
    assert!(Parsed::parse(&format!(" {text}")).is_err());
    assert!(Parsed::parse(&format!("{}+{}", &text[..text.len() - 8], &text[text.len() - 7..])).is_err());
}

#[test]
fn a_key_is_admitted_until_it_expires_or_is_disabled() {
    let minted = Minted::new(Env::Live, &random(4));
    let mut rule = rule(&minted);
    rule.expires_at = Some(1_000);
    assert_eq!(admits(&rule, &minted, 999), Ok(()));
    assert_eq!(admits(&rule, &minted, 1_000), Err(Denied::Expired));
    rule.disabled = true;
    assert_eq!(admits(&rule, &minted, 999), Err(Denied::Disabled));
    let stranger = Minted::new(Env::Live, &random(5));
    assert_eq!(admits(&rule, &stranger, 999), Err(Denied::WrongSecret), "a stranger does not learn the state");
}

#[test]
fn a_rotated_key_accepts_both_secrets_in_the_overlap() {
    let (old, new) = (Minted::new(Env::Live, &random(6)), Minted::new(Env::Live, &random(7)));
    let mut rule = rule(&old);
    rule.rotate(new.hash(&pepper()), 500);
    assert_eq!(admits(&rule, &new, 0), Ok(()));
    assert_eq!(admits(&rule, &old, 499), Ok(()));
    assert_eq!(admits(&rule, &old, 500), Err(Denied::WrongSecret));
    assert_eq!(admits(&rule, &new, i64::MAX), Ok(()));
}

#[test]
fn another_pepper_admits_nobody() {
    let minted = Minted::new(Env::Live, &random(8));
    let parsed = Parsed::parse(minted.text.expose()).unwrap();
    assert_eq!(rule(&minted).admits(&Pepper::new(&[8; 32]), &parsed, 0), Err(Denied::WrongSecret));
}

#[test]
fn a_hash_reads_what_it_wrote_and_nothing_else() {
    let hash = pepper().hash("some secret");
    let text = hash.to_string();
    assert!(text.starts_with("hmac-sha256:"));
    assert_eq!(text.parse::<KeyHash>(), Ok(hash));
    for bad in ["", "hmac-sha256:", &text[..text.len() - 1], &text.replace("hmac", "HMAC"), &format!("{text}0")] {
        assert_eq!(bad.parse::<KeyHash>(), Err(NotAHash), "{bad}");
    }
    assert_eq!(format!("hmac-sha256:{}", "é".repeat(32)).parse::<KeyHash>(), Err(NotAHash));
}

#[test]
fn nothing_secret_shows_in_debug_output() {
    let minted = Minted::new(Env::Live, &random(9));
    let text = minted.text.expose();
    let secret = Parsed::parse(text).unwrap().secret;
    let shown = format!(
        "{minted:?} {:?} {:?} {:?} {:?} {}",
        Parsed::parse(text).unwrap(),
        rule(&minted),
        pepper(),
        minted.text,
        minted.text
    );
    assert!(!shown.contains(secret), "{shown}");
    assert!(!shown.contains(&rule(&minted).hash.to_string()), "{shown}");
    assert!(shown.contains(&minted.id.0), "the id may be shown: {shown}");
}
