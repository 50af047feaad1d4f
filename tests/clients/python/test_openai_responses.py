"""The OpenAI SDK's Responses API, before a provider that has it (relayed) and before those that have not (bridged)."""

import json

import openai
import pytest
from pydantic import BaseModel

from conftest import PDF, PNG, base64_of, last_seen, narrow_key, seen

# OpenAI itself; a server of Chat Completions alone; Anthropic; a model that Chat Completions does not have.
MODELS = ["via-openai", "via-like", "via-anthropic", "via-responses"]
BRIDGED = ["via-like", "via-anthropic"]

WEATHER = {
    "type": "function", "name": "get_weather", "description": "The weather of a city", "strict": True,
    "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
    },
}
TIME = {
    "type": "function", "name": "get_time", "strict": False,
    "parameters": {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}},
}


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=BRIDGED)
def bridged(request: pytest.FixtureRequest) -> str:
    return request.param


def test_answers_a_question(oai, model):
    response = oai.responses.create(model=model, input="hello")
    assert response.output_text == "You said: hello"
    assert (response.object, response.status, response.error) == ("response", "completed", None)
    assert response.id.startswith("resp_")
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (150, 3, 153)
    assert usage.input_tokens_details.cached_tokens == 30


def test_passes_instructions_and_turns_on(oai, model):
    turns = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": [{"type": "input_text", "text": "again"}]},
    ]
    response = oai.responses.create(model=model, input=turns, instructions="be brief")
    assert response.output_text == "You said: again Told: be brief"


def test_streams_an_answer(oai, model):
    events = list(oai.responses.create(model=model, input="hello", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "You said: hello"
    last = events[-1]
    assert last.type == "response.completed"
    assert {event.response.id for event in events if hasattr(event, "response")} == {last.response.id}
    assert (last.response.output_text, last.response.usage.total_tokens) == ("You said: hello", 153)


def test_stream_helper_collects_the_answer(oai, model):
    with oai.responses.stream(model=model, input="hello", tools=[WEATHER], tool_choice="none") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text == "You said: hello"


def test_calls_tools_and_takes_their_results(oai, model):
    history = [{"role": "user", "content": "weather and time?"}]
    first = oai.responses.create(model=model, input=history, tools=[WEATHER, TIME])
    calls = [item for item in first.output if item.type == "function_call"]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("get_weather", {"city": "Ada"}), ("get_time", {"zone": "UTC"})]
    history += [item.model_dump(exclude_none=True) for item in first.output]
    history += [{"type": "function_call_output", "call_id": call.call_id, "output": call.name} for call in calls]
    second = oai.responses.create(model=model, input=history, tools=[WEATHER, TIME])
    assert second.output_text == "The tools say: get_weather; get_time"


def test_streams_tool_calls(oai, model):
    with oai.responses.stream(model=model, input="both?", tools=[WEATHER, TIME]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    names = [item.name for item in final.output if item.type == "function_call"]
    assert names == ["get_weather", "get_time"]
    done = {event.item_id: event.arguments for event in events if event.type == "response.function_call_arguments.done"}
    pieces = {}
    for event in events:
        if event.type == "response.function_call_arguments.delta":
            pieces[event.item_id] = pieces.get(event.item_id, "") + event.delta
    assert pieces == done and len(done) == 2


@pytest.mark.parametrize("choice, names", [
    ("required", ["get_weather", "get_time"]),
    ({"type": "function", "name": "get_time"}, ["get_time"]),
    ("none", []),
])
def test_choice_of_tools(oai, model, choice, names):
    response = oai.responses.create(model=model, input="hello", tools=[WEATHER, TIME], tool_choice=choice)
    assert [item.name for item in response.output if item.type == "function_call"] == names


def test_one_tool_at_a_time(oai, model):
    response = oai.responses.create(model=model, input="hello", tools=[WEATHER, TIME], parallel_tool_calls=False)
    assert [item.name for item in response.output if item.type == "function_call"] == ["get_weather"]


def test_parses_structured_output(oai, model):
    response = oai.responses.parse(model=model, input="Who?", text_format=Person)
    assert response.output_parsed == Person(name="Ada", age=36)


def test_streams_structured_output(oai, model):
    with oai.responses.stream(model=model, input="Who?", text_format=Person) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_parsed == Person(name="Ada", age=36)


def test_pictures_and_documents_arrive(oai, model):
    content = [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{base64_of(PNG)}", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{base64_of(PDF)}"},
    ]
    response = oai.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert response.output_text == f"I see image/png of {len(PNG)} bytes, application/pdf of {len(PDF)} bytes"


def test_an_answer_that_is_cut_is_incomplete(oai, model):
    response = oai.responses.create(model=model, input="one two three " + "word " * 30, max_output_tokens=16)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("stream", [False, True])
def test_goes_on_from_the_answer_before(oai, bridged, stream):
    first = oai.responses.create(model=bridged, input="hello", tools=[WEATHER])
    [call] = [item for item in first.output if item.type == "function_call"]
    output = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    if stream:
        with oai.responses.stream(model=bridged, input=output, tools=[WEATHER], previous_response_id=first.id) as events:
            second = [event for event in events][-1].response
    else:
        second = oai.responses.create(model=bridged, input=output, tools=[WEATHER], previous_response_id=first.id)
    assert second.output_text == "The tools say: sunny"
    assert second.previous_response_id == first.id
    third = oai.responses.create(model=bridged, input="again", previous_response_id=second.id)
    assert third.output_text == "You said: again"
    assert len(json.loads(last_seen()["body"])["messages"]) == 5


def test_goes_on_from_an_answer_that_the_provider_keeps(oai):
    first = oai.responses.create(model="via-openai", input="hello")
    oai.responses.create(model="via-openai", input="again", previous_response_id=first.id)
    sent = json.loads(last_seen()["body"])
    assert (sent["previous_response_id"], sent["input"]) == (first.id, "again")


def test_keeps_answers_for_their_owner(oai, bridged):
    response = oai.responses.create(model=bridged, input="hello", metadata={"run": "7"})
    assert response.metadata == {"run": "7"}
    found = oai.responses.retrieve(response.id)
    assert (found.id, found.output_text) == (response.id, response.output_text)
    items = oai.responses.input_items.list(response.id)
    assert [item.content[0].text for item in items] == ["hello"]
    stranger = oai.with_options(api_key=narrow_key())
    with pytest.raises(openai.NotFoundError):
        stranger.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError):
        oai.responses.cancel(response.id)
    oai.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        oai.responses.retrieve(response.id)


