"""Descriptions of requests are remembered, and never confused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_callbacks import described
from parrot_callbacks.described import CallDescriptions

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 1),
    st.sampled_from([0.0, 1.0, "1", "", "x"]),
    st.lists(st.one_of(st.booleans(), st.integers(0, 1), st.sampled_from([0.0, 1.0])), max_size=1),
    st.dictionaries(st.just("a"), st.one_of(st.booleans(), st.integers(0, 1), st.just([]))),
)
PARAMS = st.dictionaries(st.sampled_from(["temperature", "top_k", "seed", "model", "n"]), VALUES)
METADATA = st.dictionaries(
    st.sampled_from(["ls_provider", "ls_model_name", "ls_temperature", "thread_id"]), VALUES
)


def describe(calls: CallDescriptions, params: Any, metadata: Any, options: Any = None) -> Any:
    return calls.describe("chat", params, options or {}, metadata, None)


def typed(attributes: dict[str, Any]) -> dict[str, tuple[type, Any]]:
    return {name: (type(value), value) for name, value in attributes.items()}


@given(st.lists(st.tuples(PARAMS, METADATA), min_size=2, max_size=6))
def test_remembering_changes_nothing(requests: list[tuple[Any, Any]]) -> None:
    calls = CallDescriptions()
    for params, metadata in [*requests, *requests]:
        remembered = describe(calls, params, metadata)
        fresh = describe(CallDescriptions(), params, metadata)
        assert remembered.name == fresh.name
        assert typed(remembered.start) == typed(fresh.start)
        assert typed(remembered.attributes) == typed(fresh.attributes)


def test_the_same_request_is_described_once() -> None:
    calls = CallDescriptions()
    first = describe(calls, {"model": "m"}, {"thread_id": "1"}, {"stop": None})
    assert describe(calls, {"model": "m"}, {"thread_id": "2"}) is first
    assert describe(calls, {"model": "m"}, {}, {"stop": ["x"]}) is not first
    assert "gen_ai.conversation.id" not in first.attributes


def test_an_argument_of_zero_is_an_argument() -> None:
    calls, params = CallDescriptions(), {"model": "m", "temperature": 0}
    name = "langchain.identifying_params.temperature"
    options = {"stop": None, "temperature": 0}
    assert name not in describe(calls, params, {}, options).attributes
    assert name in describe(calls, params, {}, {"stop": None}).attributes


def test_a_models_description_is_a_part_of_it() -> None:
    calls = CallDescriptions()
    here: dict[str, Any] = {"kwargs": {"base_url": "http://127.0.0.1:1"}}
    there: dict[str, Any] = {"kwargs": {"base_url": "http://127.0.0.1:2"}}
    ports = [
        calls.describe("chat", {}, {}, {}, made).attributes["server.port"]
        for made in (here, there, here)
    ]
    assert ports == [1, 2, 1]


@pytest.mark.parametrize(
    "secret",
    [
        {"api_key": "sk-abcdefgh"},
        {"model_kwargs": {"headers": [{"Authorization": "sk-abcdefgh"}]}},
        {"client": type("Client", (), {"__repr__": lambda _: "sk-abcdefgh"})()},
    ],
)
def test_secrets_are_not_kept(secret: dict[str, Any]) -> None:
    calls = CallDescriptions()
    found = describe(calls, {"model": "m", **secret}, {})
    assert "sk-abcdefgh" not in str(found)
    assert "sk-abcdefgh" not in str(vars(calls))


def test_a_list_that_holds_itself_is_described_each_time() -> None:
    calls, around = CallDescriptions(), {"model_kwargs": [0]}
    around["model_kwargs"].append(around)  # type: ignore[arg-type]
    first = describe(calls, around, {})
    assert describe(calls, around, {}).attributes == first.attributes
    assert not vars(calls)["_remembered"]


def test_a_list_that_has_changed_is_another_one() -> None:
    calls = CallDescriptions()
    params: dict[str, Any] = {"model": "m", "model_kwargs": {"labels": ["a"]}}
    first = describe(calls, params, {})
    assert describe(calls, dict(params), {}) is first
    params["model_kwargs"]["labels"].append("b")
    second = describe(calls, params, {})
    name = "langchain.identifying_params.model_kwargs"
    assert [found.attributes[name] for found in (first, second)] == [
        '{"labels":["a"]}', '{"labels":["a","b"]}',
    ]  # fmt: skip


def test_there_are_never_too_many(monkeypatch: Any) -> None:
    monkeypatch.setattr(described, "MAX_REMEMBERED", 3)
    calls = CallDescriptions()
    for number in range(10):
        describe(calls, {"model": str(number)}, {})
        assert len(vars(calls)["_remembered"]) <= 3
