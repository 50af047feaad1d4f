"""Google Gemini as a provider speaks it: <https://ai.google.dev/api/generate-content>"""

import json
from collections.abc import Iterator

from google.genai import types
from pydantic import ValidationError

from . import mind

# What a model takes where it made a call itself and gets no signature back, by Google's own documentation.
NOBODY_HAS_IT = "skip_thought_signature_validator"


# Where the same is asked at Vertex AI.
VERTEX = "/v1/projects/client-tests/locations/us-central1/publishers/google/models/"


def of_path(path: str) -> dict | None:
    """The model and method of `/v1beta/models/{model}:{method}`."""
    place, _, query = path.partition("?")
    folder = VERTEX if place.startswith(VERTEX) else "/v1beta/models/"
    name, _, method = place.removeprefix(folder).rpartition(":")
    if not place.startswith(folder) or method not in ("generateContent", "streamGenerateContent", "countTokens"):
        return None
    streams = method == "streamGenerateContent"
    return {"model": name, "method": method, "stream": streams, "sse": "alt=sse" in query.split("&"), "vertex": folder == VERTEX}


def refusal_of_place(asked: dict, body: dict) -> str | None:
    """What one of the two places refuses where the other would not."""
    if not asked["vertex"]:
        bare = asked["method"] == "countTokens" and body.keys() - {"contents", "generateContentRequest", "model", "stream"}
        return f"Unknown names of a count: {sorted(bare)}" if bare else None
    if "generateContentRequest" in body:
        return "Unknown name \"generateContentRequest\""
    if any(content.get("role") not in ("user", "model") for content in body["contents"]):
        return "Please use a valid role: user, model."
    return None


def normal(body: dict) -> dict:
    """The body in Google's first form of names: it reads both, and its own SDK mixes them."""

    def of(kind, value: dict) -> dict:
        return kind.model_validate(value).model_dump(mode="json", by_alias=True, exclude_none=True)

    kinds = {"contents": types.Content, "systemInstruction": types.Content, "tools": types.Tool,
             "toolConfig": types.ToolConfig, "generationConfig": types.GenerationConfig}
    read = dict(body)
    for name in kinds.keys() & body.keys():
        value = body[name]
        read[name] = [of(kinds[name], item) for item in value] if isinstance(value, list) else of(kinds[name], value)
    return read


def merged(contents: list[dict]) -> list[dict]:
    """Contents of one role in a row are one: Google's own SDK keeps every piece of a stream as a content."""
    out: list[dict] = []
    for content in contents:
        if out and out[-1].get("role") == content.get("role"):
            out[-1] = {**out[-1], "parts": out[-1]["parts"] + content["parts"]}
        else:
            out.append(content)
    return out


def standard(base64: str) -> str:
    """Base64 in its first alphabet: Google reads both, and its own SDK writes the other."""
    return base64.replace("-", "+").replace("_", "/")


def refusal(body: dict) -> str | None:
    """Why the request is refused: the API knows no field but its own, and wants back what its model signed."""
    known = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "serviceTier", "labels"}
    found = [f"Unknown name \"{name}\"" for name in body.keys() - known - {"model", "stream"}]
    try:
        body = normal(body)
    except ValidationError as wrong:
        return "; ".join([*found, str(wrong)])
    expected = 0
    for at, content in enumerate(merged(body["contents"])):
        calls = [part for part in content["parts"] if "functionCall" in part]
        answers = [part for part in content["parts"] if "functionResponse" in part]
        if expected != len(answers):
            found.append(f"contents[{at}]: {expected} function calls need as many function responses, not {len(answers)}")
        proof = calls and calls[0].get("thoughtSignature", "")
        if calls and standard(proof) not in (standard(NOBODY_HAS_IT), mind.signature(calls[0]["functionCall"]["name"])):
            found.append(f"contents[{at}]: Function call is missing a thought_signature in functionCall parts.")
        expected = len(calls)
        if not content["parts"] or not all(content["parts"]):
            found.append(f"contents[{at}]: a part without data")
    return "; ".join(found) or None


