use super::*;
use crate::{
    price::{Money, Served},
    provider,
    usage::{Unit, Usage},
};

fn found(provider: &str, model: &str) -> &'static Model {
    find(provider, model).unwrap_or_else(|| panic!("{provider} {model} is not in the catalogue"))
}

#[test]
fn every_line_is_read_and_the_order_is_the_lookups() {
    let lines = include_str!("../../data/catalog.jsonl").lines().count();
    assert_eq!(all().len(), lines - 1, "a line was left out");
    assert!(all().is_sorted_by(|a, b| (a.provider, a.id) < (b.provider, b.id)), "a name stands twice");
    for model in all() {
        assert_eq!(found(model.provider, model.id).id, model.id);
        assert!(!model.source.is_empty() && model.date.len() >= "2026-11".len(), "{model:?}");
    }
}

#[test]
fn providers_of_the_catalogue_have_prices() {
    for id in ["openai", "anthropic", "mistral", "deepseek", "groq", "together"] {
        assert!(provider::find(id).is_some(), "{id} is no provider");
        let models: Vec<_> = all().iter().filter(|model| model.provider == id && model.mode == Mode::Chat).collect();
        let priced = models.iter().filter(|model| model.price.is_some()).count();
        assert!(models.len() > 5 && priced * 10 >= models.len() * 9, "{id}: {priced} of {}", models.len());
    }
}

