use super::*;
use crate::usage::Usage;

/// Rates from dollars per million tokens, as price pages print them.
fn rates<const N: usize>(dollars_per_million: [(Unit, &str); N]) -> Rates {
    dollars_per_million.into_iter().map(|(unit, dollars)| (unit, rate(dollars))).collect()
}

fn rate(dollars_per_million: &str) -> u64 {
    let decimal = parse_decimal(dollars_per_million, 6).unwrap();
    assert!(decimal.exact);
    u64::try_from(decimal.value).unwrap()
}

fn flat<const N: usize>(dollars_per_million: [(Unit, &str); N]) -> Price {
    Price::flat(rates(dollars_per_million))
}

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

fn cost(price: &Price, usage: &Usage, tier: Option<&str>) -> Money {
    price.cost(usage, &Served { tier, ..Served::default() }).unwrap()
}

#[test]
fn case_058_cached_prompt_tokens_cost_the_cache_rate() {
    let price = flat([(Unit::Input, "2.50"), (Unit::CacheRead, "1.25"), (Unit::Output, "10")]);
    // OpenAI says prompt_tokens 2006, cached_tokens 1920 of them: 86 are read afresh.
    let usage = Usage { input: 86, cache_read: 1920, output: 300, ..Usage::default() };
    // 86 x 2.50e-6 + 1920 x 1.25e-6 + 300 x 10e-6 = 0.000215 + 0.0024 + 0.003
    assert_eq!(cost(&price, &usage, None), dollars("0.005615"));
}

#[test]
fn case_060_cache_writes_of_two_lifetimes_are_priced_apart() {
    let price = flat([(Unit::Input, "3"), (Unit::CacheWrite, "3.75"), (Unit::CacheWrite1h, "6"), (Unit::Output, "15")]);
    let usage = Usage { cache_write: 1000, cache_write_1h: 2000, ..Usage::default() };
    // 1000 x 3.75e-6 + 2000 x 6e-6 = 0.00375 + 0.012
    assert_eq!(cost(&price, &usage, None), dollars("0.01575"));
}

#[test]
fn case_061_a_missing_cache_rate_is_the_input_rate_and_zero_is_free() {
    let usage = Usage { cache_read: 1000, cache_write: 1000, cache_write_1h: 1000, ..Usage::default() };
    // 3 x 1000 x 2e-6
    assert_eq!(cost(&flat([(Unit::Input, "2"), (Unit::Output, "8")]), &usage, None), dollars("0.006"));
    let free = flat([
        (Unit::Input, "2"),
        (Unit::Output, "8"),
        (Unit::CacheRead, "0"),
        (Unit::CacheWrite, "0"),
        (Unit::CacheWrite1h, "0"),
    ]);
    assert_eq!(cost(&free, &usage, None), Money::ZERO);
    // Without a rate for an hour's write, it costs at least what a short one does.
    let short = flat([(Unit::Input, "2"), (Unit::Output, "8"), (Unit::CacheWrite, "2.5")]);
    // (2 + 2.5 + 2.5) x 1000e-6
    assert_eq!(cost(&short, &usage, None), dollars("0.007"));
}

#[test]
fn case_062_reasoning_is_a_part_of_the_output_and_priced_once() {
    let plain = flat([(Unit::Input, "2"), (Unit::Output, "8")]);
    let usage = Usage { output: 1000, reasoning: 800, ..Usage::default() };
    // 1000 x 8e-6
    assert_eq!(cost(&plain, &usage, None), dollars("0.008"));
    let dear = flat([(Unit::Input, "2"), (Unit::Output, "8"), (Unit::Reasoning, "24")]);
    // 200 x 8e-6 + 800 x 24e-6
    assert_eq!(cost(&dear, &usage, None), dollars("0.0208"));
    // More thought than output is not believed: the output bounds it.
    let odd = Usage { output: 10, reasoning: 99, output_audio: 99, ..Usage::default() };
    assert_eq!(cost(&plain, &odd, None), dollars("0.00008"));
}

/// 1 and 2 dollars per million tokens; from `from` prompt tokens on 10 and 20, cache reads 5.
fn long_price(from: u64) -> Price {
    let long = rates([(Unit::Input, "10"), (Unit::CacheRead, "5"), (Unit::Output, "20")]);
    let base = rates([(Unit::Input, "1"), (Unit::CacheRead, "0.1"), (Unit::Output, "2")]);
    Price { long: vec![Long { from, rates: long }], ..Price::flat(base) }
}

