"""The OpenAI SDK, its base URL changed and nothing else, before a provider of each dialect."""

import json

import httpx2
import openai
import pytest
from pydantic import BaseModel

from conftest import (
    ANY_NUMBER_OF_CALLS, KEY, MODELS, NO_ADDRESSES, NO_PDF, NO_SAMPLING, NO_STOPS, PDF, PNG, URL, base64_of,
    last_seen, narrow_key, seen, wait_until,
)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}}}}


class Person(BaseModel):
    name: str
    age: int


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def text_of(chunks) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_answers_a_question(oai, model):
    reply = oai.chat.completions.create(model=model, messages=user("hello"))
    assert reply.choices[0].message.content == "You said: hello"
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.object == "chat.completion"


def test_streams_an_answer(oai, model):
    chunks = list(oai.chat.completions.create(model=model, messages=user("hello"), stream=True))
    assert text_of(chunks) == "You said: hello"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks), "usage that was not asked for"


def test_streams_usage_to_who_asks_for_it(oai, model):
    chunks = list(oai.chat.completions.create(
        model=model, messages=user("hello"), stream=True, stream_options={"include_usage": True},
    ))
    counted = [chunk for chunk in chunks if chunk.usage is not None]
    assert counted == chunks[-1:] and counted[0].choices == []
    assert (counted[0].usage.prompt_tokens, counted[0].usage.completion_tokens) == (150, 3)


def test_counts_tokens_as_openai_does(oai, model):
    usage = oai.chat.completions.create(model=model, messages=user("hello")).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (150, 3, 153)
    assert usage.prompt_tokens_details.cached_tokens == 30


def test_stream_helper_collects_the_answer(oai, model):
    with oai.chat.completions.stream(model=model, messages=user("hello")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content == "You said: hello"


@pytest.mark.parametrize("role", ["system", "developer"])
def test_passes_instructions_on(oai, model, role):
    messages = [{"role": role, "content": "be brief"}, *user("hello")]
    reply = oai.chat.completions.create(model=model, messages=messages)
    assert reply.choices[0].message.content == "You said: hello Told: be brief"


def test_keeps_earlier_turns(oai, model):
    messages = [*user("hello"), {"role": "assistant", "content": "hi"}, *user("again")]
    assert oai.chat.completions.create(model=model, messages=messages).choices[0].message.content == "You said: again"
    assert last_seen()["question"]["roles"] == ["user", "assistant", "user"]


def test_calls_a_tool_and_takes_its_result(oai, model):
    messages = user("the weather of Ada?")
    first = oai.chat.completions.create(model=model, messages=messages, tools=[WEATHER]).choices[0]
    call = first.message.tool_calls[0]
    assert first.finish_reason == "tool_calls"
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == ("function", "get_weather", {"city": "Ada"})

    messages += [first.message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = oai.chat.completions.create(model=model, messages=messages, tools=[WEATHER]).choices[0]
    assert (second.message.content, second.finish_reason) == ("The tools say: sunny", "stop")


def test_calls_several_tools_at_once(oai, model):
    messages = user("weather and time?")
    message = oai.chat.completions.create(model=model, messages=messages, tools=[WEATHER, TIME]).choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["get_weather", "get_time"]
    results = [{"role": "tool", "tool_call_id": call.id, "content": call.function.name} for call in message.tool_calls]
    again = oai.chat.completions.create(model=model, messages=[*messages, message, *results], tools=[WEATHER, TIME])
    assert again.choices[0].message.content == "The tools say: get_weather; get_time"


def test_streams_tool_calls_in_pieces(oai, model):
    chunks = oai.chat.completions.create(model=model, messages=user("both?"), tools=[WEATHER, TIME], stream=True)
    names, arguments, ids, finish = {}, {}, {}, None
    for choice in (chunk.choices[0] for chunk in chunks if chunk.choices):
        finish = choice.finish_reason or finish
        for piece in choice.delta.tool_calls or []:
            names[piece.index] = piece.function.name or names[piece.index]
            ids[piece.index] = piece.id or ids[piece.index]
            arguments[piece.index] = arguments.get(piece.index, "") + (piece.function.arguments or "")
    assert names == {0: "get_weather", 1: "get_time"}
    assert {at: json.loads(text) for at, text in arguments.items()} == {0: {"city": "Ada"}, 1: {"zone": "UTC"}}
    assert ids[0] != ids[1] and finish == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "called"),
    [("auto", ["get_weather", "get_time"]), ("required", ["get_weather", "get_time"]), ("none", None),
     ({"type": "function", "function": {"name": "get_time"}}, ["get_time"])],
)
def test_honours_the_choice_of_tool(oai, model, choice, called):
    message = oai.chat.completions.create(
        model=model, messages=user("go"), tools=[WEATHER, TIME], tool_choice=choice,
    ).choices[0].message
    assert (message.tool_calls and [call.function.name for call in message.tool_calls]) == called


