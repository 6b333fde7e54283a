"""What handlers write is read in their own words."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_callbacks.conformance.dialects import DIALECTS, Dialect, dialect_of, read

GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 9,
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.request.stream": True,
    "gen_ai.response.time_to_first_chunk": 0.25,
}
OPENLLMETRY = {
    "llm.request.type": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 9,
    "gen_ai.usage.prompt_tokens": 5,
    "gen_ai.usage.completion_tokens": 3,
    "gen_ai.completion.0.finish_reason": "stop",
    "llm.is_streaming": True,
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "m",
    "llm.invocation_parameters": json.dumps({"temperature": 0.5, "max_tokens": 9}),
    "llm.token_count.prompt": 5,
    "llm.token_count.completion": 3,
    "llm.finish_reason": "stop",
}


@pytest.mark.parametrize(
    ("attributes", "streamed", "first_chunk"),
    [(GENAI, True, 0.25), (OPENLLMETRY, True, None), (OPENINFERENCE, False, None)],
    ids=["GenAI", "OpenLLMetry", "OpenInference"],
)
def test_the_same_facts(attributes: Any, streamed: bool, first_chunk: float | None) -> None:
    dialect = dialect_of(attributes)
    assert dialect is not None
    facts = read(attributes, dialect)
    assert facts.operation == "chat"
    assert facts.model == "m"
    assert facts.params == (0.5, 9)
    assert facts.tokens == (5, 3)
    assert facts.finish_reasons == ("stop",)
    assert facts.streamed is streamed
    assert facts.first_chunk == first_chunk
    assert facts.error_type is None


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"gen_ai.operation.name": "invoke_workflow"},
        {"gen_ai.operation.name": "execute_tool"},
        {"openinference.span.kind": "CHAIN"},
        {"traceloop.span.kind": "workflow"},
    ],
)
def test_other_spans_are_no_calls(attributes: Any) -> None:
    assert dialect_of(attributes) is None


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_is_not_there_is_not_recorded(dialect: Any) -> None:
    facts = read({dialect.mark: next(iter(dialect.operations))}, dialect)
    assert facts.tokens == facts.params == (None, None)
    assert facts.finish_reasons == ()
    assert facts.model is facts.first_chunk is None
    assert not facts.streamed


@pytest.mark.parametrize("text", ["no JSON", "[1]", 3, ""])
def test_parameters_that_cannot_be_read_are_not_recorded(text: Any) -> None:
    attributes = {**OPENINFERENCE, "llm.invocation_parameters": text}
    assert read(attributes, DIALECTS[2]).params == (None, None)


MARKED = [(dialect, mark) for dialect in DIALECTS for mark in sorted(dialect.operations)]
PLAIN = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = PLAIN | st.lists(st.text(max_size=8), max_size=3).map(tuple) | st.lists(PLAIN).map(tuple)
NAMES = sorted(
    {
        name
        for dialect in DIALECTS
        for field in dataclasses.fields(dialect)
        if isinstance(names := getattr(dialect, field.name), tuple)
        for name in names
    }
)
PARAMS = st.sampled_from([
    "[" * 100_000, '{"a":' * 100_000, '{"temperature": ' + "9" * 5_000 + "}", "NaN", '"', "null",
    '{"temperature": [0.5], "max_tokens": {}}',
])  # fmt: skip


@given(
    st.sampled_from(MARKED),
    st.dictionaries(st.sampled_from(NAMES), VALUES),
    st.none() | PARAMS | st.text(),
)
@example((DIALECTS[0], "chat"), {"gen_ai.response.finish_reason": 5}, None)
@example((DIALECTS[2], "LLM"), {}, "[" * 100_000)
def test_whatever_a_span_says_is_read(
    marked: tuple[Dialect, str], attributes: dict[str, Any], params: str | None
) -> None:
    dialect, mark = marked
    said = {**attributes, dialect.mark: mark}
    if params is not None:
        said["llm.invocation_parameters"] = params
    assert dialect_of(said) is dialect
    facts = read(said, dialect)
    assert facts.operation == dialect.operations[mark]
    assert all(isinstance(reason, str) for reason in facts.finish_reasons)
    hash(facts)  # as what is compared with what was expected


@given(
    st.sampled_from(MARKED), st.data(), st.dictionaries(st.sampled_from(NAMES), VALUES),
    st.permutations(NAMES),
)  # fmt: skip
def test_of_several_names_the_first_that_is_there_counts(
    marked: tuple[Dialect, str],
    data: st.DataObject,
    others: dict[str, Any],
    order: list[str],
) -> None:
    dialect, mark = marked
    streamed = data.draw(st.booleans())
    known = {
        "model": "m", "input_tokens": 5, "output_tokens": 3, "finish_reasons": ("stop",),
        "temperature": 0.5, "max_tokens": 9, "streamed": streamed, "first_chunk": 0.25,
    }  # fmt: skip
    said: dict[str, Any] = {dialect.mark: mark}
    taken = {name for field in known for name in getattr(dialect, field)}
    for field, value in known.items():
        if names := getattr(dialect, field):
            place = data.draw(st.integers(0, len(names) - 1))
            said[names[place]] = value
            # What a later name says does not count.
            said |= {name: others[name] for name in names[place + 1 :] if name in others}
    given_params = {"temperature": 0.5, "max_tokens": 9} if dialect.params else {}
    said |= dict.fromkeys(dialect.params, json.dumps(given_params))
    said |= {n: others[n] for n in others if n not in taken and n not in dialect.params}
    facts = read(
        {name: said[name] for name in sorted(said, key=[*order, dialect.mark].index)}, dialect
    )
    assert (facts.model, facts.tokens, facts.finish_reasons) == ("m", (5, 3), ("stop",))
    assert facts.params == (0.5, 9)
    assert facts.streamed == (streamed and bool(dialect.streamed))
    assert facts.first_chunk == (0.25 if dialect.first_chunk else None)
