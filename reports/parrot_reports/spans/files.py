"""Files of spans into the span table: in blocks, by several processes, with a table beside.

A file is cut into pieces of whole lines, which are read at once by as many processes as are asked
for and put together in order. A million rows as Python objects would be twenty times the size of
the table, so a piece is a frame as soon as it is read.
"""

import contextlib
import gc
import json
import multiprocessing
import signal
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from parrot_bench.errors import RecordError, UsageError
from parrot_reports.parquet import read_table
from parrot_reports.spans.lines import Block, read_block, schema
from parrot_reports.spans.pieces import Piece, Place, Range, cut
from parrot_reports.spans.sources import Source
from parrot_reports.spans.table import Malformed, SpanTable

Progress = Callable[[int, int, int], None]
"""Called with bytes read, bytes in all, and spans so far."""


def untold(done: int, total: int, spans: int) -> None:
    """Say nothing of how far the reading is."""


_AHEAD: Final = 4
"""Pieces that wait to be read or to be taken."""
_MANY_ROWS: Final = 100_000
_MOST_MALFORMED: Final = 1_000
_WORTH_PROCESSES: Final = 24 << 20
"""Bytes from which more processes save more than their start costs (polars: half a second)."""
_OUR_TABLE: Final = "parrot_bench.spans"


def read_lines(path: Path) -> SpanTable:
    """Read one file of OTLP/JSON lines, in this process.

    Raises:
        OSError: The file cannot be opened.
    """
    path.open("rb").close()  # the usual OSError rather than ours
    return read_files([Source(path=path, name=path.name, kind="lines")])


def read_files(
    files: Sequence[Source],
    *,
    table: Path | None = None,
    wanted: Sequence[str] = (),
    processes: int = 1,
    progress: Progress = untold,
) -> SpanTable:
    """Read files of spans.

    Args:
        files: What to read.
        table: Where to write the span table as Parquet, unless it is empty or comes from such a
            file alone.
        wanted: Further attributes to keep, each in a column of its name.
        processes: How many may read at once; small files are read by this one alone.
        progress: Is told how far it is.

    Returns:
        The table.

    Raises:
        RecordError: A file cannot be read at all.
        UsageError: A table does not have a wanted attribute.
        OSError: The table cannot be written.
    """
    lines = [source for source in files if source.kind == "lines"]
    total = sum(source.path.stat().st_size for source in lines)
    read = _Reading()
    saved = [_saved_table(source, wanted, read) for source in files if source.kind == "parquet"]
    if saved and not lines:
        return read.table(saved[0] if len(saved) == 1 else pl.concat(saved))
    frames = _Frames(wanted)
    for frame in saved:
        frames.add(frame)
    begun = 0
    with _reading_pool(processes if total >= _WORTH_PROCESSES else 1) as pool:
        for source in lines:
            place = Place()
            for block in _blocks_read(source, read, wanted, place, pool):
                frames.add(block.frame)
                progress(begun + place.now, total, frames.rows)
            begun += source.path.stat().st_size
    whole = frames.whole()
    if table is not None and whole.height:
        _write(whole, table, read.told())
    return read.table(whole)


@dataclass
class _Reading:
    """What is noted while files are read."""

    malformed: list[Malformed] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    lost: int = 0

    def note(self, name: str, before: int, block: Block) -> None:
        self.lines += block.lines
        self.skipped.update(block.skipped)
        for number, reason in block.malformed:
            self.lose(name, before + number, reason)

    def lose(self, name: str, line: int, reason: str) -> None:
        self.lost += 1
        if len(self.malformed) < _MOST_MALFORMED:
            self.malformed.append(Malformed(file=name, line=line, reason=reason[:500]))

    def told(self) -> str:
        """As it is kept inside the table, so that a report from it says the same."""
        listed = [[m.file, m.line, m.reason] for m in self.malformed]
        return json.dumps(
            {"lines": self.lines, "lost": self.lost, "skipped": self.skipped, "malformed": listed}
        )

    def hear(self, told: str) -> None:
        kept = json.loads(told)
        self.lines += kept["lines"]
        self.lost += kept["lost"]
        self.skipped.update(kept["skipped"])
        self.malformed += [Malformed(file=f, line=n, reason=r) for f, n, r in kept["malformed"]]

    def table(self, frame: pl.DataFrame) -> SpanTable:
        return SpanTable(
            frame, tuple(self.malformed), skipped=self.skipped, lines=self.lines, lost=self.lost
        )