#[test]
fn case_063_long_prompts_reprice_the_whole_request() {
    let at = |input, cache_read| Usage { input, cache_read, output: 100, ..Usage::default() };
    let above = long_price(200_001);
    // 200000 x 1e-6 + 100 x 2e-6; then 200001 x 10e-6 + 100 x 20e-6: the output is repriced too.
    assert_eq!(cost(&above, &at(200_000, 0), None), dollars("0.2002"));
    assert_eq!(cost(&above, &at(200_001, 0), None), dollars("2.00201"));
    // Cached tokens count: 1 x 10e-6 + 200000 x 5e-6 + 100 x 20e-6
    assert_eq!(cost(&above, &at(1, 200_000), None), dollars("1.00201"));
    // A vendor whose threshold is inclusive: 200000 x 10e-6 + 100 x 20e-6
    let inclusive = long_price(200_000);
    assert_eq!(cost(&inclusive, &at(199_999, 0), None), dollars("0.200199"));
    assert_eq!(cost(&inclusive, &at(200_000, 0), None), dollars("2.002"));
}

#[test]
fn case_064_the_end_of_a_range_stays_in_the_lower_tier() {
    // Ranges [0, 32000], (32000, 128000], (128000, ...]
    let long = [(32_001, "3"), (128_001, "9")].map(|(from, input)| Long { from, rates: rates([(Unit::Input, input)]) });
    let price = Price { long: long.to_vec(), ..flat([(Unit::Input, "1"), (Unit::Output, "0")]) };
    for (prompt, micro_dollars) in
        [(32_000, 32_000), (32_001, 3 * 32_001), (128_000, 3 * 128_000), (128_001, 9 * 128_001)]
    {
        let usage = Usage { input: prompt, ..Usage::default() };
        assert_eq!(cost(&price, &usage, None), Money(micro_dollars * 1000), "{prompt}");
    }
}

fn tiered() -> Price {
    let tier = |name: &str, rates: Rates, long: Vec<Long>| Tier { name: name.into(), rates, long };
    let per = |input, output| rates([(Unit::Input, input), (Unit::Output, output)]);
    let batch = rates([(Unit::Input, "1"), (Unit::CacheRead, "0.1"), (Unit::Output, "4")]);
    let long_batch = rates([(Unit::Input, "2"), (Unit::CacheRead, "0.2"), (Unit::Output, "6")]);
    Price {
        long: vec![Long { from: 200_001, rates: per("4", "12") }],
        tiers: vec![
            tier("flex", per("1", "4"), vec![]),
            tier("priority", per("4", "16"), vec![]),
            tier("batch", batch, vec![Long { from: 200_001, rates: long_batch }]),
        ],
        ..flat([(Unit::Input, "2"), (Unit::CacheRead, "0.2"), (Unit::Output, "8")])
    }
}

#[test]
fn case_065_the_served_tier_decides_not_the_asked_for_one() {
    let usage = Usage { input: 1000, output: 1000, ..Usage::default() };
    for (served, dear) in [
        (None, "0.01"),
        (Some("default"), "0.01"),
        (Some("standard"), "0.01"),
        (Some("flex"), "0.005"),
        (Some("FLEX"), "0.005"),
        (Some("priority"), "0.02"),
        (Some("batch"), "0.005"),
    ] {
        assert_eq!(cost(&tiered(), &usage, served), dollars(dear), "{served:?}");
    }
}

#[test]
fn case_066_batches_have_their_own_long_and_cached_rates() {
    let price = tiered();
    let short = Usage { cache_read: 1000, output: 1000, ..Usage::default() };
    // 1000 x 0.1e-6 + 1000 x 4e-6
    assert_eq!(cost(&price, &short, Some("batch")), dollars("0.0041"));
    let long = Usage { input: 200_001, cache_read: 1000, output: 1000, ..Usage::default() };
    // 200001 x 2e-6 + 1000 x 0.2e-6 + 1000 x 6e-6
    assert_eq!(cost(&price, &long, Some("batch")), dollars("0.406202"));
    // Flex lists no long rates, so the price's own hold: 200001 x 4e-6 + 1000 x 0.2e-6 + 1000 x 12e-6
    assert_eq!(cost(&price, &long, Some("flex")), dollars("0.812204"));
}

