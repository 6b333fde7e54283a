"""Calls that were followed by themselves, kept by column.

Ten minutes under load are half a million calls of twenty chunks. As objects they take a kilobyte
each, by column what their numbers take.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parrot_bench.events import Call, CallsTaken

if TYPE_CHECKING:
    import polars as pl

Integers = NDArray[np.int64]

NONE = -(2**63)
"""Stands for None in a column of integers: no clock and no count ever shows it."""

_NUMBERS = (
    "started_ns", "ended_ns", "entered_ns", "left_ns", "scheduled_ns", "tokens", "input_tokens",
)  # fmt: skip
_NAMES = ("mode", "case", "error", "worker")

_ROWS = 50_000
"""Of a table, made at a time: what is needed beside it is three times as much."""


@dataclass(frozen=True, kw_only=True)
class CallColumns:
    """Calls of one round as arrays of shape (calls,). Times are ``perf_counter_ns``.

    Attributes:
        due: When each should have been made; when it was, where it was due at once.
        started: When it was made.
        ended: At the end of its reply, or when it raised.
        first: When its first chunk with content came; :data:`NONE` where none did.
        last: The same of the last one.
        chunks: How many there were.
        longest: The longest time from one to the next; :data:`NONE` under two.
        tokens: Output tokens; :data:`NONE` where they are not told.
        input_tokens: The same, of the prompt.
        errors: Name of the error type; empty when there was none.
        rate_limited: The error was a provider's *too many requests*.
        workers: Which worker made it; empty where one process made all.
    """

    due: Integers
    started: Integers
    ended: Integers
    first: Integers
    last: Integers
    chunks: Integers
    longest: Integers
    tokens: Integers
    input_tokens: Integers
    errors: NDArray[np.str_]
    rate_limited: NDArray[np.bool_]
    workers: NDArray[np.str_]

    def __len__(self) -> int:
        return self.due.size

    def where(self, chosen: NDArray[np.bool_]) -> "CallColumns":
        """Some of them, by an array of shape (calls,)."""
        return CallColumns(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


class CallTable:
    """Calls with the number of their round, in the order in which they were told."""

    def __init__(self) -> None:
        self._rounds = array("q")
        self._numbers = {name: array("q") for name in _NUMBERS}
        self._codes = {name: array("q") for name in _NAMES}
        self._limited = array("b")
        self._chunks = array("q")
        self._ends = array("q", [0])
        self._words: dict[str, int] = {}

    def add_all(self, taken: CallsTaken) -> None:
        """Take in calls of one round."""
        for call in taken.calls:
            self._add(taken.number, call)

    def _add(self, number: int, call: Call) -> None:
        self._rounds.append(number)
        for name, column in self._numbers.items():
            value = getattr(call, name)
            column.append(NONE if value is None else value)
        for name, codes in self._codes.items():
            codes.append(self._words.setdefault(getattr(call, name), len(self._words)))
        self._limited.append(call.rate_limited)
        self._chunks.extend(call.chunks_ns)
        self._ends.append(len(self._chunks))

    def __len__(self) -> int:
        return len(self._rounds)

    def __iter__(self) -> Iterator[tuple[int, Call]]:
        words = list(self._words)
        for row, number in enumerate(self._rounds):
            numbers = {name: column[row] for name, column in self._numbers.items()}
            names = {name: words[codes[row]] for name, codes in self._codes.items()}
            yield (
                number,
                Call(
                    **{name: None if value == NONE else value for name, value in numbers.items()},  # type: ignore[arg-type]
                    **names,  # type: ignore[arg-type]
                    chunks_ns=tuple(self._chunks[self._ends[row] : self._ends[row + 1]]),
                    rate_limited=bool(self._limited[row]),
                ),
            )

    def of_round(self, number: int) -> CallColumns:
        """The calls of one round, as arrays."""
        rows = np.flatnonzero(_array(self._rounds) == number)

        def column(name: str) -> Integers:
            return _array(self._numbers[name])[rows]

        begins, ends = (_array(self._ends)[rows + step] for step in (0, 1))
        some = ends > begins
        first, last, longest = (np.full(rows.size, NONE) for _ in range(3))
        chunks = _array(self._chunks)
        first[some], last[some] = chunks[begins[some]], chunks[ends[some] - 1]
        several = ends > begins + 1
        longest[several] = self._longest(chunks)[rows[several]]
        started, due = column("started_ns"), column("scheduled_ns")
        return CallColumns(
            due=np.where(due == NONE, started, due),
            started=started,
            ended=column("ended_ns"),
            first=first,
            last=last,
            chunks=ends - begins,
            longest=longest,
            tokens=column("tokens"),
            input_tokens=column("input_tokens"),
            errors=self._words_of("error")[rows],
            rate_limited=np.array(self._limited, dtype=bool)[rows],
            workers=self._words_of("worker")[rows],
        )

    def _longest(self, chunks: Integers) -> Integers:
        """The longest gap of each call, shape (calls,); 0 under two chunks."""
        found = np.zeros(len(self), dtype=np.int64)
        begins, ends = _array(self._ends)[:-1], _array(self._ends)[1:]
        some = ends > begins
        if some.any():
            gaps = np.diff(chunks, prepend=chunks[:1])
            gaps[begins[some]] = 0  # from the call before
            found[some] = np.maximum.reduceat(gaps, begins[some])
        return found

    def by_worker(self) -> Counter[tuple[str, str]]:
        """How many calls there are by worker and type of error."""
        both = (self._words_of(name).tolist() for name in ("worker", "error"))
        return Counter(zip(*both, strict=True))

    def _words_of(self, name: str) -> NDArray[np.str_]:
        return np.array(list(self._words) or [""])[_array(self._codes[name])]

    def frame(self) -> "pl.DataFrame":
        """All calls as a table, one column a field of :class:`Call`, and ``round``."""
        import polars as pl  # noqa: PLC0415  # 0.4 s, and only runs that save need it

        parts = range(0, max(len(self), 1), _ROWS)
        return pl.concat(self._part(slice(begin, begin + _ROWS)) for begin in parts)

    def _part(self, rows: slice) -> "pl.DataFrame":
        import polars as pl  # noqa: PLC0415  # as above

        words = pl.Series(list(self._words) or [""], dtype=pl.String)
        ends = np.array(self._ends[rows.start : rows.stop + 1], dtype=np.int64)
        count = ends.size - 1
        chunks = (
            pl.DataFrame(
                {
                    "row": np.repeat(np.arange(count), np.diff(ends)),
                    "chunks_ns": _array(self._chunks[ends[0] : ends[-1]]),
                }
            )
            .group_by("row", maintain_order=True)
            .agg("chunks_ns")
        )
        calls = pl.DataFrame(
            {
                "row": np.arange(count),
                "round": _array(self._rounds[rows]),
                "rate_limited": np.array(self._limited[rows], dtype=bool),
                **{name: words.gather(_array(codes[rows])) for name, codes in self._codes.items()},
                **{name: _array(column[rows]) for name, column in self._numbers.items()},
            }
        )
        return calls.join(chunks, on="row", how="left", maintain_order="left").select(
            pl.col(*_NAMES, "round", "rate_limited"),
            *(pl.col(name).replace(NONE, None) for name in _NUMBERS),
            pl.col("chunks_ns").fill_null(pl.lit([], dtype=pl.List(pl.Int64))),
        )


def _array(column: "array[int]") -> Integers:
    # A copy: an array whose memory somebody looks at cannot grow.
    return np.array(column, dtype=np.int64)
