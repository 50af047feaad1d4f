"""AWS's own SDK before a provider of each dialect; others' SDKs before Bedrock.

With TLS in front of the gateway the SDK needs its endpoint and `AWS_BEARER_TOKEN_BEDROCK`, and nothing else. It shows no bearer
token without TLS, so here, on one machine, it is handed the header.
"""

import json

import anthropic
import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from conftest import KEY, PDF, PNG, URL, last_seen

EVERYWHERE = ["via-bedrock", "via-openai", "via-anthropic"]
ONCE = Config(retries={"total_max_attempts": 1})
TOOLS = {
    "tools": [
        {"toolSpec": {"name": "get_weather", "description": "The weather of a city", "inputSchema": {"json": {
            "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}},
        {"toolSpec": {"name": "get_time", "inputSchema": {"json": {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}}}}},
    ]
}
OPENAI_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": TOOLS["tools"][0]["toolSpec"]["inputSchema"]["json"]}}


@pytest.fixture
def bedrock():
    plain = ONCE.merge(Config(signature_version=UNSIGNED))
    client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=URL, config=plain)
    client.meta.events.register("before-send", lambda request, **_: request.headers.update(authorization=f"Bearer {KEY}"))
    return client


@pytest.fixture(params=EVERYWHERE)
def model(request: pytest.FixtureRequest) -> str:
    return request.param


def user(*content: dict) -> dict:
    return {"role": "user", "content": list(content)}


def streamed(answer: dict) -> dict:
    """The message of a stream, put together as AWS's own examples do."""
    blocks: dict[int, dict] = {}
    whole = {"events": []}
    for event in answer["stream"]:
        whole["events"].append(next(iter(event)))
        if start := event.get("contentBlockStart"):
            blocks[start["contentBlockIndex"]] = {"toolUse": {**start["start"]["toolUse"], "input": ""}}
        elif delta := event.get("contentBlockDelta"):
            block, piece = blocks.setdefault(delta["contentBlockIndex"], {}), delta["delta"]
            if "text" in piece:
                block["text"] = block.get("text", "") + piece["text"]
            elif "toolUse" in piece:
                block["toolUse"]["input"] += piece["toolUse"]["input"]
        elif stop := event.get("messageStop"):
            whole["stopReason"] = stop["stopReason"]
        elif metadata := event.get("metadata"):
            whole["usage"] = metadata["usage"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return {**whole, "content": list(blocks.values())}


def test_a_question_is_answered_and_counted(bedrock, model: str) -> None:
    answer = bedrock.converse(
        modelId=model, system=[{"text": "Be brief."}], messages=[user({"text": "Grüße 👋"})], inferenceConfig={"maxTokens": 99}
    )
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "You said: Grüße 👋 Told: Be brief."}]}
    assert answer["stopReason"] == "end_turn"
    counted = answer["usage"]
    assert counted["totalTokens"] - counted["outputTokens"] == 150
    assert counted["cacheReadInputTokens"] == 30
    assert answer["ResponseMetadata"]["RequestId"]


def test_a_stream_has_the_events_of_bedrock(bedrock, model: str) -> None:
    whole = streamed(bedrock.converse_stream(modelId=model, messages=[user({"text": "Grüße 👋"})], inferenceConfig={"maxTokens": 99}))
    assert whole["content"] == [{"text": "You said: Grüße 👋"}]
    assert (whole["events"][0], whole["events"][-2:]) == ("messageStart", ["messageStop", "metadata"])
    assert "contentBlockStart" not in whole["events"]
    assert (whole["stopReason"], whole["usage"]["totalTokens"] - whole["usage"]["outputTokens"]) == ("end_turn", 150)


def test_tools_are_called_side_by_side_and_their_results_arrive(bedrock, model: str) -> None:
    asked = [user({"text": "Weather and time?"})]
    first = bedrock.converse(modelId=model, messages=asked, toolConfig=TOOLS, inferenceConfig={"maxTokens": 99})
    assert first["stopReason"] == "tool_use"
    calls = [block["toolUse"] for block in first["output"]["message"]["content"] if "toolUse" in block]
    assert [call["name"] for call in calls] == ["get_weather", "get_time"]
    assert calls[0]["input"] == {"city": "Ada"}
    results = [
        {"toolResult": {"toolUseId": calls[0]["toolUseId"], "content": [{"json": {"sun": True}}]}},
        {"toolResult": {"toolUseId": calls[1]["toolUseId"], "content": [{"text": "noon"}], "status": "success"}},
    ]
    history = [*asked, first["output"]["message"], user(*results)]
    second = bedrock.converse(modelId=model, messages=history, toolConfig=TOOLS, inferenceConfig={"maxTokens": 99})
    words = second["output"]["message"]["content"][0]["text"]
    assert words.startswith("The tools say: ") and '"sun"' in words and words.endswith("noon")