def question(body: dict) -> mind.Question:
    body = normal(body)
    config = body.get("generationConfig", {})
    thinking = config.get("thinkingConfig", {})
    asked = mind.Question(
        system=" ".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", [])),
        most_tokens=config.get("maxOutputTokens"),
        thinks=thinking.get("includeThoughts", False),
        stops=config.get("stopSequences", []),
        schema=config.get("responseJsonSchema") or lower(config.get("responseSchema")),
    )
    asked.knobs = {"temperature": config.get("temperature"), "top_p": config.get("topP")}
    asked.roles = [{"model": "assistant"}.get(content.get("role"), "user") for content in merged(body["contents"])]
    for tool in body.get("tools", []):
        for function in tool.get("functionDeclarations", []):
            asked.tools[function["name"]] = function.get("parametersJsonSchema") or lower(function.get("parameters")) or {}
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    match calling.get("mode"), calling.get("allowedFunctionNames"):
        case "ANY", [name]:
            asked.choice = name
        case "ANY", _:
            asked.choice = "any"
        case "NONE", _:
            asked.choice = "none"
    for content in merged(body["contents"]):
        take(asked, content)
    return asked


def lower(schema: dict | None) -> dict | None:
    """A schema of Google's own kind, whose types are in capitals."""
    return json.loads(json.dumps(schema), object_hook=lambda part: {**part, "type": part["type"].lower()} if isinstance(part.get("type"), str) else part) if schema else None


def take(asked: mind.Question, content: dict) -> None:
    if content.get("role") == "model":
        asked.results = []
        return
    results = [part["functionResponse"]["response"] for part in content["parts"] if "functionResponse" in part]
    if results:
        asked.results = [told(said) for said in results]
        return
    asked.text = " ".join(part["text"] for part in content["parts"] if "text" in part)
    asked.results = []
    for part in content["parts"]:
        if data := part.get("inlineData"):
            seen = mind.measure(data["mimeType"], standard(data["data"]))
            (asked.documents if data["mimeType"] == "application/pdf" else asked.images).append(seen)


def told(response: dict) -> str:
    return f"failed: {response['error']}" if "error" in response else response.get("output", json.dumps(response))


def usage(said: mind.Answer) -> dict:
    prompt, thought = mind.FRESH + mind.CACHE_READ + mind.CACHE_WRITE, mind.THOUGHT_TOKENS if said.thought else 0
    spoken = said.tokens - thought
    return {
        "promptTokenCount": prompt, "cachedContentTokenCount": mind.CACHE_READ, "candidatesTokenCount": spoken,
        "thoughtsTokenCount": thought, "totalTokenCount": prompt + said.tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
    }


def parts(said: mind.Answer) -> list[dict]:
    thought = [{"text": said.thought, "thought": True}] if said.thought else []
    calls = [{"functionCall": {"name": name, "args": arguments}} for name, arguments in said.calls]
    if calls:
        calls[0]["thoughtSignature"] = mind.signature(calls[0]["functionCall"]["name"])
    return thought + ([{"text": said.text}] if said.text else []) + calls


def answer(body: dict, said: mind.Answer, of: list[dict], end: bool) -> dict:
    candidate = {"content": {"parts": of, "role": "model"}, "index": 0}
    if end:
        candidate["finishReason"] = "MAX_TOKENS" if said.end == "length" else "STOP"
    return {"candidates": [candidate], "usageMetadata": usage(said), "modelVersion": body["model"], "responseId": "r-1"}


def reply(body: dict, said: mind.Answer) -> dict:
    return answer(body, said, parts(said), True)


def stream(body: dict, said: mind.Answer) -> Iterator[str]:
    for part in parts(said):
        for piece in mind.pieces(part["text"]) if "text" in part else [None]:
            of = part if piece is None else {**part, "text": piece}
            yield f"data: {json.dumps(answer(body, said, [of], False))}\r\n\r\n"
    yield f"data: {json.dumps(answer(body, said, [{'text': ''}], True))}\r\n\r\n"


def error(status: int, message: str) -> dict:
    names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
    return {"error": {"code": status, "message": message, "status": names.get(status, "INTERNAL")}}
