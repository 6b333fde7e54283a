"""What a run leaves behind: its record, its samples, and the same for pytest-benchmark."""

from collections.abc import Callable, Sequence

from parrot_bench.benchmark_json import benchmark_json
from parrot_bench.errors import ParrotBenchError, RecordError
from parrot_bench.record import RunDirectory, RunRecord, write_atomically
from parrot_bench.samples import Samples, write_tables


def write_run(
    directory: RunDirectory, record: RunRecord, samples: Sequence[Samples], *, over: bool
) -> None:
    """Write what there is; the record last, as it is what makes a folder a run.

    Args:
        directory: The run directory.
        record: Of the run.
        samples: Of every study, or of every pair and side of a comparison.
        over: Nothing is added any more: what is made of all samples can be made.

    Raises:
        RecordError: The folder cannot be written, or has no room; each file is the old or the
            new one, and the journal is still there.
    """
    try:
        if any(samples):
            write_tables(samples, directory.samples, directory.calls)
            if over:
                write_atomically(directory.benchmark, benchmark_json(record, samples))
        directory.write_record(record)
    except OSError as error:
        raise RecordError(
            f"the run cannot be saved in {directory.path} ({error.strerror}); what was finished "
            f"is in its journal: make room, then parrot-bench report {directory.path}"
        ) from error


def keep(
    save: Callable[[str], RunRecord], error: ParrotBenchError, directory: RunDirectory
) -> None:
    """Save what there is of a run that failed, and note with its error where it lies.

    Args:
        save: Saves it, told why it is incomplete.
        error: Why the run failed.
        directory: The run directory.
    """
    try:
        save(str(error))
    except RecordError as unsaved:
        if str(unsaved) != str(error):
            error.add_note(str(unsaved))
    else:
        error.add_note(f"What was measured is kept in {directory.path}")
