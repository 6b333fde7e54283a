"""The execution modes of the matrix: every public way to call a chat model.

Each makes two calls, one after the other or at once, and consumes everything. ``see`` is
called by the consumer of a stream at every step.
"""

# ruff: noqa: ARG001 - all modes are called alike; those without steps have nothing to see.

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.language_models import BaseChatModel

from parrot_callbacks.conformance.flavours import EXECUTOR, NATIVE, SYNC, Flavour

See = Callable[[], None]
Config = Any
SyncCall = Callable[[Any, Config, See], None]
AsyncCall = Callable[[Any, Config, See], Awaitable[None]]

PROMPTS: Final = ("one", "two")
CALLS: Final = len(PROMPTS)
HAS_V3: Final = hasattr(BaseChatModel, "stream_events")
"""The third version of events came after langchain-core 1.0."""


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One way to call a chat model.

    Attributes:
        name: LangChain's name of it; "native" or "executor" behind an async one.
        flavour: Synchronous or asynchronous, and the class of the model that is called.
        call: Makes the calls.
        streams: The reply comes in chunks.
        v3: It belongs to the third version of LangChain's events.
    """

    name: str
    flavour: Flavour
    call: SyncCall | AsyncCall
    streams: bool = False
    v3: bool = False

    async def perform(self, model: Any, config: Config, see: See) -> None:
        """Make the calls.

        Args:
            model: What is called.
            config: LangChain's configuration of the calls.
            see: Is called by a stream's reader at every step.
        """
        waiting = self.call(model, config, see)
        if waiting is not None:
            await waiting

    def unavailable(self, *, in_a_sequence: bool = False) -> str:
        """Say why the mode can't be used, or nothing.

        Args:
            in_a_sequence: It is to call a sequence instead of a model.
        """
        if self.v3 and not HAS_V3:
            return "this langchain-core has no v3 events"
        if self.v3 and in_a_sequence:
            return "LangChain has no v3 events of sequences (NotImplementedError)"
        return ""


def invoke(model: Any, config: Config, see: See) -> None:
    """Call ``invoke`` twice."""
    for prompt in PROMPTS:
        model.invoke(prompt, config)


def stream(model: Any, config: Config, see: See) -> None:
    """Call ``stream`` twice."""
    for prompt in PROMPTS:
        for _ in model.stream(prompt, config):
            see()


def batch(model: Any, config: Config, see: See) -> None:
    """Call ``batch`` with two prompts."""
    model.batch(list(PROMPTS), config)


def batch_as_completed(model: Any, config: Config, see: See) -> None:
    """Call ``batch_as_completed`` with two prompts."""
    for _ in model.batch_as_completed(list(PROMPTS), config):
        see()


def stream_events_v3(model: Any, config: Config, see: See) -> None:
    """Call ``stream_events`` of the third version twice."""
    for prompt in PROMPTS:
        for _ in model.stream_events(prompt, config, version="v3"):
            see()


async def ainvoke(model: Any, config: Config, see: See) -> None:
    """Call ``ainvoke`` twice, one call after the other."""
    for prompt in PROMPTS:
        await model.ainvoke(prompt, config)


async def ainvoke_gather(model: Any, config: Config, see: See) -> None:
    """Call ``ainvoke`` twice at once."""
    await asyncio.gather(*(model.ainvoke(prompt, config) for prompt in PROMPTS))


async def astream(model: Any, config: Config, see: See) -> None:
    """Call ``astream`` twice."""
    for prompt in PROMPTS:
        async for _ in model.astream(prompt, config):
            see()


async def abatch(model: Any, config: Config, see: See) -> None:
    """Call ``abatch`` with two prompts."""
    await model.abatch(list(PROMPTS), config)


async def abatch_as_completed(model: Any, config: Config, see: See) -> None:
    """Call ``abatch_as_completed`` with two prompts."""
    async for _ in model.abatch_as_completed(list(PROMPTS), config):
        see()


async def astream_events_v1(model: Any, config: Config, see: See) -> None:
    """Call ``astream_events`` of the first version twice."""
    for prompt in PROMPTS:
        async for _ in model.astream_events(prompt, config, version="v1"):
            see()


async def astream_events_v2(model: Any, config: Config, see: See) -> None:
    """Call ``astream_events`` of the second version twice."""
    for prompt in PROMPTS:
        async for _ in model.astream_events(prompt, config, version="v2"):
            see()


async def astream_events_v3(model: Any, config: Config, see: See) -> None:
    """Call ``astream_events`` of the third version twice."""
    for prompt in PROMPTS:
        # Without `async with`, LangChain ends a complete reply as an error.
        async with await model.astream_events(prompt, config, version="v3") as events:
            async for _ in events:
                see()


async def astream_log(model: Any, config: Config, see: See) -> None:
    """Call ``astream_log`` twice."""
    for prompt in PROMPTS:
        async for _ in model.astream_log(prompt, config):
            see()


_STREAMING: Final = {"stream", "astream", "astream_log"}


def _mode(call: SyncCall | AsyncCall, flavour: Flavour) -> Mode:
    name = getattr(call, "__name__", "")
    return Mode(
        name=f"{name} {flavour.name.removeprefix('async ')}" if flavour.is_async else name,
        flavour=flavour,
        call=call,
        streams=name in _STREAMING or "stream_events" in name,
        v3=name.endswith("_v3"),
    )


SYNC_CALLS: Final[tuple[SyncCall, ...]] = (
    invoke,
    stream,
    batch,
    batch_as_completed,
    stream_events_v3,
)
ASYNC_CALLS: Final[tuple[AsyncCall, ...]] = (
    ainvoke,
    ainvoke_gather,
    astream,
    abatch,
    abatch_as_completed,
    astream_events_v1,
    astream_events_v2,
    astream_events_v3,
    astream_log,
)

MODES: Final = (
    *(_mode(call, SYNC) for call in SYNC_CALLS),
    *(_mode(call, flavour) for call in ASYNC_CALLS for flavour in (NATIVE, EXECUTOR)),
)
"""All of them, in the order of the table."""
