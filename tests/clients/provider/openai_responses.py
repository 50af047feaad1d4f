"""OpenAI Responses as a provider speaks it: <https://platform.openai.com/docs/api-reference/responses>"""

import base64
import hashlib
import json
from collections.abc import Iterator

from . import mind
from .openai_chat import error, from_data_url  # noqa: F401 (the errors of both are alike)
from .shapes import RESPONSES, problems

TEXT = {"type": "output_text", "annotations": [], "logprobs": []}


def refusal(body: dict) -> str | None:
    """Why the request is refused."""
    items = body["input"] if isinstance(body.get("input"), list) else []
    known = {name: value for name, value in body.items() if name != "client_metadata"}
    if items:
        known["input"] = [documented(item) for item in items]
    found = problems(known, RESPONSES[body.get("stream") is True], "body")
    called, answered = set(), set()
    for at, item in enumerate(items):
        match item.get("type"):
            case "function_call" | "custom_tool_call":
                called.add(item["call_id"])
            case "function_call_output" | "custom_tool_call_output":
                answered.add(item["call_id"])
                if item["call_id"] not in called and not body.get("previous_response_id"):
                    found.append(f"input[{at}]: No tool call found for function call output with call_id {item['call_id']}.")
            case "reasoning":
                if item.get("encrypted_content") not in (None, seal()):
                    found.append(f"input[{at}]: The encrypted content could not be verified.")
    found += [f"No tool output found for function call {id}." for id in sorted(called - answered)]
    return "; ".join(found) or None


def documented(item: dict) -> dict:
    """The item as the SDK knows it: the API takes messages with an id, thought without one, and pictures as they come."""
    if item.get("type") == "reasoning":
        return {"id": "rs_1", **item}
    if item.get("type", "message") == "message" and item["role"] != "assistant":
        if isinstance(item["content"], list):
            item = {**item, "content": [{"detail": "auto", **part} if part["type"] == "input_image" else part for part in item["content"]]}
        return {name: value for name, value in item.items() if name != "id"}
    return item


def seal() -> str:
    """What only this provider can have made."""
    return "gAAAAA" + base64.b64encode(hashlib.sha256(b"sealed").digest()).decode()


