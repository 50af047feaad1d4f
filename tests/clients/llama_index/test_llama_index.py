"""LlamaIndex, as its users write it."""

import os

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

MODELS = ["via-openai", "via-anthropic", "echo"]


def model(name):
    base, key = os.environ["TOLLGATE_URL"] + "/v1", os.environ["TOLLGATE_KEY"]
    return OpenAILike(model=name, api_base=base, api_key=key, is_chat_model=True, max_retries=0)


@pytest.mark.parametrize("name", MODELS)
def test_it_converses_and_streams(name):
    asked = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="Hello!")]
    assert model(name).chat(asked).message.content
    assert "".join(piece.delta or "" for piece in model(name).stream_chat(asked))
