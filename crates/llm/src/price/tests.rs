use super::*;

/// Listed rates from dollars per million tokens, as price pages print them.
fn per_million(input: &str, output: &str) -> Listed {
    Listed { input: Some(rate(input)), output: Some(rate(output)), ..Listed::default() }
}

fn rate(dollars_per_million: &str) -> u64 {
    let decimal = parse_decimal(dollars_per_million, 6).unwrap();
    assert!(decimal.exact);
    u64::try_from(decimal.value).unwrap()
}

fn flat(listed: Listed) -> Price {
    Price::flat(&listed).unwrap()
}

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn case_058_cached_prompt_tokens_cost_the_cache_rate() {
    let price = flat(Listed { cache_read: Some(rate("1.25")), ..per_million("2.50", "10") });
    // OpenAI says prompt_tokens 2006, cached_tokens 1920 of them: 86 are read afresh.
    let usage = Usage { input: 86, cache_read: 1920, output: 300, ..Usage::default() };
    // 86 x 2.50e-6 + 1920 x 1.25e-6 + 300 x 10e-6 = 0.000215 + 0.0024 + 0.003
    assert_eq!(price.cost(&usage, None), dollars("0.005615"));
}

#[test]
fn cache_writes_cost_the_write_rate() {
    let price =
        flat(Listed { cache_write: Some(rate("3.75")), cache_read: Some(rate("0.30")), ..per_million("3", "15") });
    let usage = Usage { input: 3, cache_write: 12304, ..Usage::default() };
    // 3 x 3e-6 + 12304 x 3.75e-6 = 0.000009 + 0.04614
    assert_eq!(price.cost(&usage, None), dollars("0.046149"));
    assert_eq!(usage.prompt(), 12307);
}

#[test]
fn case_060_cache_writes_of_two_lifetimes_are_priced_apart() {
    let price =
        flat(Listed { cache_write: Some(rate("3.75")), cache_write_1h: Some(rate("6")), ..per_million("3", "15") });
    let usage = Usage { cache_write: 1000, cache_write_1h: 2000, ..Usage::default() };
    // 1000 x 3.75e-6 + 2000 x 6e-6 = 0.00375 + 0.012
    assert_eq!(price.cost(&usage, None), dollars("0.01575"));
}

#[test]
fn case_061_a_missing_cache_rate_is_the_input_rate_and_zero_is_free() {
    let usage = Usage { cache_read: 1000, cache_write: 1000, cache_write_1h: 1000, ..Usage::default() };
    // 3 x 1000 x 2e-6
    assert_eq!(flat(per_million("2", "8")).cost(&usage, None), dollars("0.006"));
    let free = Listed { cache_read: Some(0), cache_write: Some(0), cache_write_1h: Some(0), ..per_million("2", "8") };
    assert_eq!(flat(free).cost(&usage, None), Money::ZERO);
    // Without a rate for an hour's write, it costs at least what a short one does.
    let short = Listed { cache_write: Some(rate("2.5")), ..per_million("2", "8") };
    // (2 + 2.5 + 2.5) x 1000e-6
    assert_eq!(flat(short).cost(&usage, None), dollars("0.007"));
}

#[test]
fn reasoning_is_a_part_of_the_output_and_priced_once() {
    let usage = Usage { output: 1000, reasoning: 800, ..Usage::default() };
    // 1000 x 8e-6
    assert_eq!(flat(per_million("2", "8")).cost(&usage, None), dollars("0.008"));
    let dear = flat(Listed { reasoning: Some(rate("24")), ..per_million("2", "8") });
    // 200 x 8e-6 + 800 x 24e-6
    assert_eq!(dear.cost(&usage, None), dollars("0.0208"));
    // More thought than output is not believed: the output bounds it.
    let odd = Usage { output: 10, reasoning: 99, output_audio: 99, ..Usage::default() };
    assert_eq!(flat(per_million("2", "8")).cost(&odd, None), dollars("0.00008"));
}

#[test]
fn sound_is_priced_apart_both_ways() {
    let price =
        flat(Listed { input_audio: Some(rate("40")), output_audio: Some(rate("80")), ..per_million("2.5", "10") });
    let usage = Usage { input: 10, input_audio: 100, output: 60, output_audio: 50, ..Usage::default() };
    // 10 x 2.5e-6 + 100 x 40e-6 + 10 x 10e-6 + 50 x 80e-6
    assert_eq!(price.cost(&usage, None), dollars("0.008125"));
}

/// 1 and 2 dollars per million tokens; from `from` prompt tokens on 10 and 20, cache reads 5.
fn long_price(from: u64) -> Price {
    let base = Listed { cache_read: Some(rate("0.1")), ..per_million("1", "2") };
    let long = Listed { cache_read: Some(rate("5")), ..per_million("10", "20") };
    Price { long: vec![Long { from, rates: long.rates(&base).unwrap() }], ..flat(base) }
}