#[test]
fn names_are_found_in_the_forms_that_people_write() {
    for (provider, model, id) in [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("openai", "gpt-4.1-2099-01-31", "gpt-4.1"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::Abc123", "ft:gpt-4o-2024-08-06"),
        ("anthropic", "claude-sonnet-4-5-20990101", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5@20990101", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5-latest", "claude-sonnet-4-5"),
        ("mistral", "mistral-large-latest", "mistral-large-latest"),
        ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("groq", "groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("together", "zai-org/GLM-5", "zai-org/GLM-5"),
        ("openrouter", "openai/gpt-4o", "gpt-4o"),
        ("bedrock", "eu.amazon.nova-2-lite-v1:0", "eu.amazon.nova-2-lite-v1:0"),
        ("bedrock", "ca.amazon.nova-premier-v1:0", "amazon.nova-premier-v1:0"),
        ("bedrock", "us.anthropic.claude-opus-5", "claude-opus-5"),
        ("bedrock", "global.anthropic.claude-sonnet-4-5-20990101-v1:0", "claude-sonnet-4-5"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/jp.anthropic.claude-opus-5",
            "jp.anthropic.claude-opus-5",
        ),
        ("vertex", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5@20250929"),
        ("vertex", "claude-sonnet-4-5@20990101", "claude-sonnet-4-5"),
        ("vertex", "publishers/anthropic/models/claude-opus-5", "claude-opus-5"),
        ("vertex", "gemini-2.5-pro@default", "gemini-2.5-pro"),
        ("gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini", "gemini-2.5-pro-001", "gemini-2.5-pro"),
        ("openrouter", "openrouter/anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
    ] {
        assert_eq!(found(provider, model).id, id, "{provider} {model}");
    }
}

#[test]
fn strange_names_are_not_found() {
    for (provider, model) in [
        ("openai", ""),
        ("openai", "-2099-01-31"),
        ("openai", "-latest"),
        ("openai", "gpt-4o-2099"),
        ("openai", "ft:"),
        ("openai", "gpt-4o\u{1F600}-2099-0\u{1F600}"),
        ("openrouter", "openai/gpt-4o:free"),
        ("openrouter", "deepseek/deepseek-chat"),
        ("openrouter", "openai/"),
        ("nobody", "gpt-4o"),
        ("", ""),
    ] {
        assert!(find(provider, model).is_none(), "{provider} {model}");
    }
}

#[test]
fn figures_arrive_as_they_were_published() {
    let sonnet = found("anthropic", "claude-sonnet-4-5");
    assert_eq!((sonnet.max_input_tokens, sonnet.max_output_tokens), (Some(200_000), Some(64_000)));
    assert!(sonnet.can(Ability::Vision) && sonnet.can(Ability::Tools) && !sonnet.can(Ability::AudioInput));
    assert_eq!(sonnet.deprecated, Some("2026-11-30"));
    let price = sonnet.price.as_ref().unwrap();
    // 3, 15, 0.30, 3.75 and 6 dollars per million tokens.
    assert_eq!(
        [Unit::Input, Unit::Output, Unit::CacheRead, Unit::CacheWrite, Unit::CacheWrite1h].map(|unit| price.rate(unit)),
        [3_000_000, 15_000_000, 300_000, 3_750_000, 6_000_000].map(Some)
    );
    let usage = Usage { input: 86, cache_read: 1920, ..Usage::default() };
    // 86 x 2.50e-6 + 1920 x 1.25e-6
    let price = found("openai", "gpt-4o").price.as_ref().unwrap();
    assert_eq!(price.cost(&usage, &Served::default()), Some(Money(2_615_000)));
    assert!(price.version.as_deref().unwrap().starts_with("2026-11/"));
}

#[test]
fn long_prompts_and_tiers_are_carried() {
    let rate = |provider: &str, model: &str, unit: Unit, prompt: u64, tier: Option<&str>| {
        let price = found(provider, model).price.as_ref().unwrap();
        price.rate_for(unit, prompt, &Served { tier, ..Served::default() }).unwrap()
    };
    let gpt = |unit, prompt, tier| rate("openai", "gpt-5.4", unit, prompt, tier);
    assert_eq!(gpt(Unit::Input, 272_000, None), 2_500_000);
    assert_eq!(gpt(Unit::Input, 272_001, None), 5_000_000);
    assert_eq!(gpt(Unit::Input, 1, Some("flex")), 1_250_000);
    assert_eq!(gpt(Unit::Output, 272_001, Some("batch")), 11_250_000);
    assert_eq!(gpt(Unit::Output, 1, Some("priority")), 30_000_000);
    // xAI's threshold is inclusive.
    assert_eq!([199_999, 200_000].map(|at| rate("xai", "grok-4.20", Unit::Input, at, None)), [1_250_000, 2_500_000]);
    // The end of a range belongs to it.
    let qwen = |at| rate("dashscope", "qwen-flash", Unit::Input, at, None);
    assert_eq!([256_000, 256_001].map(qwen), [50_000, 250_000]);
}

#[test]
fn models_of_every_kind_are_carried_and_priced_by_their_unit() {
    assert!(all().len() >= 2_500);
    let rate = |provider: &str, model: &str, unit: Unit, words: &[&str]| {
        let price = found(provider, model).price.as_ref().unwrap();
        price.rate_for(unit, 1, &Served { words, ..Served::default() })
    };
    // Dollars: 0.006 a minute, 15 per million characters, 2 per thousand queries, 2 per thousand pages.
    assert_eq!(rate("openai", "whisper-1", Unit::SoundInMs, &[]), Some(100_000));
    assert_eq!(rate("openai", "tts-1", Unit::CharactersIn, &[]), Some(15_000_000));
    assert_eq!(rate("cohere", "rerank-v3.5", Unit::Queries, &[]), Some(2_000_000_000));
    assert_eq!(rate("mistral", "mistral-ocr-2512", Unit::Pages, &[]), Some(2_000_000_000));
    assert_eq!(rate("mistral", "mistral-ocr-2512", Unit::PagesAnnotated, &[]), Some(3_000_000_000));
    // 0.04 and 0.08 dollars a picture; the price list has them by the picture, the source by the pixel.
    let picture = |words: &[&str]| rate("azure_openai", "dall-e-3", Unit::ImagesOut, words);
    assert_eq!(picture(&["standard", "1024x1024"]), Some(44_000_000_000));
    assert_eq!(picture(&["hd", "1024x1024"]), Some(88_000_000_000));
    assert_eq!(picture(&["hd", "1792x1024"]), Some(132_000_000_000));
    assert_eq!(picture(&[]), Some(132_000_000_000), "never too low where nobody says the size");
    let film = |words: &[&str]| rate("dashscope", "wan2.7-i2v", Unit::VideoOutMs, words);
    assert_eq!([film(&["720p"]), film(&["1080p"])], [Some(86_012_000), Some(143_353_000)]);
    assert_eq!(found("openai", "text-embedding-3-small").dimensions, Some(1536));
    let modes =
        [Mode::Image, Mode::Video, Mode::Transcription, Mode::Speech, Mode::Rerank, Mode::Moderation, Mode::Ocr];
    for mode in modes {
        assert!(all().iter().any(|model| model.mode == mode && model.price.is_some()), "{mode:?}");
    }
}

#[test]
fn searches_are_sold_by_the_query_or_by_the_prompt() {
    let by_prompt = |provider: &str, model: &str| found(provider, model).price.as_ref().unwrap().search_per_prompt;
    assert!(by_prompt("gemini", "gemini-2.5-pro") && by_prompt("perplexity", "sonar-pro"));
    assert!(!by_prompt("vertex", "gemini-3-flash-preview") && !by_prompt("anthropic", "claude-sonnet-4-5"));
    let sonar = found("perplexity", "sonar-pro").price.as_ref().unwrap();
    let search = |word: &str| sonar.rate_for(Unit::WebSearches, 1, &Served { words: &[word], ..Served::default() });
    assert_eq!(
        [search("search:low"), search("search:medium"), search("search:high")],
        [6, 10, 14].map(|milli| Some(milli * 1_000_000_000))
    );
}

#[test]
fn clouds_sell_by_region() {
    let at = |provider: &str, region: &str, model: &str| find_at(provider, Some(region), model).unwrap().id;
    assert_eq!(at("azure_openai", "eu", "gpt-4o"), "eu/gpt-4o");
    assert_eq!(at("azure_openai", "nowhere", "gpt-4o"), "gpt-4o");
    assert_eq!(at("bedrock", "us-gov-east-1", "anthropic.claude-opus-5"), "us-gov-east-1/anthropic.claude-opus-5");
    assert_eq!(at("bedrock", "us-east-1", "amazon.nova-premier-v1:0"), "amazon.nova-premier-v1:0");
    // A surcharge for data that stays in a region.
    let gpt = found("openai", "gpt-5.4").price.as_ref().unwrap();
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let cost = |region| gpt.cost(&usage, &Served { region, ..Served::default() }).unwrap();
    // A million tokens are a long prompt: 5 dollars, and a tenth more in Europe.
    assert_eq!([cost(None), cost(Some("eu"))], [Money(5_000_000_000), Money(5_500_000_000)]);
}

#[test]
fn writers_learn_limits_and_refusals() {
    let write_for = found("anthropic", "claude-sonnet-5").write_for();
    assert_eq!(write_for.max_output_tokens, Some(128_000));
    assert!(write_for.refuses_sampling);
    assert!(!found("anthropic", "claude-sonnet-4-5").write_for().refuses_sampling);
    assert!(found("openai", "o3").write_for().refuses_sampling);
    assert!(!found("openai", "gpt-4o").write_for().refuses_sampling);
    let ways = |id: &str| {
        let write_for = found("anthropic", id).write_for();
        [write_for.takes_system_turns, write_for.thinks_by_budget, write_for.thinks_always]
    };
    assert_eq!(ways("claude-haiku-4-5"), [false, true, false]);
    assert_eq!(ways("claude-opus-4-6"), [false, false, false]);
    assert_eq!(ways("claude-opus-4-8"), [true, false, false]);
    assert_eq!(ways("claude-fable-5"), [true, false, true]);
}
