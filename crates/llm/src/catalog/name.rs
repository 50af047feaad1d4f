//! Names of models without what does not change the model.

/// The names under which a model may be listed, the most particular first. `model` has no provider in front.
pub(super) fn candidates<'m>(provider: &str, model: &'m str) -> Vec<&'m str> {
    let plain = match provider {
        "bedrock" => local(resource(model)),
        "vertex" => versionless(resource(model)),
        "gemini" => resource(model),
        _ => untuned(model),
    };
    let mut names = vec![resource(model), plain, undated(plain), undated(unnumbered(plain))];
    names.dedup();
    names
}

/// A model of Anthropic's in a cloud, in Anthropic's own words: `claude-opus-5` of `us.anthropic.claude-opus-5-v1:0`.
///
/// <https://platform.claude.com/docs/en/build-with-claude/claude-on-amazon-bedrock>
pub(super) fn of_anthropic<'m>(provider: &str, model: &'m str) -> Option<&'m str> {
    let name = match provider {
        "bedrock" => local(resource(model)).strip_prefix("anthropic.")?,
        "vertex" => versionless(resource(model)),
        _ => return None,
    };
    name.starts_with("claude-").then(|| revisionless(name))
}

/// A Bedrock model without its revision: `-v1:0`, `-v2`.
fn revisionless(model: &str) -> &str {
    let name = model.split_once(':').map_or(model, |(name, _)| name);
    match name.rsplit_once("-v") {
        Some((base, revision)) if revision.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    }
}

/// The last name of a path: `claude` of `arn:aws:bedrock:us-east-1:123:inference-profile/claude`, `publishers/x/models/claude`
/// and `models/claude`.
fn resource(model: &str) -> &str {
    let is_path = ["arn:", "models/", "publishers/", "projects/"].iter().any(|start| model.starts_with(start));
    if is_path { model.rsplit('/').next().unwrap_or(model) } else { model }
}

/// A Bedrock model without the geography of its inference profile, which may route it anywhere in that part of the world.
///
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>
fn local(model: &str) -> &str {
    const GEOGRAPHIES: &[&str] = &["us.", "eu.", "apac.", "global.", "jp.", "au.", "ca.", "us-gov."];
    GEOGRAPHIES.iter().find_map(|geography| model.strip_prefix(geography)).unwrap_or(model)
}

/// A Vertex model without its version: `claude-sonnet-4-5` of `claude-sonnet-4-5@20250929` and of `claude-sonnet-4-5@default`.
fn versionless(model: &str) -> &str {
    model.split_once('@').map_or(model, |(name, _)| name)
}

/// `gemini-2.0-flash` of `gemini-2.0-flash-001`.
fn unnumbered(model: &str) -> &str {
    let numbered = model.split_at_checked(model.len().saturating_sub("-001".len()));
    match numbered {
        Some((name, number))
            if !name.is_empty()
                && number.strip_prefix('-').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit())) =>
        {
            name
        }
        _ => model,
    }
}

/// `ft:gpt-4o-2024-08-06:owner::id` without its owner; any other name as it is.
fn untuned(model: &str) -> &str {
    match model.strip_prefix("ft:").and_then(|rest| rest.find(':')) {
        Some(end) => model.get(..end + "ft:".len()).unwrap_or(model),
        None => model,
    }
}

/// The name without `-latest` or a trailing date: `-2026-03-05`, `-20260305`, `@20260305`.
fn undated(model: &str) -> &str {
    fn is_date(text: &str) -> bool {
        matches!(text.len(), 8 | 10)
            && text.bytes().enumerate().all(|(at, byte)| match (text.len(), at) {
                (10, 4 | 7) => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    }
    if let Some(base) = model.strip_suffix("-latest") {
        return base;
    }
    [10, 8]
        .into_iter()
        .find_map(|length| {
            let (base, date) = model.split_at_checked(model.len().checked_sub(length)?)?;
            base.strip_suffix(['-', '@']).filter(|base| is_date(date) && !base.is_empty())
        })
        .unwrap_or(model)
}
