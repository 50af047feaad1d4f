"""Checks a request body against the types that a provider's own SDK publishes.

A provider refuses what it does not know. So does this one, with its own SDK as the measure: a wrong type, a missing field
or an unknown one is a problem, named by its path.
"""

import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Union

from typing_extensions import Annotated, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from openai.types.chat import completion_create_params as chat
from openai.types.responses import response_create_params as responses
from anthropic.types import message_count_tokens_params as count
from anthropic.types import message_create_params as messages
from anthropic.types.beta import message_count_tokens_params as beta_count
from anthropic.types.beta import message_create_params as beta_messages

CHAT = {False: chat.CompletionCreateParamsNonStreaming, True: chat.CompletionCreateParamsStreaming}
RESPONSES = {False: responses.ResponseCreateParamsNonStreaming, True: responses.ResponseCreateParamsStreaming}
MESSAGES = {False: messages.MessageCreateParamsNonStreaming, True: messages.MessageCreateParamsStreaming}
COUNT_TOKENS = count.MessageCountTokensParams
# What is taken of a client that names a beta.
BETA_MESSAGES = {False: beta_messages.MessageCreateParamsNonStreaming, True: beta_messages.MessageCreateParamsStreaming}
BETA_COUNT_TOKENS = beta_count.MessageCountTokensParams

WRAPPERS = (Required, NotRequired, Annotated)
SCALARS = {str: str, bool: bool, int: int, float: (int, float), type(None): type(None)}


def problems(value: Any, kind: Any, path: str = "") -> list[str]:
    """What is wrong with `value` as a `kind`; empty if nothing is."""
    origin, args = get_origin(kind), get_args(kind)
    if kind in (Any, object):
        return []
    if origin in WRAPPERS:
        return problems(value, args[0], path)
    if origin in (Union, types.UnionType):
        # The option that comes closest: fewest problems, then the ones found deepest.
        return min((problems(value, option, path) for option in args), key=lambda found: (len(found), -len("".join(found))))
    if origin is Literal:
        return [] if value in args else [f"{path}: {value!r} is none of {list(args)}"]
    if is_typeddict(kind):
        return fields(value, kind, path)
    if kind in SCALARS:
        fits = isinstance(value, SCALARS[kind]) and (kind is bool or not isinstance(value, bool))
        return [] if fits else [f"{path}: {value!r} is not a {kind.__name__}"]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            return [f"{path}: not an object"]
        return [problem for key, item in value.items() for problem in problems(item, args[1], f"{path}.{key}")]
    if args and (origin in (list, Iterable) or (isinstance(origin, type) and issubclass(origin, (Sequence, Iterable)))):
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [problem for at, item in enumerate(value) for problem in problems(item, args[0], f"{path}[{at}]")]
    return [f"{path}: not a {kind}"]


def fields(value: Any, kind: Any, path: str) -> list[str]:
    """The same for an object with known fields."""
    if not isinstance(value, dict):
        return [f"{path}: not an object"]
    hints = get_type_hints(kind, include_extras=True)
    found = [f"{path}.{name}: missing" for name, hint in hints.items() if get_origin(hint) is Required and name not in value]
    for name, item in value.items():
        if name in hints:
            found += problems(item, hints[name], f"{path}.{name}")
        else:
            found.append(f"{path}.{name}: unknown field")
    return found