def test_streamed_tools_have_whole_arguments(bedrock, model: str) -> None:
    choice = {**TOOLS, "toolChoice": {"tool": {"name": "get_time"}}}
    whole = streamed(bedrock.converse_stream(modelId=model, messages=[user({"text": "When?"})], toolConfig=choice, inferenceConfig={"maxTokens": 99}))
    calls = [block["toolUse"] for block in whole["content"] if "toolUse" in block]
    assert [(call["name"], call["input"]) for call in calls] == [("get_time", {"zone": "UTC"})]
    assert whole["stopReason"] == "tool_use"


def test_pictures_and_documents_arrive(bedrock, model: str) -> None:
    content = [
        {"text": "What is this?"},
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"document": {"format": "pdf", "name": "paper", "source": {"bytes": PDF}}},
    ]
    answer = bedrock.converse(modelId=model, messages=[user(*content)], inferenceConfig={"maxTokens": 99})
    words = answer["output"]["message"]["content"][0]["text"]
    assert words == f"I see image/png of {len(PNG)} bytes, application/pdf of {len(PDF)} bytes"


def test_an_answer_follows_a_schema(bedrock, model: str) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": False}
    wrap = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "person", "schema": json.dumps(schema)}}}}
    answer = bedrock.converse(modelId=model, messages=[user({"text": "Ada is 36."})], outputConfig=wrap, inferenceConfig={"maxTokens": 99})
    assert json.loads(answer["output"]["message"]["content"][0]["text"]) == {"name": "Ada", "age": 36}
    assert answer["stopReason"] == "end_turn"


def test_limits_and_stop_sequences_are_told_apart(bedrock, model: str) -> None:
    ask = lambda **config: bedrock.converse(modelId=model, messages=[user({"text": "one two three four"})], inferenceConfig=config)
    assert ask(maxTokens=3)["stopReason"] == "max_tokens"
    stopped = ask(maxTokens=99, stopSequences=["three"])
    assert stopped["output"]["message"]["content"][0]["text"].rstrip().endswith("two")
    # OpenAI does not tell a stop sequence from an end.
    assert stopped["stopReason"] in ("stop_sequence", "end_turn")


def test_errors_are_exceptions_of_the_sdk(bedrock) -> None:
    with pytest.raises(ClientError) as unknown:
        bedrock.converse(modelId="nobody", messages=[user({"text": "x"})])
    assert unknown.value.response["Error"]["Code"] == "ResourceNotFoundException"
    with pytest.raises(ClientError) as wrong:
        bedrock.converse_stream(modelId="via-bedrock", messages=[{"role": "assistant", "content": [{"text": "x"}]}])
    assert wrong.value.response["Error"]["Code"] == "ValidationException"


def test_a_client_that_signs_is_told_what_to_do() -> None:
    signing = boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=URL, config=ONCE, aws_access_key_id="AN", aws_secret_access_key="x" * 40
    )
    with pytest.raises(ClientError) as refused:
        signing.converse(modelId="via-bedrock", messages=[user({"text": "x"})])
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "AWS_BEARER_TOKEN_BEDROCK" in refused.value.response["Error"]["Message"]


def test_openais_client_reaches_bedrock(oai) -> None:
    asked = {"role": "user", "content": "Weather?"}
    first = oai.chat.completions.create(model="via-bedrock", messages=[asked], tools=[OPENAI_TOOL])
    call = first.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments), first.choices[0].finish_reason) == ("get_weather", {"city": "Ada"}, "tool_calls")
    assert last_seen()["headers"]["authorization"].startswith("AWS4-HMAC-SHA256")
    result = {"role": "tool", "tool_call_id": call.id, "content": "sun"}
    pieces = oai.chat.completions.create(
        model="via-bedrock", messages=[asked, first.choices[0].message, result], stream=True, stream_options={"include_usage": True}
    )
    pieces = list(pieces)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == "The tools say: sun"
    assert (pieces[-1].usage.prompt_tokens, pieces[-1].usage.prompt_tokens_details.cached_tokens) == (150, 30)


