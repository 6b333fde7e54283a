"""Failing, cancelled, abandoned, nested and concurrent calls: every span ends, as it should."""

import asyncio
import gc
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from parrot_callbacks import OpenTelemetryCallbackHandler


class ModelError(RuntimeError):
    """What the tests' models raise."""


def fail() -> None:
    raise ModelError("no")


def in_turn(calls: Iterator[Callable[[], None]]) -> Callable[[], None]:
    """At each call, do the next of these."""

    def body() -> None:
        next(calls)()

    return body


def outcome(span: Any) -> str:
    return str(span.attributes["langchain.run.outcome"])


def assert_failed(span: Any) -> None:
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description == "no"
    assert span.attributes["error.type"].endswith("ModelError")
    assert outcome(span) == "failed"
    (event,) = span.events
    assert event.name == "exception"


def assert_no_failure(span: Any) -> None:
    assert span.status.status_code is trace.StatusCode.UNSET
    assert "error.type" not in span.attributes
    assert not span.events


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_failing_body(telemetry: Any, echo: Any, moment: str) -> None:
    model = echo(**{moment: fail})
    with pytest.raises(ModelError):
        model.invoke("x", telemetry.config)
    with pytest.raises(ModelError):
        list(model.stream("x", telemetry.config))
    for span in telemetry.chats:
        assert_failed(span)
    assert len(telemetry.chats) == 2


@pytest.mark.parametrize("moment", ["before", "between", "after"])
async def test_a_failing_async_body(telemetry: Any, echo: Any, moment: str) -> None:
    model = echo(**{moment: fail})
    with pytest.raises(ModelError):
        await model.ainvoke("x", telemetry.config)
    with pytest.raises(ModelError):
        [chunk async for chunk in model.astream("x", telemetry.config)]
    for span in telemetry.chats:
        assert_failed(span)
    assert len(telemetry.chats) == 2


def test_tokens_that_came_before_a_failure(telemetry: Any, echo: Any) -> None:
    with pytest.raises(ModelError):
        list(echo(after=fail).stream("x", telemetry.config))
    assert telemetry.chat.attributes["gen_ai.usage.output_tokens"] == 3


def test_breaking_out_of_a_stream(telemetry: Any, echo: Any) -> None:
    with telemetry.tracer.start_as_current_span("user") as user:
        for _ in echo().stream("x", telemetry.config):
            break
        gc.collect()
        assert trace.get_current_span() is user
    assert outcome(telemetry.chat) == "abandoned"
    assert_no_failure(telemetry.chat)


async def test_closing_an_async_stream(telemetry: Any, echo: Any) -> None:
    stream = echo().astream("x", telemetry.config)
    await anext(stream)
    await stream.aclose()
    assert outcome(telemetry.chat) == "abandoned"
    assert_no_failure(telemetry.chat)


async def test_cancelling_an_ainvoke(telemetry: Any, async_echo: Any) -> None:
    task = asyncio.create_task(async_echo(delay_s=60).ainvoke("x", telemetry.config))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert outcome(telemetry.chat) == "cancelled"
    assert_no_failure(telemetry.chat)


async def test_cancelling_an_astream(telemetry: Any, async_echo: Any) -> None:
    async def read() -> None:
        async for _ in async_echo(delay_s=0.02).astream("x", telemetry.config):
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcome(telemetry.chat) == "cancelled"
    assert telemetry.chat.attributes["gen_ai.request.stream"] is True
    assert_no_failure(telemetry.chat)


async def test_a_timeout_round_an_ainvoke_in_a_task_that_goes_on(
    telemetry: Any, async_echo: Any
) -> None:
    with telemetry.tracer.start_as_current_span("user") as user:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await async_echo(delay_s=60).ainvoke("x", telemetry.config)
        # No event has said that the call is over, yet nothing more is put below it.
        assert (
            trace.get_current_span().get_span_context().span_id == user.get_span_context().span_id
        )
        telemetry.client_span()
        (client,) = telemetry.named("client")
        assert client.parent.span_id == user.get_span_context().span_id
        # The task's next call ends it.
        await async_echo(model_name="next").ainvoke("x", telemetry.config)
    first, second = telemetry.chats
    assert (outcome(first), outcome(second)) == ("cancelled", "completed")
    assert second.parent.span_id == user.get_span_context().span_id
    assert_no_failure(first)


def test_the_second_of_three_prompts_fails(telemetry: Any, echo: Any) -> None:
    calls = iter([lambda: None, fail])
    prompts = [[HumanMessage("a")], [HumanMessage("b")], [HumanMessage("c")]]
    with pytest.raises(ModelError):
        echo(before=in_turn(calls)).generate(prompts, callbacks=[telemetry.handler])
    assert sorted(map(outcome, telemetry.chats)) == ["abandoned", "abandoned", "failed"]


async def test_the_second_of_three_async_prompts_fails(telemetry: Any, async_echo: Any) -> None:
    calls = iter([lambda: None, fail, lambda: None])
    prompts = [[HumanMessage("a")], [HumanMessage("b")], [HumanMessage("c")]]
    with pytest.raises(ModelError):
        await async_echo(before=in_turn(calls)).agenerate(prompts, callbacks=[telemetry.handler])
    assert sorted(map(outcome, telemetry.chats)) == ["completed", "completed", "failed"]


def test_one_span_for_each_model_of_a_fallback(telemetry: Any, echo: Any) -> None:
    model = echo(model_name="a", before=fail).with_fallbacks([echo(model_name="b")])
    model.invoke("x", telemetry.config)
    assert [span.name for span in telemetry.chats] == ["chat a", "chat b"]
    (root,) = telemetry.named("invoke_workflow")
    assert {span.parent.span_id for span in telemetry.chats} == {root.context.span_id}
    assert outcome(root) == "completed"


