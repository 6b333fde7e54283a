"""Which cells the concurrency study has: as many as time and calls pay for (pure).

A cell is one batch of one mode at one ``max_concurrency``. It is long enough for its ends, where
fewer calls are in flight than asked for, to count for little: eight times the concurrency where
calls are quick.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

LEVELS = (1, 2, 4, 8, 16, 32, 64)
"""``max_concurrency`` of the levels."""

BATCHES = (1, 4, 16, 64)
"""Batch sizes with LangChain's own concurrency."""

SPARSE = (1, 4, 16)
"""Levels of a sweep that is there for the event loop's sake."""

REPEATS = 8
"""Rounds aimed at: a median's 95 % interval needs six values, and so do percentiles."""

WATCHED_EVERY = 4
"""Every so many rounds, beginning with the first, the loop is watched and nothing else is read,
as long as there are other rounds: a heartbeat made 1.03-1.16 times the CPU time of a cell, and
0.86-1.06 times its wall time, because a process that wakes often is sooner on time."""

CALL_CPU_S = 0.0006
"""What a call costs LangChain, about: calls in flight share one interpreter."""

SCALES = 0.5
"""Share of the ideal line down to which a sweep is expected to go on as it did so far."""

CELL_SHARE = 0.05
"""Share of the study's time that a cell may take of a sweep that does not scale."""

FIRST_ROUND_SHARE = 0.4
"""Share of the time that one round may be predicted to take, if it must be."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One batch of one sweep.

    Attributes:
        sweep: Number of the sweep.
        level: Its ``max_concurrency``; None is LangChain's default.
        batch: Prompts.
    """

    sweep: int
    level: int | None
    batch: int

    @property
    def case(self) -> str:
        """As it is saved with its calls."""
        level = "default" if self.level is None else self.level
        return f"max_concurrency={level},batch={self.batch}"


