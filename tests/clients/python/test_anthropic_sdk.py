"""The Anthropic SDK, its base URL changed and nothing else, before a provider of each dialect."""

import json

import anthropic
import pytest
from pydantic import BaseModel

from conftest import (
    ANY_NUMBER_OF_CALLS, KEY, MODELS, NO_ADDRESSES, NO_PDF, NO_SAMPLING, PDF, PNG, URL, base64_of, last_seen,
    narrow_key, seen, wait_until,
)

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
}
TIME = {"name": "get_time", "input_schema": {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}}}


class Person(BaseModel):
    name: str
    age: int


def user(content) -> list[dict]:
    return [{"role": "user", "content": content}]


def ask(claude, model: str, content, **more):
    return claude.messages.create(model=model, max_tokens=2048, messages=user(content), **more)


def texts(message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_answers_a_question(claude, model):
    message = ask(claude, model, "hello")
    assert texts(message) == "You said: hello"
    assert (message.role, message.type, message.stop_reason) == ("assistant", "message", "end_turn")


def test_streams_an_answer(claude, model):
    with claude.messages.stream(model=model, max_tokens=64, messages=user("hello")) as stream:
        assert "".join(stream.text_stream) == "You said: hello"
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 3


def test_streams_the_events_in_order(claude, model):
    events = list(ask(claude, model, "hello", stream=True))
    kinds = [event.type for event in events]
    assert [kind for at, kind in enumerate(kinds) if kinds[at - 1 : at] != [kind]] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]
    assert events[0].message.usage.input_tokens >= 0
    assert events[-2].usage.output_tokens == 3


def test_counts_tokens_as_anthropic_does(claude, model):
    usage = ask(claude, model, "hello").usage
    assert usage.cache_read_input_tokens == 30
    assert usage.input_tokens + usage.cache_read_input_tokens + (usage.cache_creation_input_tokens or 0) == 150
    assert usage.output_tokens == 3


@pytest.mark.parametrize("system", ["be brief", [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]])
def test_passes_instructions_on(claude, model, system):
    assert texts(ask(claude, model, "hello", system=system)) == "You said: hello Told: be brief"


def test_calls_a_tool_and_takes_its_result(claude, model):
    messages = user("the weather of Ada?")
    first = claude.messages.create(model=model, max_tokens=64, messages=messages, tools=[WEATHER])
    call = next(block for block in first.content if block.type == "tool_use")
    assert (first.stop_reason, call.name, call.input) == ("tool_use", "get_weather", {"city": "Ada"})

    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    messages += [first.to_param(), {"role": "user", "content": [result]}]
    second = claude.messages.create(model=model, max_tokens=64, messages=messages, tools=[WEATHER])
    assert (texts(second), second.stop_reason) == ("The tools say: sunny", "end_turn")


def test_calls_several_tools_at_once(claude, model):
    messages = user("weather and time?")
    first = claude.messages.create(model=model, max_tokens=64, messages=messages, tools=[WEATHER, TIME])
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": call.name}]} for call in calls
    ]
    messages += [first.to_param(), {"role": "user", "content": results}]
    again = claude.messages.create(model=model, max_tokens=64, messages=messages, tools=[WEATHER, TIME])
    assert texts(again) == "The tools say: get_weather; get_time"


def test_streams_tool_calls_in_pieces(claude, model):
    with claude.messages.stream(model=model, max_tokens=64, messages=user("both?"), tools=[WEATHER, TIME]) as stream:
        started = [event.content_block.input for event in stream if event.type == "content_block_start" and event.content_block.type == "tool_use"]
        final = stream.get_final_message()
    assert started == [{}, {}]
    calls = [block for block in final.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("get_weather", {"city": "Ada"}), ("get_time", {"zone": "UTC"})]
    assert final.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("choice", "called"),
    [({"type": "auto"}, ["get_weather", "get_time"]), ({"type": "any"}, ["get_weather", "get_time"]), ({"type": "none"}, []),
     ({"type": "tool", "name": "get_time"}, ["get_time"])],
)
def test_honours_the_choice_of_tool(claude, model, choice, called):
    message = ask(claude, model, "go", tools=[WEATHER, TIME], tool_choice=choice)
    assert [block.name for block in message.content if block.type == "tool_use"] == called


def test_honours_one_tool_at_a_time(claude, model):
    ask = {"max_tokens": 64, "messages": user("go"), "tools": [WEATHER, TIME]}
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    answer = claude.messages.with_raw_response.create(model=model, tool_choice=choice, **ask)
    several = len([block for block in answer.parse().content if block.type == "tool_use"]) > 1
    lost = "parallel_tools" in answer.headers.get("x-tollgate-loss", "")
    assert several == lost == (model in ANY_NUMBER_OF_CALLS)


