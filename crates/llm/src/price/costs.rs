//! Costs worked out by hand, over every dimension of a price. Each row writes its sum out.

use super::{Charge, Long, Money, Price, Rates, Served, Terms, Tier, Uplift, Variant, parse_decimal};
use crate::usage::{
    Unit::{self, *},
    Usage,
};

/// Dollars per million tokens or characters, per second, or per piece, as price pages print them.
fn list<const N: usize>(dollars: [(Unit, &str); N]) -> Rates {
    let scale = |unit: Unit| match unit {
        CharactersIn | CharactersOut | Citation => 6,
        SoundInMs | SoundOutMs | VideoInMs | VideoOutMs | ComputeMs => 9,
        unit if unit.is_token() => 6,
        _ => 12,
    };
    let rate = |(unit, text)| (unit, u64::try_from(parse_decimal(text, scale(unit)).unwrap().value).unwrap());
    dollars.into_iter().map(rate).collect()
}

fn price<const N: usize>(dollars: [(Unit, &str); N]) -> Price {
    Price::flat(list(dollars))
}

fn used<const N: usize>(counts: [(Unit, u64); N]) -> Usage {
    let mut usage = Usage::default();
    for (unit, count) in counts {
        *usage.get_mut(unit) = count;
    }
    usage
}

fn tier(name: &'static str) -> Served<'static> {
    Served { tier: Some(name), ..Served::default() }
}

fn region(name: &'static str) -> Served<'static> {
    Served { region: Some(name), ..Served::default() }
}

fn asked(words: &'static [&'static str]) -> Served<'static> {
    Served { words, ..Served::default() }
}

const PLAIN: Served<'static> = Served { tier: None, region: None, words: &[] };

