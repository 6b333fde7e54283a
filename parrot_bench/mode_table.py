"""The table of execution modes and floors, one row each, and how modes are chosen from it.

A *floor* calls the model's own method by hand. It is not a mode anyone should use: it is what
is left of a call when LangChain is taken away, and what the modes are divided by.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from langchain_core._api import LangChainBetaWarning, LangChainDeprecationWarning
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from parrot_bench.binding import (
    as_messages,
    bind_aevents_v3,
    bind_events_v3,
    bind_gather,
    generated,
    in_order,
    last_event,
    last_patch,
    merged,
    merged_generations,
    plain,
    plain_floor,
    streaming,
)
from parrot_bench.content import of_block_event, of_event, of_generation, of_pair, of_patch
from parrot_bench.errors import UnknownModeError
from parrot_bench.execution import ExecutionMode, implements, is_chat_model
from parrot_bench.loading import named_object
from parrot_bench.record import ModeRecord
from parrot_bench.runnables.kinds import core_of, is_graph, named
from parrot_bench.runnables.outputs import of_pairs


def default_modes(model: Runnable[Any, Any] | None = None) -> list[ExecutionMode]:
    """Return every mode and floor but the deprecated ones, in the order of the table.

    Args:
        model: What they are of. Those of graphs are among them only if it is one.
    """
    graphs = model is not None and is_graph(model)
    modes = [mode for mode in MODES.values() if mode.status != "deprecated"]
    return [mode for mode in modes if graphs or mode.unavailable is not _needs_graph]


def select_modes(names: Iterable[str] = ()) -> list[ExecutionMode]:
    """Return the modes of these names, in the order given.

    Args:
        names: Names in :data:`MODES`, or ``module:attr`` naming an :class:`ExecutionMode` of
            one's own; none for the default ones. A name given twice counts once.

    Returns:
        The modes.

    Raises:
        UnknownModeError: No mode has that name, or two different modes share it.
    """
    chosen: dict[str, ExecutionMode] = {}
    for name in names:
        mode = _own_mode(name) if ":" in name else _mode_in_table(name)
        if chosen.setdefault(mode.name, mode) is not mode:
            raise UnknownModeError(
                f"mode {name} is called {mode.name!r}, as is another mode chosen; rename it"
            )
    return list(chosen.values()) or default_modes()


def mode_record(mode: ExecutionMode, model: Runnable[Any, Any]) -> ModeRecord:
    """Say what a mode is with a model."""
    return ModeRecord(
        name=mode.name,
        api=mode.api,
        kind=mode.kind,
        status=mode.status,
        streams=mode.streams,
        batches=mode.batches,
        floor=mode.floor if is_chat_model(model) else "",
        note=mode.note(model),
        unavailable=mode.unavailable(model),
    )


def _mode_in_table(name: str) -> ExecutionMode:
    if name in MODES:
        return MODES[name]
    close = get_close_matches(name, MODES, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise UnknownModeError(
        f"no mode is called {name!r}; {hint}The modes: {', '.join(MODES)}; "
        "or module:attr naming an ExecutionMode of your own"
    )


def _own_mode(spec: str) -> ExecutionMode:
    mode = named_object(spec, "an ExecutionMode", UnknownModeError)
    if not isinstance(mode, ExecutionMode):
        raise UnknownModeError(
            f"{spec} is of type {type(mode).__qualname__}, expected an ExecutionMode"
        )
    return mode


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore LangChain's warnings that an API is beta or deprecated.

    The table says so already. Entered once around all calls: LangChain itself warns of a beta
    API once a process, but of ``astream_log`` and v1 events on every call.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LangChainBetaWarning)
        warnings.simplefilter("ignore", LangChainDeprecationWarning)
        yield


def _needs_chat_model(model: Runnable[Any, Any]) -> str:
    if is_chat_model(model):
        return ""
    return f"floors are of chat models only, and {named(model)} is none"


def _needs_graph(model: Runnable[Any, Any]) -> str:
    if is_graph(model):
        return ""
    return f"it is a mode of LangGraph's graphs, and {named(model)} is none"


def _floor_that(needs: Callable[[BaseChatModel], str]) -> Callable[[Runnable[Any, Any]], str]:
    """A floor of chat models that need something for it."""

    def unavailable(model: Runnable[Any, Any]) -> str:
        return needs(model) if is_chat_model(model) else _needs_chat_model(model)

    return unavailable


def _needs_stream(model: BaseChatModel) -> str:
    if implements(model, "_stream"):
        return ""
    return f"{type(model).__qualname__} does not implement _stream"


def _needs_any_stream(model: BaseChatModel) -> str:
    if implements(model, "_stream") or implements(model, "_astream"):
        return ""
    return f"{type(model).__qualname__} implements neither _stream nor _astream"


def _needs_v3(method: str, native: str, or_else: Callable[[BaseChatModel], str]) -> Any:
    """A Runnable has events v3 where its class overrides the method for them."""

    def unavailable(model: Runnable[Any, Any]) -> str:
        # A binding hands them on to what it is bound to.
        inner = core_of(model)
        if not is_chat_model(inner):
            theirs = getattr(type(inner), method, None)
            if theirs is None or theirs is getattr(Runnable, method, None):
                return f"{type(inner).__qualname__} has no events of version v3"
            return ""
        ours = getattr(BaseChatModel, method, None)
        if ours is None or ours is getattr(Runnable, method, None):
            return "the installed langchain-core has no chat model events of version v3"
        return "" if hasattr(inner, native) else or_else(inner)

    return unavailable


def _needs_method(method: str) -> Callable[[Runnable[Any, Any]], str]:
    def unavailable(model: Runnable[Any, Any]) -> str:
        return "" if hasattr(model, method) else f"the installed langchain-core has no {method}"

    return unavailable


_TABLE = (
    ExecutionMode(
        name="direct_generate",
        api="model._generate(messages)",
        kind="sync",
        status="floor",
        bind=plain_floor("_generate"),
        messages=generated,
        prepare=as_messages,
        unavailable=_needs_chat_model,
    ),
    ExecutionMode(
        name="direct_stream",
        api="model._stream(messages)",
        kind="sync",
        status="floor",
        streams=True,
        bind=streaming("_stream", kind="sync", floor=True),
        messages=merged_generations,
        content=of_generation,
        prepare=as_messages,
        unavailable=_floor_that(_needs_stream),
    ),
    ExecutionMode(
        name="direct_agenerate",
        api="model._agenerate(messages)",
        kind="async",
        status="floor",
        bind=plain_floor("_agenerate"),
        messages=generated,
        prepare=as_messages,
        unavailable=_needs_chat_model,
    ),
    ExecutionMode(
        name="direct_astream",
        api="model._astream(messages)",
        kind="async",
        status="floor",
        streams=True,
        bind=streaming("_astream", kind="async", floor=True),
        messages=merged_generations,
        content=of_generation,
        prepare=as_messages,
        unavailable=_floor_that(_needs_any_stream),
    ),
    ExecutionMode(
        name="invoke",
        api="model.invoke(prompt)",
        kind="sync",
        status="stable",
        bind=plain("invoke"),
        messages=lambda reply: [reply],
    ),
    ExecutionMode(
        name="stream",
        api="model.stream(prompt)",
        kind="sync",
        status="stable",
        streams=True,
        bind=streaming("stream", kind="sync"),
        messages=merged,
    ),
    ExecutionMode(
        name="batch",
        api="model.batch(prompts)",
        kind="sync",
        status="stable",
        batches=True,
        bind=plain("batch", batches=True),
        messages=list,
    ),
    ExecutionMode(
        name="batch_as_completed",
        api="model.batch_as_completed(prompts)",
        kind="sync",
        status="stable",
        batches=True,
        bind=streaming("batch_as_completed", kind="sync", batches=True),
        messages=in_order,
    ),
    ExecutionMode(
        name="stream_messages",
        api='graph.stream(input, stream_mode="messages")',
        kind="sync",
        status="stable",
        streams=True,
        bind=streaming("stream", kind="sync", stream_mode="messages"),
        messages=of_pairs,
        content=of_pair,
        unavailable=_needs_graph,
    ),
    ExecutionMode(
        name="ainvoke",
        api="model.ainvoke(prompt)",
        kind="async",
        status="stable",
        bind=plain("ainvoke"),
        messages=lambda reply: [reply],
    ),
    ExecutionMode(
        name="ainvoke_gather",
        api="asyncio.gather(*(model.ainvoke(prompt) ...)), each within a semaphore",
        kind="async",
        status="stable",
        batches=True,
        bind=bind_gather,
        messages=list,
    ),
    ExecutionMode(
        name="astream",
        api="model.astream(prompt)",
        kind="async",
        status="stable",
        streams=True,
        bind=streaming("astream", kind="async"),
        messages=merged,
    ),
    ExecutionMode(
        name="abatch",
        api="model.abatch(prompts)",
        kind="async",
        status="stable",
        batches=True,
        bind=plain("abatch", batches=True),
        messages=list,
    ),
    ExecutionMode(
        name="abatch_as_completed",
        api="model.abatch_as_completed(prompts)",
        kind="async",
        status="stable",
        batches=True,
        bind=streaming("abatch_as_completed", kind="async", batches=True),
        messages=in_order,
    ),
    ExecutionMode(
        name="astream_events_v2",
        api='model.astream_events(prompt, version="v2")',
        kind="async",
        status="stable",
        streams=True,
        bind=streaming("astream_events", kind="async", version="v2"),
        messages=last_event,
        content=of_event,
    ),
    ExecutionMode(
        name="astream_messages",
        api='graph.astream(input, stream_mode="messages")',
        kind="async",
        status="stable",
        streams=True,
        bind=streaming("astream", kind="async", stream_mode="messages"),
        messages=of_pairs,
        content=of_pair,
        unavailable=_needs_graph,
    ),
    ExecutionMode(
        name="stream_events_v3",
        api='model.stream_events(prompt, version="v3")',
        kind="sync",
        status="beta",
        streams=True,
        bind=bind_events_v3,
        messages=lambda reply: [reply],
        content=of_block_event,
        unavailable=_needs_v3("stream_events", "_stream_chat_model_events", _needs_stream),
    ),
    ExecutionMode(
        name="astream_events_v3",
        api='async with await model.astream_events(prompt, version="v3")',
        kind="async",
        status="beta",
        streams=True,
        bind=bind_aevents_v3,
        messages=lambda reply: [reply],
        content=of_block_event,
        unavailable=_needs_v3("astream_events", "_astream_chat_model_events", _needs_any_stream),
    ),
    ExecutionMode(
        name="astream_events_v1",
        api='model.astream_events(prompt, version="v1")',
        kind="async",
        status="deprecated",
        streams=True,
        bind=streaming("astream_events", kind="async", version="v1"),
        messages=last_event,
        content=of_event,
    ),
    ExecutionMode(
        name="astream_log",
        api="model.astream_log(prompt)",
        kind="async",
        status="deprecated",
        streams=True,
        bind=streaming("astream_log", kind="async"),
        messages=last_patch,
        content=of_patch,
        unavailable=_needs_method("astream_log"),
    ),
)

MODES: Mapping[str, ExecutionMode] = MappingProxyType({mode.name: mode for mode in _TABLE})
"""Every mode by its name: floors, sync, async, then the beta and the deprecated ones."""