def test_honours_one_tool_at_a_time(oai, model):
    answer = oai.chat.completions.with_raw_response.create(
        model=model, messages=user("go"), tools=[WEATHER, TIME], parallel_tool_calls=False,
    )
    several = len(answer.parse().choices[0].message.tool_calls) > 1
    lost = "parallel_tools" in answer.headers.get("x-tollgate-loss", "")
    assert several == lost == (model in ANY_NUMBER_OF_CALLS)


def test_parses_structured_output(oai, model):
    reply = oai.chat.completions.parse(model=model, messages=user("who?"), response_format=Person)
    assert reply.choices[0].message.parsed == Person(name="Ada", age=36)


def test_streams_structured_output(oai, model):
    with oai.chat.completions.stream(model=model, messages=user("who?"), response_format=Person) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert parsed == Person(name="Ada", age=36)


def test_shows_a_picture(oai, model):
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64_of(PNG)}"}}
    content = [{"type": "text", "text": "what is it?"}, picture]
    reply = oai.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert reply.choices[0].message.content == f"I see image/png of {len(PNG)} bytes"


def test_hands_over_a_document(oai, model):
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{base64_of(PDF)}"}
    content = [{"type": "text", "text": "read it"}, {"type": "file", "file": file}]
    if model in NO_PDF:
        with pytest.raises(openai.BadRequestError, match="takes documents of text"):
            oai.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
        return
    reply = oai.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert reply.choices[0].message.content == f"I see application/pdf of {len(PDF)} bytes"


@pytest.mark.parametrize("spelling", ["max_tokens", "max_completion_tokens"])
def test_stops_at_the_limit(oai, model, spelling):
    choice = oai.chat.completions.create(model=model, messages=user("word " * 30), **{spelling: 16}).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("You said:" + " word" * 14, "length")


def test_stops_at_a_stop_text(oai, model):
    answer = oai.chat.completions.with_raw_response.create(model=model, messages=user("one two three"), stop=["two"])
    choice, lost = answer.parse().choices[0], "knobs.stop" in answer.headers.get("x-tollgate-loss", "")
    assert (choice.message.content, choice.finish_reason) == ("You said: one two three" if lost else "You said: one ", "stop")
    assert lost == (model in NO_STOPS)


@pytest.mark.parametrize("knob", ["temperature", "top_p"])
def test_sampling_reaches_every_dialect(oai, model, knob):
    answer = oai.chat.completions.with_raw_response.create(model=model, messages=user("hi"), **{knob: 0.5})
    lost = f"knobs.{knob}" in answer.headers.get("x-tollgate-loss", "")
    assert last_seen()["question"]["knobs"][knob] == (None if lost else 0.5)
    assert lost == (model in NO_SAMPLING)


@pytest.mark.parametrize("model", ["up_openai/gpt-5-mini", "up_anthropic/claude-sonnet-4-5"])
def test_thinks_when_told_to(oai, model):
    usage = oai.chat.completions.create(model=model, messages=user("think"), reasoning_effort="high").usage
    assert usage.completion_tokens == 3 + 7


def test_thinking_survives_a_round_of_tools(oai):
    ask = {"model": "via-anthropic", "tools": [WEATHER], "reasoning_effort": "high", "max_completion_tokens": 4096}
    messages = user("think of the weather")
    first = oai.chat.completions.create(messages=messages, **ask).choices[0].message
    assert first.reasoning_content == "First I look at what was asked."
    assert first.thinking_blocks[0]["signature"]
    messages += [first, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny"}]
    second = oai.chat.completions.create(messages=messages, **ask).choices[0].message
    assert second.content == "The tools say: sunny"
    history = json.loads(last_seen()["body"])["messages"]
    assert [block["type"] for block in history[1]["content"]] == ["thinking", "text", "tool_use"]


def test_streams_thinking_with_its_signature(oai):
    deltas = [
        chunk.choices[0].delta
        for chunk in oai.chat.completions.create(
            model="via-anthropic", messages=user("think"), reasoning_effort="high", max_tokens=4096, stream=True,
        )
        if chunk.choices
    ]
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    sealed = [block["signature"] for delta in deltas for block in getattr(delta, "thinking_blocks", None) or [] if block.get("signature")]
    assert thought == "First I look at what was asked."
    assert len(sealed) == 1


def test_passes_a_pictures_address_on(oai, model):
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    if model in NO_ADDRESSES:
        with pytest.raises(openai.BadRequestError, match="could not be fetched"):
            oai.chat.completions.create(model=model, messages=[{"role": "user", "content": [picture]}])
        return
    reply = oai.chat.completions.create(model=model, messages=[{"role": "user", "content": [picture]}])
    assert reply.choices[0].message.content == "I see https://example.com/a.png"


@pytest.mark.parametrize("fault", ["fails", "breaks"])
@pytest.mark.parametrize("account", ["up_openai", "up_anthropic"])
def test_a_stream_that_fails_midway_is_an_error_and_not_an_answer(oai, account, fault):
    chunks = []
    with pytest.raises(openai.APIError):
        for chunk in oai.chat.completions.create(model=f"{account}/{fault}", messages=user("hello there"), stream=True):
            chunks.append(chunk)
    assert text_of(chunks).startswith("You")
    assert all(choice.finish_reason is None for chunk in chunks for choice in chunk.choices)


def test_a_wrong_key_is_an_authentication_error(model):
    stranger = openai.OpenAI(api_key="wrong", base_url=f"{URL}/v1", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        stranger.chat.completions.create(model=model, messages=user("hello"))
    assert caught.value.code == "invalid_api_key"


def test_an_unknown_model_is_not_found(oai):
    with pytest.raises(openai.NotFoundError) as caught:
        oai.chat.completions.create(model="nobody", messages=user("hello"))
    assert caught.value.code == "model_not_found"
    assert caught.value.request_id


def test_a_model_of_others_is_denied():
    narrow = openai.OpenAI(api_key=narrow_key(), base_url=f"{URL}/v1", max_retries=0)
    with pytest.raises(openai.PermissionDeniedError):
        narrow.chat.completions.create(model="via-anthropic", messages=user("hello"))


@pytest.mark.parametrize("stream", [False, True])
def test_a_malformed_request_is_a_bad_request_that_says_why(oai, model, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        oai.chat.completions.create(model=model, messages=[{"role": "nobody", "content": "x"}], stream=stream)
    assert caught.value.type == "invalid_request_error"
    assert "role" in caught.value.message


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, openai.RateLimitError), (500, openai.InternalServerError), (400, openai.BadRequestError)],
)
@pytest.mark.parametrize("account", ["up_openai", "up_anthropic"])
def test_a_providers_failure_has_the_right_class(oai, account, status, error):
    with pytest.raises(error):
        oai.chat.completions.create(model=f"{account}/status-{status}", messages=user("hello"))


