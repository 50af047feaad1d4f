"""Anthropic Messages as a provider speaks it: <https://docs.anthropic.com/en/api/messages>"""

import json
from collections.abc import Iterator

from . import mind
from .shapes import BETA_COUNT_TOKENS, BETA_MESSAGES, COUNT_TOKENS, MESSAGES, problems

# Fields that the older version of the API still takes.
SAMPLING = ("temperature", "top_p", "top_k")


def refusal(body: dict, version: str, betas: str) -> str | None:
    """Why the request is refused."""
    shapes = BETA_MESSAGES if betas else MESSAGES
    plain = {name: value for name, value in body.items() if version != "2023-06-01" or name not in SAMPLING}
    found = problems(plain, shapes[body.get("stream") is True], "body") or order(body["messages"])
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        found.append("thinking.budget_tokens: at least 1024 and less than max_tokens")
    return "; ".join(found) or None


def refusal_of_count(body: dict, betas: str) -> str | None:
    return "; ".join(problems(body, BETA_COUNT_TOKENS if betas else COUNT_TOKENS, "body")) or None


def order(messages: list[dict]) -> list[str]:
    """Rules that no type says: every tool call is answered in the next turn, no text is empty, thinking is our own."""
    found, open_calls = [], set()
    for at, message in enumerate(messages):
        blocks = [{"type": "text", "text": message["content"]}] if isinstance(message["content"], str) else message["content"]
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if answered != open_calls:
            found.append(f"messages.{at}: tool_use {sorted(open_calls)} must be answered at once, and nothing else")
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
        for block in blocks:
            if block["type"] == "text" and not block["text"].strip():
                found.append(f"messages.{at}: text content blocks must be non-empty")
            if block["type"] == "thinking" and block["signature"] != mind.signature(block["thinking"]):
                found.append(f"messages.{at}: Invalid `signature` in `thinking` block")
    return found


def question(body: dict) -> mind.Question:
    choice = body.get("tool_choice") or {"type": "auto"}
    asked = mind.Question(
        system=joined(body.get("system") or []),
        most_tokens=body.get("max_tokens"),
        thinks=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
        parallel=not choice.get("disable_parallel_tool_use"),
        choice=choice.get("name", choice["type"]),
        stops=body.get("stop_sequences") or [],
        tools={tool["name"]: tool["input_schema"] for tool in body.get("tools", []) if "input_schema" in tool},
        roles=[message["role"] for message in body["messages"]],
        knobs={name: body.get(name) for name in ("temperature", "top_p")},
    )
    if form := (body.get("output_config") or {}).get("format"):
        asked.schema = form["schema"]
    for message in body["messages"]:
        blocks = [{"type": "text", "text": message["content"]}] if isinstance(message["content"], str) else message["content"]
        if message["role"] == "system":
            asked.system = f"{asked.system} {joined(message['content'])}".strip()
            continue
        asked.results = [result(block) for block in blocks if block["type"] == "tool_result"]
        if message["role"] == "user":
            asked.text = joined(blocks)
            asked.images += [source(block) for block in blocks if block["type"] == "image"]
            asked.documents += [source(block) for block in blocks if block["type"] == "document"]
    return asked


def joined(content: str | list[dict]) -> str:
    return content if isinstance(content, str) else " ".join(block["text"] for block in content if block["type"] == "text")


def result(block: dict) -> str:
    return ("failed: " if block.get("is_error") else "") + joined(block.get("content") or "")


def source(block: dict) -> str:
    of = block["source"]
    return of["url"] if of["type"] == "url" else mind.measure(of["media_type"], of["data"])


def usage(said: mind.Answer) -> dict:
    return {
        "input_tokens": mind.FRESH, "output_tokens": said.tokens,
        "cache_read_input_tokens": mind.CACHE_READ, "cache_creation_input_tokens": mind.CACHE_WRITE,
        "cache_creation": {"ephemeral_5m_input_tokens": mind.CACHE_WRITE, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
    }


def end(said: mind.Answer) -> dict:
    reason = {"end": "end_turn", "stop": "stop_sequence", "length": "max_tokens", "tools": "tool_use"}[said.end]
    return {"stop_reason": reason, "stop_sequence": said.stopped_by}


def blocks(said: mind.Answer) -> list[dict]:
    thought = [{"type": "thinking", "thinking": said.thought, "signature": mind.signature(said.thought)}] if said.thought else []
    calls = [
        {"type": "tool_use", "id": f"toolu_{at}_{name}", "name": name, "input": arguments}
        for at, (name, arguments) in enumerate(said.calls)
    ]
    return [*thought, *([{"type": "text", "text": said.text}] if said.text else []), *calls]


def envelope(body: dict) -> dict:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": f"{body['model']}-2026"}


def reply(body: dict, said: mind.Answer) -> dict:
    content = blocks(said)
    if body["model"] == "cites":
        content[-1]["citations"] = [{
            "type": "char_location", "cited_text": "that", "document_index": 0, "document_title": None, "file_id": None,
            "start_char_index": 0, "end_char_index": 4,
        }]
    return {**envelope(body), "content": content, **end(said), "usage": usage(said)}


def stream(body: dict, said: mind.Answer) -> Iterator[str]:
    def event(kind: str, **fields: object) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"

    def delta(at: int, kind: str, **fields: object) -> str:
        return event("content_block_delta", index=at, delta={"type": kind, **fields})

    begun = {**envelope(body), "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage(said), "output_tokens": 1}}
    yield event("message_start", message=begun)
    yield event("ping")
    for at, block in enumerate(blocks(said)):
        match block["type"]:
            case "thinking":
                yield event("content_block_start", index=at, content_block={"type": "thinking", "thinking": "", "signature": ""})
                for piece in mind.pieces(block["thinking"]):
                    yield delta(at, "thinking_delta", thinking=piece)
                yield delta(at, "signature_delta", signature=block["signature"])
            case "text":
                yield event("content_block_start", index=at, content_block={"type": "text", "text": ""})
                for piece in mind.pieces(block["text"]):
                    yield delta(at, "text_delta", text=piece)
            case "tool_use":
                arguments = json.dumps(block["input"])
                yield event("content_block_start", index=at, content_block={**block, "input": {}})
                for part in ("", arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
                    yield delta(at, "input_json_delta", partial_json=part)
        yield event("content_block_stop", index=at)
    yield event("message_delta", delta=end(said), usage={"output_tokens": said.tokens})
    yield event("message_stop")


def error(status: int, message: str) -> dict:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}, "request_id": "req_provider"}


def no_threads() -> dict:
    """Says in the API's own words that it keeps no conversation: the SDK then sends the whole of it each time."""
    refused = error(400, "this request cannot be threaded")
    refused["error"]["details"] = {"error_code": "thread_unsupported_request", "unsupported": ["model"]}
    return refused
