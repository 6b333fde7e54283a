"""When the chunks of one call came, from its caller's side.

While a call runs, an item that arrives is stamped and kept, and nothing else: what it was is judged
after the end, so that judging lengthens no gap.
"""

from collections.abc import AsyncIterable, Callable, Iterable
from time import perf_counter_ns
from typing import Any

from parrot_bench.content import of_message
from parrot_bench.execution import Keep


class Stamps:
    """What arrived in one call after the other; a mode is bound with :attr:`keep`.

    Attributes:
        times: ``perf_counter_ns`` of each item's arrival, since the last :meth:`clear`.
        items: The items.
    """

    def __init__(self) -> None:
        self.times: list[int] = []
        self.items: list[Any] = []

    @property
    def keep(self) -> Keep:
        """What becomes of a stream: its items are stamped and kept."""
        return Keep(chunks=self._chunks, achunks=self._achunks)

    def clear(self) -> None:
        """Forget them, for another call; who is still being told adds to those that were."""
        self.times, self.items = [], []

    def with_content(self, content: Callable[[Any], bool | None]) -> tuple[int, ...]:
        """When the chunks with content came.

        Args:
            content: Says of an item whether it is one; see :mod:`parrot_bench.content`.
        """
        # Another item may come meanwhile, to a call that was given up.
        pairs = zip(self.times, self.items, strict=False)
        return tuple(time for time, item in pairs if content(item))

    def _chunks(self, stream: Iterable[Any]) -> list[Any]:
        times, items = self.times, self.items
        for item in stream:
            times.append(perf_counter_ns())
            items.append(item)
        return items

    async def _achunks(self, stream: AsyncIterable[Any]) -> list[Any]:
        times, items = self.times, self.items
        async for item in stream:
            times.append(perf_counter_ns())
            items.append(item)
        return items


def or_the_end(chunks: tuple[int, ...], replies: Iterable[Any], ended_ns: int) -> tuple[int, ...]:
    """The chunks of a stream, or its end.

    Events of a model that does not stream bring its reply with their end.
    """
    return chunks if chunks or not any(map(of_message, replies)) else (ended_ns,)
