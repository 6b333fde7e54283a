"""No credential is ever recorded, at any depth; everything else is."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from parrot_callbacks.filtering import kept
from parrot_callbacks.redaction import (
    MAX_LENGTH,
    REDACTED,
    is_credential,
    recordable,
    redact_text,
)
from parrot_callbacks.request import identifying_params

SECRET = "hunter2-5f4dcc3b5aa765d6"
NAMES = [
    "api_key", "openai_api_key", "apiKey", "OPENAIAPIKEY", "x-goog-api-key", "X-Api-Key", "key",
    "token", "hf_token", "accessToken", "access_token", "auth_token", "session-token", "secret",
    "client_secret", "password", "Passwd", "db_pwd", "Authorization", "authorisation", "auth",
    "cookie", "Set-Cookie", "credentials", "aws_secret_access_key", "private_key", "bearer",
    "token_limit_password", "signature",
]  # fmt: skip
HARMLESS = [
    "model", "max_tokens", "temperature", "token_count", "token_limit", "max_token_budget",
    "monkey", "keyboard", "keyword", "author", "top_k", "base_url", "presence_penalty", "tokenizer",
]  # fmt: skip

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
secrets = st.sampled_from(NAMES).map(lambda name: {name: SECRET}) | st.sampled_from(
    [
        SecretStr(SECRET),
        f"https://user:{SECRET}@host:1/path?q=1",
        f"redis://{SECRET}@host/0",
        f"https://host/x?a=1&api_key={SECRET}&b=2",
        f"Authorization: Bearer {SECRET}",
        {"headers": {"Authorization": SECRET}},
    ]
)


def hidden(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Put something at some depth among harmless values."""
    return st.recursive(
        inner,
        lambda deeper: (
            st.tuples(values, deeper).map(list)
            | st.tuples(st.sampled_from(HARMLESS), deeper).map(lambda pair: dict([pair]))
        ),
        max_leaves=3,
    )


@pytest.mark.parametrize("name", NAMES)
def test_names_of_credentials(name: str) -> None:
    assert is_credential(name)
    assert identifying_params({name: SECRET}, {}) == {}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_names(name: str) -> None:
    assert not is_credential(name)


@given(hidden(secrets))
def test_no_credential_at_any_depth(value: Any) -> None:
    for recorded in identifying_params({"config": value, "x": [value]}, {}).values():
        assert SECRET not in str(recorded)


@given(values)
def test_what_is_recorded_is_an_attribute_value(value: Any) -> None:
    recorded = recordable(value)
    assert recorded is None or isinstance(recorded, bool | int | float | str)
    if isinstance(recorded, str):
        assert len(recorded) <= MAX_LENGTH
    if isinstance(recorded, int):
        assert -(2**63) <= recorded < 2**63


@given(st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats())
def test_numbers_stay_as_they_are(value: float) -> None:
    recorded = recordable(value)
    assert type(recorded) is type(value)
    assert recorded == value or math.isnan(value)


@given(st.text(alphabet=st.characters(blacklist_characters="@?&= ")))
def test_texts_without_credentials_stay_as_they_are(text: str) -> None:
    assert redact_text(text) == text


def test_the_rest_is_compact_json() -> None:
    assert recordable({"b": [1, 2.0, None, "ü"], "api_key": SECRET}) == '{"b":[1,2.0,"ü"]}'
    assert json.loads(str(recordable({"a": {1, 2}}))) == {"a": [1, 2]}
    assert recordable({"api_key": SECRET}) is None
    assert recordable(object()) == "object"


def test_a_secret_across_the_cut() -> None:
    text = "x" * (MAX_LENGTH - 20) + f" https://user:{SECRET}@host"
    assert "user:" not in str(recordable(text))


def test_a_cycle_ends() -> None:
    cycle: dict[str, Any] = {}
    cycle["again"] = cycle
    assert "dict" in str(recordable(cycle))


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefgh12345678",
        "sk-abc***************wxyz",
        "gsk_abcdefgh12345678",
        "AIzaSyA-1234567890abcdefghij",
        "ghp_abcdefgh12345678",
    ],
)
def test_a_key_that_an_error_repeats_is_taken_out(key: str) -> None:
    said = redact_text(f"Incorrect API key provided: {key}. Ask at https://u:p@x.example/a")
    assert key not in said
    assert "u:p" not in said
    assert said.startswith("Incorrect API key provided: [redacted]. Ask")


def test_an_ordinary_message_is_kept() -> None:
    said = "risk-averse models (task_force-42) asked for 3 skills at once"
    assert redact_text(said) == said


CREDENTIALS = st.text(alphabet="api_key=: 'sk-ABC://u@?&,", max_size=40)


@given(st.text() | CREDENTIALS)
def test_what_was_taken_out_once_stays_out(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=5) | st.sampled_from(["api_key", "name", "value"]), inner,
                      max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(PLAIN)
def test_any_value_is_json_and_every_text_of_it_is_the_filters(value: Any) -> None:
    found = kept(value, lambda _: "<seen>")
    assert json.loads(json.dumps(found, allow_nan=False)) == found

    def texts(part: Any) -> list[str]:
        if isinstance(part, dict):
            return [t for k, v in part.items() for t in [k, *texts(v)]]
        if isinstance(part, list):
            return [t for item in part for t in texts(item)]
        return [part] if isinstance(part, str) else []

    # Beside what the filter gave: names of types, what stands for a credential, and numbers that
    # JSON or OTLP has not.
    ours = {"<seen>", REDACTED, "bytes", "inf", "-inf", "nan"}
    assert {text for text in texts(found) if not text.lstrip("-").isdigit()} <= ours
