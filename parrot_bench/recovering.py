"""A run that was killed, put together again from its journal."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from parrot_bench.against.following import Following
from parrot_bench.course import Course
from parrot_bench.errors import RecordError
from parrot_bench.events import Described, ModeDropped, RoundTaken, StudyEnded
from parrot_bench.journal import read_journal
from parrot_bench.load import LoadPlan, objectives
from parrot_bench.processes import STUDY as SPREAD
from parrot_bench.record import LoadConfiguration, ModelDescription, RunDirectory, RunRecord
from parrot_bench.request import Request
from parrot_bench.samples import Samples
from parrot_bench.saving import write_run
from parrot_bench.trust import checks


def recover(directory: RunDirectory) -> RunRecord:
    """Bring a run directory up to the last round that was finished, and return its record.

    The journal stays, so that it can be done again; while the run still goes on, too.

    Raises:
        RecordError: It has no record that this version can read.
    """
    record = directory.read_record()
    if record.model is None:
        raise RecordError(f"{directory.record} does not say which model was measured")
    again = _comparison if record.comparison is not None else _studies
    found, samples = again(directory, record, record.model)
    if not any(samples):
        return record
    record = RunRecord.model_validate({**dict(record), **found})
    record = record.model_copy(update={"trust": checks(record)})
    write_run(directory, record, samples, over=True)
    return record


def _studies(
    directory: RunDirectory, record: RunRecord, model: ModelDescription
) -> tuple[dict[str, Any], list[Samples]]:
    """Go through a run's studies again: fields of its record, and its samples."""
    course = Course(request_of(record, model))
    course.hear(described(record, model), 0.0)
    for at, event in _told(directory):
        course.hear(event, at)
    if course.current is not None:
        course.current.stopped_by = "interrupted"
    samples = [study.samples for study in course.studies.values()]
    return {**course.findings(), "status_note": f"killed {course.so_far}"}, samples


def _told(directory: RunDirectory) -> Iterator[tuple[float, Any]]:
    """What the first process told, and before it ended the study what the others did."""
    others = [path for path in directory.journals if path != directory.journal]
    rounds = 0
    for at, event in read_journal(directory.journal):
        if isinstance(event, StudyEnded) and event.study == SPREAD:
            for process, path in enumerate(others, 1):
                before = rounds
                for when, told in read_journal(path):
                    if isinstance(told, RoundTaken):
                        rounds += 1
                        number = told.number + before
                        yield when, replace(told, number=number, process=process)
                    elif isinstance(told, ModeDropped):
                        yield when, told
        rounds += isinstance(event, RoundTaken)
        yield at, event


def _comparison(
    directory: RunDirectory, record: RunRecord, model: ModelDescription
) -> tuple[dict[str, Any], list[Samples]]:
    """Go through the pairs of a comparison again: fields of its record, and its samples."""
    compared = record.comparison
    if compared is None:
        raise RecordError(f"{directory.record} has no comparison")
    request = replace(request_of(record, model), fail_on=compared.fail_on, against=("…",))
    following = Following(request, directory)
    following.sides = {"candidate": compared.candidate, "baseline": compared.baseline}
    for _, event in read_journal(directory.journal):
        following.hear(event)
    following.stopped_by = "interrupted"
    result = following.result().model_copy(
        update={
            "candidate": compared.candidate,
            "baseline": compared.baseline,
            "duration_s": compared.duration_s,
        }
    )
    note = f"killed in pair {len(following.compared.pairs)}"
    return {"comparison": result, "status_note": note}, following.samples


def request_of(record: RunRecord, model: ModelDescription) -> Request:
    """What was asked of a run, as far as its record tells."""
    asked = record.configuration
    return Request(
        spec=model.spec,
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
        max_tokens=asked.max_tokens,
        call_limit_s=asked.call_limit_s,
        service_time_s=asked.service_time_s,
        seed=asked.seed,
        handlers=asked.handlers,
        load=_plan(asked.load) if asked.load is not None else None,
        command=record.command,
    )


def _plan(asked: LoadConfiguration) -> LoadPlan:
    """What is needed to judge the levels that were made; they are in the journal."""
    return LoadPlan(
        levels=(),
        arrivals=asked.arrivals,
        level_s=asked.level_s,
        objectives=objectives(",".join(asked.objectives)),
        max_errors=asked.max_errors,
        most_in_flight=asked.most_in_flight,
    )


def described(record: RunRecord, model: ModelDescription) -> Described:
    """What was known of a run's model before it was called."""
    return Described(
        model=model,
        environment=record.environment,
        conditions=record.conditions,
        modes=record.modes,
        batch_size=record.configuration.batch_size,
        reply_length=record.configuration.reply_length,
        pid=0,
    )
