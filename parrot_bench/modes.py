"""The execution modes: one public way each to call a ``BaseChatModel``.

Every mode is one row of one table, :data:`MODES`: what it is called, what it needs, how it is
bound to a model, and how its raw result is read. Modes have no loop over calls and no clock;
both are in :mod:`parrot_bench.timing`, so that all modes are timed by the same instructions.

A *floor* calls the model's own method by hand. It is not a mode anyone should use: it is what
is left of a call when LangChain is taken away, and what the modes are divided by.
"""

import asyncio
import warnings
from collections import deque
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, cast

from langchain_core._api import LangChainBetaWarning, LangChainDeprecationWarning
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    BaseMessageChunk,
    HumanMessage,
    convert_to_messages,
    message_chunk_to_message,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig

from parrot_bench.errors import UnknownModeError
from parrot_bench.loading import named_object


@dataclass(frozen=True, kw_only=True)
class CallSettings:
    """What every call of a block is made with.

    Attributes:
        config: Such as the callbacks of the traced pass. Floors have no use for it.
        kwargs: Arguments of each call, such as ``max_tokens``.
        max_concurrency: Calls in flight allowed to a batching mode; None leaves LangChain's
            default. Other modes have no use for it.
    """

    config: RunnableConfig | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    max_concurrency: int | None = None


@dataclass(frozen=True, kw_only=True)
class Keep:
    """What becomes of the chunks or events of a stream.

    Attributes:
        chunks: Consumes an iterable and returns what is kept of it.
        achunks: The same for an asynchronous iterable.
    """

    chunks: Callable[[Iterable[Any]], Any]
    achunks: Callable[[AsyncIterable[Any]], Awaitable[Any]]


async def _aexhaust(stream: AsyncIterable[Any]) -> None:
    async for _ in stream:
        pass


async def _alist(stream: AsyncIterable[Any]) -> list[Any]:
    return [chunk async for chunk in stream]


# Extending a deque of length 0 is the loop `for _ in stream: pass` written in C. Nothing is
# ever stored in it, so that one is enough for all threads.
drain = Keep(chunks=deque[Any](maxlen=0).extend, achunks=_aexhaust)
"""Throw everything away, at the least cost: for timed blocks."""

collect = Keep(chunks=list, achunks=_alist)
"""Keep everything: for :attr:`ExecutionMode.messages`."""

Bind = Callable[[BaseChatModel, CallSettings, Keep], Callable[[Any], Any]]


def _as_given(prompt: LanguageModelInput) -> Any:
    return prompt


def _nothing_missing(_model: BaseChatModel) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class ExecutionMode:
    """One public way to call a chat model, or a floor.

    A value of one's own takes part like any other: pass it to ``run(modes=...)`` or name it
    ``module:attr`` in ``--modes``.

    Attributes:
        name: Such as ``astream_events_v2``.
        api: The LangChain API it stands for, as one would type it.
        kind: An async mode's bound callable returns an awaitable, a sync mode's the result.
        status: ``floor``, or what LangChain says of the API.
        bind: Takes the model, the settings and what to keep of a stream, and returns the
            callable that is timed. It takes one prepared prompt; if ``batches``, a list.
        messages: Takes the raw result of that callable, bound with :data:`collect`, and
            returns the replies in the order of the prompts.
        streams: The reply arrives in chunks.
        batches: Several prompts are answered at once.
        prepare: Turns a prompt into what the bound callable takes, outside the timed section.
        unavailable: Says why this mode cannot be used with a model and the installed
            langchain-core; an empty string when it can.
    """

    name: str
    api: str
    kind: Literal["sync", "async"]
    status: Literal["floor", "stable", "beta", "deprecated"]
    bind: Bind
    messages: Callable[[Any], list[AIMessage]]
    streams: bool = False
    batches: bool = False
    prepare: Callable[[LanguageModelInput], Any] = _as_given
    unavailable: Callable[[BaseChatModel], str] = _nothing_missing

    @property
    def floor(self) -> str:
        """Name of the floor this mode is divided by; empty for a floor itself."""
        if self.status == "floor":
            return ""
        prefix = "direct_a" if self.kind == "async" else "direct_"
        return prefix + ("stream" if self.streams else "generate")

    def note(self, model: BaseChatModel) -> str:
        """Say what a reader should know of this mode with this model; empty for nothing."""
        if self.unavailable(model):
            return ""
        name = type(model).__qualname__
        asynchronous = self.kind == "async"
        chunks = _implements(model, "_stream") or (asynchronous and _implements(model, "_astream"))
        # Floors and v3 events ask the model for chunks whatever disable_streaming says.
        disabled = model.disable_streaming is True and self.status in {"stable", "deprecated"}
        remarks = []
        if self.streams and (disabled or not chunks):
            why = "disable_streaming is set" if disabled else f"{name} does not implement _stream"
            remarks.append(f"the reply arrives in one piece: {why}")
        method = "_astream" if self.streams and chunks and not disabled else "_agenerate"
        if asynchronous and not _implements(model, method):
            remarks.append(
                f"async through LangChain's executor fallback: {name} does not implement {method}"
            )
        return "; ".join(remarks)