@pytest.mark.parametrize("model", [*MODELS, "up_anthropic/no-threads"])
def test_runs_tools_by_itself(claude, model):
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        return f"sunny in {city}"

    runner = claude.beta.messages.tool_runner(model=model, max_tokens=64, messages=user("weather?"), tools=[get_weather])
    assert texts(runner.until_done()) == "The tools say: sunny in Ada"


def test_parses_structured_output(claude, model):
    message = claude.messages.parse(model=model, max_tokens=64, messages=user("who?"), output_format=Person)
    assert message.parsed_output == Person(name="Ada", age=36)


def test_streams_structured_output(claude, model):
    with claude.messages.stream(model=model, max_tokens=64, messages=user("who?"), output_format=Person) as stream:
        assert stream.get_final_message().parsed_output == Person(name="Ada", age=36)


def test_shows_a_picture(claude, model):
    source = {"type": "base64", "media_type": "image/png", "data": base64_of(PNG)}
    message = ask(claude, model, [{"type": "image", "source": source}, {"type": "text", "text": "what is it?"}])
    assert texts(message) == f"I see image/png of {len(PNG)} bytes"


def test_hands_over_a_document(claude, model):
    source = {"type": "base64", "media_type": "application/pdf", "data": base64_of(PDF)}
    content = [{"type": "document", "source": source}, {"type": "text", "text": "read it"}]
    if model in NO_PDF:
        with pytest.raises(anthropic.BadRequestError, match="takes documents of text"):
            ask(claude, model, content)
        return
    message = ask(claude, model, content)
    assert texts(message) == f"I see application/pdf of {len(PDF)} bytes"


def test_thinking_comes_with_its_signature_and_goes_back_unchanged(claude):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    first = ask(claude, "via-anthropic", "think", thinking=thinking, tools=[WEATHER])
    assert [block.type for block in first.content] == ["thinking", "text", "tool_use"]
    assert first.content[0].signature
    result = {"type": "tool_result", "tool_use_id": first.content[2].id, "content": "sunny"}
    messages = [*user("think"), first.to_param(), {"role": "user", "content": [result]}]
    second = claude.messages.create(
        model="via-anthropic", max_tokens=2048, messages=messages, thinking=thinking, tools=[WEATHER],
    )
    assert texts(second) == "The tools say: sunny"


def test_streams_thinking(claude):
    thinking = {"type": "adaptive"}
    with claude.messages.stream(
        model="via-anthropic", max_tokens=2048, messages=user("think"), thinking=thinking, output_config={"effort": "high"},
    ) as stream:
        thought = "".join(event.thinking for event in stream if event.type == "thinking")
        final = stream.get_final_message()
    assert thought == final.content[0].thinking == "First I look at what was asked."
    assert final.content[0].signature


def test_asks_an_openai_model_to_think(claude):
    message = ask(claude, "up_openai/gpt-5-mini", "think", thinking={"type": "enabled", "budget_tokens": 1024})
    assert json.loads(last_seen()["body"])["reasoning_effort"] == "low"
    assert message.usage.output_tokens == 3 + 7


def test_passes_the_effort_on_to_an_openai_model(claude):
    effort = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}
    ask(claude, "up_openai/gpt-5-mini", "think", **effort)
    assert json.loads(last_seen()["body"])["reasoning_effort"] == "high"


def test_an_openai_model_that_does_not_think_is_not_told_how_much(claude):
    effort = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}
    answer = claude.messages.with_raw_response.create(model="via-openai", max_tokens=64, messages=user("hi"), **effort)
    assert texts(answer.parse()) == "You said: hi"
    assert answer.headers["x-tollgate-loss"] == "knobs.reasoning"


def test_a_conversation_with_thinking_moves_to_another_provider(claude):
    first = ask(claude, "via-anthropic", "think", thinking={"type": "enabled", "budget_tokens": 1024})
    messages = [*user("think"), first.to_param(), *user("and now?")]
    second = claude.messages.create(model="via-openai", max_tokens=64, messages=messages)
    assert texts(second) == "You said: and now?"


