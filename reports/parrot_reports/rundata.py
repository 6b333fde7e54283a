"""Everything a run directory holds, read once; what cannot be read becomes a note.

A run that was killed leaves files that are missing or not whole. Its page still opens, and
says at its head what is not there.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parrot_bench.record import RunDirectory, RunRecord
from parrot_reports.parquet import read_table
from parrot_reports.spans.table import SpanTable, empty, read_spans

_NUMBERS = pl.Int64
_SAMPLES: dict[str, type[pl.DataType]] = {
    "round": _NUMBERS,
    "mode": pl.String,
    "role": pl.String,
    "partner": pl.String,
    "previous": pl.String,
    "stamped": pl.Boolean,
    "tail": pl.Boolean,
    "calls": _NUMBERS,
    "wall_ns": _NUMBERS,
    "cpu_ns": _NUMBERS,
    "cold_wall_ns": _NUMBERS,
}
_CALLS: dict[str, type[pl.DataType]] = {
    "mode": pl.String,
    "tail": pl.Boolean,
    "started_ns": _NUMBERS,
    "ended_ns": _NUMBERS,
}


@dataclass(frozen=True, kw_only=True)
class RunData:
    """A run, read.

    Attributes:
        record: ``run.json``.
        samples: The overhead study's blocks; no rows where there are none.
        calls: The overhead study's stamped calls; no rows where there are none.
        spans: The traced pass.
        notes: What could not be read and what is therefore missing, a sentence each.
        files: Names of the data files that are there.
    """

    record: RunRecord
    samples: pl.DataFrame
    calls: pl.DataFrame
    spans: SpanTable
    notes: tuple[str, ...]
    files: tuple[str, ...]


def read_run(run: Path) -> RunData:
    """Read a run directory.

    Raises:
        RecordError: It has no ``run.json`` that this version can read. Nothing else is needed.
    """
    directory = RunDirectory(run)
    notes: list[str] = []
    record = directory.read_record()
    return RunData(
        record=record,
        samples=_table(directory.samples, _SAMPLES, "cold calls and stability", notes),
        calls=_table(directory.calls, _CALLS, "latency", notes),
        spans=_spans(directory.spans, notes),
        notes=tuple(notes),
        files=data_files(directory),
    )


def data_files(directory: RunDirectory) -> tuple[str, ...]:
    """Names of the data files that a run directory has."""
    packed = directory.spans.with_name(directory.spans.name + ".gz")
    known = (directory.record, directory.samples, directory.calls, directory.spans, packed)
    return tuple(path.name for path in known if path.is_file())


def _table(
    path: Path, schema: dict[str, type[pl.DataType]], used_for: str, notes: list[str]
) -> pl.DataFrame:
    nothing = pl.DataFrame(schema=schema)
    if not path.is_file():
        notes.append(f"{path.name} is missing, and with it {used_for}.")
        return nothing
    try:
        table = read_table(path)
        if "study" in table.columns:
            table = table.filter(pl.col("study") == "overhead")
        return table.select(pl.col(name).cast(kind) for name, kind in schema.items())
    # A Parquet file that was not finished has no footer; polars says so in several ways. Its
    # message names the whole path, which would make the page differ from place to place.
    except (pl.exceptions.PolarsError, OSError):
        notes.append(f"{path.name} cannot be read as a whole table, and {used_for} need it.")
        return nothing


def _spans(path: Path, notes: list[str]) -> SpanTable:
    found = next((p for p in (path, path.with_name(path.name + ".gz")) if p.is_file()), None)
    if found is None:
        notes.append(f"{path.name} is missing, and with it timelines and tokens.")
        return empty()
    try:
        table = read_spans(found)
    except OSError as error:
        notes.append(f"{found.name} cannot be read ({error.strerror}).")
        return empty()
    if table.malformed:
        number = len(table.malformed)
        lines = "1 line" if number == 1 else f"{number} lines"
        notes.append(f"{lines} of {found.name} cannot be read; the others are used.")
    return table
