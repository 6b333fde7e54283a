"""Which files hold spans: what was named, and what is in a folder that was named."""

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parrot_bench.errors import RecordError

GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_SIGNALS = (b'"resourceSpans"', b'"resourceLogs"', b'"resourceMetrics"')
_HEAD = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file to read.

    Attributes:
        path: Where it lies.
        name: How it is named in the report: below the folder that was given, or without folders.
        kind: OTLP/JSON lines, or a table of an earlier report.
    """

    path: Path
    name: str
    kind: Literal["lines", "parquet"]


def sources(paths: Sequence[Path]) -> tuple[list[Source], list[tuple[str, str]]]:
    """Find the files to read.

    Args:
        paths: Files, which are read whatever they are, and folders, of which the files are that
            look like spans.

    Returns:
        The files, in order; names of the files in folders that are not read, and why.

    Raises:
        RecordError: A path is not there or cannot be opened.
    """
    found: list[Source] = []
    passed: list[tuple[str, str]] = []
    for path in paths:
        try:
            if path.is_dir():
                _look_into(path, found, passed)
            else:
                kind: Literal["lines", "parquet"] = (
                    "parquet" if _head(path)[:4] == _PARQUET else "lines"
                )
                found.append(Source(path=path, name=path.name, kind=kind))
        except OSError as error:
            raise RecordError(
                f"{path} cannot be read ({error.strerror}); name a run directory, a file of "
                "OTLP/JSON lines, or a folder of such files"
            ) from error
    return list({source.path.resolve(): source for source in found}.values()), passed


def _look_into(folder: Path, found: list[Source], passed: list[tuple[str, str]]) -> None:
    lines, tables = [], []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if not path.is_file():
            # What an earlier report left is nobody's data.
            if path.name != "figures":
                passed.append((path.name, "a folder; name it as well to read what is in it"))
            continue
        try:
            head = _head(path)
        except OSError as error:
            passed.append((path.name, f"cannot be opened ({error.strerror})"))
            continue
        if head[:4] == _PARQUET:
            tables.append(Source(path=path, name=path.name, kind="parquet"))
        elif any(signal in head for signal in _SIGNALS):
            lines.append(Source(path=path, name=path.name, kind="lines"))
        elif not head:
            passed.append((path.name, "empty"))
        elif path.name not in {"report.html", "report.json", "summary.md"}:
            passed.append((path.name, "no OTLP/JSON lines"))
    if lines:
        # A table is made from such lines: read as well, each of its spans would be there twice.
        passed += [(table.name, "a table; name it itself to read it") for table in tables]
        found += lines
    else:
        found += tables


def _head(path: Path) -> bytes:
    """The first bytes of what is in a file."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(GZIP):
        return head
    try:
        with gzip.open(path, "rb") as unpacked:
            return unpacked.read1(_HEAD)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b"?"
