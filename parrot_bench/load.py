"""What is asked of the load study: levels, arrivals and objectives, and how they are written. Pure.

A *level* is one load, kept up for a while: in a **closed loop** so many calls are always in flight,
in an **open loop** calls arrive by a schedule, whether those before have ended or not.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from parrot_bench.prompts import Prompt, PromptLengths
from parrot_bench.quantities import seconds
from parrot_bench.record.subject import Arriving

Quantity = Literal["latency", "ttfc", "itl"]
"""What an objective is about; see :class:`Objective`."""

MOST_IN_FLIGHT = 1000
"""Calls that an open loop has in flight at most; those that come then wait, and it is said."""

SEARCHED = 15
"""Levels that a search for the highest rate takes, about."""

STEPS = 10
"""Of a ramp, at most."""

MOST_CONCURRENCY = 100_000
MOST_RATE = 100_000.0

_MOST_DIGITS = 20
_OBJECTIVE = re.compile(r"\s*(\w+)\s*=\s*(.+?)\s*")


@dataclass(frozen=True, slots=True)
class Objective:
    """A service level objective: a bound that a call keeps or not.

    Attributes:
        quantity: ``latency``: from when the call should have been made to the end of its reply.
            ``ttfc``: to the first chunk with content. ``itl``: from the first chunk to the last,
            by the output tokens between them.
        limit_s: The bound, seconds.
    """

    quantity: Quantity
    limit_s: float

    def __str__(self) -> str:
        if self.limit_s < 1:
            return f"{self.quantity}={self.limit_s * 1000:g}ms"
        return f"{self.quantity}={self.limit_s:g}s"


@dataclass(frozen=True, slots=True)
class Level:
    """One load. Either of the two.

    Attributes:
        concurrency: Calls that are always in flight.
        rate: Calls that arrive in a second, on average; None for a trace at its own pace.
        ramp_from: Calls in flight at first, from which more are added, step by step, up to
            ``concurrency``; None where it stays the same.
    """

    concurrency: int | None = None
    rate: float | None = None
    ramp_from: int | None = None

    @property
    def closed(self) -> bool:
        """Whether a call is made when another one ends."""
        return self.concurrency is not None

    @property
    def steps(self) -> tuple[int, ...]:
        """Calls in flight in a closed loop, one for each equal part of its time; else one 0."""
        last = self.concurrency or 0
        first = last if self.ramp_from is None else self.ramp_from
        count = min(STEPS, last - first + 1)
        if count == 1:
            return (last,)
        return tuple(first + round((last - first) * n / (count - 1)) for n in range(count))

    def __str__(self) -> str:
        if self.concurrency is not None:
            rising = "" if self.ramp_from is None else f"{self.ramp_from} to "
            return f"{rising}{self.concurrency} in flight"
        return "as recorded" if self.rate is None else f"{self.rate:g}/s"


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """What is asked of the load study.

    Attributes:
        levels: One after the other.
        arrivals: Of open loops.
        level_s: How long each level is kept up, seconds.
        objectives: What a call has to keep to be good; none, and every reply is.
        max_errors: Share of calls that may fail before the run does.
        most_in_flight: Of an open loop.
        trace: Arrivals in seconds after the first, of ``trace``.
        find_max_rate: Beginning at the only level's rate, the highest one is looked for at which
            the objectives are kept.
        kept_share: Share of calls that has to keep them there.
        prompts: What calls are asked, in an order of chance, each as often as the others; none for
            the request's one prompt.
        lengths: Of prompts that are made up, none like another; None where they are given.
        workers: Processes that make the calls together; None for one alone, or with a scheduler
            for all of its workers.
        scheduler: Address of a running Dask scheduler, whose workers they are; empty for this
            machine.
    """

    levels: tuple[Level, ...]
    arrivals: Arriving = "poisson"
    level_s: float = 30.0
    objectives: tuple[Objective, ...] = ()
    max_errors: float = 0.01
    most_in_flight: int = MOST_IN_FLIGHT
    trace: tuple[float, ...] = ()
    find_max_rate: bool = False
    kept_share: float = 0.95
    prompts: tuple[Prompt, ...] = ()
    lengths: PromptLengths | None = None
    workers: int | None = None
    scheduler: str = ""

    @property
    def distributed(self) -> bool:
        """Whether workers make the calls, and not one process alone."""
        return self.workers is not None or bool(self.scheduler)

    def asked(self, prompt: Prompt, seed: int) -> Iterator[Prompt]:
        """What one call after the other is asked, without an end.

        Args:
            prompt: Of the request, where there are no others.
            seed: Of the order.
        """
        source = random.Random(seed)  # noqa: S311  # no secret
        if self.lengths is not None:
            yield from self.lengths.prompts(source)
        order = list(self.prompts or (prompt,))
        while True:
            source.shuffle(order)
            yield from order

    @property
    def length_s(self) -> float:
        """How long all levels of one mode take, seconds."""
        if self.find_max_rate:
            return SEARCHED * self.level_s
        return sum(map(self.length_of, self.levels))

    def length_of(self, level: Level) -> float:
        """How long a level takes, seconds; that of a trace at least one."""
        if self.arrivals == "trace" and not level.closed:
            return max(1.0, self.trace[-1])
        return self.level_s

    def schedule(self, level: Level, seed: int) -> Sequence[float]:
        """When the calls of an open level arrive, seconds after its beginning, rising."""
        if self.arrivals == "trace":
            return self.trace
        rate = level.rate or 0.0
        if self.arrivals == "constant":
            return [number / rate for number in range(round(rate * self.level_s))]
        return list(_poisson(rate, self.level_s, random.Random(seed)))  # noqa: S311  # no secret


def said(levels: Sequence[Level]) -> str:
    """Levels in words: ``1, 2, 4 in flight, 20/s``."""
    closed = [str(level).removesuffix(" in flight") for level in levels if level.closed]
    found = [f"{', '.join(closed)} in flight"] if closed else []
    return ", ".join([*found, *(str(level) for level in levels if not level.closed)])


def _poisson(rate: float, length_s: float, source: random.Random) -> Iterator[float]:
    """Arrivals that don't know of each other: the gaps between them are exponential."""
    at = source.expovariate(rate)
    while at < length_s:
        yield at
        at += source.expovariate(rate)


