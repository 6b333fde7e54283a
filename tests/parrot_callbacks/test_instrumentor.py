"""The instrumentor: what a handler alone can't do, and that nothing of it stays behind."""

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.callbacks.manager import AsyncCallbackManager
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableGenerator, RunnableLambda, config
from langchain_core.tools import BaseTool, tool
from langchain_core.tracers import context as hooks
from opentelemetry import baggage, trace
from opentelemetry.context import attach, get_current
from otlp_receiver import grpc_receiver

from parrot_callbacks import LangChainInstrumentor, OpenTelemetryCallbackHandler
from parrot_callbacks.nesting import ContextNesting
from parrot_callbacks.provider_spans import OPENLLMETRY

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning"),
]


@pytest.fixture
def instrumented(telemetry: Any) -> Iterator[Any]:
    LangChainInstrumentor().instrument(tracer_provider=telemetry.provider)
    yield telemetry
    LangChainInstrumentor().uninstrument()


def parent_of(telemetry: Any, span: Any) -> str:
    names = {other.context.span_id: other.name for other in telemetry.spans}
    return str(names[span.parent.span_id]) if span.parent else ""


def outcome(span: Any) -> str:
    return str(span.attributes["langchain.run.outcome"])


def owned() -> dict[str, Any]:
    """Everything that the instrumentor replaces."""
    found = {
        f"{owner.__name__}.{name}": vars(owner)[name]
        for owner in (BaseChatModel, BaseLLM, BaseTool, BaseRetriever, AsyncCallbackManager)
        for name in vars(owner)
        if callable(vars(owner)[name]) and not name.startswith("__")
    }
    found["config"] = vars(config)["_set_config_context"]
    graphs = sys.modules.get("langgraph._internal._runnable")
    if graphs is not None:
        found["graph config"] = vars(graphs)["_set_config_context"]
    found["hooks"] = list(hooks._configure_hooks)
    return found


def test_uninstrumenting_puts_everything_back(telemetry: Any) -> None:
    pytest.importorskip("langgraph.graph")
    before = owned()
    instrumentor = LangChainInstrumentor()
    assert not instrumentor.is_instrumented
    assert instrumentor.handler is None
    instrumentor.instrument(tracer_provider=telemetry.provider)
    instrumentor.instrument(tracer_provider=telemetry.provider)
    changed = {name for name, value in owned().items() if value is not before[name]}
    assert {"BaseChatModel.generate", "BaseTool.arun", "config", "graph config"} <= changed
    assert len(hooks._configure_hooks) == len(before["hooks"]) + 1
    assert LangChainInstrumentor().is_instrumented
    # As everybody writes it: with another instance.
    handler = LangChainInstrumentor().handler
    LangChainInstrumentor().uninstrument()
    LangChainInstrumentor().uninstrument()
    # A call in progress keeps its handler, and starts a chain.
    assert handler is not None
    handler.on_chain_start({}, {}, run_id=(run_id := uuid4()))
    handler.on_chain_end({}, run_id=run_id)
    after = owned()
    assert after.pop("hooks") == before.pop("hooks")
    assert {name for name, value in after.items() if value is not before[name]} == set()


def test_nesting_can_be_installed_again(telemetry: Any) -> None:
    before = owned()["config"]
    nesting = ContextNesting(lambda: telemetry.handler.runs)
    for _ in range(2):
        nesting.install()
        assert owned()["config"] is not before
        nesting.undo()
        nesting.look()
        assert owned()["config"] is before


def test_another_provider_is_refused_aloud(instrumented: Any, make_telemetry: Any) -> None:
    with pytest.warns(UserWarning, match="already instrumented with another tracer provider"):
        LangChainInstrumentor().instrument(tracer_provider=make_telemetry().provider)


def test_a_wrapper_of_somebody_else_stays(telemetry: Any, echo: Any) -> None:
    original = BaseChatModel.generate
    LangChainInstrumentor().instrument(tracer_provider=telemetry.provider)
    ours = BaseChatModel.generate
    seen: list[str] = []

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("theirs")
        return ours(self, *args, **kwargs)

    BaseChatModel.generate = theirs  # type: ignore[method-assign]
    try:
        LangChainInstrumentor().uninstrument()
        assert BaseChatModel.generate is theirs
        echo().invoke("x")
        assert seen == ["theirs"]
        assert telemetry.spans == []
    finally:
        BaseChatModel.generate = original  # type: ignore[method-assign]


