"""What every test of the Python clients shares: the running gateway, its clients, and what the provider saw."""

import base64
import json
import os
import time
import urllib.request
from urllib.error import HTTPError

import anthropic
import openai
import pytest

URL, KEY = os.environ["TOLLGATE_URL"], os.environ["TOLLGATE_KEY"]

# A model behind each dialect: the same test must hold for all.
MODELS = ["via-openai", "via-anthropic", "via-gemini", "via-bedrock", "via-cohere", "via-responses"]
# Where the dialect has no word for something: the caller is told of the loss, or refused.
ANY_NUMBER_OF_CALLS = {"via-gemini", "via-bedrock", "via-cohere"}
NO_STOPS = {"via-responses"}
# A model that thinks takes no temperature.
NO_SAMPLING = {"via-responses"}
NO_PDF = {"via-cohere"}
# The gateway fetches pictures itself for who takes no address; here it cannot.
NO_ADDRESSES = {"via-gemini", "via-bedrock"}

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def oai() -> openai.OpenAI:
    return openai.OpenAI(api_key=KEY, base_url=f"{URL}/v1", max_retries=0)


@pytest.fixture
def claude() -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key=KEY, base_url=URL, max_retries=0)


def seen() -> list[dict]:
    """What the provider was asked so far."""
    with urllib.request.urlopen(f"{os.environ['PROVIDER_URL']}/seen") as answer:
        return json.load(answer)


def last_seen() -> dict:
    return seen()[-1]


def wait_until(holds, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def raw(method: str, path: str, body: bytes | None = None, **headers: str):
    """A request as no SDK would send it: status, headers, body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(URL + path, data=body, method=method, headers=named)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        return error.code, error.headers, error.read()


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def narrow_key() -> str:
    return os.environ["NARROW_KEY"]


