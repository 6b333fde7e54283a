"""Where each file of a run lies, and how it is written: whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from parrot_bench.errors import RecordError
from parrot_bench.record.run import SCHEMA_VERSION, RunRecord


class RunDirectory:
    """Where each file of a run lies, and how it is written: whole or not at all.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / "run.json"
        self.samples = path / "samples.parquet"
        self.calls = path / "calls.parquet"
        self.benchmark = path / "benchmark.json"
        self.spans = path / "spans.jsonl"
        self.report = path / "report.html"
        self.summary = path / "summary.md"
        self.figures = path / "figures"
        self.log = path / "worker.log"
        self.journal = path / "journal.jsonl"

    def journal_of(self, process: int) -> Path:
        """Journal of a further process that takes rounds, by its number from 1."""
        return self.path / f"journal-{process:02}.jsonl"

    @property
    def journals(self) -> list[Path]:
        """Every journal that there is, the run's own first."""
        found = [self.journal] if self.journal.exists() else []
        return found + sorted(self.path.glob("journal-*.jsonl"))

    @property
    def logs(self) -> list[Path]:
        """Output of every timed process that there is."""
        found = [self.log] if self.log.exists() else []
        return found + sorted(self.path.glob("worker-*.log"))

    def create(self) -> None:
        """Make the directory, and an empty journal in it.

        Raises:
            RecordError: It exists and is not empty, or cannot be written.
        """
        taken = RecordError(f"output folder {self.path} is not empty; name a new one with --out")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise taken
            try:
                # Of two runs that both find it empty, one can make this file.
                self.journal.touch(exist_ok=False)
            except FileExistsError:
                raise taken from None
        except OSError as error:
            raise RecordError(
                f"output folder {self.path} cannot be written ({error.strerror}); "
                "name another with --out"
            ) from error

    def write_record(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        write_atomically(self.record, record.model_dump_json(indent=1).encode() + b"\n")

    def read_record(self) -> RunRecord:
        """Read ``run.json``.

        Raises:
            RecordError: There is none, or it is not a record this version can read.
        """
        return read_record(self.record)


def read_record(path: Path) -> RunRecord:
    """Read a record from ``run.json`` or from the run directory that holds it.

    Raises:
        RecordError: There is none, or it is not a record this version can read.
    """
    if path.is_dir():
        path = path / "run.json"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"no record at {path} ({error.strerror}); name a run directory, "
            "which is a folder with a run.json"
        ) from error
    try:
        return RunRecord.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # A key that is unknown may be any text.
        parts = (str(part) for part in first["loc"])
        where = ".".join(p if p.isprintable() else repr(p) for p in parts) or "the file"
        raise RecordError(
            f"{path} is not a record of schema version {SCHEMA_VERSION}: "
            f"{where}: {first['msg']}; was it written by another version of parrot-bench?"
        ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename it."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside a file to write to, and rename what was written there."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        yield Path(temporary)
        # mkstemp makes the file private; a run directory is meant to be shared.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
