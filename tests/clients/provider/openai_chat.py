"""OpenAI Chat Completions as a provider speaks it: <https://platform.openai.com/docs/api-reference/chat>"""

import json
from collections.abc import Iterator

from . import mind
from .shapes import CHAT, problems


def refusal(body: dict) -> str | None:
    """Why the request is refused."""
    # Answers come back whole: the API takes its own output fields in the history, though its SDK does not say so.
    turns = [{name: value for name, value in turn.items() if name != "annotations"} for turn in body.get("messages", [])]
    found = problems({**body, "messages": turns}, CHAT[body.get("stream") is True], "body")
    open_calls: set[str] = set()
    for at, message in enumerate(body.get("messages", [])):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                found.append(f"messages[{at}]: a tool message must follow the assistant message with its tool call")
            open_calls.discard(message["tool_call_id"])
        else:
            if open_calls:
                found.append(f"messages[{at}]: tool calls {sorted(open_calls)} have no tool message")
            open_calls = {call["id"] for call in message.get("tool_calls") or []}
    if body.get("stream_options") and not body.get("stream"):
        found.append("stream_options without stream")
    if body["model"].startswith("gpt-5"):
        found += [f"{name} is not supported by this model" for name in ("max_tokens", "temperature") if name in body]
    elif "reasoning_effort" in body:
        found.append("Unrecognized request argument supplied: reasoning_effort")
    return "; ".join(found) or None


def question(body: dict) -> mind.Question:
    asked = mind.Question(
        most_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        thinks=body.get("reasoning_effort") not in (None, "none", "minimal"),
        parallel=body.get("parallel_tool_calls", True) is not False,
        stops=[body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or [],
        tools={tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in body.get("tools", [])},
        roles=[message["role"] for message in body["messages"]],
        knobs={name: body.get(name) for name in ("temperature", "top_p")},
    )
    match body.get("tool_choice"):
        case {"function": {"name": name}}:
            asked.choice = name
        case "required":
            asked.choice = "any"
        case "none":
            asked.choice = "none"
    if (body.get("response_format") or {}).get("type") == "json_schema":
        asked.schema = body["response_format"]["json_schema"]["schema"]
    for message in body["messages"]:
        take(asked, message)
    return asked


def take(asked: mind.Question, message: dict) -> None:
    parts = message.get("content") or []
    parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
    text = " ".join(part["text"] for part in parts if part["type"] == "text")
    match message["role"]:
        case "system" | "developer":
            asked.system = f"{asked.system} {text}".strip()
        case "tool":
            asked.results.append(text)
        case "assistant":
            asked.results = []
        case "user" if asked.results:
            # What the tools returned beside text.
            asked.images += [from_data_url(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
        case "user":
            asked.text, asked.results = text, []
            for part in parts:
                if part["type"] == "image_url":
                    asked.images.append(from_data_url(part["image_url"]["url"]))
                elif part["type"] == "file":
                    asked.documents.append(from_data_url(part["file"]["file_data"]))


def from_data_url(url: str) -> str:
    if not url.startswith("data:"):
        return url
    media_type, data = url.removeprefix("data:").split(";base64,")
    return mind.measure(media_type, data)


def usage(said: mind.Answer) -> dict:
    prompt = mind.FRESH + mind.CACHE_READ + mind.CACHE_WRITE
    return {
        "prompt_tokens": prompt, "completion_tokens": said.tokens, "total_tokens": prompt + said.tokens,
        "prompt_tokens_details": {"cached_tokens": mind.CACHE_READ, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": mind.THOUGHT_TOKENS if said.thought else 0, "audio_tokens": 0},
    }


def finish(said: mind.Answer) -> str:
    return {"end": "stop", "stop": "stop", "length": "length", "tools": "tool_calls"}[said.end]


def tool_calls(said: mind.Answer) -> list[dict]:
    return [
        {"id": f"call_{at}_{name}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for at, (name, arguments) in enumerate(said.calls)
    ]


def envelope(body: dict, kind: str) -> dict:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_790_000_000, "model": f"{body['model']}-2026", "service_tier": "default"}


def reply(body: dict, said: mind.Answer) -> dict:
    message = {"role": "assistant", "content": said.text or None, "refusal": None, "annotations": []}
    if said.calls:
        message["tool_calls"] = tool_calls(said)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(said)}
    return {**envelope(body, "chat.completion"), "choices": [choice], "usage": usage(said)}


def stream(body: dict, said: mind.Answer) -> Iterator[str]:
    counted = (body.get("stream_options") or {}).get("include_usage")

    def chunk(choices: list, used: dict | None = None) -> str:
        said_so_far = {**envelope(body, "chat.completion.chunk"), "choices": choices}
        if counted:
            said_so_far["usage"] = used
        return f"data: {json.dumps(said_so_far)}\n\n"

    def delta(of: dict, end: str | None = None) -> str:
        return chunk([{"index": 0, "delta": of, "logprobs": None, "finish_reason": end}])

    yield delta({"role": "assistant", "content": "", "refusal": None})
    for piece in mind.pieces(said.text) if said.text else []:
        yield delta({"content": piece})
    for at, call in enumerate(tool_calls(said)):
        arguments = call["function"]["arguments"]
        opening = {**call, "index": at, "function": {**call["function"], "arguments": ""}}
        yield delta({"tool_calls": [opening]})
        for part in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
            yield delta({"tool_calls": [{"index": at, "function": {"arguments": part}}]})
    yield delta({}, finish(said))
    if counted:
        yield chunk([], usage(said))
    yield "data: [DONE]\n\n"


def error(status: int, message: str) -> dict:
    kind = "invalid_request_error" if status < 429 else "rate_limit_error" if status == 429 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
