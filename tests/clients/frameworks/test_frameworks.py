"""Frameworks on top of the SDKs, as their users write them: only the base URL and the key are ours."""

import asyncio
import os

import instructor
import pytest
from anthropic import AsyncAnthropic
from langchain_anthropic import ChatAnthropic
from openai import OpenAI
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

URL, KEY = os.environ["TOLLGATE_URL"], os.environ["TOLLGATE_KEY"]


def by_openai(name):
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=URL + "/v1", api_key=KEY))


def by_responses(name):
    return OpenAIResponsesModel(name, provider=OpenAIProvider(base_url=URL + "/v1", api_key=KEY))


def by_anthropic(name):
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=URL, api_key=KEY)))


def by_google(name):
    return GoogleModel(name, provider=GoogleProvider(api_key=KEY, base_url=URL))


SURFACES = [by_openai, by_responses, by_anthropic, by_google]
MODELS = ["via-openai", "via-anthropic", "echo"]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", MODELS)
def test_pydantic_ai_converses(surface, name):
    answer = Agent(surface(name), instructions="Be brief.").run_sync("Hello!")
    assert answer.output
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


@pytest.mark.parametrize("surface", SURFACES)
def test_pydantic_ai_calls_a_tool_and_reads_its_result(surface):
    agent = Agent(surface("echo"))
    asked = []

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return f"It rains in {city}."

    answer = agent.run_sync('call weather {"city": "Oslo"}')
    assert asked == ["Oslo"] and "It rains in Oslo." in answer.output


async def streamed(surface):
    async with Agent(surface("echo")).run_stream("one two three") as stream:
        return [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]


@pytest.mark.parametrize("surface", SURFACES)
def test_pydantic_ai_streams(surface):
    pieces = asyncio.run(streamed(surface))
    assert "".join(pieces).strip() == "one two three" and len(pieces) > 1


class City(BaseModel):
    name: str
    people: int


@pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA])
def test_instructor_gets_a_model_of_pydantic(mode):
    client = instructor.from_openai(OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0), mode=mode)
    city = client.chat.completions.create(
        model="echo", response_model=City, messages=[{"role": "user", "content": "A city."}], max_retries=1
    )
    assert isinstance(city, City)


@pytest.mark.parametrize("name", MODELS)
def test_langchain_anthropic(name):
    model = ChatAnthropic(model=name, base_url=URL, api_key=KEY, max_tokens=100, max_retries=0)
    answer = model.invoke("Hello!")
    assert answer.content and answer.usage_metadata["output_tokens"] > 0
    assert "".join(str(chunk.text) for chunk in model.stream("Hello!"))
