"""What pytest-benchmark writes, read and checked. Times are in seconds there."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from parrot_bench.errors import RecordError

_BEGINNING = 4096
"""Bytes that tell what a file is: pytest-benchmark writes the machine first."""

_SHORTEST_S, _LONGEST_S = 1e-15, 1e9
_MOST = 1 << 53
"""Beyond these nothing was counted or timed, and numbers couldn't be worked with."""


class Stats(msgspec.Struct, frozen=True):
    """Times per iteration of one benchmark's rounds, seconds.

    Attributes:
        min: The fastest round.
        q1: First quartile.
        median: Median.
        q3: Third quartile.
        max: The slowest round.
        rounds: How many rounds there were.
        iterations: Calls in a round.
        data: Every round, where they were saved (``--benchmark-save-data``, or a run of ours).
    """

    min: float
    q1: float
    median: float
    q3: float
    max: float
    rounds: int
    iterations: int = 1
    data: list[float] | None = None


class Benchmark(msgspec.Struct, frozen=True):
    """One benchmark, which is one test.

    Attributes:
        name: Of the test, its parameters in brackets.
        stats: Its times.
        fullname: The same, after the file.
        group: What it is compared with; None for all that have none.
        extra_info: What the test noted beside it.
        options: How it was measured.
    """

    name: str
    stats: Stats
    fullname: str = ""
    group: str | None = None
    extra_info: dict[str, Any] = {}
    options: dict[str, Any] = {}

    @property
    def calls(self) -> int:
        """Calls of the model in an iteration: a batch of sixteen prompts is sixteen."""
        return (self.noted("batch_size") if "mode" in self.extra_info else None) or 1

    def noted(self, what: str) -> int | None:
        """A number that the test noted; None where it noted none."""
        value = self.extra_info.get(what)
        return value if isinstance(value, int) and 0 <= value < _MOST else None

    @property
    def first_chunk(self) -> float | None:
        """Time to the first chunk as the test noted it, nanoseconds; None where it did not."""
        value = self.extra_info.get("seconds_to_first_chunk")
        if isinstance(value, int | float) and 0 <= value < _LONGEST_S:
            return value * 1e9
        return None

    def ns(self, seconds: float) -> float:
        """A time of the stats per call, nanoseconds."""
        return seconds * 1e9 / self.calls


class BenchmarkFile(msgspec.Struct, frozen=True):
    """A file of pytest-benchmark.

    Attributes:
        benchmarks: One a test.
        machine_info: Processor, Python and system.
        commit_info: The commit, and whether files differed from it.
        datetime: When it was written, ISO 8601.
        version: Of pytest-benchmark.
    """

    benchmarks: list[Benchmark]
    machine_info: dict[str, Any] = {}
    commit_info: dict[str, Any] = {}
    datetime: str = ""
    version: str = ""


def is_benchmark_file(path: Path) -> bool:
    """Whether a file says of itself that it is pytest-benchmark's; spans say something else."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING).lstrip()
    except OSError:
        return False  # whoever reads it has the words for that
    named = b'"machine_info"' in beginning or b'"benchmarks"' in beginning
    return beginning.startswith(b"{") and named and b'"resourceSpans"' not in beginning


def read_benchmarks(path: Path) -> BenchmarkFile:
    """Read a file of pytest-benchmark.

    Raises:
        RecordError: It can't be read, is none, or has no benchmark; the message says where.
    """
    try:
        found = msgspec.convert(json.loads(path.read_bytes()), BenchmarkFile)
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        where = f"{path} is not a file as pytest-benchmark writes it: {error}"
        raise RecordError(f"{where}; make it with pytest --benchmark-json {path.name}") from error
    if not found.benchmarks:
        raise RecordError(
            f"{path} has no benchmark: every test of it failed, was skipped or timed nothing"
        )
    for problem in _problems(found):
        raise RecordError(f"{path} is not a file as pytest-benchmark writes it: {problem}")
    return found


def _problems(file: BenchmarkFile) -> Iterator[str]:
    """Numbers that no measurement gives."""
    for number, benchmark in enumerate(file.benchmarks):
        stats = benchmark.stats
        times = (stats.min, stats.q1, stats.median, stats.q3, stats.max, *(stats.data or ()))
        if not all(math.isfinite(time) and time >= 0 for time in times):
            yield f"a time of benchmarks[{number}] is negative or no number"
        elif not all(time == 0 or _SHORTEST_S <= time < _LONGEST_S for time in times):
            yield f"a time of benchmarks[{number}] is none that a clock gives"
        elif not stats.min <= stats.q1 <= stats.median <= stats.q3 <= stats.max:
            yield f"the quartiles of benchmarks[{number}] are not in order"
        elif stats.rounds < 1 or stats.iterations < 1:
            yield f"benchmarks[{number}] has no round"
        elif max(stats.rounds, stats.iterations) >= _MOST:
            yield f"benchmarks[{number}] has more rounds than can be"
