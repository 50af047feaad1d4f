use super::{knobs, more, tools};
use crate::{
    Call,
    call::{Extra, Knobs, Output, Role, Turn},
    dialect::{Dialect, Malformed, bedrock::block, body, field::Field},
    json::Json,
};

/// The fields that have a canonical place. Of `additionalModelRequestFields` only some have one.
const CANONICAL: &[&str] = &[
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "serviceTier",
    "outputConfig",
    "additionalModelRequestFields",
];

/// Reads a question. The model, and whether the answer is streamed, stand in the path: both are left empty.
///
/// # Errors
/// Names the field that is wrong, what was wrong and what would be right.
pub fn read(bytes: &[u8]) -> Result<Call, Malformed> {
    read_value(&body::json("the body", bytes)?)
}

/// Reads a question that is JSON already.
pub(in crate::dialect::bedrock) fn read_value(value: &Json<'_>) -> Result<Call, Malformed> {
    let root = Field::root(value);
    let mut fields = root.object()?.others(CANONICAL);
    let (tools, tool_choice) = tools::read(&root)?;
    let mut reasoning = more::read(&root, &mut fields)?;
    let (output, effort) = knobs::read_output(&root)?;
    if effort.is_some() {
        reasoning.knobs.effort = effort;
    }
    let mut knobs = Knobs {
        service_tier: match root.get("serviceTier") {
            Some(tier) => Some(tier.need("type", "\"default\", \"priority\", \"flex\" or \"reserved\"")?.string()?),
            None => None,
        },
        top_k: reasoning.top_k,
        reasoning: (reasoning.knobs != crate::call::Reasoning::default()).then_some(reasoning.knobs),
        ..Knobs::default()
    };
    knobs::read(&root, &mut knobs)?;
    Ok(Call {
        model: String::new(),
        turns: turns(&root)?,
        tools,
        tool_choice,
        parallel_tools: None,
        knobs,
        output: output.unwrap_or(Output::Text),
        stream: false,
        include_usage: true,
        extra: Extra { dialect: Dialect::Bedrock, fields },
    })
}

fn turns(root: &Field<'_, '_>) -> Result<Vec<Turn>, Malformed> {
    let mut turns = Vec::new();
    if let Some(system) = root.get("system") {
        turns.push(Turn { role: Role::System, parts: block::content(&system)?, name: None });
    }
    // Without messages the path names a prompt of Bedrock's own.
    let Some(messages) = root.get("messages") else { return Ok(turns) };
    for message in messages.items()? {
        const RIGHT: &str = "\"user\", \"assistant\" or \"system\"";
        let role = message.need("role", RIGHT)?;
        turns.push(Turn {
            role: match role.text()? {
                "user" => Role::User,
                "assistant" => Role::Assistant,
                "system" => Role::System,
                _ => return Err(role.wrong(RIGHT)),
            },
            parts: block::content(&message.need("content", "an array of content blocks")?)?,
            name: None,
        });
    }
    Ok(turns)
}