#[test]
fn case_072_a_million_small_requests_sum_exactly() {
    let price = flat([(Unit::Input, "0.1"), (Unit::Output, "0")]);
    let usage = Usage { input: 1, ..Usage::default() };
    assert_eq!(cost(&price, &usage, None), dollars("1e-7"));
    let rows: Vec<Money> = std::iter::repeat_with(|| cost(&price, &usage, None)).take(1_000_000).collect();
    assert_eq!(rows.iter().copied().sum::<Money>().to_string(), "0.1");
    // A roll-up of roll-ups is the sum of the rows.
    let days: Money = rows.chunks(86_400).map(|day| day.iter().copied().sum()).sum();
    assert_eq!(days, dollars("0.1"));
}

#[test]
fn a_request_is_rounded_once() {
    // 3 x 0.0004e-6 dollars = 1.2 nano-dollars; rounding each class would lose it all.
    let price = flat([(Unit::Input, "0.0004"), (Unit::Output, "0.0004")]);
    let usage = Usage { input: 1, cache_read: 1, output: 1, ..Usage::default() };
    assert_eq!(cost(&price, &usage, None), Money(1));
}

#[test]
fn absurd_counts_saturate() {
    let price = Price::flat([(Unit::Input, u64::MAX), (Unit::Output, u64::MAX)].into_iter().collect());
    let usage = Usage { input: u64::MAX, output: u64::MAX, cache_read: u64::MAX, ..Usage::default() };
    assert_eq!(cost(&price, &usage, None), Money(i64::MAX));
    let dear = Price { uplifts: vec![Uplift { region: "eu".into(), per_mille: u32::MAX }], ..price };
    let served = Served { region: Some("eu-west-1"), ..Served::default() };
    assert_eq!(dear.charge(&usage, &served).money(&Terms { discount: 1, margin: 1 }), Money(i64::MAX));
}

#[test]
fn what_has_no_rate_is_not_free() {
    let by_token = flat([(Unit::Input, "1"), (Unit::Output, "2")]);
    let unpriced = |price: &Price, usage: Usage| price.cost(&usage, &Served::default()).is_none();
    assert!(unpriced(&Price::default(), Usage { input: 1, ..Usage::default() }));
    assert!(unpriced(&flat([(Unit::Input, "1")]), Usage { input: 1, output: 1, ..Usage::default() }), "half a price");
    assert!(unpriced(&by_token, Usage { sound_in_ms: 1, ..Usage::default() }), "sold by another unit");
    assert!(unpriced(&by_token, Usage { input: 1, web_searches: 1, ..Usage::default() }), "sold on top");
    assert!(!unpriced(&by_token, Usage { input: 1, images_out: 1, output_image: 1, output: 1, ..Usage::default() }));
    let by_minute = flat([(Unit::SoundInMs, "100")]);
    assert!(!unpriced(&by_minute, Usage { input: 9, sound_in_ms: 1, ..Usage::default() }), "tokens are in the minutes");
    assert!(!unpriced(&Price::free(), Usage { input: 9, web_searches: 1, pages: 1, ..Usage::default() }));
    assert!(!unpriced(&Price::default(), Usage::default()), "nothing costs nothing");
    // What has a rate is charged all the same.
    let partly = by_token.charge(&Usage { input: 1000, web_searches: 1, ..Usage::default() }, &Served::default());
    assert_eq!((partly.unpriced, partly.money(&Terms::default())), (true, dollars("0.001")));
}

#[test]
fn another_price_has_another_version() {
    let one = tiered().versioned("config");
    let mut other = tiered();
    other.base.set(Unit::Input, 1);
    let other = other.versioned("config");
    assert_eq!(one, tiered().versioned("config"));
    assert_eq!(one.clone().versioned("config"), one, "a version is not a part of what it names");
    assert_ne!(one.version, other.version);
    assert!(one.version.unwrap().starts_with("config/"));
}

#[test]
fn regions_have_zones() {
    for (region, expected) in [
        ("eu-west-1", Some("eu")),
        ("europe-west4", Some("eu")),
        ("eu", Some("eu")),
        ("us-gov-west-1", Some("us-gov")),
        ("us-east-1", Some("us")),
        ("asia-east1", Some("apac")),
        ("ap-south-1", Some("apac")),
        ("eurasia", None),
        ("global", None),
        ("", None),
    ] {
        assert_eq!(zone(region), expected, "{region}");
    }
}
