"""Listens to one unit of calls: to its callbacks, and to the arrival of its chunks."""

from collections import Counter
from collections.abc import AsyncIterable, Callable, Iterable
from time import perf_counter_ns
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessageChunk, BaseMessage

from parrot_bench.execution import Keep
from parrot_bench.studies.parity.seen import Arrived, Heard


class Listener(BaseCallbackHandler):
    """Counts what is called of it, once a unit of calls."""

    run_inline = True  # in async modes, too: no thread between the call and the count

    def __init__(self) -> None:
        self._starts: Counter[UUID] = Counter()
        self._ends: Counter[UUID] = Counter()
        self._inside: set[UUID] = set()
        self._tokens = 0
        self._events = 0

    def on_chat_model_start(
        self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **__: Any
    ) -> None:
        """Count a start."""
        # Nothing of ours is around the calls: what has a parent is a model inside the model.
        if parent_run_id is not None:
            self._inside.add(run_id)
        else:
            self._starts[run_id] += 1

    def on_llm_start(
        self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **__: Any
    ) -> None:
        """Count a start of a text completion model."""
        self.on_chat_model_start(run_id=run_id, parent_run_id=parent_run_id)

    def on_chain_start(
        self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **__: Any
    ) -> None:
        """Count a start of a chain or a graph, which is what was called if nothing is around it."""
        self.on_chat_model_start(run_id=run_id, parent_run_id=parent_run_id)

    def on_chain_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Count the end of one."""
        self.on_llm_end(run_id=run_id)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **_: Any) -> None:
        """Count a token, if there is something in it."""
        message = getattr(chunk, "message", None)
        if run_id not in self._inside and (has_content(message) if message else token):
            self._tokens += 1

    def on_stream_event(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Count an event of version v3."""
        self._events += run_id not in self._inside

    def on_llm_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Count an end."""
        if run_id not in self._inside:
            self._ends[run_id] += 1

    def heard(self) -> Heard:
        """Say what was heard."""
        return Heard(
            starts=self._starts.total(),
            ends=self._ends.total(),
            unmatched=sum(run not in self._starts for run in self._ends),
            tokens=self._tokens,
            events=self._events,
        )


class Arrivals:
    """Notes when the chunks of one stream arrive, and keeps them.

    Args:
        carries: How many chunks with content there are in an item.
    """

    def __init__(self, carries: Callable[[Any], int]) -> None:
        self._carries = carries
        self._begun = perf_counter_ns()
        self._times: list[int] = []

    @property
    def keep(self) -> Keep:
        """How a mode is bound, for its stream to be listened to."""
        return Keep(chunks=self._all, achunks=self._aall)

    def begin(self) -> None:
        """The call is made now."""
        self._begun = perf_counter_ns()

    def _all(self, stream: Iterable[Any]) -> list[Any]:
        return [self._noted(item) for item in stream]

    async def _aall(self, stream: AsyncIterable[Any]) -> list[Any]:
        return [self._noted(item) async for item in stream]

    def _noted(self, item: Any) -> Any:
        now = perf_counter_ns()
        self._times += [now - self._begun] * self._carries(item)
        return item

    def arrived(self) -> Arrived:
        """Say how they arrived."""
        if not self._times:
            return Arrived(0)
        return Arrived(len(self._times), self._times[0], self._times[-1])


def carries_content(item: Any) -> int:
    """How many chunks with content there are in what a stream yields: a chunk, event or patch."""
    if isinstance(item, dict):
        if item.get("event") == "content-block-delta":
            return 1
        chunk = item.get("data", {}).get("chunk")
        return int(item.get("event") == "on_chat_model_stream" and has_content(chunk))
    if isinstance(item, BaseMessage):
        return int(has_content(item))
    operations = getattr(item, "ops", ())
    return sum(
        operation["path"] == "/streamed_output/-" and has_content(operation["value"])
        for operation in operations
    )


def has_content(message: Any) -> bool:
    """Whether there is text, part of a tool call, or reasoning in a chunk."""
    if not isinstance(message, BaseMessage):
        return False
    if isinstance(message, AIMessageChunk) and message.tool_call_chunks:
        return True
    if isinstance(message.content, str):
        return bool(message.content)
    return any((block if isinstance(block, str) else _text_of(block)) for block in message.content)


def _text_of(block: dict[str, Any]) -> str:
    found = (block.get(key) for key in ("text", "reasoning", "thinking"))
    return next((text for text in found if isinstance(text, str) and text), "")
