"""What handlers write is read in their own words."""

import json
from typing import Any

import pytest

from parrot_callbacks.conformance.dialects import DIALECTS, dialect_of, read

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
