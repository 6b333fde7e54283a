"""Calls that were followed by themselves, kept by column.

Ten minutes under load are half a million calls of twenty chunks. As objects they take a kilobyte
each; by column they take what their numbers take, and that on disk.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import chain
from operator import attrgetter, sub
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parrot_bench.columns import Column, Integers
from parrot_bench.events import Call, CallsTaken

if TYPE_CHECKING:
    import polars as pl

NONE = -(2**63)
"""Stands for None in a column of integers: no clock and no count ever shows it."""

_NUMBERS = (
    "started_ns", "ended_ns", "entered_ns", "left_ns", "scheduled_ns", "tokens", "input_tokens",
)  # fmt: skip
_NAMES = ("mode", "case", "error", "worker")
_MORE = ("round", "rate_limited", "chunks", "first", "last", "longest")

_ROWS = 20_000
"""Calls that are looked at together, where all of them are."""


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
    errors: NDArray[np.object_]
    rate_limited: NDArray[np.bool_]
    workers: NDArray[np.object_]

    def __len__(self) -> int:
        return self.due.size

    def where(self, chosen: NDArray[np.bool_]) -> "CallColumns":
        """Some of them, by an array of shape (calls,)."""
        return CallColumns(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


class CallTable:
    """Calls with the number of their round, in the order in which they were told."""

    def __init__(self) -> None:
        self._columns = {name: Column() for name in (*_NUMBERS, *_NAMES, *_MORE)}
        self._words: dict[str, dict[str, int]] = {name: {} for name in _NAMES}
        self._chunks = Column()

    def add_all(self, taken: CallsTaken) -> None:
        """Take in calls of one round."""
        calls, columns = taken.calls, self._columns
        for name in _NUMBERS:
            values = map(attrgetter(name), calls)
            columns[name].extend([NONE if value is None else value for value in values])
        for name, words in self._words.items():
            found = map(attrgetter(name), calls)
            columns[name].extend([words.setdefault(word, len(words)) for word in found])
        columns["round"].extend([taken.number] * len(calls))
        columns["rate_limited"].extend([call.rate_limited for call in calls])
        # Of the chunks, which are most of all numbers, this is what is asked again and again.
        replies = [call.chunks_ns for call in calls]
        columns["chunks"].extend(map(len, replies))
        columns["first"].extend([reply[0] if reply else NONE for reply in replies])
        columns["last"].extend([reply[-1] if reply else NONE for reply in replies])
        columns["longest"].extend([_longest(reply) for reply in replies])
        self._chunks.extend(chain.from_iterable(replies))

    def __len__(self) -> int:
        return len(self._columns["round"])

    def __iter__(self) -> Iterator[tuple[int, Call]]:
        for part, chunks in self._parts():
            columns: dict[str, list[Any]] = {
                name: self._read(name, part).tolist() for name in self._columns
            }
            replies = np.split(chunks, np.cumsum(columns["chunks"])[:-1])
            for row, reply in enumerate(replies):
                own = {name: columns[name][row] for name in (*_NUMBERS, *_NAMES)}
                told: dict[str, Any] = {name: None if n == NONE else n for name, n in own.items()}
                yield (
                    columns["round"][row],
                    Call(
                        **told,
                        chunks_ns=tuple(reply.tolist()),
                        rate_limited=bool(columns["rate_limited"][row]),
                    ),
                )

    def _parts(self) -> Iterator[tuple[slice, Integers]]:
        """All calls, some at a time: which ones, and when their chunks came."""
        after = 0
        for begin in range(0, len(self), _ROWS):
            rows = slice(begin, min(begin + _ROWS, len(self)))
            before, after = after, after + int(self._read("chunks", rows).sum())
            yield rows, self._chunks.read(before, after)

    def _read(self, name: str, rows: slice = slice(0, None)) -> NDArray[Any]:
        """A column, or some of its rows, with words instead of their numbers."""
        read = self._columns[name].read(rows.start, rows.stop)
        words = self._words.get(name)
        # As objects: arrays of strings take what the longest takes, and lose its last NULs.
        return read if words is None else np.array(list(words) or [""], dtype=object)[read]

    def of_round(self, number: int) -> CallColumns:
        """The calls of one round, as arrays."""
        rows = np.flatnonzero(self._read("round") == number)
        # They come one after the other; only what lies between the first and the last is read.
        between = slice(int(rows[0]), int(rows[-1]) + 1) if rows.size else slice(0, 0)

        def of(name: str) -> NDArray[Any]:
            return self._read(name, between)[rows - between.start]

        started, due = of("started_ns"), of("scheduled_ns")
        return CallColumns(
            due=np.where(due == NONE, started, due),
            started=started,
            ended=of("ended_ns"),
            first=of("first"),
            last=of("last"),
            chunks=of("chunks"),
            longest=of("longest"),
            tokens=of("tokens"),
            input_tokens=of("input_tokens"),
            errors=of("error"),
            rate_limited=of("rate_limited").astype(bool),
            workers=of("worker"),
        )

    def by_worker(self) -> Counter[tuple[str, str]]:
        """How many calls there are by worker and type of error."""
        found: Counter[tuple[str, str]] = Counter()
        for part, _ in self._parts():
            both = (self._read(name, part).tolist() for name in ("worker", "error"))
            found.update(zip(*both, strict=True))
        return found

    def frames(self) -> Iterator["pl.DataFrame"]:
        """All calls as tables, some at a time; a column a field of :class:`Call`, and ``round``."""
        import polars as pl  # noqa: PLC0415  # 0.4 s, and only runs that save need it

        for part, chunks in self._parts():
            counts = self._read("chunks", part)
            rows = np.arange(counts.size)
            replies = (
                pl.DataFrame({"row": np.repeat(rows, counts), "chunks_ns": chunks})
                .group_by("row", maintain_order=True)
                .agg("chunks_ns")
            )
            calls = pl.DataFrame(
                {
                    "row": rows,
                    "rate_limited": self._read("rate_limited", part).astype(bool),
                    **{name: self._read(name, part) for name in ("round", *_NUMBERS)},
                    **{name: self._read(name, part).tolist() for name in _NAMES},
                }
            )
            yield calls.join(replies, on="row", how="left", maintain_order="left").select(
                pl.col(*_NAMES, "round", "rate_limited"),
                *(pl.col(name).replace(NONE, None) for name in _NUMBERS),
                pl.col("chunks_ns").fill_null(pl.lit([], dtype=pl.List(pl.Int64))),
            )


def _longest(reply: tuple[int, ...]) -> int:
    return max(map(sub, reply[1:], reply)) if len(reply) > 1 else NONE
