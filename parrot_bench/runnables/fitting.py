"""A mode of the table as a mode of any Runnable: how it is asked, and how its results are read.

The table is written for chat models, whose modes stay as they are. What is timed of another
Runnable is its own method, bound in the same way; only the prompt that it is given before, and what
is made of its results afterwards, are others. So nothing that calls a mode asks what it calls.

The first chunk with content of a graph or a chain is the first that any of its models says: in
``stream_messages`` and in events, a model's own chunk; in a graph's default stream, the first
update that brings an AI message; in a chain's stream, its first output that is not empty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from parrot_bench import content
from parrot_bench.binding import bind_graph_aevents_v3
from parrot_bench.execution import Bind, ExecutionMode, is_chat_model
from parrot_bench.mode_table import MODES
from parrot_bench.runnables.inputs import Takes, takes
from parrot_bench.runnables.kinds import is_graph
from parrot_bench.runnables.outputs import (
    final_output,
    joined,
    reply_of,
    streamed_output,
    updated,
    updates_in,
)

Read = Callable[[Any], list[Any]]
Content = Callable[[Any], bool | None]


def fitted(mode: ExecutionMode, model: Runnable[Any, Any]) -> ExecutionMode:
    """A mode as one of a Runnable; of a chat model, the mode itself.

    Args:
        mode: Of the table, or one of the user's own.
        model: What will be called.
    """
    if is_chat_model(model):
        return mode
    fit = _Fit()
    if MODES.get(mode.name) is mode:
        fit = _ANY.get(mode.name, fit)
        fit = _GRAPHS.get(mode.name, fit) if is_graph(model) else fit
    return replace(
        mode,
        bind=fit.bind or mode.bind,
        prepare=_prepared(takes(model), mode),
        messages=_read(fit.outputs or mode.messages),
        content=fit.content or mode.content,
    )


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """What is another than in the table; None for what is the same.

    Attributes:
        bind: As in the table.
        outputs: Finds the outputs in a raw result, in the order of the prompts.
        content: As in the table.
    """

    bind: Bind | None = None
    outputs: Read | None = None
    content: Content | None = None


def _prepared(taken: Takes, mode: ExecutionMode) -> Callable[[Any], Any]:
    def prepare(prompt: Any) -> Any:
        return mode.prepare(taken.given(prompt))

    return prepare


def _read(outputs: Read) -> Callable[[Any], list[AIMessage]]:
    def read(raw: Any) -> list[AIMessage]:
        return [reply_of(output) for output in outputs(raw)]

    return read


def _one(read: Callable[[Any], Any]) -> Read:
    """Of a stream that has nothing there is no reply."""
    return lambda items: [read(items)] if items else []


def _logged(read: Callable[[Any], Any]) -> Read:
    return lambda patches: _one(read)(streamed_output(patches))


_ANY: Mapping[str, _Fit] = MappingProxyType(
    {
        "stream": _Fit(outputs=_one(joined), content=content.of_output),
        "astream": _Fit(outputs=_one(joined), content=content.of_output),
        "astream_events_v1": _Fit(outputs=final_output, content=content.of_any_event),
        "astream_events_v2": _Fit(outputs=final_output, content=content.of_any_event),
        "stream_events_v3": _Fit(content=content.of_any_block_event),
        "astream_events_v3": _Fit(content=content.of_any_block_event),
        "astream_log": _Fit(outputs=_logged(joined), content=content.of_logged_output),
    }
)
"""Modes of chains, and of graphs as well where they have none of their own."""

_GRAPHS: Mapping[str, _Fit] = MappingProxyType(
    {
        "stream": _Fit(outputs=_one(updated), content=content.of_update),
        "astream": _Fit(outputs=_one(updated), content=content.of_update),
        "astream_events_v1": _Fit(
            outputs=lambda events: _one(updated)(updates_in(events)), content=content.of_any_event
        ),
        "astream_events_v3": _Fit(bind=bind_graph_aevents_v3, content=content.of_any_block_event),
        "astream_log": _Fit(outputs=_logged(updated), content=content.of_logged_update),
    }
)