/// A price, what was used, how it was served, and the dollars that this makes.
type Row = (&'static str, Price, Usage, Served<'static>, &'static str);

fn check(rows: impl IntoIterator<Item = Row>) -> usize {
    let check = |(name, price, usage, served, dollars): Row| {
        assert_eq!(price.cost(&usage, &served), Some(dollars.parse().unwrap()), "{name}");
    };
    rows.into_iter().map(check).count()
}

/// OpenAI's GPT-5.4: long prompts, cached input, batch, flex and priority, a tenth more in a region.
fn gpt() -> Price {
    let half = || list([(Input, "1.25"), (CacheRead, "0.13"), (Output, "7.50")]);
    let long_half =
        || vec![Long { from: 272_001, rates: list([(Input, "2.50"), (CacheRead, "0.25"), (Output, "11.25")]) }];
    let double = list([(Input, "5"), (CacheRead, "0.50"), (Output, "30")]);
    Price {
        long: vec![Long { from: 272_001, rates: list([(Input, "5"), (CacheRead, "0.50"), (Output, "22.50")]) }],
        tiers: vec![
            Tier { name: "batch".into(), rates: half(), long: long_half() },
            Tier { name: "flex".into(), rates: half(), long: long_half() },
            Tier { name: "priority".into(), rates: double, long: vec![] },
        ],
        uplifts: vec![Uplift { region: "eu".into(), per_mille: 1100 }],
        ..price([(Input, "2.50"), (CacheRead, "0.25"), (Output, "15"), (WebSearches, "0.01")])
    }
}

/// Anthropic's Opus: writes of two lifetimes, half in a batch, double in the fast lane, a tenth more in the US.
fn opus() -> Price {
    let times = |name: &str, rates| Tier { name: name.into(), rates, long: vec![] };
    let half =
        list([(Input, "2.50"), (CacheRead, "0.25"), (CacheWrite, "3.125"), (CacheWrite1h, "5"), (Output, "12.50")]);
    let double = list([(Input, "10"), (CacheRead, "1"), (CacheWrite, "12.50"), (CacheWrite1h, "20"), (Output, "50")]);
    Price {
        tiers: vec![times("batch", half), times("fast", double)],
        uplifts: vec![Uplift { region: "us".into(), per_mille: 1100 }],
        ..price([
            (Input, "5"),
            (CacheRead, "0.50"),
            (CacheWrite, "6.25"),
            (CacheWrite1h, "10"),
            (Output, "25"),
            (WebSearches, "0.01"),
        ])
    }
}

/// Google's Gemini Pro: the prompt above 200000 tokens, audio, thought, searches by the prompt.
fn gemini() -> Price {
    let long = list([(Input, "2.50"), (CacheRead, "0.25"), (Output, "15")]);
    Price {
        long: vec![Long { from: 200_001, rates: long }],
        search_per_prompt: true,
        ..price([
            (Input, "1.25"),
            (InputAudio, "3"),
            (CacheRead, "0.125"),
            (Output, "10"),
            (WebSearches, "0.035"),
            (MapSearches, "0.025"),
        ])
    }
}

#[test]
fn tokens() {
    let rows = [
        // 1000 x 2.50e-6 + 500 x 15e-6 = 0.0025 + 0.0075
        ("plain", gpt(), used([(Input, 1000), (Output, 500)]), PLAIN, "0.01"),
        // 86 x 2.50e-6 + 1920 x 0.25e-6 + 300 x 15e-6 = 0.000215 + 0.00048 + 0.0045
        ("cache read", gpt(), used([(Input, 86), (CacheRead, 1920), (Output, 300)]), PLAIN, "0.005195"),
        // 3 x 5e-6 + 12304 x 6.25e-6 + 400 x 25e-6 = 0.000015 + 0.0769 + 0.01
        ("cache write", opus(), used([(Input, 3), (CacheWrite, 12_304), (Output, 400)]), PLAIN, "0.086915"),
        // 456 x 6.25e-6 + 1000 x 10e-6 + 2000 x 0.50e-6 = 0.00285 + 0.01 + 0.001
        (
            "two lifetimes and a read",
            opus(),
            used([(CacheWrite, 456), (CacheWrite1h, 1000), (CacheRead, 2000)]),
            PLAIN,
            "0.01385",
        ),
        // No rate for half a day, so that of an hour: 100 x 10e-6
        ("a long lifetime", opus(), used([(CacheWrite12h, 100)]), PLAIN, "0.001"),
        // 700 x 10e-6 + 300 x 10e-6: thought is a part of the answer and follows it
        ("thought", gemini(), used([(Output, 1000), (Reasoning, 700)]), PLAIN, "0.01"),
        // 200 x 8e-6 + 800 x 3e-6 + 1000 x 2e-6 + 500 x 2e-6 + 20 x 0.005
        //   = 0.0016 + 0.0024 + 0.002 + 0.001 + 0.1 (Perplexity's deep research)
        (
            "thought, quotes and searches",
            price([(Input, "2"), (Output, "8"), (Reasoning, "3"), (Citation, "2"), (WebSearches, "0.005")]),
            used([(Input, 1000), (Output, 1000), (Reasoning, 800), (Citation, 500), (WebSearches, 20)]),
            PLAIN,
            "0.107",
        ),
        // 1000 x 1.25e-6 + 250 x 3e-6 = 0.00125 + 0.00075
        ("audio in", gemini(), used([(Input, 1000), (InputAudio, 250)]), PLAIN, "0.002"),
        // 100 x 4e-6 + 500 x 32e-6 + 20 x 16e-6 + 300 x 64e-6 = 0.0004 + 0.016 + 0.00032 + 0.0192
        (
            "audio both ways",
            price([(Input, "4"), (InputAudio, "32"), (Output, "16"), (OutputAudio, "64")]),
            used([(Input, 100), (InputAudio, 500), (Output, 320), (OutputAudio, 300)]),
            PLAIN,
            "0.03592",
        ),
        // 600 text x 0.40e-6 + 300 sound x 0.30e-6 + 100 pictures x 0.50e-6 = 0.00024 + 0.00009 + 0.00005
        (
            "cache reads of three kinds",
            price([
                (Input, "4"),
                (CacheRead, "0.40"),
                (CacheReadAudio, "0.30"),
                (CacheReadImage, "0.50"),
                (Output, "16"),
            ]),
            used([(CacheRead, 1000), (CacheReadAudio, 300), (CacheReadImage, 100)]),
            PLAIN,
            "0.00038",
        ),
        // 50 x 5e-6 + 200 x 8e-6 + 1056 x 32e-6 = 0.00025 + 0.0016 + 0.033792; the picture is not charged again
        (
            "image tokens",
            Price {
                variants: vec![Variant { words: vec!["high".into()], rates: list([(ImagesOut, "0.133")]) }],
                ..price([(Input, "5"), (InputImage, "8"), (Output, "10"), (OutputImage, "32")])
            },
            used([(Input, 50), (InputImage, 200), (Output, 1056), (OutputImage, 1056), (ImagesOut, 1)]),
            asked(&["high"]),
            "0.035642",
        ),
        // 10 x 0.20e-6 + 100 x 0.45e-6 + 50 x 12e-6 + 32 x 6.50e-6 = 0.000002 + 0.000045 + 0.0006 + 0.000208
        (
            "a vector of everything",
            price([(Input, "0.20"), (InputImage, "0.45"), (InputVideo, "12"), (InputAudio, "6.50"), (Output, "0")]),
            used([(Input, 10), (InputImage, 100), (InputVideo, 50), (InputAudio, 32)]),
            PLAIN,
            "0.000855",
        ),
        // 10 x 9e-6 + 90 x 17.50e-6 = 0.00009 + 0.001575
        (
            "video tokens",
            price([(Input, "1.50"), (Output, "9"), (OutputVideo, "17.50")]),
            used([(Output, 100), (OutputVideo, 90)]),
            PLAIN,
            "0.001665",
        ),
    ];
    assert_eq!(check(rows), 13);
}

#[test]
fn lengths_tiers_and_regions() {
    let ten = || used([(Input, 10_000), (CacheRead, 10_000), (Output, 1000)]);
    let rows = [
        // 272000 x 2.50e-6 + 1000 x 15e-6 = 0.68 + 0.015
        ("the last short prompt", gpt(), used([(Input, 272_000), (Output, 1000)]), PLAIN, "0.695"),
        // 272001 x 5e-6 + 1000 x 22.50e-6 = 1.360005 + 0.0225
        ("the first long prompt", gpt(), used([(Input, 272_001), (Output, 1000)]), PLAIN, "1.382505"),
        // 1 x 2.50e-6 + 200000 x 0.25e-6 + 100 x 15e-6 = 0.0000025 + 0.05 + 0.0015
        ("long by its cache", gemini(), used([(Input, 1), (CacheRead, 200_000), (Output, 100)]), PLAIN, "0.0515025"),
        // Ranges to 32000, 128000 and beyond: 128000 x 2.40e-6, then 128001 x 3e-6
        ("the end of a range", qwen(), used([(Input, 128_000)]), PLAIN, "0.3072"),
        ("beyond the end of a range", qwen(), used([(Input, 128_001)]), PLAIN, "0.384003"),
        // xAI counts the threshold itself: 200000 x 2.50e-6 + 10 x 5e-6
        (
            "an inclusive threshold",
            Price {
                long: vec![Long { from: 200_000, rates: list([(Input, "2.50"), (Output, "5")]) }],
                ..price([(Input, "1.25"), (Output, "2.50")])
            },
            used([(Input, 200_000), (Output, 10)]),
            PLAIN,
            "0.50005",
        ),
        // 10000 x 1.25e-6 + 10000 x 0.13e-6 + 1000 x 7.50e-6 = 0.0125 + 0.0013 + 0.0075
        ("flex", gpt(), ten(), tier("flex"), "0.0213"),
        // 10000 x 5e-6 + 10000 x 0.50e-6 + 1000 x 30e-6 = 0.05 + 0.005 + 0.03
        ("priority", gpt(), ten(), tier("priority"), "0.085"),
        // Asked for priority, served default: 10000 x 2.50e-6 + 10000 x 0.25e-6 + 1000 x 15e-6
        ("the tier that served", gpt(), ten(), tier("default"), "0.0425"),
        // 300000 x 2.50e-6 + 1000 x 11.25e-6 = 0.75 + 0.01125
        ("a long batch", gpt(), used([(Input, 300_000), (Output, 1000)]), tier("batch"), "0.76125"),
        // 1000 x 2.50e-6 + 2000 x 0.25e-6 + 400 x 5e-6 + 100 x 12.50e-6 = 0.0025 + 0.0005 + 0.002 + 0.00125
        (
            "a batch with a cache",
            opus(),
            used([(Input, 1000), (CacheRead, 2000), (CacheWrite1h, 400), (Output, 100)]),
            tier("batch"),
            "0.00625",
        ),
        // 1000 x 10e-6 + 100 x 50e-6 = 0.01 + 0.005
        ("the fast lane", opus(), used([(Input, 1000), (Output, 100)]), tier("fast"), "0.015"),
        // (1000 x 2.50e-6 + 500 x 15e-6) x 1.1 = 0.01 x 1.1
        ("a region", gpt(), used([(Input, 1000), (Output, 500)]), region("eu-west-1"), "0.011"),
        // (1000 x 5e-6) x 1.1 + 3 x 0.01: searches are not dearer there
        ("a region and searches", opus(), used([(Input, 1000), (WebSearches, 3)]), region("us"), "0.0355"),
    ];
    assert_eq!(check(rows), 14);
}

/// Alibaba's Qwen: three ranges of prompt length.
fn qwen() -> Price {
    let long = |from, input, output| Long { from, rates: list([(Input, input), (Output, output)]) };
    Price {
        long: vec![long(32_001, "2.40", "12"), long(128_001, "3", "15")],
        ..price([(Input, "1.20"), (Output, "6")])
    }
}

#[test]
fn case_067_every_unit_has_its_price() {
    let painter = || Price {
        variants: vec![
            Variant { words: vec!["1024x1024".into()], rates: list([(ImagesOut, "0.04")]) },
            Variant { words: vec!["1024x1792".into()], rates: list([(ImagesOut, "0.08")]) },
            Variant { words: vec!["1024x1792".into(), "hd".into()], rates: list([(ImagesOut, "0.12")]) },
        ],
        ..Price::default()
    };
    let film = Price {
        variants: vec![Variant { words: vec!["720p".into()], rates: list([(VideoOutMs, "0.086012")]) }],
        ..price([(VideoOutMs, "0.143353")])
    };
    let sonar = || Price {
        variants: vec![Variant { words: vec!["search:high".into()], rates: list([(WebSearches, "0.014")]) }],
        search_per_prompt: true,
        ..price([(Input, "3"), (Output, "15"), (WebSearches, "0.01")])
    };
    let rows = [
        // 2 x 0.04
        ("pictures by size", painter(), used([(ImagesOut, 2)]), asked(&["1024x1024", "standard"]), "0.08"),
        // 3 x 0.12
        ("pictures by size and quality", painter(), used([(ImagesOut, 3)]), asked(&["hd", "1024x1792"]), "0.36"),
        // 754320 ms x 0.0001 dollars a second = 754.32 x 0.0001
        ("speech heard", price([(SoundInMs, "0.0001")]), used([(SoundInMs, 754_320)]), PLAIN, "0.075432"),
        // 4096 characters x 15e-6
        ("speech by the character", price([(CharactersIn, "15")]), used([(CharactersIn, 4096)]), PLAIN, "0.06144"),
        // 12.5 s x 0.00025
        ("speech by the second", price([(SoundOutMs, "0.00025")]), used([(SoundOutMs, 12_500)]), PLAIN, "0.003125"),
        // 8 s x 0.086012
        ("film by resolution", film, used([(VideoOutMs, 8000)]), asked(&["720p"]), "0.688096"),
        // 10 x 0.135e-6 + 2 x 0.00006 + 30 s x 0.0007 + 30 s x 0.00014
        //   = 0.00000135 + 0.00012 + 0.021 + 0.0042
        (
            "a vector of text, pictures, film and sound",
            price([
                (Input, "0.135"),
                (ImagesIn, "0.00006"),
                (VideoInMs, "0.0007"),
                (SoundInMs, "0.00014"),
                (Output, "0"),
            ]),
            used([(Input, 10), (ImagesIn, 2), (VideoInMs, 30_000), (SoundInMs, 30_000)]),
            PLAIN,
            "0.02532135",
        ),
        // 3 search units x 0.002, whatever tokens they took
        ("reranks", price([(Queries, "0.002")]), used([(Queries, 3), (Input, 9000)]), PLAIN, "0.006"),
        // 20 plain pages x 0.002 + 5 annotated ones x 0.003 = 0.04 + 0.015
        (
            "pages",
            price([(Pages, "0.002"), (PagesAnnotated, "0.003")]),
            used([(Pages, 25), (PagesAnnotated, 5)]),
            PLAIN,
            "0.055",
        ),
        // 1000 x 5e-6 + 100 x 25e-6 + 4 x 0.01 = 0.005 + 0.0025 + 0.04
        ("searches by the query", opus(), used([(Input, 1000), (Output, 100), (WebSearches, 4)]), PLAIN, "0.0475"),
        // 1000 x 1.25e-6 + 100 x 10e-6 + 1 x 0.035 + 2 x 0.025 = 0.00125 + 0.001 + 0.035 + 0.05
        (
            "searches by the prompt, maps by the query",
            gemini(),
            used([(Input, 1000), (Output, 100), (WebSearches, 4), (MapSearches, 2)]),
            PLAIN,
            "0.08725",
        ),
        // 100 x 3e-6 + 10 x 15e-6 + 1 x 0.014 = 0.0003 + 0.00015 + 0.014
        (
            "searches by how much is read",
            sonar(),
            used([(Input, 100), (Output, 10), (WebSearches, 3)]),
            asked(&["search:high"]),
            "0.01445",
        ),
        // 1000 x 2.80e-6 + 0.005
        (
            "a fee for each request",
            Price { request: 5_000_000_000, ..price([(Input, "0"), (Output, "2.80")]) },
            used([(Input, 50), (Output, 1000)]),
            PLAIN,
            "0.0078",
        ),
        // 2 x 0.03 + 100 x 2.50e-6
        (
            "sandboxes",
            Price { base: list([(Input, "2.50"), (Output, "15"), (CodeSessions, "0.03")]), ..Price::default() },
            used([(CodeSessions, 2), (Input, 100)]),
            PLAIN,
            "0.06025",
        ),
        // 4.2 s x 0.000725
        ("machine time", price([(ComputeMs, "0.000725")]), used([(ComputeMs, 4200)]), PLAIN, "0.003045"),
    ];
    assert_eq!(check(rows), 15);
}

#[test]
fn terms_of_an_account() {
    let charge = gpt().charge(&used([(Input, 1000), (Output, 500)]), &PLAIN);
    let paid = |charge: Charge, discount, margin| charge.money(&Terms { discount, margin });
    let dollars = |text: &str| text.parse::<Money>().unwrap();
    // 0.01 less an eighth
    assert_eq!(paid(charge, 1250, 0), dollars("0.00875"));
    // 0.01 and a fifth
    assert_eq!(paid(charge, 0, 2000), dollars("0.012"));
    // 0.01 x 0.9 x 1.05
    assert_eq!(paid(charge, 1000, 500), dollars("0.00945"));
    assert_eq!(paid(charge, 10_000, 500), Money::ZERO);
    assert_eq!(paid(charge, 20_000, 0), Money::ZERO, "nobody is paid for using a model");
    // A provider's word: 0.0042 and a tenth
    assert_eq!(paid(Charge::stated(dollars("0.0042")), 0, 1000), dollars("0.00462"));
}
