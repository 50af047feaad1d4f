"""What of Amazon Bedrock takes the bodies of the models' makers, and counts tokens: Anthropic's, and Titan's as one of the others.

<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
"""

import base64
import json

from . import anthropic_messages, mind

# In a body for `invoke`; its own API has it in a header.
VERSION = "bedrock-2023-05-31"


def serve(handler, model: str, method: str, body: dict, message, error) -> None:
    """Answers `invoke`, `invoke-with-response-stream` and `count-tokens`."""
    if method == "count-tokens":
        return count(handler, model, body["input"], error)
    streams = method == "invoke-with-response-stream"
    if model.startswith("amazon.titan"):
        events, usage = titan(body)
        whole = {"inputTextTokenCount": usage[0], "results": [{"outputText": "".join(event["outputText"] for event in events)}]}
    else:
        if wrong := refusal(body):
            return handler.send_json(400, error("ValidationException", wrong))
        said = mind.answer(anthropic_messages.question(body))
        named = {**body, "model": model}
        whole, usage = anthropic_messages.reply(named, said), (mind.FRESH, said.tokens)
        frames = "".join(anthropic_messages.stream(named, said)).split("\n\n")
        events = [json.loads(frame.split("data: ", 1)[1]) for frame in frames if "data: " in frame]
        events = [event for event in events if event["type"] != "ping"]
    if not streams:
        out = json.dumps(whole).encode()
        handler.send_response(200)
        for name, value in [("content-type", "application/json"), ("content-length", len(out)),
                            ("x-amzn-bedrock-input-token-count", usage[0]), ("x-amzn-bedrock-output-token-count", usage[1])]:
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(out)
    else:
        events[-1]["amazon-bedrock-invocationMetrics"] = {
            "inputTokenCount": usage[0], "outputTokenCount": usage[1], "invocationLatency": 7, "firstByteLatency": 3,
        }
        handler.send_response(200)
        for name, value in [("content-type", "application/vnd.amazon.eventstream"), ("transfer-encoding", "chunked"),
                            ("x-amzn-bedrock-content-type", "application/json")]:
            handler.send_header(name, value)
        handler.end_headers()
        for event in events:
            out = message("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"})
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(out), out))
        handler.wfile.write(b"0\r\n\r\n")
    handler.noted["complete"] = True


def refusal(body: dict) -> str | None:
    """Anthropic's body here says its version, and neither a model nor whether it is streamed."""
    found = [f"{name}: Extra inputs are not permitted" for name in ("model", "stream") if name in body]
    if body.get("anthropic_version") != VERSION:
        found.append(f"anthropic_version must be {VERSION}")
    if "max_tokens" not in body:
        found.append("max_tokens: Field required")
    return "; ".join(found + anthropic_messages.order(body.get("messages", []))) or None


def titan(body: dict) -> tuple[list[dict], tuple[int, int]]:
    text = f"You said: {body['inputText']}"
    pieces = [{"outputText": piece, "index": at} for at, piece in enumerate(mind.pieces(text))]
    return pieces, (len(body["inputText"].split()), len(text.split()))


def count(handler, model: str, asked: dict, error) -> None:
    """Of the models here Anthropic's alone are counted, by their own names."""
    if not model.startswith("anthropic."):
        return handler.send_json(400, error("ValidationException", "The provided model doesn't support counting tokens."))
    question = asked.get("converse") or json.loads(base64.b64decode(asked["invokeModel"]["body"]))
    handler.send_json(200, {"inputTokens": len(json.dumps(question["messages"]).split())})
