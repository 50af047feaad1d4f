"""A real engine behind the gateway: llama.cpp's server, with a model that the test writes."""

import json
import os
import subprocess
import time

import pytest
import tiny_model
import xllamacpp
from anthropic import Anthropic
from openai import BadRequestError, OpenAI

CONFIG = """
listen: 127.0.0.1:0
data_dir: {folder}/data
providers:
  engine: {{kind: llama_cpp, base_url: "{url}/v1", structured_output: native}}
  plain: {{kind: openai_like, base_url: "{url}/v1"}}
models:
  tiny: {{targets: [engine/tiny]}}
  bridged: {{targets: [plain/tiny]}}
keys:
  - {{name: test, secret: "${{TOLLGATE_KEY}}", models: ["*"]}}
"""
QUESTION = [{"role": "user", "content": "the a of"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """The address of a gateway of its own before the engine."""
    folder = tmp_path_factory.mktemp("engine")
    tiny_model.write(folder / "tiny.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(folder / "tiny.gguf")
    params.n_ctx, params.n_parallel, params.warmup, params.port = 1024, 1, False, 0
    params.use_jinja = True
    engine = xllamacpp.Server(params)
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder, url=engine.listening_address))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [os.environ["TOLLGATE"], "serve", "--config", folder / "config.yaml"],
            stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "TOLLGATE_KEY": os.environ["TOLLGATE_KEY"]},
        )
    address = folder / "data" / "address"
    deadline = time.monotonic() + 30
    while not (address.exists() and address.read_text().strip()):
        assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.02)
    yield f"http://{address.read_text().strip()}"
    process.terminate()
    assert process.wait(30) == 0
    del engine


@pytest.fixture
def openai(gateway):
    return OpenAI(base_url=gateway + "/v1", api_key=os.environ["TOLLGATE_KEY"], max_retries=0)


@pytest.fixture
def anthropic(gateway):
    return Anthropic(base_url=gateway, api_key=os.environ["TOLLGATE_KEY"], max_retries=0)


def test_a_whole_answer_and_its_usage(openai):
    answer = openai.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=8, temperature=0)
    assert answer.choices[0].message.content and answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8 and answer.usage.prompt_tokens > 3


def test_a_stream_says_what_the_whole_answer_says(openai):
    asked = {"model": "tiny", "messages": QUESTION, "max_tokens": 12, "temperature": 0, "seed": 1}
    whole = openai.chat.completions.create(**asked).choices[0].message.content
    chunks = list(openai.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole
    assert chunks[-1].usage.completion_tokens == 12
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"


def test_anthropics_client_reads_the_engine(anthropic):
    # Its SDK has no `temperature` any more; what the engine says must be the same every time.
    asked = {"model": "tiny", "messages": QUESTION, "max_tokens": 8, "extra_body": {"temperature": 0, "seed": 1}}
    whole = anthropic.messages.create(**asked)
    assert whole.stop_reason == "max_tokens" and whole.usage.output_tokens == 8
    # The engine's own stream of this API lacks its first event if the first token is half a character: bridged, it does not.
    with anthropic.messages.stream(**asked | {"model": "bridged"}) as stream:
        text = "".join(stream.text_stream)
        assert text and stream.get_final_message().stop_reason == "max_tokens"


def test_the_engine_is_held_to_a_schema(openai):
    schema = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    answer = openai.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=200, temperature=0, seed=1, response_format=form)
    assert json.loads(answer.choices[0].message.content) in ({"n": 1}, {"n": 2})


def test_a_prompt_beyond_its_context_is_the_callers_mistake(openai):
    with pytest.raises(BadRequestError):
        openai.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "the a of " * 2000}])