def test_a_wrapper_of_wrapt_is_bound(telemetry: Any, echo: Any) -> None:
    wrapt = pytest.importorskip("wrapt")
    original = vars(BaseChatModel)["stream"]
    seen: list[Any] = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(instance)
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(BaseChatModel, "stream", theirs)
    LangChainInstrumentor().instrument(tracer_provider=telemetry.provider)
    try:
        model = echo()
        assert len(list(model.stream("x"))) == 4
        assert seen == [model]
        assert outcome(telemetry.chat) == "completed"
    finally:
        LangChainInstrumentor().uninstrument()
        BaseChatModel.stream = original  # type: ignore[method-assign]


def test_the_callers_context_is_the_same_after_a_call(
    instrumented: Any, echo: Any, sync_mode: Callable[..., Any]
) -> None:
    with instrumented.tracer.start_as_current_span("user"):
        before = get_current()
        sync_mode(echo(), {}, lambda: None)
        assert get_current() is before


async def test_the_callers_context_is_the_same_after_an_async_call(
    instrumented: Any, echo: Any, async_mode: Callable[..., Any]
) -> None:
    seen: list[bool] = []
    with instrumented.tracer.start_as_current_span("user"):
        before = get_current()
        await async_mode(echo(), {}, lambda: seen.append(get_current() is before))
        assert get_current() is before
    assert all(seen)


def test_client_spans_of_a_whole_body(
    instrumented: Any, echo: Any, sync_mode: Callable[..., Any]
) -> None:
    moments = dict.fromkeys(("before", "between", "after"), instrumented.client_span)
    sync_mode(echo(**moments), {}, lambda: None)
    parents = [span.parent.span_id for span in instrumented.named("client")]
    assert sorted(parents) == sorted(3 * [chat.context.span_id for chat in instrumented.chats])


async def test_client_spans_of_a_whole_async_body(
    instrumented: Any, echo: Any, async_mode: Callable[..., Any]
) -> None:
    moments = dict.fromkeys(("before", "between", "after"), instrumented.client_span)
    await async_mode(echo(**moments), {}, lambda: None)
    parents = [span.parent.span_id for span in instrumented.named("client")]
    assert sorted(parents) == sorted(3 * [chat.context.span_id for chat in instrumented.chats])


def test_what_a_streaming_body_makes_current_is_current_for_it_only(
    instrumented: Any, sync_echo: Any
) -> None:
    seen: list[Any] = []
    model = sync_echo(
        before=lambda: attach(baggage.set_baggage("of", "the body")) and None,
        after=lambda: seen.append(baggage.get_baggage("of")),
    )
    for _ in model.stream("x"):
        assert baggage.get_baggage("of") is None
    assert seen == ["the body"]


def test_what_a_consumer_throws_into_a_stream_reaches_the_body(
    instrumented: Any, sync_echo: Any
) -> None:
    stream = sync_echo().stream("x")
    next(stream)
    with pytest.raises(KeyError):
        stream.throw(KeyError("thrown"))
    assert outcome(instrumented.chat) == "failed"
    assert instrumented.chat.attributes["error.type"] == "KeyError"


async def test_what_a_consumer_throws_into_an_async_stream_reaches_the_body(
    instrumented: Any, async_echo: Any
) -> None:
    stream = async_echo().astream("x")
    await anext(stream)
    with pytest.raises(KeyError):
        await stream.athrow(KeyError("thrown"))
    assert outcome(instrumented.chat) == "failed"


async def test_a_timeout_ends_the_call_at_once(instrumented: Any, async_echo: Any) -> None:
    model = async_echo(delay_s=60)
    with instrumented.tracer.start_as_current_span("user") as user:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await model.ainvoke("x")
        assert outcome(instrumented.chat) == "cancelled"
        assert trace.get_current_span() is user


def test_a_prompt_that_was_not_reached(instrumented: Any, sync_echo: Any) -> None:
    def refuse() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        sync_echo(before=refuse).generate([[], []])
    assert sorted(map(outcome, instrumented.chats)) == ["abandoned", "failed"]


def test_a_call_that_fails_between_its_start_and_its_body(
    instrumented: Any, sync_echo: Any
) -> None:
    # LangChain has told of the start and not yet begun to watch for errors.
    with pytest.raises(AttributeError):
        sync_echo().generate([["not a message"]])
    for span in instrumented.chats:
        assert outcome(span) == "failed"


