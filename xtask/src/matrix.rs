//! What becomes of what between the client's API and the provider's: every feature is really sent from one to the other
//! and looked for on the far side. `docs/matrix.md` shows it; a feature that vanishes without a word fails the test.

mod errors;
mod features;

use std::fmt::{self, Write as _};

use llm::{
    Call, Dialect, Reply,
    call::{Part, Thinking, ToolUse},
    dialect::{StreamForm, WriteFor},
    event::{fold, unfold},
    reply::Stop,
    signature::{self, Maker, mark},
};
use serde_json::{Value, json};

use features::{ANSWERS, Answer, PIXEL, QUESTIONS, Question, base, reply, thought, tool, with_tool};

/// What became of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Carried,
    /// An error arrived as what it is, with this status.
    Told(u16),
    /// The gateway counts where the provider does not.
    Counted,
    /// The client's own API has no such thing.
    Unsaid,
    /// It did not arrive, and the caller is told.
    Lost(String),
    /// The call is refused, by name.
    Refused(String),
    /// It did not arrive, and nobody says so.
    Vanished,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carried => f.write_str("yes"),
            Self::Told(status) => write!(f, "yes: {status}"),
            Self::Counted => f.write_str("yes: the gateway counts"),
            Self::Unsaid => f.write_str("–"),
            Self::Lost(what) => write!(f, "loss: {what}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Vanished => f.write_str("**vanishes**"),
        }
    }
}

/// The APIs that clients speak.
pub const CLIENTS: &[Dialect] = &[
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Bedrock,
    Dialect::OpenAiCompletions,
];

/// Every table of the page, by client.
pub fn page(mark: &str) -> String {
    let mut page = format!(
        "{mark}# What is carried between APIs\n\n\
         Rows are what a client says or is told, columns the API that the provider speaks. `yes`: it arrives. `loss`: it does\n\
         not, and the caller is told in `x-tollgate-loss` and in the record (`x-tollgate-strict: true` refuses such a call).\n\
         `refused`: 400, by name. `–`: the client's or the provider's API has no such thing. Where both speak the same API,\n\
         bytes pass as they are. An error is `yes` where the library of the client's vendor understands it as what it was; the\n\
         number is the status that the caller gets. Structured output that is lost here is asked for by a tool or in words where the target is\n\
         known to lack it: [structured output](structured-output.md).\n"
    );
    for client in CLIENTS {
        _ = writeln!(page, "\n## Clients of `{}`\n", client.as_str());
        let upstreams: Vec<Dialect> = Dialect::ALL.iter().copied().filter(|dialect| dialect != client).collect();
        let names: Vec<String> = upstreams.iter().map(|upstream| format!("`{}`", upstream.as_str())).collect();
        _ = writeln!(page, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
        for (name, fates) in rows(*client, &upstreams) {
            let fates: Vec<String> = fates.iter().map(ToString::to_string).collect();
            _ = writeln!(page, "| {name} | {} |", fates.join(" | "));
        }
    }
    page
}

/// The rows of one client's table.
pub fn rows(client: Dialect, upstreams: &[Dialect]) -> Vec<(String, Vec<Fate>)> {
    let mut rows = Vec::new();
    for question in QUESTIONS {
        let fates = upstreams.iter().map(|upstream| asked(question, client, *upstream)).collect();
        rows.push((format!("asked: {}", question.name), fates));
    }
    for stream in [false, true] {
        let fates = upstreams.iter().map(|upstream| signed(client, *upstream, stream)).collect();
        rows.push((
            format!("asked: signed thinking given back{}", if stream { ", after a stream" } else { "" }),
            fates,
        ));
    }
    for answer in ANSWERS {
        for stream in [false, true] {
            let fates = upstreams.iter().map(|upstream| told(answer, client, *upstream, stream)).collect();
            rows.push((format!("told{}: {}", if stream { ", streamed" } else { "" }, answer.name), fates));
        }
    }
    rows.extend(errors::rows(client, upstreams));
    rows
}

/// Sends a question from a client's API to a provider's.
fn asked(question: &Question, client: Dialect, upstream: Dialect) -> Fate {
    let call = (question.ask)(base(client));
    let Ok((body, _)) = client.write_call(&call, &WriteFor::default()) else { return Fate::Unsaid };
    let Some(call) = read(client, &body) else { return Fate::Unsaid };
    if !(question.arrived)(&call) {
        return Fate::Unsaid;
    }
    far_side(&call, upstream, question.arrived)
}

/// What the gateway reads; where the path says the model, it is put in as the surface does.
fn read(client: Dialect, body: &[u8]) -> Option<Call> {
    let read = client.read_call(body).ok()?;
    Some(if client.says_model_in_body() { read } else { Call { model: "m".into(), ..read } })
}

fn far_side(call: &Call, upstream: Dialect, arrived: impl Fn(&Call) -> bool) -> Fate {
    match upstream.write_call(call, &WriteFor::default()) {
        Err(malformed) => Fate::Refused(short(&malformed.message)),
        Ok((body, loss)) => match upstream.read_call(&body) {
            Ok(read) if arrived(&read) => Fate::Carried,
            _ if !loss.is_none() => Fate::Lost(loss.to_string()),
            _ => Fate::Vanished,
        },
    }
}

/// Whether a signature of the provider's model survives the client, who gives it back with the next question.
fn signed(client: Dialect, upstream: Dialect, stream: bool) -> Fate {
    let Some(maker) = maker_of(upstream) else { return Fate::Unsaid };
    let signature = mark(maker, PIXEL);
    // Gemini signs the call, the others sign the thought before it.
    let called = |signature| match tool("a", "{}") {
        Part::ToolUse(tool) => Part::ToolUse(ToolUse { signature, ..tool }),
        other => other,
    };
    let parts = match maker {
        Maker::Gemini => vec![called(Some(signature.clone()))],
        Maker::Anthropic | Maker::OpenAi => vec![thought(Some(signature.clone())), called(None)],
    };
    let told = reply(parts, Stop::ToolUse);
    let Some((answer, _)) = pass(&told, upstream, stream) else { return Fate::Vanished };
    let Some((seen, loss)) = pass(&answer, client, stream) else { return Fate::Vanished };
    let (body, _) = client.write_reply(if stream { &seen } else { &answer });
    let holds = |call: &Call| {
        features::parts(call).any(|part| match part {
            Part::Thinking(Thinking::Text { signature: Some(found), .. } | Thinking::Redacted { data: found })
            | Part::ToolUse(ToolUse { signature: Some(found), .. }) => signature::read(found) == (maker, PIXEL),
            _ => false,
        })
    };
    let Some(body) = give_back(client, &body) else { return Fate::Unsaid };
    match read(client, &body) {
        Some(read) if holds(&read) => far_side(&read, upstream, holds),
        _ if !loss.is_empty() => Fate::Lost(loss),
        _ => Fate::Vanished,
    }
}

/// The next question of a client that gives an answer back as it came.
fn give_back(client: Dialect, answer: &[u8]) -> Option<Vec<u8>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let (body, _) = client.write_call(&with_tool(base(client)), &WriteFor::default()).ok()?;
    let mut body: Value = serde_json::from_slice(&body).ok()?;
    let (history, turns) = match client {
        Dialect::OpenAiChat => ("messages", vec![answer.pointer("/choices/0/message")?.clone()]),
        Dialect::Anthropic => ("messages", vec![json!({"role": "assistant", "content": answer.get("content")?})]),
        Dialect::Gemini => ("contents", vec![answer.pointer("/candidates/0/content")?.clone()]),
        Dialect::Bedrock => ("messages", vec![answer.pointer("/output/message")?.clone()]),
        Dialect::OpenAiResponses => ("input", answer.get("output")?.as_array()?.clone()),
        Dialect::Cohere | Dialect::OpenAiCompletions => return None,
    };
    body.get_mut(history)?.as_array_mut()?.extend(turns);
    Some(body.to_string().into_bytes())
}

