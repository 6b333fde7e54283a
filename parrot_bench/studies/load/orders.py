"""What one of several processes is told to do: its part of a level, from a common moment on.

A process alone goes through its plan by itself. Of several, each asks for its next order when it
has done the one before, and waits for as long as the others take.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from parrot_bench.load import Level

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a level's calls a process makes.

    Of an open loop it is every ``of``-th arrival of the one schedule, so that all parts together
    are what one process would have made.

    Attributes:
        which: From 0.
        of: Processes among which the level is shared.
        begin_ns: ``perf_counter_ns`` at which it begins, in that process's clock; None for now.
    """

    which: int = 0
    of: int = 1
    begin_ns: int | None = None

    def share(self, whole: int) -> int:
        """Its part of a number; those of all parts add up to it."""
        return whole // self.of + (self.which < whole % self.of)

    def every(self, items: Iterable[T]) -> Iterator[T]:
        """Its part of what comes one after the other."""
        return islice(items, self.which, None, self.of)


WHOLE = Part()


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Make a mode's first calls.

    Attributes:
        mode: Its name.
    """

    mode: str


@dataclass(frozen=True, slots=True)
class KeepUp:
    """Keep up a part of a level.

    Attributes:
        number: Of the level, from 0.
        mode: Name of the mode.
        level: The whole load.
        part: Which part of it.
    """

    number: int
    mode: str
    level: Level
    part: Part


Order = WarmUp | KeepUp


@dataclass(frozen=True, slots=True)
class Done:
    """An order was carried out, and the next is waited for.

    Attributes:
        reason: Why a mode cannot be loaded; empty where it can.
        used_up: The bound that leaves it no other call, as ``--max-calls 100``; empty while
            there is one.
    """

    reason: str = ""
    used_up: str = ""


Orders = Callable[[Done], Order | None]
"""Tells that an order was carried out, and waits for the next; None where there is none."""
