"""Which files hold spans: what was named, and what is in a folder that was named."""

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parrot_bench.errors import RecordError

Kind = Literal["lines", "parquet"]

GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_SIGNALS = (b'"resourceSpans"', b'"resourceLogs"', b'"resourceMetrics"')
_HEAD = 1 << 16
_OF_REPORTS = {"report.html", "report.json", "summary.md", "figures"}


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
    kind: Kind


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
                kind: Kind = "parquet" if _head(path).startswith(_PARQUET) else "lines"
                found.append(Source(path=path, name=path.name, kind=kind))
        except OSError as error:
            raise RecordError(
                f"{path} cannot be read ({error.strerror}); name a run directory, a file of "
                "OTLP/JSON lines, or a folder of such files"
            ) from error
    return list({source.path.resolve(): source for source in found}.values()), passed


def _look_into(folder: Path, found: list[Source], passed: list[tuple[str, str]]) -> None:
    kinds: dict[Kind, list[Source]] = {"lines": [], "parquet": []}
    for path in sorted(folder.iterdir()):
        # What an earlier report left is nobody's data.
        if path.name.startswith(".") or path.name in _OF_REPORTS:
            continue
        kind, why_not = _kind(path)
        if kind is None:
            passed.append((path.name, why_not))
        else:
            kinds[kind].append(Source(path=path, name=path.name, kind=kind))
    if kinds["lines"] and kinds["parquet"]:
        # A table is made from such lines: read as well, each of its spans would be there twice.
        reason = "a table; name it itself to read it"
        passed += [(table.name, reason) for table in kinds["parquet"]]
        kinds["parquet"] = []
    found += [*kinds["lines"], *kinds["parquet"]]


def _kind(path: Path) -> tuple[Kind | None, str]:
    """What a file in a folder is, or why it is not read."""
    if not path.is_file():
        return None, "a folder; name it as well to read what is in it"
    try:
        head = _head(path)
    except OSError as error:
        return None, f"cannot be opened ({error.strerror})"
    if head.startswith(_PARQUET):
        return "parquet", ""
    if any(signal in head for signal in _SIGNALS):
        return "lines", ""
    return None, "no OTLP/JSON lines" if head else "empty"


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