#[test]
fn case_063_long_prompts_reprice_the_whole_request() {
    let at = |input, cache_read| Usage { input, cache_read, output: 100, ..Usage::default() };
    let above = long_price(200_001);
    // 200000 x 1e-6 + 100 x 2e-6; then 200001 x 10e-6 + 100 x 20e-6: the output is repriced too.
    assert_eq!(above.cost(&at(200_000, 0), None), dollars("0.2002"));
    assert_eq!(above.cost(&at(200_001, 0), None), dollars("2.00201"));
    // Cached tokens count: 1 x 10e-6 + 200000 x 5e-6 + 100 x 20e-6
    assert_eq!(above.cost(&at(1, 200_000), None), dollars("1.00201"));
    // A vendor whose threshold is inclusive: 200000 x 10e-6 + 100 x 20e-6
    let inclusive = long_price(200_000);
    assert_eq!(inclusive.cost(&at(199_999, 0), None), dollars("0.200199"));
    assert_eq!(inclusive.cost(&at(200_000, 0), None), dollars("2.002"));
}

#[test]
fn case_064_the_end_of_a_range_stays_in_the_lower_tier() {
    // Ranges [0, 32000], (32000, 128000], (128000, ...]
    let long = [(32_001, "3"), (128_001, "9")]
        .map(|(from, input)| Long { from, rates: per_million(input, "0").rates(&Listed::default()).unwrap() });
    let price = Price { long: long.to_vec(), ..flat(per_million("1", "0")) };
    for (prompt, micro_dollars) in
        [(32_000, 32_000), (32_001, 3 * 32_001), (128_000, 3 * 128_000), (128_001, 9 * 128_001)]
    {
        let usage = Usage { input: prompt, ..Usage::default() };
        assert_eq!(price.cost(&usage, None), Money(micro_dollars * 1000), "{prompt}");
    }
}

fn tiered() -> Price {
    let base = Listed { cache_read: Some(rate("0.2")), ..per_million("2", "8") };
    let tier = |name: &'static str, listed: Listed, long: Vec<Long>| Tier {
        name: name.into(),
        rates: listed.rates(&base).unwrap(),
        long,
    };
    let long = |from, listed: Listed| Long { from, rates: listed.rates(&base).unwrap() };
    let batch = Listed { cache_read: Some(rate("0.1")), ..per_million("1", "4") };
    let long_batch = Listed { cache_read: Some(rate("0.2")), ..per_million("2", "6") };
    Price {
        base: base.rates(&Listed::default()).unwrap(),
        long: vec![long(200_001, per_million("4", "12"))],
        tiers: vec![
            tier("flex", per_million("1", "4"), vec![]),
            tier("priority", per_million("4", "16"), vec![]),
            tier("batch", batch, vec![long(200_001, long_batch)]),
        ],
    }
}

#[test]
fn case_065_the_served_tier_decides_not_the_asked_for_one() {
    let usage = Usage { input: 1000, output: 1000, ..Usage::default() };
    for (served, cost) in [
        (None, "0.01"),
        (Some("default"), "0.01"),
        (Some("standard"), "0.01"),
        (Some("flex"), "0.005"),
        (Some("FLEX"), "0.005"),
        (Some("priority"), "0.02"),
        (Some("batch"), "0.005"),
    ] {
        assert_eq!(tiered().cost(&usage, served), dollars(cost), "{served:?}");
    }
}

#[test]
fn case_066_batches_have_their_own_long_and_cached_rates() {
    let price = tiered();
    let short = Usage { cache_read: 1000, output: 1000, ..Usage::default() };
    // 1000 x 0.1e-6 + 1000 x 4e-6
    assert_eq!(price.cost(&short, Some("batch")), dollars("0.0041"));
    let long = Usage { input: 200_001, cache_read: 1000, output: 1000, ..Usage::default() };
    // 200001 x 2e-6 + 1000 x 0.2e-6 + 1000 x 6e-6
    assert_eq!(price.cost(&long, Some("batch")), dollars("0.406202"));
    // Flex lists no long rates, so the price's own hold: 200001 x 4e-6 + 1000 x 0.2e-6 + 1000 x 12e-6
    assert_eq!(price.cost(&long, Some("flex")), dollars("0.812204"));
}

#[test]
fn case_072_a_million_small_requests_sum_exactly() {
    let price = flat(per_million("0.1", "0"));
    let usage = Usage { input: 1, ..Usage::default() };
    assert_eq!(price.cost(&usage, None), dollars("1e-7"));
    let rows: Vec<Money> = std::iter::repeat_with(|| price.cost(&usage, None)).take(1_000_000).collect();
    assert_eq!(rows.iter().copied().sum::<Money>().to_string(), "0.1");
    // A roll-up of roll-ups is the sum of the rows.
    let days: Money = rows.chunks(86_400).map(|day| day.iter().copied().sum()).sum();
    assert_eq!(days, dollars("0.1"));
}

#[test]
fn a_request_is_rounded_once() {
    // 3 x 0.0004e-6 dollars = 1.2 nano-dollars; rounding each class would lose it all.
    let price = flat(per_million("0.0004", "0.0004"));
    let usage = Usage { input: 1, cache_read: 1, output: 1, ..Usage::default() };
    assert_eq!(price.cost(&usage, None), Money(1));
}

#[test]
fn absurd_counts_saturate() {
    let price = flat(Listed { input: Some(u64::MAX), output: Some(u64::MAX), ..Listed::default() });
    let usage = Usage { input: u64::MAX, output: u64::MAX, cache_read: u64::MAX, ..Usage::default() };
    assert_eq!(price.cost(&usage, None), Money(i64::MAX));
}

#[test]
fn a_price_needs_input_and_output() {
    assert_eq!(Price::flat(&Listed { input: Some(1), ..Listed::default() }), None);
}
