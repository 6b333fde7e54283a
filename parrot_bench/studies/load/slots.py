"""One call at a time, followed from its caller's side, over and over.

An engine has as many slots as it has calls in flight: binding a mode anew for every call would cost
more than following it.
"""

import asyncio
from concurrent.futures import Executor
from time import perf_counter_ns
from typing import Any

from langchain_core.runnables import Runnable

from parrot_bench.events import Call
from parrot_bench.execution import ExecutionMode
from parrot_bench.studies.bench import Calls
from parrot_bench.studies.stamps import Stamps, or_the_end
from parrot_bench.studies.usage import input_tokens, output_tokens

TOO_MANY_REQUESTS = 429


class Slot:
    """Makes calls of one mode, one after the other.

    Args:
        mode: The mode; it does not batch.
        model: The model it calls.
        calls: How calls are made.
        threads: Where calls of a sync mode are made.

    Attributes:
        given_up: Why the call is not waited for any longer; empty while it is.
        begun_ns: ``perf_counter_ns`` when it was made.
    """

    def __init__(
        self, mode: ExecutionMode, model: Runnable[Any, Any], calls: Calls, threads: Executor
    ) -> None:
        self.given_up = ""
        self.begun_ns = 0
        self._mode = mode
        self._threads = threads
        self._stamps = Stamps()
        self._bound = mode.bind(model, calls.settings, self._stamps.keep)
        self._scheduled_ns: int | None = None
        self._ended_ns = 0

    def due(self, scheduled_ns: int | None) -> None:
        """Make ready for a call that is to be made now, and should have been at that time."""
        self._scheduled_ns = scheduled_ns
        self._stamps.clear()
        self.begun_ns = perf_counter_ns()
        self._ended_ns = 0
        self.given_up = ""

    async def call(self, item: Any) -> Any:
        """Make the call, and return what it returned.

        Raises:
            Exception: Whatever it raised.
        """
        if self._mode.kind == "async":
            raw = await self._bound(item)
        else:
            loop = asyncio.get_running_loop()
            raw = await loop.run_in_executor(self._threads, self._in_thread, item)
        self._ended_ns = perf_counter_ns()
        return raw

    def _in_thread(self, item: Any) -> Any:
        # Waiting for a thread is ours, and not the call's.
        self.begun_ns = perf_counter_ns()
        return self._bound(item)

    def answered(self, raw: Any) -> Call:
        """Say what a call was that has returned this."""
        replies = self._mode.messages(raw)
        chunks = self._stamps.with_content(self._mode.content)
        if self._mode.streams:
            chunks = or_the_end(chunks, replies, self._ended_ns)
        return self._said(
            chunks=chunks, tokens=output_tokens(replies), input_tokens=input_tokens(replies)
        )

    def failed(self, error: str, *, rate_limited: bool = False) -> Call:
        """Say what a call was that was not answered."""
        self._ended_ns = self._ended_ns or perf_counter_ns()
        return self._said(
            chunks=self._stamps.with_content(self._mode.content),
            error=error,
            rate_limited=rate_limited,
        )

    def _said(
        self,
        *,
        chunks: tuple[int, ...],
        tokens: int | None = None,
        input_tokens: int | None = None,
        error: str = "",
        rate_limited: bool = False,
    ) -> Call:
        return Call(
            mode=self._mode.name,
            case="",
            started_ns=self.begun_ns,
            ended_ns=self._ended_ns,
            chunks_ns=chunks,
            tokens=tokens,
            input_tokens=input_tokens,
            error=error,
            scheduled_ns=self._scheduled_ns,
            rate_limited=rate_limited,
        )


def is_rate_limit(error: BaseException) -> bool:
    """Whether an error is a provider's *too many requests*, as HTTP clients tell it."""
    found = getattr(error, "status_code", None)
    if found is None:
        found = getattr(getattr(error, "response", None), "status_code", None)
    return found == TOO_MANY_REQUESTS