def default_modes() -> list[ExecutionMode]:
    """Return every mode and floor but the deprecated ones, in the order of the table."""
    return [mode for mode in MODES.values() if mode.status != "deprecated"]


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


# What a mode needs --------------------------------------------------------------------------


def _implements(model: BaseChatModel, method: str) -> bool:
    """Whether a method is the model's own, not what LangChain falls back to.

    The fallbacks live in langchain_core's ``chat_models`` (``SimpleChatModel`` has one of its
    own there), which tells them from a provider's methods without asking for the class.
    """
    return next(
        (cls.__module__ != BaseChatModel.__module__)
        for cls in type(model).__mro__
        if method in vars(cls)
    )


def _needs_stream(model: BaseChatModel) -> str:
    if _implements(model, "_stream"):
        return ""
    return f"{type(model).__qualname__} does not implement _stream"


def _needs_any_stream(model: BaseChatModel) -> str:
    if _implements(model, "_stream") or _implements(model, "_astream"):
        return ""
    return f"{type(model).__qualname__} implements neither _stream nor _astream"


def _needs_v3(method: str, native: str, or_else: Callable[[BaseChatModel], str]) -> Any:
    """A chat model has events v3 where it overrides the runnable's method for them."""

    def unavailable(model: BaseChatModel) -> str:
        ours = getattr(BaseChatModel, method, None)
        if ours is None or ours is getattr(Runnable, method, None):
            return "the installed langchain-core has no chat model events of version v3"
        return "" if hasattr(model, native) else or_else(model)

    return unavailable


def _needs_method(method: str) -> Callable[[BaseChatModel], str]:
    def unavailable(model: BaseChatModel) -> str:
        return "" if hasattr(model, method) else f"the installed langchain-core has no {method}"

    return unavailable


# How a mode is bound to a model -------------------------------------------------------------


def _arguments(settings: CallSettings, *, batches: bool = False) -> dict[str, Any]:
    """Keyword arguments of every call; empty where there is nothing to say."""
    config = RunnableConfig(**(settings.config or {}))
    if batches and settings.max_concurrency is not None:
        config["max_concurrency"] = settings.max_concurrency
    return {**settings.kwargs, "config": config} if config else dict(settings.kwargs)


def _plain(method: str, *, batches: bool = False) -> Bind:
    """A method that returns its result, or a coroutine of it: no frame of ours around it."""

    def bind(model: BaseChatModel, settings: CallSettings, _keep: Keep) -> Callable[[Any], Any]:
        call: Callable[[Any], Any] = getattr(model, method)
        arguments = _arguments(settings, batches=batches)
        return partial(call, **arguments) if arguments else call

    return bind


def _plain_floor(method: str) -> Bind:
    def bind(model: BaseChatModel, settings: CallSettings, _keep: Keep) -> Callable[[Any], Any]:
        call: Callable[[Any], Any] = getattr(model, method)
        return partial(call, **settings.kwargs) if settings.kwargs else call

    return bind


def _streaming(
    method: str,
    *,
    kind: Literal["sync", "async"],
    floor: bool = False,
    batches: bool = False,
    **version: Any,
) -> Bind:
    """A method that returns an iterable, to be consumed; one frame of ours around it."""

    def bind(model: BaseChatModel, settings: CallSettings, keep: Keep) -> Callable[[Any], Any]:
        stream = getattr(model, method)
        ours = dict(settings.kwargs) if floor else _arguments(settings, batches=batches)
        arguments = {**ours, **version}
        consume = keep.chunks if kind == "sync" else keep.achunks

        def call(prompt: Any) -> Any:
            return consume(stream(prompt, **arguments))

        return call

    return bind


