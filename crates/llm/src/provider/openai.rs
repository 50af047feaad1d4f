//! OpenAI: <https://platform.openai.com/docs/api-reference/chat>

use super::{
    OpenAiLike, Wire, WriteFor,
    wires::{CHAT, COMPLETIONS, EMBED, IMAGE, IMAGE_EDIT, MODERATE, RESPONSES, SPEECH, TRANSCRIBE, TRANSLATE},
};
use crate::catalog::{self, Ability, Mode};

pub const OPENAI: OpenAiLike = OpenAiLike {
    id: "openai",
    base_url: Some("https://api.openai.com/v1"),
    key_env: Some("OPENAI_API_KEY"),
    speaks: &[CHAT, RESPONSES, EMBED, IMAGE, IMAGE_EDIT, SPEECH, TRANSCRIBE, TRANSLATE, MODERATE],
    converses,
    fit,
    ..OpenAiLike::PLAIN
};

fn converses(model: &str) -> Option<&'static [Wire]> {
    if is_completion_model(model) {
        return Some(&[COMPLETIONS]);
    }
    is_responses_model(model).then_some(&[RESPONSES])
}

/// `max_tokens` is deprecated for every model, and refused by those that think; these refuse sampling parameters, too.
/// Those that do not think refuse `reasoning_effort`. A model that the catalogue does not know is judged by its family.
pub(super) fn fit(model: &str, target: WriteFor) -> WriteFor {
    let known = catalog::find(OPENAI.id, model);
    let is_family = is_reasoning_family(model);
    WriteFor {
        wants_max_completion_tokens: true,
        refuses_sampling: target.refuses_sampling || (known.is_none() && is_family),
        refuses_reasoning: !known.map_or(is_family, |known| known.can(Ability::Reasoning)),
        ..target
    }
}

/// The models that Chat Completions does not have.
fn is_responses_model(model: &str) -> bool {
    catalog::find(OPENAI.id, model).is_some_and(|known| known.mode == Mode::Responses)
}

/// The models that only continue a prompt: <https://platform.openai.com/docs/models>
fn is_completion_model(model: &str) -> bool {
    ["gpt-3.5-turbo-instruct", "davinci-002", "babbage-002"].iter().any(|known| model.starts_with(known))
}

/// `o1`, `o3-mini`, `gpt-5`, `gpt-6.1-sol`; not `gpt-5-chat-latest`, not `gpt-4o`.
fn is_reasoning_family(model: &str) -> bool {
    let number =
        |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u32>().ok());
    let is_o = model.strip_prefix('o').and_then(number).is_some();
    let is_gpt = model.strip_prefix("gpt-").and_then(number).is_some_and(|generation| generation >= 5);
    is_o || (is_gpt && !model.contains("-chat"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Dialect,
        provider::{Operation, Provider, openai_like::path},
    };

    #[test]
    fn models_that_think_are_known_by_catalogue_or_family() {
        let refuses = |model: &str| {
            let known = catalog::find("openai", model).map(catalog::Model::write_for).unwrap_or_default();
            OPENAI.write_for(model, known).refuses_sampling
        };
        for model in ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-mini-2025-08-07", "o9", "gpt-77-nova"] {
            assert!(refuses(model), "{model}");
        }
        for model in
            ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "gpt-5.1", "gpt-77-chat", "omni", "chatgpt-4o-latest"]
        {
            assert!(!refuses(model), "{model}");
        }
    }

    #[test]
    fn models_of_the_responses_api_alone_are_spoken_to_so() {
        let first = |model: &str| OPENAI.speaks(Operation::Chat, model)[0];
        assert_eq!(first("o1-pro"), Wire::Chat(Dialect::OpenAiResponses));
        assert_eq!(first("gpt-4o"), Wire::Chat(Dialect::OpenAiChat));
        for model in ["gpt-4o", "o1-pro", "gpt-77-nova"] {
            assert!(OPENAI.speaks(Operation::Chat, model).contains(&Wire::Chat(Dialect::OpenAiResponses)), "{model}");
        }
        assert_eq!(path(Wire::Chat(Dialect::OpenAiResponses)), "/responses");
    }

    #[test]
    fn models_that_do_not_think_are_not_told_how_much() {
        let refuses = |model: &str| OPENAI.write_for(model, WriteFor::default()).refuses_reasoning;
        for model in ["gpt-4o-mini", "gpt-4.1", "gpt-77-chat", "mine"] {
            assert!(refuses(model), "{model}");
        }
        for model in ["o3-mini", "gpt-5-mini", "o9", "gpt-77-nova"] {
            assert!(!refuses(model), "{model}");
        }
    }

    #[test]
    fn max_tokens_is_never_sent_to_openai() {
        assert!(OPENAI.write_for("gpt-4o", WriteFor::default()).wants_max_completion_tokens);
    }
}