def test_callbacks_given_anew_inside_a_chain(telemetry: Any, echo: Any) -> None:
    def step(text: str) -> str:
        return str(echo().invoke(text, telemetry.config).text)

    RunnableLambda(step).with_config(run_name="outer").invoke("x", telemetry.config)
    (root,) = telemetry.named("invoke_workflow outer")
    assert telemetry.chat.parent.span_id == root.context.span_id


async def test_an_ended_call_is_nobodys_parent(telemetry: Any, echo: Any) -> None:
    async def step(text: str) -> str:
        await echo().ainvoke(text)
        # The span descends from no run that is open, though its context was made from one
        # in which a call was: the parent run decides.
        with telemetry.tracer.start_as_current_span("mine"):
            return str((await echo().ainvoke(text)).text)

    await RunnableLambda(step).with_config(run_name="outer").ainvoke("x", telemetry.config)
    (root,) = telemetry.named("invoke_workflow outer")
    assert {chat.parent.span_id for chat in telemetry.chats} == {root.context.span_id}


def test_a_cache_hit_has_a_span(telemetry: Any, echo: Any) -> None:
    model = echo(cache=InMemoryCache())
    for _ in range(2):
        model.invoke("x", telemetry.config)
    assert len(telemetry.chats) == 2
    assert "gen_ai.response.time_to_first_chunk" not in telemetry.chats[1].attributes


def test_a_replayed_cache_hit_was_not_streamed(telemetry: Any, echo: Any) -> None:
    streaming = pytest.importorskip("langchain_core.tracers._streaming")
    marker = getattr(streaming, "_V2StreamingCallbackHandler", None)
    if marker is None:
        pytest.skip("this langchain-core has no v3 events")
    listener = type("Listener", (marker, BaseCallbackHandler), {})()
    model = echo(cache=InMemoryCache())
    for _ in range(2):
        model.invoke("x", {"callbacks": [telemetry.handler, listener]})
    first, second = telemetry.chats
    assert first.attributes["gen_ai.request.stream"] is True
    assert "gen_ai.request.stream" not in second.attributes
    assert "gen_ai.response.time_to_first_chunk" not in second.attributes


def test_what_nobody_ends_is_swept(
    telemetry: Any, sync_echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry.handler.runs, "max_runs", 3)
    streams = [sync_echo().stream("x", telemetry.config) for _ in range(5)]
    for stream in streams:
        next(stream)
    assert telemetry.handler.open_runs == 3
    assert list(map(outcome, telemetry.chats)) == ["abandoned", "abandoned"]
    for stream in streams:
        list(stream)
    assert len(telemetry.chats) == 5


def test_what_is_too_old_is_swept(
    telemetry: Any, sync_echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten, read = sync_echo().stream("x", telemetry.config), time.perf_counter_ns
    next(forgotten)
    for hours, swept in ((0.9, 0), (1.1, 1)):
        later_ns = int(hours * 3600e9)
        monkeypatch.setattr("parrot_callbacks.recorder.perf_counter_ns", lambda: read() + later_ns)  # noqa: B023
        sync_echo().invoke("x", telemetry.config)
        assert [outcome(span) for span in telemetry.chats].count("abandoned") == swept
    list(forgotten)
    assert len(telemetry.chats) == 3


def test_an_interrupted_graph_is_no_failure(telemetry: Any, echo: Any) -> None:
    graph = pytest.importorskip("langgraph.graph")
    types = pytest.importorskip("langgraph.types")
    memory = pytest.importorskip("langgraph.checkpoint.memory")

    @tool
    def ask() -> str:
        """Ask a person."""
        return str(types.interrupt("sure?"))

    builder = graph.StateGraph(dict)
    builder.add_node("node", lambda state: {"x": ask.invoke({})})
    builder.add_edge(graph.START, "node")
    app = builder.compile(checkpointer=memory.InMemorySaver())
    app.invoke({"x": 1}, telemetry.config | {"configurable": {"thread_id": "1"}})
    (span,) = telemetry.named("execute_tool ask")
    assert outcome(span) == "abandoned"
    for span in telemetry.spans:
        assert_no_failure(span)


async def test_an_ended_call_is_not_kept_alive(telemetry: Any, echo: Any) -> None:
    spans: list[weakref.ref[Any]] = []

    class Noting(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            spans.append(weakref.ref(span))

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Noting())
    config = {"callbacks": [OpenTelemetryCallbackHandler(provider)]}
    await echo().ainvoke("x", config)
    async for _ in echo().astream("x", config):
        pass
    # The task's context may still hold the stand-in, but no longer what it stood for.
    gc.collect()
    assert len(spans) == 2
    assert not any(span() for span in spans)


def test_a_key_in_an_error_is_in_no_span(telemetry: Any, sync_echo: Any) -> None:
    def refuse() -> None:
        raise ValueError("Incorrect API key provided: sk-abcdefgh12345678")

    model = sync_echo(before=refuse)
    with pytest.raises(ValueError, match="sk-abcdefgh12345678"):
        model.invoke("x", telemetry.config)
    (span,) = telemetry.chats
    assert "sk-abcdefgh12345678" not in span.to_json()
    assert "[redacted]" in span.status.description
    (event,) = span.events
    assert event.attributes["exception.type"] == "ValueError"


def test_no_span_ends_before_it_starts_when_the_clock_is_set_back(
    telemetry: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_back() -> None:
        earlier = time.time_ns() - 3_600_000_000_000
        monkeypatch.setattr("parrot_callbacks.recorder.time_ns", lambda: earlier)
        time.sleep(0.01)

    echo(before=set_back).invoke("hello", telemetry.config)
    (span,) = telemetry.chats
    assert 10e6 <= span.end_time - span.start_time < 10e9
