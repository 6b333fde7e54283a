"""Rounds to tables of ratios: pure functions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from parrot_bench.errors import MeasurementError
from parrot_bench.estimates import median_estimate, paired_ratio
from parrot_bench.record import Estimate
from tests.peers.contenders import BARE, MINIMAL, NOBODY
from tests.peers.marginal import marginal_ratio
from tests.peers.results import Rounds
from tests.peers.rounds import Round

Cells = dict[str, list[str]]
"""Name of the row to one cell a path."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a table asks of every contender.

    Attributes:
        title: Stands over the table.
        clock: ``cpu_ns`` or ``wall_ns``.
        beside: Who must have been measured in the same rounds.
        answer: Takes the contender's times, then those of the others.
    """

    title: str
    clock: str
    beside: tuple[str, ...]
    answer: Callable[..., Estimate]


def _in_bare_spans(traced: list[float], bare: list[float], untraced: list[float]) -> Estimate:
    # A bare span is no call: what it adds is all of it, and the call's own time comes off ours.
    added = [above - below for above, below in zip(traced, untraced, strict=True)]
    return marginal_ratio(added, bare, [0.0] * len(bare))


WHOLE_CPU = Question(
    title="CPU time of the whole call, over the call with the minimal handler",
    clock="cpu_ns",
    beside=(MINIMAL,),
    answer=paired_ratio,
)
WHOLE_WALL = Question(
    title="Wall time of the whole call, over the call with the minimal handler",
    clock="wall_ns",
    beside=(MINIMAL,),
    answer=paired_ratio,
)
ADDED_CPU = Question(
    title="CPU time that tracing adds to the call, over what the minimal handler adds",
    clock="cpu_ns",
    beside=(MINIMAL, NOBODY),
    answer=marginal_ratio,
)
IN_BARE_SPANS = Question(
    title="CPU time that tracing adds to the call, in bare spans",
    clock="cpu_ns",
    beside=(BARE, NOBODY),
    answer=_in_bare_spans,
)
QUESTIONS = (WHOLE_CPU, ADDED_CPU, IN_BARE_SPANS, WHOLE_WALL)


def ratios(
    rounds: Rounds, question: Question, setting: str, paths: Sequence[str], rows: Iterable[str]
) -> Cells:
    """Answer a question for every contender and path.

    Args:
        rounds: All blocks.
        question: What is asked.
        setting: Name of the setting.
        paths: Names of the paths, one a column.
        rows: Names of the contenders.

    Returns:
        A ratio with its interval, or why there is none.
    """
    return {
        row: [cell(rounds, question, setting, path, row) for path in paths]
        for row in rows
        if row not in question.beside
    }


def cell(rounds: Rounds, question: Question, setting: str, path: str, row: str) -> str:
    """Answer a question for one contender on one path; see ``ratios``."""
    columns = rounds.columns(setting, path, question.clock, row, *question.beside)
    if not columns[0]:
        return "not measured"
    found = _resolved(question, columns)
    return as_ratio(found) if found else "not resolved"


def answer(rounds: Sequence[Round], question: Question, name: str) -> Estimate | None:
    """Answer a question for one contender from the rounds of one path.

    Returns:
        The ratio; None where the rounds don't show what the floor adds to a call.
    """
    names = (name, *question.beside)
    columns = [[getattr(taken[each], question.clock) for taken in rounds] for each in names]
    return _resolved(question, columns)


def _resolved(question: Question, columns: Sequence[list[float]]) -> Estimate | None:
    try:
        return question.answer(*columns)
    except MeasurementError:
        return None


def as_ratio(estimate: Estimate) -> str:
    """Write a ratio with its interval: ``1.18 [1.16, 1.20]``, from 100 on ``538 [493, 555]``."""
    digits = 2 if estimate.value < 10 else 1 if estimate.value < 100 else 0
    value, low, high = (
        f"{number:.{digits}f}" for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def times(rounds: Rounds, setting: str, paths: Sequence[str], rows: Iterable[str]) -> Cells:
    """Return the CPU time of a call in microseconds, for every contender and path."""
    return {row: [_microseconds(rounds, setting, path, row) for path in paths] for row in rows}


def _microseconds(rounds: Rounds, setting: str, path: str, row: str) -> str:
    (column,) = rounds.columns(setting, path, "cpu_ns", row)
    if not column:
        return "not measured"
    return f"{median_estimate(column).value / 1e3:,.0f}"


def markdown(head: Sequence[str], cells: Cells) -> str:
    """Write a table; its first column are the names of the rows."""
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *([row, *cells[row]] for row in cells)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
