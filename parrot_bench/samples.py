"""The samples of a run: kept by mode while it goes on, saved as Parquet tables.

What a table's columns mean is said in :class:`parrot_bench.events.Block` and ``Call``.
"""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from parrot_bench.calls import CallTable
from parrot_bench.errors import RecordError
from parrot_bench.events import Block, Call, CallsTaken, RoundTaken
from parrot_bench.record import replacing

if TYPE_CHECKING:
    import polars as pl

Clock = Literal["cpu", "wall"]


def _numbers() -> "array[int]":
    return array("q")


@dataclass(slots=True)
class Series:
    """Blocks of one mode in one role, in the order they ran."""

    rounds: "array[int]" = field(default_factory=_numbers)
    calls: "array[int]" = field(default_factory=_numbers)
    wall: "array[int]" = field(default_factory=_numbers)
    cpu: "array[int]" = field(default_factory=_numbers)
    cold: "array[int]" = field(default_factory=_numbers)

    def add(self, number: int, block: Block) -> None:
        """Take in one block of round ``number``."""
        self.rounds.append(number)
        self.calls.append(block.calls)
        self.wall.append(block.wall_ns)
        self.cpu.append(block.cpu_ns)
        if block.cold_ns is not None:
            self.cold.append(block.cold_ns)

    def per_call(self, clock: Clock) -> NDArray[np.float64]:
        """Nanoseconds per call of each block, shape (blocks,), at least 1."""
        total = np.array(self.cpu if clock == "cpu" else self.wall, dtype=np.float64)
        return np.maximum(total / np.array(self.calls, dtype=np.float64), 1.0)