def test_anthropics_client_reaches_bedrock(claude) -> None:
    with claude.messages.stream(model="via-bedrock", max_tokens=99, messages=[{"role": "user", "content": "Hi"}]) as stream:
        final = stream.get_final_message()
    assert (final.content[0].text, final.stop_reason) == ("You said: Hi", "end_turn")
    assert (final.usage.input_tokens, final.usage.cache_read_input_tokens, final.usage.cache_creation_input_tokens) == (100, 30, 20)


CLAUDE, TITAN = "up_bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "up_bedrock/amazon.titan-text-express-v1"
INVOKED = [CLAUDE, "via-anthropic", "via-openai", "via-gemini", "via-bedrock"]


def of_claude(text: str, **more: object) -> str:
    question = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": [{"role": "user", "content": text}]}
    return json.dumps({**question, **more})


def events(answer: dict) -> list[dict]:
    return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]


@pytest.mark.parametrize("model", INVOKED)
def test_invokes_every_model_with_anthropics_body(bedrock, model: str) -> None:
    answer = bedrock.invoke_model(modelId=model, body=of_claude("Grüße 👋"), contentType="application/json", accept="application/json")
    message = json.loads(answer["body"].read())
    assert message["content"] == [{"type": "text", "text": "You said: Grüße 👋"}]
    assert (message["stop_reason"], message["type"], answer["contentType"]) == ("end_turn", "message", "application/json")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-output-token-count"]) == message["usage"]["output_tokens"]
    assert answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("model", INVOKED)
def test_streams_every_model_with_anthropics_body(bedrock, model: str) -> None:
    tool = {"name": "get_time", "input_schema": {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}}}
    told = events(bedrock.invoke_model_with_response_stream(modelId=model, body=of_claude("When?", tools=[tool])))
    assert [told[0]["type"], told[-1]["type"]] == ["message_start", "message_stop"]
    arguments = "".join(event["delta"].get("partial_json", "") for event in told if event["type"] == "content_block_delta")
    assert json.loads(arguments) == {"zone": "UTC"}
    assert next(event["delta"]["stop_reason"] for event in told if event["type"] == "message_delta") == "tool_use"
    assert told[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] > 0


def test_invokes_bedrocks_models_with_their_own_bodies(bedrock) -> None:
    body = json.dumps({"inputText": "one two", "textGenerationConfig": {"topP": 1.0}})
    answer = bedrock.invoke_model(modelId=TITAN, body=body)
    assert json.loads(answer["body"].read())["results"][0]["outputText"] == "You said: one two"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "2"
    assert json.loads(last_seen()["body"]) == json.loads(body)
    told = events(bedrock.invoke_model_with_response_stream(modelId=TITAN, body=body))
    assert "".join(event["outputText"] for event in told) == "You said: one two"
    with pytest.raises(ClientError) as elsewhere:
        bedrock.invoke_model(modelId="via-openai", body=body)
    assert "anthropic_version" in elsewhere.value.response["Error"]["Message"]


@pytest.mark.parametrize("account", ["up_anthropic", "up_openai"])
def test_an_error_amid_an_invoked_stream_is_raised(bedrock, account: str) -> None:
    with pytest.raises(EventStreamError):
        events(bedrock.invoke_model_with_response_stream(modelId=f"{account}/fails", body=of_claude("one two three four five six")))


@pytest.mark.parametrize("model", INVOKED)
def test_case_044_counts_tokens(bedrock, model: str) -> None:
    asked = {"converse": {"messages": [user({"text": "Hello there"})], "system": [{"text": "Be brief."}]}}
    assert bedrock.count_tokens(modelId=model, input=asked)["inputTokens"] > 0
    native = {"invokeModel": {"body": of_claude("Hello there").encode()}}
    assert bedrock.count_tokens(modelId=model, input=native)["inputTokens"] > 0


@pytest.fixture
def claude_of_bedrock() -> anthropic.AnthropicBedrock:
    return anthropic.AnthropicBedrock(api_key=KEY, aws_region="us-east-1", base_url=URL, max_retries=0)


@pytest.mark.parametrize("model", INVOKED)
def test_anthropics_library_for_bedrock_is_answered(claude_of_bedrock, model: str) -> None:
    asked = {"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
    assert claude_of_bedrock.messages.create(**asked).content[0].text == "You said: Hi"
    with claude_of_bedrock.messages.stream(**asked) as stream:
        final = stream.get_final_message()
    assert (final.content[0].text, final.stop_reason) == ("You said: Hi", "end_turn")