def test_keeps_nothing_that_is_not_to_be_stored(oai, bridged):
    response = oai.responses.create(model=bridged, input="hello", store=False)
    assert response.store is False
    with pytest.raises(openai.NotFoundError):
        oai.responses.retrieve(response.id)


def test_thought_comes_back_to_whom_it_belongs(oai):
    history = [{"role": "user", "content": "the weather?"}]
    asked = {"model": "via-anthropic", "tools": [WEATHER], "reasoning": {"effort": "high", "summary": "auto"}, "store": False}
    first = oai.responses.create(input=history, include=["reasoning.encrypted_content"], **asked)
    thought = first.output[0]
    assert thought.type == "reasoning" and thought.summary[0].text and thought.encrypted_content
    [call] = [item for item in first.output if item.type == "function_call"]
    history += [item.model_dump(exclude_none=True) for item in first.output]
    history += [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    second = oai.responses.create(input=history, include=["reasoning.encrypted_content"], **asked)
    assert second.output_text == "The tools say: sunny"


def test_errors_are_those_of_openai(oai, bridged):
    with pytest.raises(openai.BadRequestError) as refused:
        oai.responses.create(model=bridged, input=[{"role": "robot", "content": "x"}])
    assert refused.value.param == "input[0].role"
    before = len(seen())
    with pytest.raises(openai.BadRequestError) as refused:
        oai.responses.create(model=bridged, input="hello", background=True)
    assert refused.value.param == "background" and len(seen()) == before


def test_a_chat_client_and_a_claude_client_reach_a_model_of_this_api_alone(oai, claude):
    reply = oai.chat.completions.create(model="via-responses", messages=[{"role": "user", "content": "hello"}])
    assert reply.choices[0].message.content == "You said: hello"
    assert last_seen()["path"] == "/v1/responses" and json.loads(last_seen()["body"])["store"] is False
    tool = {"name": "get_weather", "description": "w", "input_schema": WEATHER["parameters"]}
    messages = [{"role": "user", "content": "weather?"}]
    asked = {"model": "via-responses", "max_tokens": 2000, "tools": [tool], "thinking": {"type": "enabled", "budget_tokens": 1024}}
    first = claude.messages.create(messages=messages, **asked)
    assert [block.type for block in first.content] == ["thinking", "text", "tool_use"]
    messages += [{"role": "assistant", "content": first.content}, {
        "role": "user", "content": [{"type": "tool_result", "tool_use_id": first.content[-1].id, "content": "sunny"}],
    }]
    second = claude.messages.create(messages=messages, **asked)
    assert second.content[-1].text == "The tools say: sunny"
