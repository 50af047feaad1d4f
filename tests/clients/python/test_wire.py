"""What clients are known to send beyond their SDKs' documentation: headers, probes, queries."""

import json
import os

import pytest

from conftest import KEY, last_seen, raw, seen, wait_until

CHAT = json.dumps({"model": "via-openai", "messages": [{"role": "user", "content": "hello"}]}).encode()
MESSAGE = json.dumps({"model": "via-anthropic", "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}).encode()


@pytest.mark.parametrize("path, body", [("/v1/chat/completions", CHAT), ("/v1/messages", MESSAGE)])
@pytest.mark.parametrize("header", [{"authorization": f"Bearer {KEY}"}, {"x_api_key": KEY}, {"authorization": f"Bearer {KEY}", "x_api_key": KEY}])
def test_takes_the_key_in_either_header(path, body, header):
    assert raw("POST", path, body, content_type="application/json", **header)[0] == 200


def test_two_different_keys_are_a_bad_request():
    status, _, body = raw("POST", "/v1/messages", MESSAGE, authorization=f"Bearer {KEY}", x_api_key="another")
    assert status == 400
    assert json.loads(body)["type"] == "error"


def test_an_assistant_probes_with_head():
    status, _, body = raw("HEAD", "/")
    assert (status, body) == (200, b"")


def assistants_request() -> bytes:
    """A request as large and as odd as a coding assistant's."""
    tools = [
        {"name": f"tool_{at}", "description": "does a thing " * 100,
         "input_schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"path": {"type": "string"}}}}
        for at in range(24)
    ]
    body = {
        "model": "via-anthropic",
        "max_tokens": 32000,
        "system": [{"type": "text", "text": "You are an assistant. " * 3000, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "list the files", "cache_control": {"type": "ephemeral"}}]}],
        "tools": tools,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "medium"},
        "metadata": {"user_id": "user_1"},
        "stream": True,
    }
    return json.dumps(body, indent=1).encode()


def test_an_assistants_request_passes_byte_for_byte():
    body = assistants_request()
    assert len(body) > 90_000
    status, headers, answer = raw(
        "POST", "/v1/messages?beta=true", body,
        x_api_key=KEY, content_type="application/json", anthropic_version="2023-06-01", anthropic_beta="one-2026-01-01,two-2026-01-01",
    )
    assert status == 200, answer
    assert headers["content-type"].startswith("text/event-stream")
    assert answer.count(b"event: message_stop") == 1
    arrived = last_seen()
    assert arrived["body"].encode() == body.replace(b'"via-anthropic"', b'"claude-sonnet-4-5"', 1)
    assert arrived["headers"]["anthropic-version"] == "2023-06-01"
    assert arrived["headers"]["anthropic-beta"] == "one-2026-01-01,two-2026-01-01"
    assert arrived["headers"]["x-api-key"] != KEY


def test_an_assistants_request_works_on_an_openai_model():
    body = assistants_request().replace(b'"via-anthropic"', b'"via-openai"')
    status, headers, answer = raw(
        "POST", "/v1/messages?beta=true", body, x_api_key=KEY, content_type="application/json", anthropic_version="2023-06-01",
    )
    assert status == 200, answer
    assert b'"name":"tool_23"' in answer.replace(b" ", b"")
    assert json.loads(last_seen()["body"])["model"] == "gpt-4o-mini"


def test_the_newer_version_is_passed_on_and_translation_uses_the_older():
    raw("POST", "/v1/messages", MESSAGE, x_api_key=KEY, anthropic_version="2026-10-21")
    assert last_seen()["headers"]["anthropic-version"] == "2026-10-21"
    warm = json.loads(CHAT) | {"model": "via-anthropic", "temperature": 0.5}
    assert raw("POST", "/v1/chat/completions", json.dumps(warm).encode(), authorization=f"Bearer {KEY}")[0] == 200
    assert last_seen()["headers"]["anthropic-version"] == "2023-06-01"


def test_only_what_the_provider_needs_is_passed_on():
    raw("POST", "/v1/chat/completions", CHAT, authorization=f"Bearer {KEY}", cookie="a=b", x_forwarded_for="10.1.2.3", x_secret="s")
    headers = last_seen()["headers"]
    assert not {"cookie", "x-forwarded-for", "x-secret", "x-api-key"} & set(headers)
    assert KEY not in json.dumps(headers)


def test_a_key_in_the_query_is_refused():
    asked = len(seen())
    assert raw("POST", f"/v1/messages?key={KEY}", MESSAGE)[0] in (400, 401)
    assert len(seen()) == asked


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_need_no_key(path):
    assert raw("GET", path)[0] == 200


def test_every_request_left_a_record():
    _, headers, _ = raw("POST", "/v1/messages", MESSAGE, x_api_key=KEY)
    request = headers["request-id"]
    def recorded() -> list[dict]:
        status, _, body = raw("GET", "/api/v1/requests", authorization=f"Bearer {os.environ['ADMIN_TOKEN']}")
        assert status == 200, body
        return [record for record in json.loads(body)["requests"] if record["id"] == request]

    wait_until(recorded)
    (record,) = recorded()
    assert (record["model"], record["target"], record["status"]) == ("via-anthropic", "up_anthropic/claude-sonnet-4-5", 200)
    assert record["cost"] > 0


def test_a_gateway_key_opens_no_records():
    # Its holder is known, and has no role.
    status, _, body = raw("GET", "/api/v1/requests", authorization=f"Bearer {KEY}")
    assert (status, json.loads(body)["code"]) == (403, "forbidden"), body
