"""Opening a run that was saved, whether it ended or was killed."""

from pathlib import Path

from parrot_bench.record import RunDirectory, RunRecord, read_record


def saved_record(run: Path) -> RunRecord:
    """Read a run (its folder, or its run.json), up to the last round that it finished.

    Raises:
        RecordError: There is none, or it is not a record this version can read.
    """
    directory = RunDirectory(run)
    if not directory.journals:
        return read_record(run)
    from parrot_bench.recovering import recover  # noqa: PLC0415  # LangChain, for killed runs only

    return recover(directory)
