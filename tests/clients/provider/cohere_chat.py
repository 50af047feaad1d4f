"""Cohere v2 Chat as a provider speaks it: <https://docs.cohere.com/reference/chat>"""

import inspect
import json
from collections.abc import Iterator

from cohere import types
from cohere.v2.client import V2Client
from pydantic import ValidationError

from . import mind
from .openai_chat import from_data_url

# What its own SDK sends; `stream` is said there by the name of the method.
KNOWN = {*inspect.signature(V2Client.chat).parameters} - {"self", "request_options"} | {"stream"}
MESSAGES = {
    "user": types.UserChatMessageV2, "assistant": types.AssistantChatMessageV2,
    "system": types.SystemChatMessageV2, "tool": types.ToolChatMessageV2,
}


def refusal(body: dict) -> str | None:
    """Why the request is refused."""
    found = [f"unknown field: parameter '{name}' is not a valid field" for name in body.keys() - KNOWN - {"model"}]
    open_calls: set[str] = set()
    for at, message in enumerate(body["messages"]):
        found += wrong(message, f"messages[{at}]")
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                found.append(f"messages[{at}]: tool call id not found in previous tool calls")
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            found.append(f"messages[{at}]: tool calls {sorted(open_calls)} have no result")
        open_calls = {call["id"] for call in message.get("tool_calls") or []}
        if not (message.get("content") or message.get("tool_calls")):
            found.append(f"messages[{at}]: must have non-empty content or tool calls")
    if body.get("tool_choice") not in (None, "REQUIRED", "NONE"):
        found.append("tool_choice: REQUIRED or NONE")
    return "; ".join(found) or None


def wrong(message: dict, path: str) -> list[str]:
    kind = MESSAGES.get(message.get("role"))
    if kind is None:
        return [f"{path}.role: {message.get('role')!r} is none of {list(MESSAGES)}"]
    found = [f"{path}.{name}: unknown field" for name in message.keys() - kind.model_fields.keys() - {"role"}]
    try:
        kind.model_validate(message)
    except ValidationError as error:
        found.append(f"{path}: {error}")
    return found


def question(body: dict) -> mind.Question:
    asked = mind.Question(
        most_tokens=body.get("max_tokens"),
        thinks=(body.get("thinking") or {}).get("type") == "enabled",
        stops=body.get("stop_sequences") or [],
        schema=(body.get("response_format") or {}).get("json_schema"),
        tools={tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in body.get("tools", [])},
        choice={"REQUIRED": "any", "NONE": "none"}.get(body.get("tool_choice"), "auto"),
        roles=[message["role"] for message in body["messages"]],
        knobs={"temperature": body.get("temperature"), "top_p": body.get("p")},
    )
    for message in body["messages"]:
        take(asked, message)
    return asked


def take(asked: mind.Question, message: dict) -> None:
    content = message.get("content") or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text = " ".join(part["text"] for part in parts if part["type"] == "text")
    match message["role"]:
        case "system":
            asked.system = f"{asked.system} {text}".strip()
        case "tool":
            said = [part["document"]["data"].get("text", json.dumps(part["document"]["data"])) for part in parts if part["type"] == "document"]
            asked.results.append(" ".join([text, *said]).strip())
        case "assistant":
            asked.results = []
        case "user" if asked.results:
            # What the tools returned beside text.
            asked.images += [from_data_url(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
        case "user":
            asked.text, asked.results = text, []
            asked.images += [from_data_url(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]


def usage(said: mind.Answer) -> dict:
    counts = {"input_tokens": mind.FRESH + mind.CACHE_READ + mind.CACHE_WRITE, "output_tokens": said.tokens}
    return {"billed_units": counts, "tokens": counts, "cached_tokens": mind.CACHE_READ}


def finish(said: mind.Answer) -> str:
    return {"end": "COMPLETE", "stop": "STOP_SEQUENCE", "length": "MAX_TOKENS", "tools": "TOOL_CALL"}[said.end]


def tool_calls(said: mind.Answer) -> list[dict]:
    return [
        {"id": f"{name}_{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for at, (name, arguments) in enumerate(said.calls)
    ]


def content(said: mind.Answer) -> list[dict]:
    thought = [{"type": "thinking", "thinking": said.thought}] if said.thought else []
    # What is said before a call is its plan.
    return thought + ([] if said.calls else [{"type": "text", "text": said.text}])


def reply(body: dict, said: mind.Answer) -> dict:
    message: dict = {"role": "assistant", "content": content(said)}
    if said.calls:
        message |= {"tool_calls": tool_calls(said)} | ({"tool_plan": said.text} if said.text else {})
    return {"id": "c-1", "finish_reason": finish(said), "message": message, "usage": usage(said)}


def stream(body: dict, said: mind.Answer) -> Iterator[str]:
    def event(kind: str, message: dict | None = None, **fields: object) -> str:
        delta = {} if message is None else {"delta": {"message": message}}
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields, **delta})}\n\n"

    yield event("message-start", {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}, id="c-1")
    for at, part in enumerate(content(said)):
        name = part["type"]
        yield event("content-start", {"content": {"type": name, name: ""}}, index=at)
        for piece in mind.pieces(part[name]):
            yield event("content-delta", {"content": {name: piece}}, index=at)
        yield event("content-end", index=at)
    if said.calls and said.text:
        for piece in mind.pieces(said.text):
            yield event("tool-plan-delta", {"tool_plan": piece})
    for at, call in enumerate(tool_calls(said)):
        arguments = call["function"]["arguments"]
        yield event("tool-call-start", {"tool_calls": {**call, "function": {**call["function"], "arguments": ""}}}, index=at)
        for piece in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
            yield event("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index=at)
        yield event("tool-call-end", index=at)
    end = {"type": "message-end", "delta": {"finish_reason": finish(said), "usage": usage(said)}}
    yield f"event: message-end\ndata: {json.dumps(end)}\n\n"


def error(status: int, message: str) -> dict:
    return {"id": f"e-{status}", "message": message}