async def test_a_cancelled_tool_ends_at_once(instrumented: Any) -> None:
    @tool
    async def wait() -> str:
        """Wait for long."""
        await asyncio.sleep(60)
        return "done"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await wait.ainvoke({})
    (span,) = instrumented.named("execute_tool wait")
    assert outcome(span) == "cancelled"


class Library(BaseRetriever):
    """Finds one document; the tests' own spans are made while it looks."""

    look: Callable[[], None] = lambda: None
    delay_s: float = 0.0

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        self.look()
        return [Document("found")]

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        self.look()
        await asyncio.sleep(self.delay_s)
        return [Document("found")]


async def test_a_cancelled_retriever_ends_at_once(instrumented: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Library(delay_s=60).ainvoke("x")
    (span,) = instrumented.named("retrieval")
    assert outcome(span) == "cancelled"


async def test_client_spans_of_a_retriever(instrumented: Any) -> None:
    library = Library(look=instrumented.client_span)
    with instrumented.tracer.start_as_current_span("user") as user:
        library.invoke("x")
        await library.ainvoke("x")
        assert trace.get_current_span() is user
    parents = [parent_of(instrumented, span) for span in instrumented.named("client")]
    assert parents == ["retrieval", "retrieval"]


def test_a_users_span_in_a_lambda(instrumented: Any, echo: Any) -> None:
    def step(text: str) -> str:
        with instrumented.tracer.start_as_current_span("mine"):
            return str(echo().invoke(text).text)

    chain = RunnableLambda(str) | RunnableLambda(step)
    with instrumented.tracer.start_as_current_span("user"):
        chain.with_config(run_name="outer").invoke("x")
    (mine,) = instrumented.named("mine")
    assert parent_of(instrumented, mine) == "invoke_workflow outer"
    assert parent_of(instrumented, instrumented.chat) == "mine"


def test_a_users_span_in_a_tool(instrumented: Any, echo: Any) -> None:
    @tool
    def ask(question: str) -> str:
        """Ask a model."""
        with instrumented.tracer.start_as_current_span("mine"):
            return str(echo().invoke(question).text)

    ask.invoke({"question": "x"})
    (mine,) = instrumented.named("mine")
    assert parent_of(instrumented, mine) == "execute_tool ask"
    assert parent_of(instrumented, instrumented.chat) == "mine"


async def test_a_users_span_in_an_async_tool(instrumented: Any, echo: Any) -> None:
    @tool
    async def ask(question: str) -> str:
        """Ask a model."""
        with instrumented.tracer.start_as_current_span("mine"):
            return str((await echo().ainvoke(question)).text)

    await ask.ainvoke({"question": "x"})
    (mine,) = instrumented.named("mine")
    assert parent_of(instrumented, mine) == "execute_tool ask"
    assert parent_of(instrumented, instrumented.chat) == "mine"


def test_a_users_span_in_a_generator(instrumented: Any, echo: Any) -> None:
    def steps(texts: Iterator[str]) -> Iterator[str]:
        for text in texts:
            with instrumented.tracer.start_as_current_span("mine"):
                yield from (chunk.text for chunk in echo().stream(text))

    chain = RunnableGenerator(steps).with_config(run_name="outer")
    with instrumented.tracer.start_as_current_span("user") as user:
        for _ in chain.stream("x"):
            assert trace.get_current_span() is user
    (mine,) = instrumented.named("mine")
    assert parent_of(instrumented, mine) == "invoke_workflow outer"
    assert parent_of(instrumented, instrumented.chat) == "mine"


@pytest.mark.parametrize("streamed", [False, True], ids=["invoked", "streamed"])
def test_a_users_span_in_a_node(instrumented: Any, echo: Any, streamed: bool) -> None:
    graphs = pytest.importorskip("langgraph.graph")

    def node(state: dict[str, Any]) -> dict[str, Any]:
        with instrumented.tracer.start_as_current_span("mine"):
            echo().invoke("x")
        return {}

    builder = graphs.StateGraph(dict)
    builder.add_node("first", node)
    builder.add_node("second", node)
    builder.add_edge(graphs.START, "first")
    builder.add_edge("first", "second")
    graph = builder.compile()
    with instrumented.tracer.start_as_current_span("user") as user:
        if streamed:
            stream = graph.stream({"x": 1})
            next(stream)
            # A consumer's span came later than the graph's, and is none of its nodes'.
            with instrumented.tracer.start_as_current_span("consumer") as consumer:
                list(stream)
                assert trace.get_current_span() is consumer
        else:
            graph.invoke({"x": 1})
        assert trace.get_current_span() is user
    for mine in instrumented.named("mine"):
        assert parent_of(instrumented, mine) == "invoke_workflow"
    assert {parent_of(instrumented, chat) for chat in instrumented.chats} == {"mine"}


def test_langgraph_may_be_imported_later() -> None:
    pytest.importorskip("langgraph.graph")
    script = """
        import sys
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from parrot_callbacks import LangChainInstrumentor

        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        LangChainInstrumentor().instrument(tracer_provider=provider)
        assert "langgraph.graph" not in sys.modules

        from langgraph.graph import START, StateGraph

        def node(state):
            provider.get_tracer("user").start_span("mine").end()
            return {}

        builder = StateGraph(dict).add_node("only", node).add_edge(START, "only")
        builder.compile().invoke({"x": 1})
        mine, graph = exporter.get_finished_spans()
        assert mine.parent.span_id == graph.context.span_id, (mine.parent, graph.name)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_with_a_handler_there_is_still_one_span(instrumented: Any, echo: Any) -> None:
    second = OpenTelemetryCallbackHandler(instrumented.provider)
    echo(callbacks=[second]).invoke("x", instrumented.config)
    list(echo(callbacks=[second]).stream("x", instrumented.config))
    assert len(instrumented.chats) == 2


async def test_handlers_that_are_not_inline_are_told_of_starts(instrumented: Any) -> None:
    told: list[Any] = []

    class Theirs(BaseCallbackHandler):
        def on_llm_start(self, *args: Any, **kwargs: Any) -> None:
            told.append(kwargs["run_id"])

    model = FakeListLLM(responses=["hey", "you"])
    await model.agenerate(["x", "y"], callbacks=[Theirs()])
    assert len(told) == len(set(told)) == 2
    assert len(instrumented.named("text_completion")) == 2
    LangChainInstrumentor().uninstrument()
    await model.agenerate(["x", "y"], callbacks=[Theirs()])
    assert len(told) == 4


def test_instrumentations_of_providers_are_asked_to_stand_back(
    telemetry: Any, sync_echo: Any
) -> None:
    seen: list[Any] = []
    model = sync_echo(before=lambda: seen.append(get_current().get(OPENLLMETRY)))
    for wanted in (False, True):
        LangChainInstrumentor().instrument(
            tracer_provider=telemetry.provider, suppress_provider_spans=wanted
        )
        model.invoke("x")
        LangChainInstrumentor().uninstrument()
    assert seen == [None, True]
    assert get_current().get(OPENLLMETRY) is None


def test_without_a_line_of_code(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("opentelemetry-instrument")
    if not command.exists():
        pytest.skip("the extra 'instrument' isn't installed")
    app = tmp_path / "app.py"
    app.write_text(
        textwrap.dedent("""
        from langchain_core.language_models.fake_chat_models import FakeListChatModel

        print(FakeListChatModel(responses=["hello"]).invoke("hi").text)
        """)
    )
    with grpc_receiver() as received:
        # No exporter and no protocol is named: what the extra brings has to do.
        ours = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        others = {name: value for name, value in os.environ.items() if name[:5] != "OTEL_"}
        done = subprocess.run(
            [str(command), sys.executable, str(app)],
            env={**others, **ours},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
        assert received.names() == ["chat"], done.stderr


def test_only_times_of_calls_have_exemplars(telemetry: Any, sync_echo: Any) -> None:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    LangChainInstrumentor().instrument(tracer_provider=telemetry.provider, meter_provider=meters)
    try:
        with telemetry.tracer.start_as_current_span("user"):
            list(sync_echo().stream("x"))
    finally:
        LangChainInstrumentor().uninstrument()
    found = reader.get_metrics_data()
    assert found is not None
    exemplars = {
        metric.name.rpartition(".")[2]: {
            exemplar.span_id for point in metric.data.data_points for exemplar in point.exemplars
        }
        for of_resource in found.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
    }
    call = {telemetry.chat.context.span_id}
    assert exemplars == {
        "duration": call,
        "time_to_first_chunk": call,
        "time_per_output_chunk": set(),
        "usage": set(),
    }
