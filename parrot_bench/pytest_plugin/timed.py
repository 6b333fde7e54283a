"""One execution mode, timed by pytest-benchmark."""

from collections.abc import AsyncIterable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter, perf_counter_ns
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from parrot_bench.describing import public_params
from parrot_bench.execution import CallSettings, ExecutionMode, Keep, collect, drain
from parrot_bench.mode_table import quiet
from parrot_bench.request import DEFAULT_BATCH, DEFAULT_PROMPT
from parrot_bench.timing import Async, Sync, open_clocks

_FIRST_CHUNKS = 5
"""Streams that are read to their first chunk, untimed by pytest-benchmark."""


class OwnTime:
    """A clock for pytest-benchmark that stands still while an event loop starts and ends.

    pytest-benchmark times ordinary functions. An asynchronous mode is called in a loop that is
    started for it, and what that takes is taken off: the clock goes only as far as the call
    itself did.
    """

    def __init__(self) -> None:
        self._left_out = 0.0

    def __call__(self) -> float:
        """Return seconds."""
        return perf_counter() - self._left_out

    def once(self, clock: Async, call: Any, item: Any) -> None:
        """Make one call in the loop, and let only its own time pass."""
        begun = perf_counter()
        reading = clock.reading(call, item, 0, 1)
        self._left_out += perf_counter() - begun - reading.wall_ns / 1e9


OWN_TIME: Final = OwnTime()
"""The same for all tests: pytest-benchmark takes a second to get to know a clock."""


class BenchmarkMode:
    """Times a model in one execution mode; made by the fixture ``benchmark_mode``.

    Args:
        benchmark: pytest-benchmark's fixture.
        model: The model.
        mode: The mode.
        clock: Calls functions of the mode's kind.

    Attributes:
        model: The model.
        mode: The mode.
    """

    def __init__(
        self, benchmark: Any, model: BaseChatModel, mode: ExecutionMode, clock: Sync | Async
    ) -> None:
        self._benchmark = benchmark
        self._clock = clock
        self.model = model
        self.mode = mode

    @classmethod
    @contextmanager
    def opened(
        cls, benchmark: Any, model: BaseChatModel, mode: ExecutionMode
    ) -> Iterator["BenchmarkMode"]:
        """Open an event loop for the test, and close it at its end."""
        with quiet(), open_clocks() as clocks:
            yield cls(benchmark, model, mode, clocks[mode.kind])

    def __call__(
        self,
        prompt: Any = DEFAULT_PROMPT,
        *,
        batch_size: int = DEFAULT_BATCH,
        max_concurrency: int | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Time the mode, and return the replies of one more call.

        Args:
            prompt: What every call is asked.
            batch_size: Prompts of one batch, for modes that batch; a round is a batch.
            max_concurrency: As of LangChain, for modes that batch.
            **kwargs: Arguments of every call, such as ``stop``.

        Returns:
            The replies, in the order of the prompts. ``extra_info`` has mode, model, identifying
            parameters, tokens of the first reply and, of a stream, the time to its first chunk.
        """
        settings = CallSettings(kwargs=kwargs, max_concurrency=max_concurrency)
        prepared = self.mode.prepare(prompt)
        item = [prepared] * batch_size if self.mode.batches else prepared
        bound = self.mode.bind(self.model, settings, collect)
        replies = self.mode.messages(self._clock.once(bound, item))
        call = self.mode.bind(self.model, settings, drain)
        self._describe(replies, settings, item, batch_size)
        if isinstance(self._clock, Async):
            self._benchmark(OWN_TIME.once, self._clock, call, item)
        else:
            self._benchmark(call, item)
        return replies

    def _describe(
        self, replies: list[AIMessage], settings: CallSettings, item: Any, batch_size: int
    ) -> None:
        info: dict[str, Any] = self._benchmark.extra_info
        info["mode"] = self.mode.name
        info["model"] = f"{type(self.model).__module__}.{type(self.model).__qualname__}"
        info["identifying_params"] = public_params(self.model)
        if self.mode.batches:
            info["batch_size"] = batch_size
        usage = replies[0].usage_metadata if replies else None
        if usage is not None:
            info["input_tokens"] = usage["input_tokens"]
            info["output_tokens"] = usage["output_tokens"]
        if self.mode.streams:
            first = [t for _ in range(_FIRST_CHUNKS) if (t := self._first_chunk(settings, item))]
            info["seconds_to_first_chunk"] = median(first) if first else None

    def _first_chunk(self, settings: CallSettings, item: Any) -> float | None:
        """Seconds to the first chunk with content of one call, read to its end."""
        seen: list[int] = []

        def look(chunk: Any) -> None:
            if not seen and self.mode.content(chunk):
                seen.append(perf_counter_ns())

        def chunks(stream: Iterable[Any]) -> None:
            for chunk in stream:
                look(chunk)

        async def achunks(stream: AsyncIterable[Any]) -> None:
            async for chunk in stream:
                look(chunk)

        call = self.mode.bind(self.model, settings, Keep(chunks=chunks, achunks=achunks))
        # In the loop, so that its start isn't waited for.
        begun: list[int] = []
        timed = _noting(call, begun, asynchronous=isinstance(self._clock, Async))
        self._clock.once(timed, item)
        return (seen[0] - begun[0]) / 1e9 if seen else None


def _noting(call: Any, begun: list[int], *, asynchronous: bool) -> Any:
    """The same call, which notes when it is made."""

    def noted(item: Any) -> Any:
        begun.append(perf_counter_ns())
        return call(item)

    async def anoted(item: Any) -> Any:
        begun.append(perf_counter_ns())
        return await call(item)

    return anoted if asynchronous else noted
