"""LangChain's OpenAI chat model, before a provider of each dialect."""

import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from conftest import KEY, PNG, URL, base64_of


class Person(BaseModel):
    """Who it is."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@pytest.fixture
def chat(model) -> ChatOpenAI:
    return ChatOpenAI(model=model, api_key=KEY, base_url=f"{URL}/v1", max_retries=0)


def test_answers_with_usage(chat):
    message = chat.invoke([SystemMessage("be brief"), HumanMessage("hello")])
    assert message.text == "You said: hello Told: be brief"
    assert message.usage_metadata["input_tokens"] == 150
    assert message.usage_metadata["input_token_details"]["cache_read"] == 30


def test_streams_with_usage(chat):
    whole = None
    for chunk in chat.stream("hello", stream_usage=True):
        whole = chunk if whole is None else whole + chunk
    assert whole.text == "You said: hello"
    assert whole.usage_metadata["output_tokens"] == 3


def test_calls_tools(chat):
    bound = chat.bind_tools([get_weather])
    first = bound.invoke("weather?")
    assert [(call["name"], call["args"]) for call in first.tool_calls] == [("get_weather", {"city": "Ada"})]
    result = ToolMessage(get_weather.invoke(first.tool_calls[0]["args"]), tool_call_id=first.tool_calls[0]["id"])
    assert bound.invoke([HumanMessage("weather?"), first, result]).text == "The tools say: sunny in Ada"


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_gives_structured_output(chat, method):
    assert chat.with_structured_output(Person, method=method).invoke("who?") == Person(name="Ada", age=36)


def test_shows_a_picture(chat):
    picture = {"type": "image", "base64": base64_of(PNG), "mime_type": "image/png"}
    message = chat.invoke([HumanMessage([{"type": "text", "text": "what is it?"}, picture])])
    assert message.text == f"I see image/png of {len(PNG)} bytes"
