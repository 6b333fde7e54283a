"""A run that was killed, put together again from its journal."""

from parrot_bench.course import Course
from parrot_bench.errors import RecordError
from parrot_bench.events import Described
from parrot_bench.journal import read_journal
from parrot_bench.record import RunDirectory, RunRecord
from parrot_bench.request import Request
from parrot_bench.samples import write_tables
from parrot_bench.trust import checks


def recover(directory: RunDirectory) -> RunRecord:
    """Bring a run directory up to the last round that was finished, and return its record.

    The journal stays, so that it can be done again; while the run still goes on, too.

    Raises:
        RecordError: It has no record that this version can read.
    """
    record = directory.read_record()
    course = _gone_through(directory, record)
    if not course.measured:
        return record
    record = RunRecord.model_validate(
        {**dict(record), **course.findings(), "status_note": f"killed {course.so_far}"}
    )
    record = record.model_copy(update={"trust": checks(record)})
    samples = [study.samples for study in course.studies.values()]
    write_tables(samples, directory.samples, directory.calls)
    directory.write_record(record)
    return record


def _gone_through(directory: RunDirectory, record: RunRecord) -> Course:
    if record.model is None:
        raise RecordError(f"{directory.record} does not say which model was measured")
    asked = record.configuration
    course = Course(
        Request(
            spec=record.model.spec,
            modes=asked.modes,
            baseline=asked.baseline,
            studies=asked.studies,
            time_s=asked.time_s,
            target=asked.target,
            delta=asked.delta,
            reply_length=asked.reply_length,
            batch_size=asked.batch_size,
            max_concurrency=asked.max_concurrency,
            max_calls=asked.max_calls,
            call_limit_s=asked.call_limit_s,
            seed=asked.seed,
            command=record.command,
        )
    )
    described = Described(
        model=record.model,
        environment=record.environment,
        conditions=record.conditions,
        modes=record.modes,
        batch_size=asked.batch_size,
        reply_length=asked.reply_length,
        pid=0,
    )
    course.hear(described, 0.0)
    for at, event in read_journal(directory.journal):
        course.hear(event, at)
    if course.current is not None:
        course.current.stopped_by = "interrupted"
    return course
