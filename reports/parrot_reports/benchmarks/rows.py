"""A benchmark as a row of a table says it."""

from dataclasses import dataclass

from parrot_reports.benchmarks.reading import Benchmark
from parrot_reports.benchmarks.report import Group, label, ratio_text
from parrot_reports.text import shortened

_LONGEST = 90
"""Characters of a name."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A benchmark, as its row says it; times are nanoseconds.

    Attributes:
        name: In its group.
        median: Of the rounds, per call.
        quartiles: First and third.
        least: The fastest round.
        ratio: Median over that of the fastest.
        rounds: How many.
        calls: Calls in a round.
        first_chunk: As the test noted it, where it did.
        tokens: Of a call, input and output, likewise.
    """

    name: str
    median: float
    quartiles: tuple[float, float]
    least: float
    ratio: str
    rounds: int
    calls: int
    first_chunk: float | None
    tokens: tuple[int | None, int | None]


def row(benchmark: Benchmark, group: Group) -> Row:
    """What the tables say of a benchmark."""
    stats = benchmark.stats
    return Row(
        name=shortened(label(benchmark, group), _LONGEST),
        median=benchmark.ns(stats.median),
        quartiles=(benchmark.ns(stats.q1), benchmark.ns(stats.q3)),
        least=benchmark.ns(stats.min),
        ratio=ratio_text(group.ratio(benchmark)),
        rounds=stats.rounds,
        calls=stats.iterations * benchmark.calls,
        first_chunk=benchmark.first_chunk,
        tokens=(benchmark.noted("input_tokens"), benchmark.noted("output_tokens")),
    )
