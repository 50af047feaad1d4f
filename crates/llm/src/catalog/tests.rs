use super::*;
use crate::{price::Money, provider, usage::Usage};

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
    let rates = sonnet.price.as_ref().unwrap().base;
    // 3, 15, 0.30, 3.75 and 6 dollars per million tokens.
    assert_eq!(
        [rates.input, rates.output, rates.cache_read, rates.cache_write, rates.cache_write_1h],
        [3_000_000, 15_000_000, 300_000, 3_750_000, 6_000_000]
    );
    let usage = Usage { input: 86, cache_read: 1920, ..Usage::default() };
    // 86 x 2.50e-6 + 1920 x 1.25e-6
    assert_eq!(found("openai", "gpt-4o").price.as_ref().unwrap().cost(&usage, None), Money(2_615_000));
}

#[test]
fn long_prompts_and_tiers_are_carried() {
    let price = found("openai", "gpt-5.4").price.as_ref().unwrap();
    assert_eq!(price.rates(272_000, None).input, 2_500_000);
    assert_eq!(price.rates(272_001, None).input, 5_000_000);
    assert_eq!(price.rates(1, Some("flex")).input, 1_250_000);
    assert_eq!(price.rates(272_001, Some("batch")).output, 11_250_000);
    assert_eq!(price.rates(1, Some("priority")).output, 30_000_000);
    // xAI's threshold is inclusive.
    let grok = found("xai", "grok-4.20").price.as_ref().unwrap();
    assert_eq!([grok.rates(199_999, None).input, grok.rates(200_000, None).input], [1_250_000, 2_500_000]);
    // The end of a range belongs to it.
    let qwen = found("dashscope", "qwen-flash").price.as_ref().unwrap();
    assert_eq!([qwen.rates(256_000, None).input, qwen.rates(256_001, None).input], [50_000, 250_000]);
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