class _Frames:
    """Frames one after the other, of which many are one from time to time."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.rows = 0
        self._many: list[pl.DataFrame] = []
        self._few = [pl.DataFrame(schema=schema(wanted))]
        self._waiting = 0

    def add(self, frame: pl.DataFrame) -> None:
        self.rows += frame.height
        self._waiting += frame.height
        self._few.append(frame)
        if self._waiting >= _MANY_ROWS:
            self._join()

    def whole(self) -> pl.DataFrame:
        """All rows."""
        self._join()
        return pl.concat(self._many)

    def _join(self) -> None:
        # Thousands of small pieces would be looked at one by one, whatever is asked of the table.
        self._many.append(pl.concat(self._few, rechunk=True))
        self._few = self._few[:1]
        self._waiting = 0


def _write(frame: pl.DataFrame, table: Path, told: str) -> None:
    """Write the table, whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".spans-", dir=table.parent) as temporary:
        made = Path(temporary) / table.name
        frame.write_parquet(made, row_group_size=_MANY_ROWS, metadata={_OUR_TABLE: told})
        made.replace(table)


def _saved_table(source: Source, wanted: Sequence[str], read: _Reading) -> pl.DataFrame:
    """The span table of an earlier report."""
    try:
        told = pl.read_parquet_metadata(source.path).get(_OUR_TABLE)
        if told is None:
            raise RecordError(
                f"{source.path} is a Parquet file of something else; give OTLP/JSON lines, or the "
                "spans.parquet that a report of them leaves"
            )
        frame = read_table(source.path)
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            raise UsageError(
                f"{source.path} holds no {missing[0]!r}; give the file that the table was made "
                "from, with the same --where"
            )
        read.hear(told)
        return frame.select(pl.col(name).cast(kind) for name, kind in schema(wanted).items())
    except (pl.exceptions.PolarsError, OSError, ValueError, KeyError) as error:
        raise RecordError(
            f"{source.path} is not a whole span table; make it again from the file that it was "
            "made from"
        ) from error


def _blocks_read(
    source: Source,
    read: _Reading,
    wanted: Sequence[str],
    place: Place,
    pool: ProcessPoolExecutor | None,
) -> Iterator[Block]:
    """The blocks of one file, in order; what is wrong with it is noted."""
    before = 0
    stopped: list[Exception] = []
    pieces = cut(source.path, place, stopped)
    try:
        for block in _mapped(pieces, wanted, pool):
            read.note(source.name, before, block)
            before += block.ends
            yield block
    except BrokenProcessPool as error:
        raise RecordError(
            f"a process that read {source.path} was killed; free some memory, or give smaller files"
        ) from error
    except OSError as error:
        raise RecordError(f"{source.path} cannot be read ({error.strerror})") from error
    if stopped:
        read.lines += 1
        read.lose(source.name, before + 1, str(stopped[0]) or type(stopped[0]).__name__)


def _mapped(
    pieces: Iterable[Piece], wanted: Sequence[str], pool: ProcessPoolExecutor | None
) -> Iterator[Block]:
    """Read pieces, in a pool at most a few ahead of what is asked for."""
    if pool is None:
        yield from (_read_piece(piece, wanted) for piece in pieces)
        return
    waiting: deque[Future[Block]] = deque()
    for piece in pieces:
        waiting.append(pool.submit(_read_piece, piece, wanted))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read_piece(piece: Piece, wanted: Sequence[str]) -> Block:
    return read_block(piece.read() if isinstance(piece, Range) else piece, wanted)


@contextlib.contextmanager
def _reading_pool(processes: int) -> Iterator[ProcessPoolExecutor | None]:
    if processes == 1:
        yield None
        return
    # Not forked: polars has threads already, and a fork of those hangs sooner or later.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_reading)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _start_reading() -> None:
    """Prepare a process that reads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the pool
    gc.disable()  # nothing that is made here is a cycle