def question(body: dict) -> mind.Question:
    asked = mind.Question(
        system=body.get("instructions") or "",
        most_tokens=body.get("max_output_tokens"),
        thinks=(body.get("reasoning") or {}).get("effort") not in (None, "none", "minimal"),
        parallel=body.get("parallel_tool_calls", True) is not False,
        tools={tool["name"]: tool.get("parameters") or {} for tool in body.get("tools", []) if tool["type"] == "function"},
        knobs={name: body.get(name) for name in ("temperature", "top_p")},
    )
    match body.get("tool_choice"):
        case {"name": name}:
            asked.choice = name
        case "required":
            asked.choice = "any"
        case "none":
            asked.choice = "none"
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        asked.schema = form["schema"]
    items = [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
    asked.roles = [item["role"] for item in items if "role" in item]
    for item in items:
        take(asked, item)
    return asked


def take(asked: mind.Question, item: dict) -> None:
    if item.get("type") in ("function_call_output", "custom_tool_call_output"):
        asked.results.append(" ".join(text_of(item["output"])))
        return
    if item.get("type", "message") != "message":
        return
    parts = item["content"] if isinstance(item["content"], list) else []
    text = " ".join(text_of(item["content"]))
    match item["role"]:
        case "system" | "developer":
            asked.system = f"{asked.system} {text}".strip()
        case "assistant":
            asked.results = []
        case "user":
            asked.text, asked.results = text, []
            asked.images += [from_data_url(part["image_url"]) for part in parts if part["type"] == "input_image"]
            asked.documents += [from_data_url(part["file_data"]) for part in parts if part["type"] == "input_file"]


def text_of(content: str | list) -> list[str]:
    return [content] if isinstance(content, str) else [part["text"] for part in content if "text" in part]


def usage(said: mind.Answer) -> dict:
    prompt = mind.FRESH + mind.CACHE_READ + mind.CACHE_WRITE
    return {
        "input_tokens": prompt, "input_tokens_details": {"cached_tokens": mind.CACHE_READ, "cache_write_tokens": 0},
        "output_tokens": said.tokens, "output_tokens_details": {"reasoning_tokens": mind.THOUGHT_TOKENS if said.thought else 0},
        "total_tokens": prompt + said.tokens,
    }


def output(said: mind.Answer) -> list[dict]:
    items = []
    if said.thought:
        summary = [{"type": "summary_text", "text": said.thought}]
        items.append({"id": "rs_0", "type": "reasoning", "summary": summary, "encrypted_content": seal()})
    status = "incomplete" if said.end == "length" else "completed"
    content = [{**TEXT, "text": said.text}]
    if said.text:
        items.append({"id": "msg_0", "type": "message", "status": status, "role": "assistant", "content": content})
    for at, (name, arguments) in enumerate(said.calls):
        call = {"call_id": f"call_{at}_{name}", "name": name, "arguments": json.dumps(arguments)}
        items.append({"id": f"fc_{at}", "type": "function_call", "status": "completed", **call})
    return items


def response(body: dict, status: str, items: list[dict], used: dict | None) -> dict:
    why = {"reason": "max_output_tokens"} if status == "incomplete" else None
    repeated = {name: body.get(name) for name in ("instructions", "previous_response_id", "metadata", "max_output_tokens")}
    return {
        "id": f"resp_{abs(hash(json.dumps(body, sort_keys=True)))}", "object": "response", "created_at": 1_790_000_000,
        "status": status, "error": None, "incomplete_details": why, "model": f"{body['model']}-2026", "output": items,
        "parallel_tool_calls": True, "tool_choice": body.get("tool_choice", "auto"), "tools": body.get("tools", []),
        "temperature": 1.0, "top_p": 1.0, "text": body.get("text") or {"format": {"type": "text"}},
        "store": body.get("store", True), "service_tier": "default", "usage": used, **repeated,
    }


def reply(body: dict, said: mind.Answer) -> dict:
    return response(body, "incomplete" if said.end == "length" else "completed", output(said), usage(said))


def stream(body: dict, said: mind.Answer) -> Iterator[str]:
    number = -1

    def event(kind: str, **fields: object) -> str:
        nonlocal number
        number += 1
        return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': number, **fields})}\n\n"

    begun = response(body, "in_progress", [], None)
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for at, item in enumerate(output(said)):
        place = {"item_id": item["id"], "output_index": at}
        match item["type"]:
            case "reasoning":
                yield event("response.output_item.added", output_index=at, item={**item, "summary": []})
                part, thought = {**place, "summary_index": 0}, item["summary"][0]
                yield event("response.reasoning_summary_part.added", **part, part={**thought, "text": ""})
                for piece in mind.pieces(thought["text"]):
                    yield event("response.reasoning_summary_text.delta", **part, delta=piece)
                yield event("response.reasoning_summary_text.done", **part, text=thought["text"])
                yield event("response.reasoning_summary_part.done", **part, part=thought)
            case "message":
                yield event("response.output_item.added", output_index=at, item={**item, "status": "in_progress", "content": []})
                part = {**place, "content_index": 0}
                yield event("response.content_part.added", **part, part={**TEXT, "text": ""})
                for piece in mind.pieces(said.text):
                    yield event("response.output_text.delta", **part, delta=piece, logprobs=[], obfuscation="x")
                yield event("response.output_text.done", **part, text=said.text, logprobs=[])
                yield event("response.content_part.done", **part, part=item["content"][0])
            case "function_call":
                arguments = item["arguments"]
                yield event("response.output_item.added", output_index=at, item={**item, "status": "in_progress", "arguments": ""})
                for piece in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
                    yield event("response.function_call_arguments.delta", **place, delta=piece)
                yield event("response.function_call_arguments.done", **place, arguments=arguments)
        yield event("response.output_item.done", output_index=at, item=item)
    whole = reply(body, said)
    yield event(f"response.{whole['status']}", response=whole)
