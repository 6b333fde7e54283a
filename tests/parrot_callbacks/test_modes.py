"""Every execution mode, in every place: one chat span a call, with the right parent."""

from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning"),
]

# v3 on a sequence raises NotImplementedError.
NOT_IN_A_SEQUENCE = {"stream_events_v3", "astream_events_v3"}
STREAMING = {
    "stream", "stream_events_v3", "astream", "astream_events_v1", "astream_events_v2",
    "astream_events_v3", "astream_log",
}  # fmt: skip


def span_id(span: trace.Span | ReadableSpan) -> int:
    context = span.get_span_context()
    return context.span_id if context else 0


def parent_id(span: ReadableSpan) -> int:
    return span.parent.span_id if span.parent else 0


def check(telemetry: Any, mode: str, parent: int) -> None:
    """Two calls: two whole spans with this parent, each with its body's client span."""
    assert len(telemetry.chats) == 2
    for chat in telemetry.chats:
        assert chat.name == "chat echo-1"
        assert parent_id(chat) == parent
        assert chat.kind is trace.SpanKind.CLIENT
        assert chat.status.status_code is trace.StatusCode.UNSET
        attributes = dict(chat.attributes)
        streams = mode in STREAMING
        assert attributes.pop("gen_ai.request.stream", False) is streams
        assert (attributes.pop("gen_ai.response.time_to_first_chunk", None) is not None) is streams
        assert attributes.pop("gen_ai.response.id")
        assert attributes == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "parrot",
            "gen_ai.request.model": "echo-1",
            "gen_ai.request.temperature": 0.0,
            "gen_ai.response.model": "echo-2026-11",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.output_tokens": 3,
            "langchain.identifying_params.model_name": "echo-1",
            "langchain.run.outcome": "completed",
        }
        assert isinstance(attributes["gen_ai.request.temperature"], float)
    clients = telemetry.named("client")
    assert sorted(map(parent_id, clients)) == sorted(map(span_id, telemetry.chats))
    assert telemetry.handler.open_runs == 0


class Consumer:
    """Notes which span the consumer of a stream sees."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def __call__(self) -> None:
        self.seen.add(span_id(trace.get_current_span()))


def test_bare(telemetry: Any, echo: Any, sync_mode: Any) -> None:
    consumer = Consumer()
    sync_mode(echo(before=telemetry.client_span), telemetry.config, consumer)
    check(telemetry, sync_mode.__name__, 0)
    assert consumer.seen <= {0}
    assert len({span.context.trace_id for span in telemetry.chats}) == 2


async def test_bare_async(telemetry: Any, echo: Any, async_mode: Any) -> None:
    consumer = Consumer()
    await async_mode(echo(before=telemetry.client_span), telemetry.config, consumer)
    check(telemetry, async_mode.__name__, 0)
    assert consumer.seen <= {0}


def test_inside_a_span_of_the_user(telemetry: Any, echo: Any, sync_mode: Any) -> None:
    consumer = Consumer()
    with telemetry.tracer.start_as_current_span("user") as user:
        sync_mode(echo(before=telemetry.client_span), telemetry.config, consumer)
        assert trace.get_current_span() is user
    check(telemetry, sync_mode.__name__, span_id(user))
    assert consumer.seen <= {span_id(user)}


async def test_inside_a_span_of_the_user_async(telemetry: Any, echo: Any, async_mode: Any) -> None:
    consumer = Consumer()
    with telemetry.tracer.start_as_current_span("user") as user:
        await async_mode(echo(before=telemetry.client_span), telemetry.config, consumer)
        current = trace.get_current_span()
        assert span_id(current) == span_id(user)
        current.set_attribute("after", 1)
    check(telemetry, async_mode.__name__, span_id(user))
    assert consumer.seen <= {span_id(user)}
    assert telemetry.named("user")[0].attributes["after"] == 1


def one_root(telemetry: Any, user: trace.Span) -> None:
    """Each chat is below a root of its own, the roots below the user's span."""
    roots = {span_id(span): span for span in telemetry.named("invoke_workflow")}
    assert len(roots) == 2
    assert {parent_id(chat) for chat in telemetry.chats} == set(roots)
    assert {parent_id(root) for root in roots.values()} == {span_id(user)}
    clients = {parent_id(span) for span in telemetry.named("client")}
    assert clients == {span_id(chat) for chat in telemetry.chats}


def test_in_a_sequence(telemetry: Any, echo: Any, sync_mode: Any) -> None:
    if sync_mode.__name__ in NOT_IN_A_SEQUENCE:
        pytest.skip("LangChain has no v3 events of sequences")
    consumer = Consumer()
    chain = RunnableLambda(str) | echo(before=telemetry.client_span)
    with telemetry.tracer.start_as_current_span("user") as user:
        sync_mode(chain, telemetry.config, consumer)
        assert trace.get_current_span() is user
    one_root(telemetry, user)
    assert consumer.seen <= {span_id(user)}


async def test_in_a_sequence_async(telemetry: Any, echo: Any, async_mode: Any) -> None:
    if async_mode.__name__ in NOT_IN_A_SEQUENCE:
        pytest.skip("LangChain has no v3 events of sequences")
    consumer = Consumer()
    chain = RunnableLambda(str) | echo(before=telemetry.client_span)
    with telemetry.tracer.start_as_current_span("user") as user:
        await async_mode(chain, telemetry.config, consumer)
    one_root(telemetry, user)
    assert consumer.seen <= {span_id(user)}


def graph_of(node: Any) -> Any:
    graph = pytest.importorskip("langgraph.graph")
    builder = graph.StateGraph(dict)
    builder.add_node("node", node)
    builder.add_edge(graph.START, "node")
    return builder.compile()


def check_graph(telemetry: Any, mode: str, user: trace.Span) -> None:
    (root,) = telemetry.named("invoke_workflow")
    assert parent_id(root) == span_id(user)
    check(telemetry, mode, span_id(root))
    assert len({span.context.trace_id for span in telemetry.spans}) == 1


@pytest.mark.parametrize("streamed", [False, True], ids=["invoked", "streamed"])
def test_in_a_graph_node(telemetry: Any, echo: Any, sync_mode: Any, streamed: bool) -> None:
    model = echo(before=telemetry.client_span)

    def node(state: dict[str, Any]) -> dict[str, Any]:
        sync_mode(model, {}, lambda: None)
        return {}

    graph = graph_of(node)
    with telemetry.tracer.start_as_current_span("user") as user:
        if streamed:
            for _ in graph.stream({"x": 1}, telemetry.config):
                assert trace.get_current_span() is user
        else:
            graph.invoke({"x": 1}, telemetry.config)
        assert trace.get_current_span() is user
    check_graph(telemetry, sync_mode.__name__, user)


@pytest.mark.parametrize("streamed", [False, True], ids=["invoked", "streamed"])
async def test_in_an_async_graph_node(
    telemetry: Any, echo: Any, async_mode: Any, streamed: bool
) -> None:
    model = echo(before=telemetry.client_span)

    async def node(state: dict[str, Any]) -> dict[str, Any]:
        await async_mode(model, {}, lambda: None)
        return {}

    graph = graph_of(node)
    with telemetry.tracer.start_as_current_span("user") as user:
        if streamed:
            async for _ in graph.astream({"x": 1}, telemetry.config):
                assert trace.get_current_span() is user
        else:
            await graph.ainvoke({"x": 1}, telemetry.config)
        assert trace.get_current_span() is user
    check_graph(telemetry, async_mode.__name__, user)