@dataclass(frozen=True, slots=True)
class Shape:
    """How much is asked of every sweep.

    Attributes:
        levels: ``max_concurrency`` of the levels.
        batches: Batch sizes with LangChain's own concurrency.
        waves: Calls of a level over its ``max_concurrency``.
        fewest: Calls of a level at least.
        most: Calls of a level at most, if that is not under its ``max_concurrency``.
    """

    levels: tuple[int, ...]
    batches: tuple[int, ...]
    waves: int
    fewest: int
    most: int

    def batch(self, level: int) -> int:
        """Calls of a level: whole waves."""
        waves = max(1, min(max(self.waves, math.ceil(self.fewest / level)), self.most // level))
        return level * waves


SHAPES = (
    Shape(LEVELS, BATCHES, waves=8, fewest=16, most=96),
    Shape(LEVELS, BATCHES, waves=4, fewest=8, most=64),
    Shape(LEVELS, (1, 16, 64), waves=2, fewest=6, most=64),
    Shape((1, 4, 16, 64), (1, 16, 64), waves=2, fewest=4, most=64),
    Shape((1, 4, 16, 64), (16,), waves=1, fewest=2, most=64),
    Shape((1, 4, 16), (), waves=1, fewest=1, most=16),
    Shape((1, 4), (), waves=1, fewest=1, most=4),
)
"""From the whole study to the least that still says something."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a sweep.

    Attributes:
        sparse: It has few levels, and no batch sizes.
        at_most: Calls that can be in flight, such as threads that there are; None for any.
    """

    sparse: bool = False
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the study will do.

    Attributes:
        cells: Every cell of a round.
        round_s: Predicted time of a round, seconds.
        rounds: Rounds that time and calls are expected to pay for.
        reduced: What was left out to fit; empty for nothing.
    """

    cells: tuple[Cell, ...]
    round_s: float
    rounds: int
    reduced: str

    @property
    def round_calls(self) -> int:
        """Calls of a round."""
        return sum(cell.batch for cell in self.cells)


def predicted_s(cell: Cell, response_s: float, at_most: int | None = None) -> float:
    """How long a cell takes if its calls overlap as asked for, seconds.

    Args:
        cell: The cell.
        response_s: What one call takes alone, R(1), seconds.
        at_most: Calls that can be in flight, such as threads that there are; None for any.
    """
    at_once = min(cell.level or cell.batch, cell.batch, at_most or cell.batch)
    return max(math.ceil(cell.batch / at_once) * response_s, cell.batch * CALL_CPU_S)


@dataclass
class Pace:
    """What is known of one sweep's pace while it goes on.

    Attributes:
        alone_s: What one call takes alone, seconds.
        took_s: What each cell took last time, seconds.
        rates: Calls per second by ``max_concurrency``.
    """

    alone_s: float = 0.0
    took_s: dict[Cell, float] = field(default_factory=dict)
    rates: dict[int, float] = field(default_factory=dict)

    def took(self, cell: Cell, seconds: float) -> None:
        """Note what a cell took."""
        self.took_s[cell] = seconds
        if cell.level is not None:
            self.rates[cell.level] = cell.batch / max(seconds, 1e-9)

    def expected_s(self, cell: Cell) -> float:
        """How long a cell will take, seconds."""
        if cell in self.took_s:
            return self.took_s[cell]
        known = self._nearest(cell)
        if known is None or self._scales(known):
            return predicted_s(cell, self.alone_s)
        return cell.batch / self.rates[known]

    def dear(self, cell: Cell, time_s: float) -> bool:
        """Whether an unknown cell would only show, for much time, that its sweep does not scale."""
        known = self._nearest(cell)
        if cell in self.took_s or known is None or self._scales(known):
            return False
        return self.expected_s(cell) > CELL_SHARE * time_s

    def _nearest(self, cell: Cell) -> int | None:
        asked = cell.level or cell.batch
        return max((level for level in self.rates if 1 < level <= asked), default=None)

    def _scales(self, level: int) -> bool:
        return self.rates[level] * self.alone_s >= SCALES * level


def thinned(
    cells: Sequence[Cell],
    expected_s: Callable[[Cell], float],
    done: Mapping[Cell, int],
    time_s: float,
) -> list[Cell]:
    """Leave cells out of a round that takes longer than ``time_s``: those made most often so far.

    The two lowest levels of each sweep stay: without them there is no curve.

    Args:
        cells: Of a whole round, in random order.
        expected_s: How long each will take, seconds.
        done: How often each was made.
        time_s: How long the round may take, seconds.
    """
    lowest: set[Cell] = set()
    for sweep in {cell.sweep for cell in cells}:
        levels = [cell for cell in cells if cell.sweep == sweep and cell.level is not None]
        lowest.update(sorted(levels, key=lambda cell: cell.level or 0)[:2])
    kept = []
    left = time_s
    for cell in sorted(cells, key=lambda cell: (cell not in lowest, done.get(cell, 0))):
        if cell in lowest or expected_s(cell) <= left:
            kept.append(cell)
            left -= expected_s(cell)
    return kept


def planned(
    sweeps: Mapping[int, Asked], response_s: float, time_s: float, calls: int | None
) -> Plan | None:
    """Choose the largest shape that can be repeated often enough.

    Args:
        sweeps: By the number that cells name.
        response_s: What one call takes alone, seconds.
        time_s: Time for all rounds, seconds.
        calls: Calls that may be made; None for no bound.

    Returns:
        The plan; None where the calls do not pay for one round of the smallest.
    """
    for repeats in (REPEATS, 3, 1):
        share = time_s if repeats > 1 else time_s * FIRST_ROUND_SHARE
        for shape in SHAPES:
            plan = _plan(shape, sweeps, response_s, time_s, calls)
            paid = calls is None or plan.round_calls * repeats <= calls
            if paid and plan.round_s * repeats <= share:
                return plan
    smallest = _plan(SHAPES[-1], sweeps, response_s, time_s, calls)
    return smallest if calls is None or smallest.round_calls <= calls else None


def _plan(
    shape: Shape,
    sweeps: Mapping[int, Asked],
    response_s: float,
    time_s: float,
    calls: int | None,
) -> Plan:
    cells = tuple(
        cell
        for number, asked in sweeps.items()
        for cell in _cells(number, shape, sparse=asked.sparse)
    )
    round_s = sum(predicted_s(c, response_s, sweeps[c.sweep].at_most) for c in cells)
    rounds = max(1, int(time_s / max(round_s, 1e-9)))
    if calls is not None:
        rounds = max(1, min(rounds, calls // sum(cell.batch for cell in cells)))
    return Plan(cells=cells, round_s=round_s, rounds=rounds, reduced=_reduced(shape))


def _cells(sweep: int, shape: Shape, *, sparse: bool) -> Iterator[Cell]:
    levels = [level for level in shape.levels if level in SPARSE] if sparse else shape.levels
    for level in levels:
        yield Cell(sweep, level, shape.batch(level))
    if not sparse:
        for batch in shape.batches:
            yield Cell(sweep, None, batch)


def _reduced(shape: Shape) -> str:
    """Say what a shape leaves out."""
    whole = SHAPES[0]
    missing = [str(level) for level in whole.levels if level not in shape.levels]
    said = []
    if missing:
        said.append(f"no levels {', '.join(missing)}")
    if sizes := [str(size) for size in whole.batches if size not in shape.batches]:
        said.append(f"no batch sizes {', '.join(sizes)}")
    if shape.batch(8) < whole.batch(8):
        said.append(f"{shape.batch(shape.levels[-1])} calls at {shape.levels[-1]} in flight")
    return "; ".join(said)
