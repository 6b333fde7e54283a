"""Every mode of every kind of Runnable: its replies, its tokens, its chunks."""

import asyncio
from typing import Any

import pytest

from parrot_bench.execution import CallSettings, ExecutionMode, collect, drain
from parrot_bench.loading import adopt
from parrot_bench.mode_table import MODES, default_modes, mode_record, quiet
from parrot_bench.runnables.fitting import fitted
from parrot_bench.studies.stamps import Stamps, or_the_end
from parrot_bench.studies.usage import output_tokens
from tests.parrot_bench.models.installed import needs_graphs, subjects

ASKED = {
    "agent": "hello",
    "remembering": "hello",
    "answering": {"question": "hello"},
    "asking": {"question": "hello"},
    "function": "hello",
    "chain": "hello there",
    "two": {"a": "x", "b": "y"},
    "tools": "hello",
    "structured": "hello",
    "retry": "hello",
    "fallbacks": "hello",
    "shout": "hello",
    "parallel": "hello there",
    "completion": "hello",
}
MADE = {"agent", "remembering", "answering"}

REPLY = {
    "agent": "sunny in",
    "asking": "hello",
    "remembering": "sunny in",
    "chain": "Say hell",
    "two": "x y",
    "tools": "",
    "structured": '{"city": "Porto"}',
    "retry": "hello",
    "fallbacks": "hello",
    "shout": "HELLO",
    "completion": "hello there",
}
TOKENS = {"asking": 5, "agent": 2 + 8, "remembering": 2 + 8, "tools": 2, "retry": 5, "fallbacks": 5}


def subject(name: str) -> Any:
    found = getattr(subjects, name)
    return adopt(found).model


def perform(mode: ExecutionMode, model: Any, item: Any, keep: Any = collect) -> Any:
    call = mode.bind(model, CallSettings(), keep)

    async def awaited() -> Any:
        return await call(item)

    with quiet():
        return asyncio.run(awaited()) if mode.kind == "async" else call(item)


def available() -> list[Any]:
    return [
        pytest.param(name, mode, id=f"{name} {mode.name}")
        for name in ASKED
        if hasattr(subjects, name)
        for mode in MODES.values()
        if not mode.unavailable(subject(name))
    ]


@pytest.mark.parametrize(("name", "mode"), available())
def test_replies_and_tokens(name: str, mode: ExecutionMode) -> None:
    model = subject(name)
    fit = fitted(mode, model)
    prompt = fit.prepare(ASKED[name])
    replies = fit.messages(perform(fit, model, [prompt, prompt] if mode.batches else prompt))
    assert len(replies) == (2 if mode.batches else 1)
    if name in REPLY:
        assert [reply.text for reply in replies] == [REPLY[name]] * len(replies)
    if name in TOKENS:
        assert output_tokens(replies) == TOKENS[name] * len(replies)
    elif name not in {"answering", "parallel", "function"}:
        assert output_tokens(replies) is None


@pytest.mark.parametrize(
    ("name", "mode"),
    [each for each in available() if each.values[1].streams and not each.values[1].batches],
)
def test_chunks_with_content(name: str, mode: ExecutionMode) -> None:
    model, stamps = subject(name), Stamps()
    fit = fitted(mode, model)
    raw = perform(fit, model, fit.prepare(ASKED[name]), stamps.keep)
    chunks = or_the_end(stamps.with_content(fit.content), fit.messages(raw), 7)
    assert chunks
    if name in MADE - {"answering"}:
        of_updates = mode.name in {"stream", "astream", "astream_log"}
        assert len(chunks) == (2 if of_updates else 1 + 8)
    if name == "chain" and mode.name in {"stream", "astream", "astream_events_v2"}:
        assert len(chunks) == 8


@needs_graphs
def test_the_first_chunk_of_an_agent_comes_before_its_tool_is_called() -> None:
    model = subject("agent")
    for name in ("stream_messages", "astream_messages", "astream_events_v2"):
        mode, stamps = fitted(MODES[name], model), Stamps()
        perform(mode, model, mode.prepare("hello"), stamps.keep)
        contents = [mode.content(item) for item in stamps.items]
        tool = next(i for i, item in enumerate(stamps.items) if "sunny in" in repr(item))
        assert contents.index(True) < tool


def test_a_chat_model_keeps_the_modes_of_the_table() -> None:
    assert all(fitted(mode, subjects.parrot) is mode for mode in MODES.values())


def test_what_is_timed_is_the_runnables_own_method() -> None:
    for name in ("invoke", "ainvoke", "batch", "abatch"):
        bound = fitted(MODES[name], subjects.chain).bind(subjects.chain, CallSettings(), drain)
        assert bound == getattr(subjects.chain, name)


def test_a_mode_of_ones_own_is_given_the_input_and_its_replies_are_read() -> None:
    own = ExecutionMode(
        name="own", api="own", kind="sync", status="stable",
        bind=lambda model, _settings, _keep: lambda given: (model.invoke(given), "more"),
        messages=lambda raw: [raw[0]],
    )  # fmt: skip
    fit = fitted(own, subjects.chain)
    (reply,) = fit.messages(perform(fit, subjects.chain, fit.prepare("hello")))
    assert reply.text == "Say hell"


def test_what_is_not_available_is_said_by_name() -> None:
    lacking = {name: mode.unavailable(subjects.chain) for name, mode in MODES.items()}
    assert {name for name, why in lacking.items() if why} == {
        "direct_generate", "direct_stream", "direct_agenerate", "direct_astream",
        "stream_messages", "astream_messages", "stream_events_v3", "astream_events_v3",
    }  # fmt: skip
    assert lacking["direct_stream"] == (
        "floors are of chat models only, and RunnableSequence is none"
    )
    assert lacking["stream_messages"] == (
        "it is a mode of LangGraph's graphs, and RunnableSequence is none"
    )
    assert mode_record(MODES["invoke"], subjects.parrot).floor == "direct_generate"


@needs_graphs
def test_what_is_around_a_graph_is_not_named() -> None:
    threads = subject("remembering")
    assert "CompiledStateGraph" in MODES["direct_generate"].unavailable(threads)
    assert mode_record(MODES["invoke"], threads).floor == ""


@needs_graphs
def test_modes_of_graphs_are_default_ones_of_graphs_only() -> None:
    names = {mode.name for mode in default_modes(subject("agent"))}
    assert {"stream_messages", "astream_messages", "direct_generate"} <= names
    assert "stream_messages" not in {mode.name for mode in default_modes(subjects.chain)}