fn maker_of(dialect: Dialect) -> Option<Maker> {
    match dialect {
        Dialect::Anthropic | Dialect::Bedrock => Some(Maker::Anthropic),
        Dialect::Gemini => Some(Maker::Gemini),
        Dialect::OpenAiResponses => Some(Maker::OpenAi),
        Dialect::OpenAiChat | Dialect::Cohere | Dialect::OpenAiCompletions => None,
    }
}

/// Sends an answer from a provider's API to a client's.
fn told(answer: &Answer, client: Dialect, upstream: Dialect, stream: bool) -> Fate {
    let Some(read) = pass(&(answer.say)(), upstream, stream).filter(|(read, _)| (answer.arrived)(read)) else {
        return Fate::Unsaid;
    };
    match pass(&read.0, client, stream) {
        Some((told, _)) if (answer.arrived)(&told) => Fate::Carried,
        Some((_, loss)) if !loss.is_empty() => Fate::Lost(loss),
        _ => Fate::Vanished,
    }
}

/// Writes an answer in a dialect and reads it again. Gives what was lost as well.
fn pass(reply: &Reply, dialect: Dialect, stream: bool) -> Option<(Reply, String)> {
    if !stream {
        let (body, loss) = dialect.write_reply(reply);
        return Some((dialect.read_reply(&body).ok()?, loss.to_string()));
    }
    let (mut writer, mut bytes) =
        (dialect.writer(StreamForm { include_usage: true, framing: dialect.framing() }), Vec::new());
    for event in unfold(reply.clone()).0 {
        writer.push(&event, &mut bytes);
    }
    let (mut reader, mut events) = (dialect.reader(), Vec::new());
    reader.push(&bytes, &mut events);
    reader.finish(&mut events);
    let (read, fault) = fold(events);
    fault.is_none().then(|| (read, writer.loss().to_string()))
}

/// The first words of a refusal, fit for a cell.
fn short(message: &str) -> String {
    message.replace('|', "/").chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_006_nothing_vanishes_between_any_two_apis() {
        let mut vanished = Vec::new();
        for client in CLIENTS {
            for (name, fates) in rows(*client, Dialect::ALL) {
                let lost = Dialect::ALL.iter().zip(fates).filter(|(_, fate)| *fate == Fate::Vanished);
                vanished
                    .extend(lost.map(|(upstream, _)| format!("{} -> {}: {name}", client.as_str(), upstream.as_str())));
            }
        }
        assert!(vanished.is_empty(), "{vanished:#?}");
    }
}
