//! A provider without a model, to try a gateway by hand: answers both dialects, always the same, as slowly as you like.
//!
//! `POST .../chat/completions` answers as OpenAI, `POST .../messages` as Anthropic; `"stream": true` streams.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;
use serde_json::Value;
use testkit::{
    Answer, Seen, Upstream,
    fixture::{
        anthropic_error, anthropic_message_text, anthropic_stream, anthropic_usage, openai_chat_text, openai_error,
        openai_stream, openai_usage, words,
    },
    upstream::Script,
};

/// A deterministic provider in the dialects of OpenAI and Anthropic.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Tokens of an answer; in a stream, one chunk each.
    #[arg(long, default_value_t = 20)]
    tokens: usize,
    /// Milliseconds before the answer begins.
    #[arg(long, default_value_t = 0)]
    first_token_ms: u64,
    /// Milliseconds between two chunks.
    #[arg(long, default_value_t = 20)]
    gap_ms: u64,
    /// Answers with this status and an error body in place of an answer.
    #[arg(long)]
    fail: Option<u16>,
    /// Prints every request.
    #[arg(long)]
    verbose: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let listen = options.listen;
    let upstream = Upstream::start(Script::By(std::sync::Arc::new(move |seen| answer(&options, seen))), listen);
    // It runs for days in soak tests: what was asked is not kept.
    upstream.keep(0);
    println!("listening on {}", upstream.url());
    loop {
        std::thread::park();
    }
}

fn answer(options: &Options, seen: &Seen) -> Answer {
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    if options.verbose {
        println!("{} {} {}", seen.method, seen.path, String::from_utf8_lossy(&seen.body));
    }
    let path = seen.path.split('?').next().unwrap_or_default();
    let asks_for = |pointer: &str| body.pointer(pointer) == Some(&Value::Bool(true));
    let streams = asks_for("/stream");
    let words = words(options.tokens);
    let (prompt, completion) = (seen.body.len() as u64 / 4, options.tokens as u64);
    let answer = match (path.rsplit('/').next().unwrap_or_default(), options.fail) {
        ("completions", Some(status)) => openai_error(status, "server_error", None, "scripted failure"),
        ("messages", Some(status)) => anthropic_error(status, "api_error", "scripted failure"),
        ("completions", None) if streams => {
            let usage = openai_usage(prompt, completion);
            let wanted = asks_for("/stream_options/include_usage");
            Answer::sse(openai_stream(&words, wanted.then_some(&usage)))
        }
        ("completions", None) => openai_chat_text(&words.concat(), &openai_usage(prompt, completion)),
        ("messages", None) if streams => Answer::sse(anthropic_stream(&words, &anthropic_usage(prompt, completion))),
        ("messages", None) => anthropic_message_text(&words.concat(), &anthropic_usage(prompt, completion)),
        _ => openai_error(404, "invalid_request_error", Some("unknown_url"), "only chat/completions and messages"),
    };
    answer.after(Duration::from_millis(options.first_token_ms)).gap(Duration::from_millis(options.gap_ms))
}
