"""Amazon Bedrock Converse as AWS speaks it: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>

A request is checked against the service model that AWS's own SDK brings along, and its signature with that SDK's signer.
"""

import base64
import binascii
import json
import struct
from collections.abc import Iterator
from dataclasses import asdict
from urllib.parse import unquote

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.validate import ParamValidator

from . import bedrock_invoke, mind

ACCESS_KEY, REGION = "CLIENTTESTS", "us-east-1"
MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")
FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "pdf": "application/pdf", "txt": "text/plain"}


def serve(handler, raw: bytes) -> None:
    """Answers `POST /model/{model}/converse` and `/converse-stream`, and hands on what else there is."""
    _, _, name, method = handler.path.split("/")
    if wrong := signature_problem(handler, raw):
        return handler.send_json(403, error("InvalidSignatureException", wrong))
    body = json.loads(raw)
    if not method.startswith("converse"):
        return bedrock_invoke.serve(handler, unquote(name), method, body, message, error)
    if wrong := refusal(unquote(name), body):
        return handler.send_json(400, error("ValidationException", wrong))
    asked = question(body)
    handler.noted["question"] = asdict(asked)
    said = mind.answer(asked)
    if method == "converse":
        return handler.send_json(200, reply(said))
    handler.send_response(200)
    handler.send_header("content-type", "application/vnd.amazon.eventstream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    for out in stream(said):
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(out), out))
    handler.wfile.write(b"0\r\n\r\n")
    handler.noted["complete"] = True


def signature_problem(handler, raw: bytes) -> str | None:
    """What is wrong with the signature, by the judgement of AWS's own signer."""
    shown = handler.headers.get("authorization") or ""
    if not shown.startswith("AWS4-HMAC-SHA256"):
        return "the request is not signed"
    fields = dict(field.split("=", 1) for field in shown.split(" ", 1)[1].split(", "))
    signed = {name: handler.headers[name] for name in fields["SignedHeaders"].split(";")}
    url = f"http://{handler.headers['host']}{handler.path}"
    request = AWSRequest(method="POST", url=url, data=raw, headers=signed)
    request.context["timestamp"] = handler.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(ACCESS_KEY, handler.server.key), "bedrock", REGION)
    wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return None if fields["Signature"] == wanted else "the signature we calculated does not match the one you sent"


