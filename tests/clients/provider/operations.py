"""What is no conversation: vectors, ranks, pictures and sound, as OpenAI and the servers of its kind answer."""

import base64
import json
import struct

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n scripted").decode()
SOUND = bytes(range(256)) * 64


def answer(path: str, kind: str, raw: bytes) -> tuple[str, bytes] | None:
    """Media type and body; None for what is not answered here."""
    if kind.startswith("multipart/form-data"):
        return _form(path, raw)
    body = json.loads(raw)
    match path:
        case "/v1/embeddings":
            return _json(_embeddings(body))
        case "/v1/rerank":
            ranks = [{"index": at, "relevance_score": 1 / (1 + len(text))} for at, text in enumerate(body["documents"])]
            return _json({"model": body["model"], "results": ranks, "usage": {"total_tokens": 7}})
        case "/v1/images/generations":
            return _json({"created": 1, "data": [{"b64_json": PNG}] * body.get("n", 1)})
        case "/v1/audio/speech":
            return "audio/mpeg", SOUND
        case "/v1/moderations":
            return _json({"id": "modr-1", "model": body["model"], "results": [{"flagged": False, "categories": {}, "category_scores": {}}]})
        case "/v1/completions":
            choice = {"index": 0, "text": " " + body["prompt"], "logprobs": None, "finish_reason": "stop"}
            usage = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
            return _json({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": body["model"], "choices": [choice], "usage": usage})
    return None


def _json(body: object) -> tuple[str, bytes]:
    return "application/json", json.dumps(body).encode()


def _embeddings(body: dict) -> dict:
    """A vector is the length of its input, and a half. The model `only-floats` knows no base64."""
    inputs = body["input"] if isinstance(body["input"], list) and not isinstance(body["input"][0], int) else [body["input"]]
    vectors = [[float(len(one)), 0.5] for one in inputs]
    if body.get("encoding_format") == "base64" and body["model"] != "only-floats":
        vectors = [base64.b64encode(struct.pack("<2f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    # Servers may answer in any order.
    return {"object": "list", "model": body["model"], "data": data[::-1], "usage": {"prompt_tokens": 4, "total_tokens": 4}}


def _form(path: str, raw: bytes) -> tuple[str, bytes] | None:
    """The length of what was sent shows that it came whole."""
    if path == "/v1/images/edits":
        return _json({"created": 1, "data": [{"b64_json": PNG}]})
    if b'name="model"\r\n\r\n' not in raw or b'name="file"; filename="' not in raw:
        return None
    if b'name="response_format"\r\n\r\ntext\r\n' in raw:
        return "text/plain; charset=utf-8", b"written down\n"
    return _json({"text": f"{path} {raw.count(SOUND)}", "usage": {"type": "duration", "seconds": 2}})
