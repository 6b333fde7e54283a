"""A file of lines, cut into pieces of whole lines that can be read apart.

Of a plain file a piece is a place in it, which whoever reads it looks up by itself; of gzip it is
the lines, since unpacking has to begin at the beginning.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from parrot_reports.spans.sources import GZIP

_BLOCK: Final = 2 << 20
"""Bytes of a piece; rows of more leave the processor's cache before they are a frame."""
_LONGEST_LINE: Final = 256 << 20
_TOO_LONG = ValueError("a line of more than 256 MB; nothing after it was read")
_UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, kw_only=True)
class Range:
    """Whole lines of a file, by their place in it."""

    path: Path
    begin: int
    end: int

    def read(self) -> bytes:
        """Return the lines."""
        with self.path.open("rb") as file:
            file.seek(self.begin)
            return file.read(self.end - self.begin)


Piece = bytes | Range


@dataclass
class Place:
    """How far a file has been read, in bytes of the file as it lies on the disk."""

    now: int = 0


def cut(path: Path, place: Place, stopped: list[Exception]) -> Iterator[Piece]:
    """Cut a file into pieces of whole lines; gzip is known by its first bytes.

    Args:
        path: The file.
        place: Is kept at where the reading is.
        stopped: Gets why the rest was not read: gzip that ends too early or is damaged, a line
            without end. What comes before is cut all the same.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        pieces = _unpacked(raw, stopped) if packed else _ranges(path, raw, stopped)
        for piece in pieces:
            place.now = raw.tell()
            yield piece


def _ranges(path: Path, raw: IO[bytes], stopped: list[Exception]) -> Iterator[Range]:
    begin, size = 0, path.stat().st_size
    while begin < size:
        raw.seek(begin + _BLOCK)
        last = raw.readline(_LONGEST_LINE)  # the line that the block would have ended in
        end = min(size, raw.tell())
        if len(last) == _LONGEST_LINE and not last.endswith(b"\n"):
            stopped.append(_TOO_LONG)
            raw.seek(begin)
            end = size = begin + raw.read(_BLOCK).rfind(b"\n") + 1
        raw.seek(end)
        yield Range(path=path, begin=begin, end=end)
        begin = end


def _unpacked(raw: IO[bytes], stopped: list[Exception]) -> Iterator[bytes]:
    rest: list[bytes] = []
    waiting = 0
    for chunk in _chunks(raw, stopped):
        cut = chunk.rfind(b"\n") + 1
        rest.append(chunk[:cut] if cut else chunk)
        waiting += len(rest[-1])
        if cut and waiting >= _BLOCK:
            yield b"".join(rest)
            rest, waiting = [], 0
        elif waiting > _LONGEST_LINE:
            stopped.append(_TOO_LONG)
            break
        if cut and cut < len(chunk):
            rest.append(chunk[cut:])
            waiting += len(rest[-1])
    last = b"".join(rest)
    # Of what was not read to its end, the last line is not whole.
    yield last[: last.rfind(b"\n") + 1] if stopped else last


def _chunks(raw: IO[bytes], stopped: list[Exception]) -> Iterator[bytes]:
    with gzip.open(raw, "rb") as file:
        try:
            # read1 hands out what is unpacked before it says that the rest cannot be.
            while chunk := file.read1(_BLOCK):
                yield chunk
        except _UNREADABLE as error:
            stopped.append(error)