def refusal(model: str, body: dict) -> str | None:
    report = ParamValidator().validate({"modelId": model, **body}, MODEL.operation_model("Converse").input_shape)
    found = [report.generate_report()] if report.has_errors() else []
    roles = [message["role"] for message in body.get("messages", [])]
    if roles[:1] != ["user"] or any(one == other for one, other in zip(roles, roles[1:])):
        found.append(f"roles must alternate and begin with user: {roles}")
    blocks = [block for message in body.get("messages", []) for block in message["content"]]
    if any("text" in block and not block["text"].strip() for block in blocks):
        found.append("The text field in the ContentBlock object is blank")
    if any("toolUse" in block or "toolResult" in block for block in blocks) and not body.get("toolConfig"):
        found.append("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    open_calls: set[str] = set()
    for message in body.get("messages", []):
        results = {block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block}
        if results != open_calls:
            found.append(f"expected toolResult blocks for {sorted(open_calls)}, not {sorted(results)}")
        open_calls = {block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block}
    return "; ".join(found) or None


def question(body: dict) -> mind.Question:
    config, limits = body.get("toolConfig") or {}, body.get("inferenceConfig") or {}
    asked = mind.Question(
        system=" ".join(block["text"] for block in body.get("system", []) if "text" in block),
        most_tokens=limits.get("maxTokens"),
        stops=limits.get("stopSequences") or [],
        thinks=(body.get("additionalModelRequestFields") or {}).get("thinking", {}).get("type") in ("enabled", "adaptive"),
        tools={tool["toolSpec"]["name"]: tool["toolSpec"]["inputSchema"]["json"] for tool in config.get("tools", []) if "toolSpec" in tool},
        roles=[message["role"] for message in body["messages"]],
        knobs={"temperature": limits.get("temperature"), "top_p": limits.get("topP")},
    )
    choice = config.get("toolChoice") or {}
    asked.choice = choice["tool"]["name"] if "tool" in choice else "any" if "any" in choice else "auto"
    if text_format := (body.get("outputConfig") or {}).get("textFormat"):
        asked.schema = json.loads(text_format["structure"]["jsonSchema"]["schema"])
    for message in body["messages"]:
        if message["role"] == "user":
            take(asked, message["content"])
        else:
            asked.results = []
    return asked


def take(asked: mind.Question, content: list[dict]) -> None:
    asked.text = " ".join(block["text"] for block in content if "text" in block)
    asked.results = []
    for block in content:
        if "image" in block or "document" in block:
            of = block.get("image") or block["document"]
            seen = mind.measure(FORMATS[of["format"]], of["source"]["bytes"])
            (asked.images if "image" in block else asked.documents).append(seen)
        elif "toolResult" in block:
            parts, failed = block["toolResult"]["content"], block["toolResult"].get("status") == "error"
            asked.results.append(("failed: " if failed else "") + " ".join(part.get("text") or json.dumps(part.get("json")) for part in parts))


def usage(said: mind.Answer) -> dict:
    return {
        "inputTokens": mind.FRESH, "outputTokens": said.tokens, "cacheReadInputTokens": mind.CACHE_READ,
        "cacheWriteInputTokens": mind.CACHE_WRITE,
        "totalTokens": mind.FRESH + mind.CACHE_READ + mind.CACHE_WRITE + said.tokens,
    }


def stop(said: mind.Answer) -> dict:
    reason = {"end": "end_turn", "stop": "stop_sequence", "length": "max_tokens", "tools": "tool_use"}[said.end]
    return {"stopReason": reason}


def reply(said: mind.Answer) -> dict:
    content = []
    if said.thought:
        content.append({"reasoningContent": {"reasoningText": {"text": said.thought, "signature": mind.signature(said.thought)}}})
    if said.text:
        content.append({"text": said.text})
    content += [
        {"toolUse": {"toolUseId": f"tooluse_{at}_{name}", "name": name, "input": arguments}}
        for at, (name, arguments) in enumerate(said.calls)
    ]
    return {"output": {"message": {"role": "assistant", "content": content}}, **stop(said), "usage": usage(said), "metrics": {"latencyMs": 7}}


def stream(said: mind.Answer) -> Iterator[bytes]:
    yield message("messageStart", {"role": "assistant", "p": "abcdef"})
    at = 0

    def delta(of: dict) -> bytes:
        return message("contentBlockDelta", {"contentBlockIndex": at, "delta": of, "p": "abc"})

    if said.thought:
        yield delta({"reasoningContent": {"text": said.thought}})
        yield delta({"reasoningContent": {"signature": mind.signature(said.thought)}})
        yield message("contentBlockStop", {"contentBlockIndex": at})
        at += 1
    if said.text:
        for piece in mind.pieces(said.text):
            yield delta({"text": piece})
        yield message("contentBlockStop", {"contentBlockIndex": at})
        at += 1
    for number, (name, arguments) in enumerate(said.calls):
        start = {"toolUse": {"toolUseId": f"tooluse_{number}_{name}", "name": name}}
        yield message("contentBlockStart", {"contentBlockIndex": at, "start": start})
        text = json.dumps(arguments)
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            yield delta({"toolUse": {"input": part}})
        yield message("contentBlockStop", {"contentBlockIndex": at})
        at += 1
    yield message("messageStop", stop(said))
    yield message("metadata", {"usage": usage(said), "metrics": {"latencyMs": 7}})


def message(event: str, payload: dict) -> bytes:
    """One message of <https://smithy.io/2.0/aws/amazon-eventstream.html>."""
    headers = b""
    for name, value in ((":event-type", event), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    data = json.dumps(payload, ensure_ascii=False).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    whole = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + data
    return whole + struct.pack(">I", binascii.crc32(whole))


def error(kind: str, words: str) -> dict:
    return {"__type": kind, "message": words}


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()