class Samples:
    """Every block of every round of one study, every stamped call, every call of its own.

    Args:
        study: Its name.
        process: Number of the process that they were taken in, from 0.
        side: Of a comparison; empty for a run.

    Attributes:
        followed: Every call that was followed by itself.
        rounds: Rounds taken, stamped ones included.
        stamped_rounds: Of these.
    """

    def __init__(self, study: str = "overhead", process: int = 0, side: str = "") -> None:
        self.study = study
        self.process = process
        self.side = side
        self._series: defaultdict[tuple[str, str, str], Series] = defaultdict(Series)
        self._blocks: list[tuple[int, bool, bool, Block]] = []
        self.followed = CallTable()
        self._errors: dict[str, dict[str, int]] = {}
        self._first_rounds = [0]
        self._calls_of_processes: dict[int, int] = {}
        self.rounds = 0
        self.stamped_rounds = 0

    def __bool__(self) -> bool:
        return bool(self._blocks or len(self.followed))

    def add(self, taken: RoundTaken) -> None:
        """Take in one round."""
        self._calls_of_processes[taken.process] = taken.calls_so_far
        if taken.process == len(self._first_rounds):
            self._first_rounds.append(taken.number)
        for mode, error in taken.errors:
            counts = self._errors.setdefault(mode, {})
            counts[error] = counts.get(error, 0) + 1
        for block in taken.blocks:
            self._blocks.append((taken.number, taken.stamped, taken.tail, block))
            if not taken.stamped:
                key = block.partner if block.role == "pair" else block.mode
                self._series[key, block.role, block.case].add(taken.number, block)
        if not taken.tail:
            self.rounds += 1
            self.stamped_rounds += taken.stamped

    def add_calls(self, taken: CallsTaken) -> None:
        """Take in calls that were followed by themselves."""
        self.followed.add_all(taken)

    def of(self, mode: str, role: str = "mode", case: str = "") -> Series:
        """Blocks of a mode; role and case as in :class:`Block` (a pair goes by its slow mode)."""
        return self._series.get((mode, role, case)) or Series()

    def errors(self, mode: str) -> dict[str, int]:
        """Blocks of a mode that raised, by error type."""
        return self._errors.get(mode, {})

    def paired(
        self, one: Series, other: Series, clock: Clock
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Nanoseconds per call of both, over the rounds that have both, in order."""
        first, second = one.per_call(clock), other.per_call(clock)
        if one.rounds == other.rounds:
            return first, second
        _, left, right = np.intersect1d(
            np.array(one.rounds), np.array(other.rounds), assume_unique=True, return_indices=True
        )
        return first[left], second[right]

    @property
    def calls(self) -> int:
        """Calls of the model, untimed ones included."""
        return sum(self._calls_of_processes.values())

    @property
    def processes(self) -> int:
        """How many processes have taken rounds."""
        return len(self._first_rounds)

    def paired_by_process(
        self, one: Series, other: Series, clock: Clock
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """As :meth:`paired`, for each process that has rounds of both."""
        first, second = self.paired(one, other, clock)
        rounds = np.intersect1d(np.array(one.rounds), np.array(other.rounds))
        cuts = np.searchsorted(rounds, self._first_rounds[1:])
        pairs = zip(np.split(first, cuts), np.split(second, cuts), strict=True)
        return [(left, right) for left, right in pairs if left.size]

    def latencies(self, mode: str) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
        """Per-call latencies of a mode, nanoseconds, and the round of each.

        They come from the pass with garbage collection on where there was one, because that is
        how the calls will run; else from the stamped rounds and from blocks of a single call.

        Returns:
            Latencies and round numbers, both of shape (calls,), and whether garbage collection
            was on.
        """
        for wanted in (True, False):
            found = [
                (number, np.diff(np.array(block.stamps, dtype=np.int64)))
                for number, _, tail, block in self._blocks
                if tail is wanted and block.mode == mode and block.stamps and block.role == "mode"
            ]
            if found:
                latencies = np.concatenate([gaps for _, gaps in found])
                rounds = np.concatenate([np.full(gaps.size, number) for number, gaps in found])
                return latencies, rounds.astype(np.int64), wanted
        empty = np.array([], dtype=np.int64)
        return empty, empty, False

    def sample_rows(self) -> Iterator[tuple[object, ...]]:
        """Rows of ``samples.parquet``."""
        for number, stamped, tail, block in self._blocks:
            yield (
                self.study,
                self.process + bisect_right(self._first_rounds, number) - 1,
                self.side,
                number,
                block.position,
                block.mode,
                block.case,
                block.role,
                block.partner,
                block.previous,
                stamped,
                tail,
                block.calls,
                block.wall_ns,
                block.cpu_ns,
                block.cold_ns,
            )

    def stamped_rows(self) -> Iterator[tuple[object, ...]]:
        """Rows of ``calls.parquet`` that are stamped calls: study to end, of its columns."""
        for number, _, tail, block in self._blocks:
            if block.role != "mode":
                continue
            for begun, ended in zip(block.stamps, block.stamps[1:], strict=False):
                yield (self.study, block.mode, block.case, number, tail, begun, ended)


def write_tables(studies: Sequence[Samples], samples: Path, calls: Path) -> None:
    """Write ``samples.parquet`` and ``calls.parquet``.

    Raises:
        OSError: One of them cannot be written; it is what it was before.
    """
    import polars as pl  # noqa: PLC0415  # 0.4 s, and only runs that save need it

    rows = [row for study in studies for row in study.sample_rows()]
    _write(
        samples,
        _SAMPLE_COLUMNS,
        [pl.DataFrame(rows, schema=_schema(_SAMPLE_COLUMNS), orient="row")],
    )
    _write(calls, _CALL_COLUMNS, _call_frames(studies))


def _call_frames(studies: Sequence[Samples]) -> "Iterator[pl.DataFrame]":
    """Every call of every study, some at a time."""
    import polars as pl  # noqa: PLC0415  # as above

    wanted = _schema(_CALL_COLUMNS)
    stamped = [row for study in studies for row in study.stamped_rows()]
    own = {name: wanted[name] for name in list(wanted)[:_STAMPED]}
    empty = {"chunks_ns": [], "error": "", "rate_limited": False, "worker": ""}
    yield pl.DataFrame(stamped, schema=own, orient="row").with_columns(
        pl.lit(empty.get(name), dtype=kind).alias(name)
        for name, kind in wanted.items()
        if name not in own
    )
    for study in studies:
        for frame in study.followed.frames():
            yield frame.with_columns(study=pl.lit(study.study), tail=pl.lit(value=False))


def read_calls(path: Path, study: str) -> Iterator[tuple[int, Call]]:
    """Read the calls of a study that were followed by themselves, from ``calls.parquet``.

    Yields:
        Number of the round, and the call.

    Raises:
        RecordError: The file cannot be read.
    """
    import polars as pl  # noqa: PLC0415  # as below

    try:
        table = pl.read_parquet(path).filter(pl.col("study") == study)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecordError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    for row in table.iter_rows(named=True):
        yield (
            row["round"],
            Call(
                mode=row["mode"],
                case=row["case"],
                started_ns=row["started_ns"],
                ended_ns=row["ended_ns"],
                chunks_ns=tuple(row["chunks_ns"]),
                tokens=row["tokens"],
                error=row["error"],
                entered_ns=row["entered_ns"],
                left_ns=row["left_ns"],
                scheduled_ns=row["scheduled_ns"],
                rate_limited=row.get("rate_limited", False),
                input_tokens=row.get("input_tokens"),
                worker=row.get("worker", ""),
            ),
        )


_SAMPLE_COLUMNS = {
    "study": "String",
    "process": "Int32",
    "side": "String",
    "round": "Int32",
    "position": "Int32",
    "mode": "String",
    "case": "String",
    "role": "String",
    "partner": "String",
    "previous": "String",
    "stamped": "Boolean",
    "tail": "Boolean",
    "calls": "Int32",
    "wall_ns": "Int64",
    "cpu_ns": "Int64",
    "cold_wall_ns": "Int64",
}

_CALL_COLUMNS = {
    "study": "String",
    "mode": "String",
    "case": "String",
    "round": "Int32",
    "tail": "Boolean",
    "started_ns": "Int64",
    "ended_ns": "Int64",
    "chunks_ns": "List(Int64)",
    "tokens": "Int32",
    "error": "String",
    "entered_ns": "Int64",
    "left_ns": "Int64",
    "scheduled_ns": "Int64",
    "input_tokens": "Int32",
    "rate_limited": "Boolean",
    "worker": "String",
}

_GROUP = 20_000
"""Rows of a table that are written together, and are in memory until then."""

_STAMPED = 7
"""Columns of a stamped call: as many as come first in :data:`_CALL_COLUMNS`."""


def _schema(columns: dict[str, str]) -> "dict[str, pl.DataType]":
    import polars as pl  # noqa: PLC0415  # as above

    kinds = {"List(Int64)": pl.List(pl.Int64)}
    return {name: kinds.get(kind) or getattr(pl, kind)() for name, kind in columns.items()}


def _write(path: Path, columns: dict[str, str], frames: "Iterable[pl.DataFrame]") -> None:
    """Write a table frame by frame, so that it need not be in memory as a whole."""
    import polars as pl  # noqa: PLC0415  # as above
    from polars.io.plugins import register_io_source  # noqa: PLC0415

    schema = pl.Schema(_schema(columns))

    def source(*_: object) -> "Iterator[pl.DataFrame]":
        for frame in frames:
            yield frame.select(list(columns)).cast(schema)

    with replacing(path) as temporary:
        try:
            register_io_source(source, schema=schema).sink_parquet(
                temporary, compression="zstd", row_group_size=_GROUP
            )
        except pl.exceptions.PolarsError as error:
            raise OSError(" ".join(str(error).split())) from error