def test_the_gateways_refused_credential_is_not_the_callers(oai):
    with pytest.raises(openai.InternalServerError):
        oai.chat.completions.create(model="up_openai/status-401", messages=user("hello"))


@pytest.mark.parametrize("stream", [False, True])
def test_falls_back_across_dialects(oai, stream):
    reply = oai.chat.completions.create(model="fallback", messages=user("hello"), stream=stream)
    assert (text_of(reply) if stream else reply.choices[0].message.content) == "You said: hello"


def test_lists_the_models_that_the_key_may_use(oai):
    assert {*MODELS, "fallback"} <= {model.id for model in oai.models.list()}
    narrow = openai.OpenAI(api_key=narrow_key(), base_url=f"{URL}/v1")
    assert [model.id for model in narrow.models.list()] == ["via-openai"]


@pytest.mark.parametrize("account", ["up_openai", "up_anthropic"])
def test_an_abandoned_stream_is_cut_upstream(oai, account):
    with oai.chat.completions.create(model=f"{account}/slow", messages=user("word " * 200), stream=True) as stream:
        next(stream)
    wait_until(lambda: last_seen().get("gone"))


def test_a_translation_loss_is_shown(oai):
    with oai.chat.completions.with_streaming_response.create(model="via-anthropic", messages=user("hi"), seed=7) as answer:
        assert "seed" in answer.headers["x-tollgate-loss"]


def test_a_loss_of_the_answer_is_shown_too(oai):
    answer = oai.chat.completions.with_raw_response.create(model="up_anthropic/cites", messages=user("hi"))
    assert answer.parse().choices[0].message.content == "You said: hi"
    assert "notes" in answer.headers["x-tollgate-loss"]


def test_strict_refuses_a_loss(oai):
    with pytest.raises(openai.BadRequestError) as caught:
        oai.chat.completions.create(model="strict", messages=user("hi"), seed=7)
    assert caught.value.code == "translation_loss" and "seed" in caught.value.message


def test_the_gateways_key_never_reaches_the_provider(oai, model):
    oai.chat.completions.create(model=model, messages=user("hello"))
    assert KEY not in json.dumps(seen())


def test_echo_answers_without_a_provider(oai):
    assert "hello" in oai.chat.completions.create(model="echo", messages=user("hello")).choices[0].message.content
    assert "hello" in text_of(oai.chat.completions.create(model="echo", messages=user("hello"), stream=True))


def test_the_async_client_streams_many_at_once(model):
    import asyncio

    async def ask(client: openai.AsyncOpenAI, at: int) -> str:
        stream = await client.chat.completions.create(model=model, messages=user(f"number {at}"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{URL}/v1", max_retries=0) as client:
            return await asyncio.gather(*(ask(client, at) for at in range(20)))

    assert asyncio.run(all_of_them()) == [f"You said: number {at}" for at in range(20)]


def test_raw_headers_name_the_request(oai, model):
    answer = oai.chat.completions.with_raw_response.create(model=model, messages=user("hello"))
    assert answer.headers["x-request-id"]
    assert isinstance(answer.headers, httpx2.Headers)