def objectives(text: str) -> tuple[Objective, ...]:
    """Read objectives such as ``ttfc=200ms,latency=2s``.

    Raises:
        ValueError: They are none; the message says what would be.
    """
    found = {}
    for part in filter(str.strip, text.split(",")):
        match = _OBJECTIVE.fullmatch(part)
        if not match or match[1] not in get_args(Quantity):
            known = ", ".join(get_args(Quantity))
            raise ValueError(
                f"{part.strip()!r} is not an objective; give one of {known}, as ttfc=200ms"
            )
        limit_s = seconds(match[2])
        if not limit_s:
            raise ValueError(f"{part.strip()!r} cannot be kept; give a time over 0")
        if match[1] in found:
            raise ValueError(f"{match[1]} has two limits; give one")
        found[match[1]] = Objective(match[1], limit_s)  # type: ignore[arg-type]  # just looked up
    return tuple(found.values())


def rates(text: str) -> tuple[float, ...]:
    """Read rates such as ``5,10,20``, calls a second.

    Raises:
        ValueError: They are none.
    """
    found = []
    for part in filter(str.strip, text.split(",")):
        try:
            rate = float(part)
        except ValueError:
            rate = 0.0
        if not 0 < rate <= MOST_RATE:
            raise ValueError(
                f"{part.strip()!r} is not a rate; give calls a second, such as 5 or 0.5"
            )
        found.append(rate)
    return tuple(found)


def concurrencies(text: str) -> tuple[Level, ...]:
    """Read closed loops: numbers of calls in flight such as ``1,2,4``, or a ramp, ``1..64``.

    Raises:
        ValueError: They are none.
    """
    found = []
    for part in map(str.strip, filter(str.strip, text.split(","))):
        first, dots, last = part.partition("..")
        numbers = [_concurrency(each) for each in ((first, last) if dots else (part,))]
        if not all(numbers):
            raise ValueError(
                f"{part!r} is no number of calls in flight; give 1, 2, 4, …, or a ramp as 1..64"
            )
        if numbers[0] >= numbers[-1] and dots:
            raise ValueError(f"the ramp {part!r} does not rise; give it as 1..64")
        found.append(Level(concurrency=numbers[-1], ramp_from=numbers[0] if dots else None))
    return tuple(found)


def _concurrency(text: str) -> int:
    """A number of calls in flight; 0 for what is none."""
    # int() refuses thousands of digits, in words of its own.
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS else 0
    return number if number <= MOST_CONCURRENCY else 0
