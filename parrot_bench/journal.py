"""The journal of a run: every finished round on disk before the next one begins.

The tables of a run directory are written whole, now and then. What a run that is killed has
measured since then is in its journal: one JSON line an event, written by the timed process
itself, between two blocks.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from parrot_bench.against.events import PairEnded, PairRound, SideDropped, SidePlanned
from parrot_bench.errors import RecordError
from parrot_bench.events import (
    CallsTaken,
    Event,
    ModeDropped,
    Observed,
    PassReconciled,
    Planned,
    RoundsEnded,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.studies.table import STUDIES

if TYPE_CHECKING:
    from parrot_bench.against.events import PairEvent
    from parrot_bench.measuring import Measurement

_NO_LINE = (ValueError, KeyError, TypeError, OverflowError, RecursionError, ValidationError)
"""What a line raises that was cut, or that somebody else wrote."""

_KEPT: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        CallsTaken,
        ModeDropped,
        PairEnded,
        PairRound,
        PassReconciled,
        Planned,
        RoundsEnded,
        RoundTaken,
        SideDropped,
        SidePlanned,
        StudyBegun,
        StudyEnded,
    )
}
"""Events that are kept as they are; of what only one study reads, :attr:`Study.observes` knows."""


def journaled(measurement: "Measurement", path: Path) -> "Measurement":
    """Pass on what a measurement tells, and write it down first.

    Args:
        measurement: What is to be followed.
        path: The journal; lines are added to it.

    Raises:
        RecordError: The journal cannot be written.
    """
    study = ""
    reply = None
    with opened(path) as file:
        while True:
            try:
                event = next(measurement) if reply is None else measurement.send(reply)
            except StopIteration:
                return
            if isinstance(event, StudyBegun):
                study = event.study
            write_down(file, line_of(event, study))
            reply = yield event


@contextmanager
def opened(path: Path) -> Iterator[io.FileIO]:
    """Open a journal to add lines to it.

    Unbuffered: what is written has reached the operating system, whoever is killed then.

    Raises:
        RecordError: It cannot be opened.
    """
    try:
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}") from error
    with file:
        yield file


def write_down(file: io.FileIO, line: bytes) -> None:
    """Write a line of a journal, all of it.

    Raises:
        RecordError: There is no room for it; the journal ends with the line before.
    """
    left = memoryview(line)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        raise RecordError(f"{file.name!s} cannot be written: {error.strerror}") from error


def line_of(event: "Event | PairEvent", study: str = "") -> bytes:
    """Write one event as a line; empty where it is not kept.

    Args:
        event: The event.
        study: The study that tells it.
    """
    if isinstance(event, Observed):
        name, content = "Observed", _adapter(STUDIES[study].observes).dump_json(event.what)
    elif type(event).__name__ in _KEPT:
        name = type(event).__name__
        content = _adapter(_KEPT[name]).dump_json(event)
    else:
        return b""
    return b'{"at":%.3f,"event":"%s","content":%s}\n' % (monotonic(), name.encode(), content)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read_journal(path: Path) -> Iterator[tuple[float, Any]]:
    """Read a journal up to its first line that is not whole.

    Yields:
        When (seconds, on the clock of the process that wrote it) and what was told.
    """
    study = ""
    with path.open("rb") as file:
        for line in file:
            try:
                read = json.loads(line)
                name = read["event"]
                kind = STUDIES[study].observes if name == "Observed" else _KEPT[name]
                content: Any = _adapter(kind).validate_python(read["content"])
                at = float(read["at"])
            except _NO_LINE:
                return
            if isinstance(content, StudyBegun):
                study = content.study
            yield at, Observed(content) if name == "Observed" else content
