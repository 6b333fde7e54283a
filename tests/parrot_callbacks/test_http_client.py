"""Real HTTP requests in a model's body, by the real instrumentation of httpx."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda

from parrot_callbacks import LangChainInstrumentor

httpx = pytest.importorskip("httpx")
instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning"),
]


class Words(BaseHTTPRequestHandler):
    """Answers every request with three words, a line each."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None: ...

    def do_GET(self) -> None:
        body = b"one\ntwo\nthree\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Words)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}/"
    listening.shutdown()
    thread.join()
    listening.server_close()


class HttpModel(BaseChatModel):
    """Asks a server, natively in both worlds; a second request follows the first chunk."""

    url: str

    @property
    def _llm_type(self) -> str:
        return "http"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        with httpx.Client() as client:
            text = client.get(self.url).text
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        async with httpx.AsyncClient() as client:
            text = (await client.get(self.url)).text
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with httpx.Client() as client, client.stream("GET", self.url) as reply:
            for line in reply.iter_lines():
                yield ChatGenerationChunk(message=AIMessageChunk(line))
            client.get(self.url)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        async with httpx.AsyncClient() as client, client.stream("GET", self.url) as reply:
            async for line in reply.aiter_lines():
                yield ChatGenerationChunk(message=AIMessageChunk(line))
            await client.get(self.url)


@pytest.fixture
def traced(telemetry: Any) -> Iterator[Any]:
    client = instrumentation.HTTPXClientInstrumentor()
    client.instrument(tracer_provider=telemetry.provider)
    yield telemetry
    client.uninstrument()


@pytest.fixture
def instrumented(traced: Any) -> Iterator[Any]:
    LangChainInstrumentor().instrument(tracer_provider=traced.provider)
    yield traced
    LangChainInstrumentor().uninstrument()


def request_parents(telemetry: Any) -> list[int]:
    return [span.parent.span_id if span.parent else 0 for span in telemetry.named("GET")]


def check(telemetry: Any, *, whole: bool) -> None:
    """Every call has its requests below it; only the first of a stream without guards."""
    chats = [chat.context.span_id for chat in telemetry.chats]
    assert len(chats) == 2
    parents = request_parents(telemetry)
    assert set(chats) <= set(parents)
    if whole:
        assert set(parents) == set(chats)


def test_requests_are_below_their_call(traced: Any, server: str, sync_mode: Any) -> None:
    with traced.tracer.start_as_current_span("user"):
        sync_mode(HttpModel(url=server), traced.config, lambda: None)
    check(traced, whole=False)


async def test_requests_are_below_their_async_call(
    traced: Any, server: str, async_mode: Any
) -> None:
    with traced.tracer.start_as_current_span("user"):
        await async_mode(HttpModel(url=server), traced.config, lambda: None)
    check(traced, whole=False)


def test_every_request_is_below_its_call(instrumented: Any, server: str, sync_mode: Any) -> None:
    with instrumented.tracer.start_as_current_span("user"):
        sync_mode(HttpModel(url=server), {}, lambda: None)
    check(instrumented, whole=True)


async def test_every_request_is_below_its_async_call(
    instrumented: Any, server: str, async_mode: Any
) -> None:
    with instrumented.tracer.start_as_current_span("user"):
        await async_mode(HttpModel(url=server), {}, lambda: None)
    check(instrumented, whole=True)


def graph_of(node: Callable[..., Any]) -> Any:
    graphs = pytest.importorskip("langgraph.graph")
    builder = graphs.StateGraph(dict)
    builder.add_node("node", node)
    builder.add_edge(graphs.START, "node")
    return builder.compile()


def test_every_request_in_a_graph(instrumented: Any, server: str, sync_mode: Any) -> None:
    def node(state: dict[str, Any]) -> dict[str, Any]:
        sync_mode(HttpModel(url=server), {}, lambda: None)
        return {}

    graph_of(node).invoke({"x": 1})
    check(instrumented, whole=True)


async def test_every_request_in_an_async_graph(
    instrumented: Any, server: str, async_mode: Any
) -> None:
    async def node(state: dict[str, Any]) -> dict[str, Any]:
        await async_mode(HttpModel(url=server), {}, lambda: None)
        return {}

    await graph_of(node).ainvoke({"x": 1})
    check(instrumented, whole=True)


def test_a_request_of_the_users_own_beside_a_call(instrumented: Any, server: str) -> None:
    def step(text: str) -> str:
        httpx.get(server)
        return str(HttpModel(url=server).invoke(text).text)

    RunnableLambda(step).with_config(run_name="outer").invoke("x")
    (outer,) = instrumented.named("invoke_workflow outer")
    assert sorted(request_parents(instrumented)) == sorted(
        [outer.context.span_id, instrumented.chat.context.span_id]
    )