def _bind_gather(model: BaseChatModel, settings: CallSettings, _keep: Keep) -> Callable[[Any], Any]:
    ainvoke: Callable[..., Any] = partial(model.ainvoke, **_arguments(settings))
    limit = settings.max_concurrency

    async def call(prompts: Sequence[LanguageModelInput]) -> list[AIMessage]:
        semaphore = asyncio.Semaphore(limit or len(prompts) or 1)

        async def one(prompt: LanguageModelInput) -> AIMessage:
            async with semaphore:
                reply: AIMessage = await ainvoke(prompt)
            return reply

        return await asyncio.gather(*map(one, prompts))

    return call


def _bind_events_v3(
    model: BaseChatModel, settings: CallSettings, keep: Keep
) -> Callable[[Any], Any]:
    arguments = _arguments(settings)

    def call(prompt: LanguageModelInput) -> AIMessage:
        stream = model.stream_events(prompt, version="v3", **arguments)
        keep.chunks(stream)
        return stream.output

    return call


def _bind_aevents_v3(
    model: BaseChatModel, settings: CallSettings, keep: Keep
) -> Callable[[Any], Any]:
    arguments = _arguments(settings)

    async def call(prompt: LanguageModelInput) -> AIMessage:
        # Leaving the block waits until the callbacks of the call's end have run.
        async with await model.astream_events(prompt, version="v3", **arguments) as stream:
            await keep.achunks(stream)
            reply: AIMessage = await stream.output
        return reply

    return call


def _as_messages(prompt: LanguageModelInput) -> list[BaseMessage]:
    """What LangChain makes of a prompt before it calls the model."""
    if isinstance(prompt, PromptValue):
        return prompt.to_messages()
    if isinstance(prompt, str):
        return [HumanMessage(prompt)]
    return convert_to_messages(prompt)


# What the raw result of a mode says ---------------------------------------------------------


def _merged(chunks: Sequence[Any]) -> list[AIMessage]:
    if not chunks:
        return []
    first, *others = chunks
    # A chunk takes a whole list at once; one after the other is quadratic in the length.
    whole = first + others if others else first
    return [_message(whole)]


def _message(message: Any) -> AIMessage:
    """The message a chunk stands for; a model that does not stream gives a message."""
    if isinstance(message, BaseMessageChunk):
        message = message_chunk_to_message(message)
    return cast(AIMessage, message)


def _merged_generations(chunks: Sequence[Any]) -> list[AIMessage]:
    return _merged([chunk.message for chunk in chunks])


def _generated(result: Any) -> list[AIMessage]:
    return [result.generations[0].message]


def _in_order(pairs: Sequence[tuple[int, AIMessage]]) -> list[AIMessage]:
    return [reply for _, reply in sorted(pairs, key=lambda pair: pair[0])]


def _last_event(events: Sequence[Any]) -> list[AIMessage]:
    """The output of the first run's end: a model may call other models."""
    ends = [
        event["data"]["output"]
        for event in events
        if event["event"] == "on_chat_model_end" and event["run_id"] == events[0]["run_id"]
    ]
    return [_message(output) for output in ends[-1:]]


def _last_patch(patches: Sequence[Any]) -> list[AIMessage]:
    finals = [
        operation["value"]
        for patch in patches
        for operation in patch.ops
        if operation["path"] == "/final_output"
    ]
    return [_message(output) for output in finals[-1:]]


