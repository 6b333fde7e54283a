"""What a run leaves behind: its record, its samples, and the same for pytest-benchmark."""

from collections.abc import Sequence

from parrot_bench.benchmark_json import benchmark_json
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
    """
    if any(samples):
        write_tables(samples, directory.samples, directory.calls)
        if over:
            write_atomically(directory.benchmark, benchmark_json(record, samples))
    directory.write_record(record)
