"""What an execution mode is: one public way to call a chat model or another Runnable, as a value.

It knows how a mode is bound to a model and how its raw result is read. It has no loop over
calls and no clock; both are in :mod:`parrot_bench.timing`, so that all modes are timed by the
same instructions.
"""

from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig

from parrot_bench.content import of_message


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

Bind = Callable[[Any, CallSettings, Keep], Callable[[Any], Any]]
"""Takes a Runnable; a mode of one's own may well ask for a chat model."""


def _as_given(prompt: Any) -> Any:
    return prompt


def _nothing_missing(_model: Runnable[Any, Any]) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class ExecutionMode:
    """One public way to call a chat model or another Runnable, or a floor.

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
            returns the replies in the order of the prompts. What is no chat model may reply with
            something else than a message; :mod:`parrot_bench.subjects` sees to that.
        streams: The reply arrives in chunks.
        batches: Several prompts are answered at once.
        prepare: Turns a prompt into what the bound callable takes, outside the timed section.
        unavailable: Says why this mode cannot be used with a model and the installed
            langchain-core; an empty string when it can.
        content: Says of an item that was handed to the :class:`Keep` of a mode that streams
            whether it is a chunk with content, one without, or none at all (None); see
            :mod:`parrot_bench.content`.
    """

    name: str
    api: str
    kind: Literal["sync", "async"]
    status: Literal["floor", "stable", "beta", "deprecated"]
    bind: Bind
    messages: Callable[[Any], list[AIMessage]]
    streams: bool = False
    batches: bool = False
    prepare: Callable[[Any], Any] = _as_given
    unavailable: Callable[[Any], str] = _nothing_missing
    content: Callable[[Any], bool | None] = of_message

    @property
    def floor(self) -> str:
        """Name of the floor this mode is divided by; empty for a floor itself."""
        if self.status == "floor":
            return ""
        prefix = "direct_a" if self.kind == "async" else "direct_"
        return prefix + ("stream" if self.streams else "generate")

    def note(self, model: Runnable[Any, Any]) -> str:
        """Say what a reader should know of this mode with this model; empty for nothing."""
        if self.unavailable(model) or not is_chat_model(model):
            return ""
        name = type(model).__qualname__
        asynchronous = self.kind == "async"
        chunks = implements(model, "_stream") or (asynchronous and implements(model, "_astream"))
        # Floors and v3 events ask the model for chunks whatever disable_streaming says.
        disabled = model.disable_streaming is True and self.status in {"stable", "deprecated"}
        remarks = []
        if self.streams and (disabled or not chunks):
            why = "disable_streaming is set" if disabled else f"{name} does not implement _stream"
            remarks.append(f"the reply arrives in one piece: {why}")
        method = "_astream" if self.streams and chunks and not disabled else "_agenerate"
        if asynchronous and not implements(model, method):
            remarks.append(
                f"async through LangChain's executor fallback: {name} does not implement {method}"
            )
        return "; ".join(remarks)


def is_chat_model(model: Runnable[Any, Any]) -> TypeGuard[BaseChatModel]:
    """Whether a Runnable is a chat model itself, and not something around one."""
    return isinstance(model, BaseChatModel)


def implements(model: BaseChatModel, method: str) -> bool:
    """Whether a method is the model's own, not what LangChain falls back to.

    The fallbacks live in langchain_core's ``chat_models`` (``SimpleChatModel`` has one of its
    own there), which tells them from a provider's methods without asking for the class.
    """
    return next(
        (cls.__module__ != BaseChatModel.__module__)
        for cls in type(model).__mro__
        if method in vars(cls)
    )
