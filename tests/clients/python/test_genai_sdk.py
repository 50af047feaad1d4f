"""Google's own SDK, its base URL changed and nothing else, before a provider of each dialect."""

import asyncio
import json

import anthropic
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from pydantic import BaseModel

from conftest import KEY, PDF, PNG, URL, last_seen

EVERYWHERE = ["via-gemini", "via-vertex", "via-openai", "via-anthropic"]
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            description="The weather of a city",
            parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]),
        ),
        types.FunctionDeclaration(name="get_time", parameters_json_schema={"type": "object", "properties": {"zone": {"enum": ["UTC"]}}}),
    ]
)
MANUAL = types.AutomaticFunctionCallingConfig(disable=True)


class Person(BaseModel):
    name: str
    age: int


def client_of(version: str | None) -> genai.Client:
    options = types.HttpOptions(base_url=URL, api_version=version, retry_options=types.HttpRetryOptions(attempts=1))
    return genai.Client(api_key=KEY, http_options=options)


@pytest.fixture(params=EVERYWHERE)
def model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[None, "v1", "v1beta"], ids=["default", "v1", "v1beta"])
def client(request: pytest.FixtureRequest) -> genai.Client:
    return client_of(request.param)


@pytest.fixture
def google() -> genai.Client:
    return client_of(None)


def test_answers_a_question(client, model):
    reply = client.models.generate_content(
        model=model, contents="hello", config=types.GenerateContentConfig(system_instruction="be kind", temperature=0.5)
    )
    assert reply.text == "You said: hello Told: be kind"
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP
    used = reply.usage_metadata
    assert used.total_token_count == used.prompt_token_count + used.candidates_token_count
    assert used.prompt_token_count == 150 and used.cached_content_token_count == 30


def test_streams_a_question(client, model):
    chunks = list(client.models.generate_content_stream(model=model, contents="a\u2028b\u0085c 日本語"))
    assert "".join(chunk.text or "" for chunk in chunks) == "You said: a\u2028b\u0085c 日本語"
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.prompt_token_count == 150


def test_streams_asynchronously(google, model):
    async def read() -> str:
        stream = await google.aio.models.generate_content_stream(model=model, contents="hello")
        return "".join([chunk.text or "" async for chunk in stream])

    assert asyncio.run(read()) == "You said: hello"


@pytest.mark.parametrize("stream", [False, True])
def test_calls_tools_in_parallel_and_gets_their_results(google, model, stream):
    config = types.GenerateContentConfig(tools=[TOOL], automatic_function_calling=MANUAL)
    chat = google.chats.create(model=model, config=config)

    def send(message):
        if not stream:
            reply = chat.send_message(message)
            return reply.function_calls or [], reply.text if not reply.function_calls else ""
        chunks = list(chat.send_message_stream(message))
        called = [call for chunk in chunks for call in chunk.function_calls or []]
        return called, "" if called else "".join(chunk.text or "" for chunk in chunks)

    called, _ = send("weather?")
    assert [(call.name, call.args) for call in called] == [("get_weather", {"city": "Ada"}), ("get_time", {"zone": "UTC"})]
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": f"{call.name} is fine"}))
        for call in called
    ]
    _, text = send(results)
    assert text == "The tools say: get_weather is fine; get_time is fine"


def test_calls_python_functions_by_itself(google, model):
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"sun over {city}"

    reply = google.models.generate_content(model=model, contents="weather?", config=types.GenerateContentConfig(tools=[get_weather]))
    assert "sun over Ada" in reply.text


def test_forces_a_tool(google, model):
    calling = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY", allowed_function_names=["get_time"]))
    config = types.GenerateContentConfig(tools=[TOOL], tool_config=calling, automatic_function_calling=MANUAL)
    reply = google.models.generate_content(model=model, contents="when?", config=config)
    assert [call.name for call in reply.function_calls] == ["get_time"]


@pytest.mark.parametrize("given", ["schema", "json_schema"])
def test_answers_by_a_schema(google, model, given):
    schema = {"response_schema": Person} if given == "schema" else {"response_json_schema": Person.model_json_schema()}
    config = types.GenerateContentConfig(response_mime_type="application/json", **schema)
    reply = google.models.generate_content(model=model, contents="who?", config=config)
    assert json.loads(reply.text) == {"name": "Ada", "age": 36}


def test_shows_pictures_and_documents(google, model):
    parts = [types.Part.from_bytes(data=PNG, mime_type="image/png"), types.Part.from_bytes(data=PDF, mime_type="application/pdf"), "these?"]
    reply = google.models.generate_content(model=model, contents=parts)
    assert reply.text == f"I see image/png of {len(PNG)} bytes, application/pdf of {len(PDF)} bytes"