_TABLE = (
    ExecutionMode(
        name="direct_generate",
        api="model._generate(messages)",
        kind="sync",
        status="floor",
        bind=_plain_floor("_generate"),
        messages=_generated,
        prepare=_as_messages,
    ),
    ExecutionMode(
        name="direct_stream",
        api="model._stream(messages)",
        kind="sync",
        status="floor",
        streams=True,
        bind=_streaming("_stream", kind="sync", floor=True),
        messages=_merged_generations,
        prepare=_as_messages,
        unavailable=_needs_stream,
    ),
    ExecutionMode(
        name="direct_agenerate",
        api="model._agenerate(messages)",
        kind="async",
        status="floor",
        bind=_plain_floor("_agenerate"),
        messages=_generated,
        prepare=_as_messages,
    ),
    ExecutionMode(
        name="direct_astream",
        api="model._astream(messages)",
        kind="async",
        status="floor",
        streams=True,
        bind=_streaming("_astream", kind="async", floor=True),
        messages=_merged_generations,
        prepare=_as_messages,
        unavailable=_needs_any_stream,
    ),
    ExecutionMode(
        name="invoke",
        api="model.invoke(prompt)",
        kind="sync",
        status="stable",
        bind=_plain("invoke"),
        messages=lambda reply: [reply],
    ),
    ExecutionMode(
        name="stream",
        api="model.stream(prompt)",
        kind="sync",
        status="stable",
        streams=True,
        bind=_streaming("stream", kind="sync"),
        messages=_merged,
    ),
    ExecutionMode(
        name="batch",
        api="model.batch(prompts)",
        kind="sync",
        status="stable",
        batches=True,
        bind=_plain("batch", batches=True),
        messages=list,
    ),
    ExecutionMode(
        name="batch_as_completed",
        api="model.batch_as_completed(prompts)",
        kind="sync",
        status="stable",
        batches=True,
        bind=_streaming("batch_as_completed", kind="sync", batches=True),
        messages=_in_order,
    ),
    ExecutionMode(
        name="ainvoke",
        api="model.ainvoke(prompt)",
        kind="async",
        status="stable",
        bind=_plain("ainvoke"),
        messages=lambda reply: [reply],
    ),
    ExecutionMode(
        name="ainvoke_gather",
        api="asyncio.gather(*(model.ainvoke(prompt) ...)), each within a semaphore",
        kind="async",
        status="stable",
        batches=True,
        bind=_bind_gather,
        messages=list,
    ),
    ExecutionMode(
        name="astream",
        api="model.astream(prompt)",
        kind="async",
        status="stable",
        streams=True,
        bind=_streaming("astream", kind="async"),
        messages=_merged,
    ),
    ExecutionMode(
        name="abatch",
        api="model.abatch(prompts)",
        kind="async",
        status="stable",
        batches=True,
        bind=_plain("abatch", batches=True),
        messages=list,
    ),
    ExecutionMode(
        name="abatch_as_completed",
        api="model.abatch_as_completed(prompts)",
        kind="async",
        status="stable",
        batches=True,
        bind=_streaming("abatch_as_completed", kind="async", batches=True),
        messages=_in_order,
    ),
    ExecutionMode(
        name="astream_events_v2",
        api='model.astream_events(prompt, version="v2")',
        kind="async",
        status="stable",
        streams=True,
        bind=_streaming("astream_events", kind="async", version="v2"),
        messages=_last_event,
    ),
    ExecutionMode(
        name="stream_events_v3",
        api='model.stream_events(prompt, version="v3")',
        kind="sync",
        status="beta",
        streams=True,
        bind=_bind_events_v3,
        messages=lambda reply: [reply],
        unavailable=_needs_v3("stream_events", "_stream_chat_model_events", _needs_stream),
    ),
    ExecutionMode(
        name="astream_events_v3",
        api='async with await model.astream_events(prompt, version="v3")',
        kind="async",
        status="beta",
        streams=True,
        bind=_bind_aevents_v3,
        messages=lambda reply: [reply],
        unavailable=_needs_v3("astream_events", "_astream_chat_model_events", _needs_any_stream),
    ),
    ExecutionMode(
        name="astream_events_v1",
        api='model.astream_events(prompt, version="v1")',
        kind="async",
        status="deprecated",
        streams=True,
        bind=_streaming("astream_events", kind="async", version="v1"),
        messages=_last_event,
    ),
    ExecutionMode(
        name="astream_log",
        api="model.astream_log(prompt)",
        kind="async",
        status="deprecated",
        streams=True,
        bind=_streaming("astream_log", kind="async"),
        messages=_last_patch,
        unavailable=_needs_method("astream_log"),
    ),
)

MODES: Mapping[str, ExecutionMode] = MappingProxyType({mode.name: mode for mode in _TABLE})
"""Every mode by its name: floors, sync, async, then the beta and the deprecated ones."""