def test_a_failed_tool_says_so(claude, model):
    call = {"type": "tool_use", "id": "toolu_x", "name": "get_weather", "input": {"city": "Ada"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_x", "content": "no such city", "is_error": True}
    messages = [*user("go"), {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    message = claude.messages.create(model=model, max_tokens=64, messages=messages, tools=[WEATHER])
    # In the dialect's own way, or in words.
    assert texts(message) in ("The tools say: failed: no such city", "The tools say: [tool error] no such city")


def test_stops_at_the_limit(claude, model):
    message = claude.messages.create(model=model, max_tokens=16, messages=user("word " * 30))
    assert (texts(message), message.stop_reason) == ("You said:" + " word" * 14, "max_tokens")


def test_stops_at_a_stop_sequence(claude):
    message = ask(claude, "via-anthropic", "one two three", stop_sequences=["two"])
    assert (texts(message), message.stop_reason, message.stop_sequence) == ("You said: one ", "stop_sequence", "two")


def test_counts_tokens_beforehand(claude, model):
    counted = claude.messages.count_tokens(model=model, messages=user("how many tokens are these words?"))
    assert counted.input_tokens > 3


def test_passes_a_pictures_address_on(claude, model):
    source = {"type": "url", "url": "https://example.com/a.png"}
    content = [{"type": "image", "source": source}]
    if model in NO_ADDRESSES:
        with pytest.raises(anthropic.BadRequestError, match="could not be fetched"):
            ask(claude, model, content)
        return
    assert texts(ask(claude, model, content)) == "I see https://example.com/a.png"


@pytest.mark.parametrize("fault", ["fails", "breaks"])
@pytest.mark.parametrize("account", ["up_openai", "up_anthropic"])
def test_a_stream_that_fails_midway_is_an_error_and_not_an_answer(claude, account, fault):
    kinds = []
    with pytest.raises(anthropic.APIError):
        for event in ask(claude, f"{account}/{fault}", "hello there", stream=True):
            kinds.append(event.type)
    assert "content_block_delta" in kinds
    assert "message_delta" not in kinds and "message_stop" not in kinds


def test_a_wrong_key_is_an_authentication_error(model):
    stranger = anthropic.Anthropic(api_key="wrong", base_url=URL, max_retries=0)
    with pytest.raises(anthropic.AuthenticationError) as caught:
        ask(stranger, model, "hello")
    assert caught.value.body["error"]["type"] == "authentication_error"
    assert caught.value.body["request_id"] == caught.value.request_id


def test_an_unknown_model_is_not_found(claude):
    with pytest.raises(anthropic.NotFoundError) as caught:
        ask(claude, "nobody", "hello")
    assert caught.value.body["error"]["type"] == "not_found_error"


def test_a_model_of_others_is_denied():
    narrow = anthropic.Anthropic(api_key=narrow_key(), base_url=URL, max_retries=0)
    with pytest.raises(anthropic.PermissionDeniedError):
        ask(narrow, "via-anthropic", "hello")


@pytest.mark.parametrize("stream", [False, True])
def test_a_malformed_request_is_a_bad_request_that_says_why(claude, model, stream):
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(claude, model, [{"type": "text", "text": 3}], stream=stream)
    assert caught.value.body["error"]["type"] == "invalid_request_error"
    assert "text" in caught.value.body["error"]["message"]


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, anthropic.RateLimitError), (500, anthropic.InternalServerError), (529, anthropic.OverloadedError),
     (400, anthropic.BadRequestError)],
)
@pytest.mark.parametrize("account", ["up_openai", "up_anthropic"])
def test_a_providers_failure_has_the_right_class(claude, account, status, error):
    with pytest.raises(error):
        ask(claude, f"{account}/status-{status}", "hello")


@pytest.mark.parametrize("stream", [False, True])
def test_falls_back_across_dialects(claude, stream):
    with claude.messages.stream(model="fallback", max_tokens=64, messages=user("hello")) as answer:
        assert texts(answer.get_final_message() if stream else ask(claude, "fallback", "hello")) == "You said: hello"


def test_lists_the_models(claude):
    models = list(claude.models.list())
    assert {*MODELS, "fallback"} <= {model.id for model in models}
    assert {(model.type, model.lifecycle) for model in models} == {("model", "active")}
    assert all(model.display_name and model.created_at.year >= 1970 for model in models)


@pytest.mark.parametrize("account", ["up_openai", "up_anthropic"])
def test_an_abandoned_stream_is_cut_upstream(claude, account):
    with claude.messages.stream(model=f"{account}/slow", max_tokens=2048, messages=user("word " * 200)) as stream:
        next(iter(stream))
    wait_until(lambda: last_seen().get("gone"))


def test_the_gateways_key_never_reaches_the_provider(claude, model):
    ask(claude, model, "hello")
    assert KEY not in json.dumps(seen())


def test_echo_answers_without_a_provider(claude):
    assert "hello" in texts(ask(claude, "echo", "hello"))
    with claude.messages.stream(model="echo", max_tokens=64, messages=user("hello")) as stream:
        assert "hello" in stream.get_final_text()


def test_sampling_of_older_clients_reaches_every_dialect(claude, model):
    ask(claude, model, "hi", extra_body={"temperature": 0.5}, extra_headers={"anthropic-version": "2023-06-01"})
    assert last_seen()["question"]["knobs"]["temperature"] == (None if model in NO_SAMPLING else 0.5)
