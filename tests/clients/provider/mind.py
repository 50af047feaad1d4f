"""What the provider of these tests "thinks": the same answer to the same question, in every dialect.

It proves that what the caller said arrived. It repeats texts, measures pictures and documents, calls the tools it is given,
reports their results, fills in schemas, and insists that its own thinking comes back unchanged.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

# Tokens of every prompt: those that were read from a cache and written to one, and the rest.
FRESH, CACHE_READ, CACHE_WRITE = 100, 30, 20
THOUGHT = "First I look at what was asked."
THOUGHT_TOKENS = 7


@dataclass
class Question:
    """What a request asks, whatever its dialect."""

    system: str = ""
    text: str = ""
    images: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    tools: dict[str, dict] = field(default_factory=dict)
    # auto, none, any, or the name of a tool
    choice: str = "auto"
    parallel: bool = True
    schema: dict | None = None
    thinks: bool = False
    most_tokens: int | None = None
    stops: list[str] = field(default_factory=list)
    # Who speaks in the conversation, "user" or "assistant", and how the answer is steered: for tests to look at.
    roles: list[str] = field(default_factory=list)
    knobs: dict[str, float | None] = field(default_factory=dict)


@dataclass
class Answer:
    thought: str | None
    text: str
    calls: list[tuple[str, dict]]
    # end, length, stop or tools
    end: str
    stopped_by: str | None = None

    @property
    def tokens(self) -> int:
        return len(self.text.split()) + 5 * len(self.calls) + (THOUGHT_TOKENS if self.thought else 0)


def signature(thought: str) -> str:
    """What only this provider can have made of a thought."""
    return base64.b64encode(hashlib.sha256(b"provider" + thought.encode()).digest()).decode()


def measure(media_type: str, data: str) -> str:
    """What was seen of an attachment: its type and size."""
    return f"{media_type} of {len(base64.b64decode(data, validate=True))} bytes"


def sample(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """A value that fits a JSON schema."""
    root = root or schema
    if "$ref" in schema:
        return sample(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: sample(part, root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"], root)]
        case "integer" | "number":
            return 36
        case "boolean":
            return True
        case _:
            return "Ada"


def answer(question: Question) -> Answer:
    thought = THOUGHT if question.thinks else None
    if question.tools and question.choice != "none" and not question.results:
        # Who must call says nothing before.
        return Answer(thought, "Let me see." if question.choice == "auto" else "", calls(question), "tools")
    if question.schema is not None:
        return Answer(thought, json.dumps(sample(question.schema)), [], "end")
    return cut(question, Answer(thought, words(question), [], "end"))


def calls(question: Question) -> list[tuple[str, dict]]:
    if told := re.search("Call `(.+?)` with `(.+?)`", question.text):
        return [(told[1], json.loads(told[2]))]
    # A coding assistant is told what to run; it brings the tool for that among many.
    if told := re.search("Run `(.+?)`", question.text):
        for name, schema in question.tools.items():
            for field in ("cmd", "command"):
                if field in schema.get("properties", {}):
                    return [(name, {field: told[1]})]
    names = list(question.tools)
    if question.choice in names:
        names = [question.choice]
    return [(name, sample(question.tools[name])) for name in (names if question.parallel else names[:1])]


def words(question: Question) -> str:
    if question.results:
        return "The tools say: " + "; ".join(question.results)
    seen = question.images + question.documents
    if seen:
        return "I see " + ", ".join(seen)
    told = f" Told: {question.system}" if question.system else ""
    return f"You said: {question.text}{told}"


def cut(question: Question, whole: Answer) -> Answer:
    for stop in question.stops:
        if stop in whole.text:
            whole.text, whole.end, whole.stopped_by = whole.text.split(stop)[0], "stop", stop
    spoken = whole.text.split(" ")
    if question.most_tokens is not None and len(spoken) > question.most_tokens:
        whole.text, whole.end = " ".join(spoken[: question.most_tokens]), "length"
    return whole


def pieces(text: str) -> list[str]:
    """A text in the pieces of a stream."""
    spoken = text.split(" ")
    return [word if at == len(spoken) - 1 else f"{word} " for at, word in enumerate(spoken)]
