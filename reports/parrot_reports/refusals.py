"""What is said where a report cannot be written."""

from pathlib import Path

from parrot_bench.errors import RecordError
from parrot_bench.record import RunDirectory


def unwritable(folder: Path | None, error: OSError) -> RecordError:
    """The error of a folder that the system doesn't let us write into."""
    return RecordError(
        f"report cannot be written into {folder} ({error.strerror}); "
        "name a folder that can be with --out"
    )


def no_run_directory(folder: Path, instead: str = "name another folder with --out") -> None:
    """See to it that no run's own report is overwritten.

    Raises:
        RecordError: The folder is a run directory.
    """
    if RunDirectory(folder).record.exists():
        raise RecordError(
            f"{folder} is a run directory, and its report is about the run; {instead}"
        )
