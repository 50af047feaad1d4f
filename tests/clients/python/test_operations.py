"""What is no conversation, by the clients of OpenAI and Cohere."""

import base64
import io

import cohere
import openai
import pytest

from conftest import KEY, PNG, URL, last_seen

MODEL = "via-openai"
# As the provider speaks it, and more than is held in memory.
SOUND = bytes(range(256)) * 64


@pytest.fixture
def co() -> cohere.ClientV2:
    return cohere.ClientV2(api_key=KEY, base_url=URL)


@pytest.mark.parametrize("model", ["via-openai", "up_openai/only-floats"])
def test_embeddings_come_in_the_order_of_their_inputs(oai: openai.OpenAI, model: str) -> None:
    answer = oai.embeddings.create(model=model, input=["a", "four"])
    assert [item.embedding for item in sorted(answer.data, key=lambda item: item.index)] == [[1.0, 0.5], [4.0, 0.5]]
    assert answer.usage.prompt_tokens == 4


def test_case_057_base64_is_answered_in_base64_by_whoever_answers(oai: openai.OpenAI) -> None:
    for model in ["via-openai", "up_openai/only-floats"]:
        answer = oai.embeddings.create(model=model, input="four", encoding_format="base64")
        assert answer.data[0].embedding == base64.b64encode(b"\0\0\x80@\0\0\0?").decode()


def test_token_arrays_are_embedded(oai: openai.OpenAI) -> None:
    assert oai.embeddings.create(model=MODEL, input=[1, 2, 3]).data[0].embedding == [3.0, 0.5]


def test_pictures_are_made_and_edited(oai: openai.OpenAI) -> None:
    made = oai.images.generate(model=MODEL, prompt="A cat", n=2)
    assert len(made.data) == 2 and base64.b64decode(made.data[0].b64_json).startswith(b"\x89PNG")
    edited = oai.images.edit(model=MODEL, prompt="With a hat", image=("cat.png", PNG, "image/png"))
    assert base64.b64decode(edited.data[0].b64_json).startswith(b"\x89PNG")
    assert 'filename="cat.png"' in last_seen()["body"]


def test_speech_is_streamed(oai: openai.OpenAI) -> None:
    with oai.audio.speech.with_streaming_response.create(model=MODEL, voice="coral", input="Hello") as answer:
        assert b"".join(answer.iter_bytes()) == SOUND


def test_speech_is_written_down_whatever_its_size(oai: openai.OpenAI) -> None:
    for times in [1, 200]:
        sound = ("sound.wav", io.BytesIO(SOUND * times), "audio/wav")
        written = oai.audio.transcriptions.create(model=MODEL, file=sound, language="en")
        assert written.text == f"/v1/audio/transcriptions {times}"
    sound = ("sound.wav", io.BytesIO(SOUND), "audio/wav")
    assert oai.audio.translations.create(model=MODEL, file=sound).text == "/v1/audio/translations 1"
    sound = ("sound.wav", io.BytesIO(SOUND), "audio/wav")
    assert oai.audio.transcriptions.create(model=MODEL, file=sound, response_format="text") == "written down\n"


def test_moderation(oai: openai.OpenAI) -> None:
    assert not oai.moderations.create(model=MODEL, input="hello").results[0].flagged


def test_legacy_completions(oai: openai.OpenAI) -> None:
    native = oai.completions.create(model="up_openai/gpt-3.5-turbo-instruct", prompt="Hello")
    assert native.choices[0].text == " Hello"
    assert oai.completions.create(model=MODEL, prompt="Hello").choices[0].text, "a model that chats answers, too"
    chunks = list(oai.completions.create(model="via-anthropic", prompt="Say OK", max_tokens=50, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    with pytest.raises(openai.BadRequestError, match="suffix"):
        oai.completions.create(model="via-anthropic", prompt="a", suffix="b", max_tokens=5)


def test_what_is_not_offered_is_said(oai: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not offer"):
        oai.embeddings.create(model="via-anthropic", input="a")


def test_cohere_reranks(co: cohere.ClientV2) -> None:
    answer = co.rerank(model="via-like", query="short", documents=["a long one", "b"], top_n=1)
    assert [(rank.index, rank.relevance_score) for rank in answer.results] == [(1, 0.5)]


def test_cohere_embeds(co: cohere.ClientV2) -> None:
    answer = co.embed(model=MODEL, texts=["a", "four"], input_type="search_query", embedding_types=["float"])
    assert answer.embeddings.float_ == [[1.0, 0.5], [4.0, 0.5]]


@pytest.mark.parametrize("model", ["via-openai", "via-anthropic"])
def test_cohere_chats(co: cohere.ClientV2, model: str) -> None:
    messages = [{"role": "user", "content": "Hello!"}]
    answer = co.chat(model=model, messages=messages, max_tokens=50)
    assert answer.finish_reason == "COMPLETE" and answer.message.content[0].text
    assert answer.usage.billed_units.input_tokens > 0
    events = list(co.chat_stream(model=model, messages=messages, max_tokens=50))
    assert [events[0].type, events[-1].type] == ["message-start", "message-end"]
    text = "".join(event.delta.message.content.text for event in events if event.type == "content-delta")
    assert text == answer.message.content[0].text


def test_cohere_reads_our_errors(co: cohere.ClientV2) -> None:
    with pytest.raises(cohere.NotFoundError, match="no-such-model"):
        co.chat(model="no-such-model", messages=[{"role": "user", "content": "?"}])
