"""Record spans of other people's instrumentations: how the files in ``data/`` came about.

    python -m tests.parrot_reports.record_spans openinference FILE

in an environment with langchain-openai, langgraph and the group ``peer-openinference`` of
pyproject.toml. The provider's answers are canned, so nothing is asked of any server.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import openai
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from parrot_callbacks.span_file import SpanFileExporter
from tests.peers.handlers import PEERS

OPTIONS = {"openllmetry-0.40": "openllmetry"}
"""An older version of a peer, whose names of attributes are still in many files."""

USAGE = {
    "prompt_tokens": 41,
    "completion_tokens": 12,
    "total_tokens": 53,
    "prompt_tokens_details": {"cached_tokens": 32},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
ASKED = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}


def answer(request: httpx.Request) -> httpx.Response:
    """Answer as OpenAI does: whole, in chunks, with a call of a tool, or not at all."""
    asked = json.loads(request.content)
    said = asked["messages"][-1]
    if said["content"] == "fail":
        return httpx.Response(429, json={"error": {"message": "slow down", "code": "rate"}})
    base = {"id": "chatcmpl-1", "created": 0, "model": f"{asked['model']}-2025-04-14"}
    if asked.get("stream"):
        words = [{"role": "assistant", "content": word} for word in ("Hel", "lo")]
        chunks: list[dict[str, Any]] = [
            *({**base, "choices": [{"index": 0, "delta": delta}]} for delta in words),
            {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {**base, "choices": [], "usage": USAGE},
        ]
        lines = [json.dumps({**chunk, "object": "chat.completion.chunk"}) for chunk in chunks]
        body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=body)
    wants_tool = "tools" in asked and said["role"] != "tool"
    message = {"role": "assistant", "content": None if wants_tool else "Hello"}
    if wants_tool:
        message["tool_calls"] = [ASKED]  # type: ignore[assignment]
    reason = "tool_calls" if wants_tool else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    whole = {**base, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return httpx.Response(200, json=whole)


@tool
def add(a: int) -> int:
    """Add one."""
    return a + 1


def main(peer: str, path: Path) -> None:
    """Make one call of each sort under an instrumentation."""
    provider = TracerProvider(resource=Resource({"service.name": "recorded"}))
    provider.add_span_processor(BatchSpanProcessor(SpanFileExporter(path)))
    instrumentor = PEERS[OPTIONS.get(peer, peer)].factory(provider)
    client = httpx.Client(transport=httpx.MockTransport(answer))
    model = ChatOpenAI(
        model="gpt-4.1", api_key="none", http_client=client, max_retries=0, temperature=0.5,
        stream_usage=True,
    )  # fmt: skip
    model.invoke("hello")
    list(model.stream("hello"))
    with contextlib.suppress(openai.RateLimitError):
        model.invoke("fail")
    create_react_agent(model, [add], name="cook").invoke({"messages": [("user", "one and one")]})
    instrumentor.uninstrument()
    provider.shutdown()
    _cut_stack_traces(path)


def _cut_stack_traces(path: Path) -> None:
    """They name folders of the machine, and are half of the file."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for request in lines:
        for resource in request["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    span.get("status", {}).pop("message", None)
                    for event in span.get("events", ()):
                        event["attributes"] = [
                            item
                            for item in event.get("attributes", ())
                            if item["key"] != "exception.stacktrace"
                        ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
