"""The span table: one row a span, and what could not be read.

Malformed lines are counted, located and left out; nothing else is lost. A run that was
killed while it wrote leaves half a line, which is the usual case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parrot_reports.spans.dialects import CALLS
from parrot_reports.spans.lines import SCHEMA


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """A line that could not be read.

    Attributes:
        file: Name of the file, without its folders: a report says the same wherever it is made.
        line: Number of the line, from 1.
        reason: What is wrong with it.
    """

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class SpanTable:
    """Spans as a table, and the lines that could not be read.

    Args:
        frame: One row a span. Columns: ids and names; ``service``; ``kind`` (OTLP's number);
            ``start_ns`` and ``end_ns`` since the epoch; ``failed`` (status is error);
            ``mode`` (spans around a mode only); ``operation``, ``provider``, ``model``;
            ``target`` (a tool, an agent, a data source); ``identity`` (identifying params as
            JSON, keys sorted); ``outcome``, ``finish`` (why the model stopped), ``error``;
            tokens; ``first_chunk_s``; then further attributes that were asked for.
        malformed: The lines left out; of very many the first.
        skipped: Lines of other signals, by their name: ``logs``, ``metrics``.
        lines: Lines that were read, empty ones aside.
        lost: Lines left out.
        not_read: Names of files that were passed over, and why.
        name: What was read, for a head: the name of a file or a folder.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        malformed: tuple[Malformed, ...] = (),
        *,
        skipped: Mapping[str, int] | None = None,
        lines: int = 0,
        lost: int | None = None,
        not_read: tuple[tuple[str, str], ...] = (),
        name: str = "",
    ) -> None:
        self.frame = frame
        self.malformed = malformed
        self.skipped = dict(skipped or {})
        self.lines = lines
        self.lost = len(malformed) if lost is None else lost
        self.not_read = not_read
        self.name = name

    def __len__(self) -> int:
        return self.frame.height

    def with_frame(self, frame: pl.DataFrame) -> "SpanTable":
        """The same reading with other rows."""
        return SpanTable(
            frame,
            self.malformed,
            skipped=self.skipped,
            lines=self.lines,
            lost=self.lost,
            not_read=self.not_read,
            name=self.name,
        )

    def unique(self) -> "SpanTable":
        """Every span once: a run that was sent twice is in a collector's file twice."""
        ids = ["trace_id", "span_id"]
        # Rarely is one there again, and as many hashes as rows prove it in little memory.
        if self.frame.select(ids).hash_rows().n_unique() == self.frame.height:
            return self
        return self.with_frame(self.frame.unique(ids, keep="first", maintain_order=True))

    @property
    def chats(self) -> pl.DataFrame:
        """The calls of a model: what is not a chat or completion operation is left out."""
        return self.frame.filter(pl.col("operation").is_in(CALLS))


def read_spans(path: Path) -> SpanTable:
    """Read a file of OTLP/JSON lines, plain or gzip.

    Args:
        path: The file. Gzip is known by its first bytes, not by its name.

    Returns:
        The table; empty if the file holds no spans.

    Raises:
        OSError: The file cannot be opened.
    """
    from parrot_reports.spans.files import read_lines  # noqa: PLC0415  # it imports this module

    return read_lines(path)


def empty() -> SpanTable:
    """A table without spans."""
    return SpanTable(pl.DataFrame(schema=SCHEMA))