@pytest.mark.parametrize("of", ["via-gemini", "via-vertex", "via-anthropic"])
def test_shows_thought_and_brings_it_back(google, of):
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    chat = google.chats.create(model=of, config=types.GenerateContentConfig(thinking_config=thinking, max_output_tokens=4000))
    parts = [part for chunk in chat.send_message_stream("hello") for part in chunk.candidates[0].content.parts]
    assert "".join(part.text for part in parts if part.thought) == "First I look at what was asked."
    # The provider insists that its own thinking comes back unchanged.
    assert chat.send_message("again").text == "You said: again"


def test_stops_where_it_is_told(google, model):
    short = google.models.generate_content(model=model, contents="one two three", config=types.GenerateContentConfig(max_output_tokens=2))
    assert short.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


def test_case_044_counts_tokens(google, model):
    assert google.models.count_tokens(model=model, contents="hello there").total_tokens > 0


def test_lists_models(client):
    names = [listed.name for listed in client.models.list()]
    assert "models/via-gemini" in names and "models/via-openai" in names
    assert client.models.get(model="via-gemini").name == "models/via-gemini"


def test_errors_are_the_sdks_own(google):
    stranger = genai.Client(api_key="wrong", http_options=types.HttpOptions(base_url=URL))
    for client, model, code, status in [(google, "nobody", 404, "NOT_FOUND"), (stranger, "via-gemini", 401, "UNAUTHENTICATED")]:
        with pytest.raises(errors.ClientError) as raised:
            client.models.generate_content(model=model, contents="hi")
        assert (raised.value.code, raised.value.status) == (code, status)
        assert raised.value.message


@pytest.mark.parametrize("account", ["up_gemini", "up_openai", "up_anthropic"])
def test_case_010_an_error_amid_a_stream_is_raised(google, account):
    with pytest.raises(errors.APIError):
        list(google.models.generate_content_stream(model=f"{account}/fails", contents="one two three four five six seven"))


def test_the_gateways_key_does_not_reach_the_provider(google):
    google.models.generate_content(model="via-gemini", contents="hello")
    assert KEY not in json.dumps(last_seen())


def vertex_of(**credentials: object) -> genai.Client:
    """As for Vertex AI, the base URL changed and nothing else."""
    options = types.HttpOptions(base_url=URL, retry_options=types.HttpRetryOptions(attempts=1))
    return genai.Client(vertexai=True, http_options=options, **credentials)


@pytest.fixture(params=["token", "key"])
def vertex(request: pytest.FixtureRequest) -> genai.Client:
    if request.param == "key":
        return vertex_of(api_key=KEY)
    return vertex_of(project="mine", location="europe-west4", credentials=Credentials(token=KEY))


def test_a_client_of_vertex_is_answered(vertex, model):
    config = types.GenerateContentConfig(system_instruction="be kind", labels={"team": "search"} if model == "via-vertex" else None)
    reply = vertex.models.generate_content(model=model, contents="hello", config=config)
    assert reply.text == "You said: hello Told: be kind"
    chunks = list(vertex.models.generate_content_stream(model=model, contents="日本語"))
    assert "".join(chunk.text or "" for chunk in chunks) == "You said: 日本語"
    counting = types.CountTokensConfig(system_instruction="be kind", tools=[TOOL])
    assert vertex.models.count_tokens(model=model, contents="hello there", config=counting).total_tokens > 0


def test_a_client_of_vertex_calls_tools(vertex, model):
    config = types.GenerateContentConfig(tools=[TOOL], automatic_function_calling=MANUAL)
    chat = vertex.chats.create(model=model, config=config)
    called = chat.send_message("weather?").function_calls
    assert [call.name for call in called] == ["get_weather", "get_time"]
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "fine"})) for call in called
    ]
    assert chat.send_message(results).text == "The tools say: fine; fine"


def test_a_client_of_vertex_gets_vectors_of_others(vertex):
    reply = vertex.models.embed_content(model="up_openai/text-embedding-3-small", contents=["a", "bcd"])
    assert [embedding.values for embedding in reply.embeddings] == [[1.0, 0.5], [3.0, 0.5]]


def test_errors_are_the_sdks_own_in_vertex_mode(vertex):
    with pytest.raises(errors.ClientError) as raised:
        vertex.models.generate_content(model="nobody", contents="hi")
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")


@pytest.mark.parametrize("model", ["via-anthropic", "via-vertex", "via-openai"])
def test_anthropics_library_for_vertex_is_answered(model):
    claude = anthropic.AnthropicVertex(access_token=KEY, project_id="mine", region="europe-west4", base_url=f"{URL}/v1", max_retries=0)
    asked = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    said = claude.messages.create(max_tokens=99, **asked).content
    assert [block.text for block in said if block.type == "text"] == ["You said: Hi"]
    with claude.messages.stream(max_tokens=99, **asked) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"
    assert claude.messages.count_tokens(**asked).input_tokens > 0
