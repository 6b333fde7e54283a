"""A run from request to record: follows a measurement, decides when to stop, saves.

It keeps the run directory true at every moment: ``run.json`` says *incomplete* until the very
end, and the finished rounds are on disk at most a few seconds after they were measured.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from parrot_bench.course import Course
from parrot_bench.environment import NoiseWatch, parrot_bench_version
from parrot_bench.errors import MeasurementError, ParrotBenchError, UsageError
from parrot_bench.events import (
    CallsTaken,
    Described,
    Event,
    Observed,
    Reply,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.execution import ExecutionMode
from parrot_bench.interrupts import Interrupts
from parrot_bench.journal import journaled
from parrot_bench.load import LoadPlan
from parrot_bench.loading import LoadedModel
from parrot_bench.measuring import Job, Measurement, measure
from parrot_bench.processes import in_processes
from parrot_bench.record import (
    Configuration,
    LoadConfiguration,
    Noise,
    RunDirectory,
    RunRecord,
    StoppedBy,
)
from parrot_bench.request import Request, check, default_name
from parrot_bench.runnables.inputs import as_text
from parrot_bench.saving import keep, write_run
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.table import STUDIES
from parrot_bench.trust import checks
from parrot_callbacks.errors import MissingExtraError, TracingError
from parrot_callbacks.export import check_export
from parrot_callbacks.redaction import redact_text

FIRST_LOOK = 30
"""Rounds before the first look at the target."""

LOOK_AGAIN = 1.1
"""The next look comes after 10 % more rounds."""

SAVE_EVERY_S = 5.0
"""How often what is finished is written, at most, while a study goes on."""

SAVE_SHARE = 0.05
"""Share of the time that this writing may take."""

UNFINISHED = "the run has not finished, or was killed"


class OngoingRun(Course):
    """One run: takes in events, answers them, and keeps the run directory true.

    Args:
        request: What was asked for; its seed must be set.
        directory: Where it is saved.
    """

    def __init__(self, request: Request, directory: RunDirectory) -> None:
        if request.seed is None:
            raise MeasurementError("a run needs its seed before it begins; set Request.seed")
        super().__init__(request)
        self.directory = directory
        self._started = datetime.now().astimezone()
        self._begun = monotonic()
        self._next_look = FIRST_LOOK
        self._save_next = monotonic() + SAVE_EVERY_S
        self._over = False
        self._watch: NoiseWatch | None = None
        self._noise: Noise | None = None

    # -- events --------------------------------------------------------------------------

    def take(self, event: Event) -> Reply:
        """Take in what was measured, and say whether it is enough."""
        self.hear(event, monotonic())
        if isinstance(event, Described):
            self.save(UNFINISHED)
        elif isinstance(event, StudyBegun):
            self._next_look = FIRST_LOOK
            if self._watch is None and self.described is not None:
                self._watch = NoiseWatch(self.described.pid, self.described.pids)
        elif isinstance(event, StudyEnded):
            self._listen()
            self.save(UNFINISHED)
        elif self.current is not None and (
            isinstance(event, CallsTaken | Observed)
            or (isinstance(event, RoundTaken) and not event.tail)
        ):
            # Calls come while a level or a sweep goes on, of which nothing can be said yet, and
            # the tables of minutes under load are long; the journal has them already.
            if self.current.ended >= self._save_next and not isinstance(event, CallsTaken):
                self.save(UNFINISHED)
            return self._enough(self.current)
        return Reply.GO

    def _enough(self, study: Gathered) -> Reply:
        if study.elapsed_s >= study.limit_s:
            study.stopped_by = "time"
            return Reply.ENOUGH
        if study.samples.rounds >= self._next_look:
            self._listen()
            self._next_look = max(self._next_look + 1, int(study.samples.rounds * LOOK_AGAIN))
            if STUDIES[study.study].enough(study):
                study.stopped_by = "target"
                return Reply.ENOUGH
        return Reply.GO

    def _listen(self) -> None:
        """Note the machine's noise; a process that has ended can no longer be asked."""
        noise = self._watch.so_far() if self._watch is not None else None
        if noise is not None and (self._noise is None or noise.other_cpu_share is not None):
            self._noise = noise

    # -- saving --------------------------------------------------------------------------

    def finish(self) -> RunRecord:
        """Save the complete run."""
        self._over = True
        return self._save(status="complete", note="")

    def save(self, why: str) -> RunRecord:
        """Save what there is, as incomplete."""
        return self._save(status="incomplete", note=why)

    def stop(self, why: StoppedBy) -> None:
        """End the current study from outside."""
        if self.current is not None and not self.current.rounds_over:
            self.current.stopped_by = why
        self.current = None
        self._over = True
        self._listen()

    def _save(self, *, status: str, note: str) -> RunRecord:
        begun = monotonic()
        record = self.record(status, note)
        samples = [study.samples for study in self.studies.values()]
        write_run(self.directory, record, samples, over=self._over)
        if self._over:
            for journal in self.directory.journals:
                journal.unlink()
        ended = monotonic()
        self._save_next = ended + max(SAVE_EVERY_S, (ended - begun) / SAVE_SHARE)
        return record

    def record(self, status: str, note: str) -> RunRecord:
        """Say everything that is known by now."""
        described = self.described
        if described is None:
            raise MeasurementError("nothing is known of the model yet")
        record = RunRecord.model_validate(
            {
                "name": self.directory.path.name,
                "status": status,
                "status_note": note,
                "started": self._started,
                "duration_s": monotonic() - self._begun,
                "command": self.request.command,
                "parrot_bench_version": parrot_bench_version(),
                "configuration": configuration(self.request, described),
                "environment": described.environment,
                "conditions": described.conditions,
                "noise": self._noise,
                **self.findings(),
            }
        )
        return record.model_copy(update={"trust": checks(record)})


def configuration(request: Request, described: Described) -> Configuration:
    """What was asked for, as it is recorded."""
    return Configuration(
        baseline=request.baseline,
        studies=request.studies,
        modes=request.modes,
        time_s=request.time_s,
        target=request.target,
        delta=request.delta,
        prompt=None,
        prompt_characters=len(as_text(request.prompt)),
        reply_length=described.reply_length,
        batch_size=described.batch_size,
        max_concurrency=request.max_concurrency,
        max_calls=request.max_calls,
        max_tokens=request.max_tokens,
        call_limit_s=request.call_limit_s,
        service_time_s=request.service_time_s,
        seed=request.seed or 0,
        loop=request.loop,
        keep_conditions=request.keep_conditions,
        otlp=redact_text(request.otlp),
        handlers=request.handlers,
        growth_calls=request.growth_calls if "growth" in request.studies else None,
        load=_load(request, request.load) if request.load is not None else None,
    )


def _load(request: Request, plan: LoadPlan) -> LoadConfiguration:
    return LoadConfiguration(
        levels=tuple(map(str, plan.levels)),
        arrivals=plan.arrivals,
        level_s=plan.level_s,
        objectives=tuple(map(str, plan.objectives)),
        max_errors=plan.max_errors,
        most_in_flight=plan.most_in_flight,
        prompts=len(plan.prompts),
        prompt_lengths=str(plan.lengths or ""),
        max_tokens=request.max_tokens,
        workers=plan.workers,
        scheduler=redact_text(plan.scheduler),
    )


Watcher = Callable[[OngoingRun, Event], None]
"""Told of every event after the run has taken it in; it may take its time."""


def carry_out(
    request: Request,
    *,
    out: Path | str | None = None,
    here: bool = False,
    loaded: LoadedModel | None = None,
    modes: Sequence[str | ExecutionMode] = (),
    watcher: Watcher | None = None,
    opened: Callable[[RunDirectory], object] | None = None,
    agreed: Callable[[], object] | None = None,
) -> RunRecord:
    """Carry out a request; see :func:`parrot_bench.run`.

    Args:
        request: What is asked for.
        out: The run directory.
        here: Measure in this process.
        loaded: The model, where it is an object.
        modes: The modes, where some are objects.
        watcher: Told of every event.
        opened: Told of the run directory once it is made.
        agreed: Asked once the model is loaded, and before it is called. What it raises ends the
            run, and nothing is kept.
    """
    if request.seed is None:
        request = replace(request, seed=random.SystemRandom().randrange(2**31))
    check(request)
    try:
        check_export(request.otlp)
    except (MissingExtraError, TracingError) as error:
        raise UsageError(str(error)) from error
    directory = RunDirectory(Path(out) if out else Path("runs") / default_name(request))
    directory.create()
    if opened is not None:
        opened(directory)
    job = Job(
        request=request,
        modes=tuple(modes or request.modes),
        spans=directory.spans.absolute(),
        journal=directory.journal.absolute(),
        # Calls of the traced pass would come on top of a load that somebody pays for.
        traced=request.load is None,
    )
    following = OngoingRun(request, directory)
    with Interrupts() as interrupted:
        measurement = measure(job, loaded) if here else _elsewhere(job, directory, interrupted)
        try:
            _follow(following, _agreed(measurement, agreed, interrupted), watcher, interrupted)
        except KeyboardInterrupt:
            if following.described is None:
                discard(directory)
                raise MeasurementError(
                    "stopped before the model was called; nothing is kept"
                ) from None
            following.stop("interrupted")
            why = interrupted.requested or "Ctrl-C"
            return following.save(f"stopped by {why} {following.so_far}")
        except Exception as error:
            _broken_off(following, directory, error)
            raise
        finally:
            measurement.close()
            for log in directory.logs:
                if not log.stat().st_size:
                    log.unlink()
    return following.finish()


def _elsewhere(job: Job, directory: RunDirectory, interrupted: Interrupts) -> Measurement:
    """Measure in processes of their own."""
    if job.request.load is None or not job.request.load.distributed:
        return in_processes(job, directory.log, interrupted)
    from parrot_bench.workers.coordinating import in_workers  # noqa: PLC0415  # where it is asked for

    # Workers may be on other machines: what they tell is written down here.
    return journaled(in_workers(job, directory.path, interrupted), directory.journal)


def _broken_off(following: OngoingRun, directory: RunDirectory, error: Exception) -> None:
    """Keep what was measured before an error; the directory, too, only where anything was."""
    if not following.measured:
        discard(directory, str(error))
    elif isinstance(error, ParrotBenchError):
        following.stop("failed")
        keep(following.save, error, directory)


def _agreed(
    measurement: Measurement, agreed: Callable[[], object] | None, interrupted: Interrupts
) -> Measurement:
    """Let a measurement go on from its model to its first call only if that is agreed to."""
    reply: Reply | None = None
    while True:
        try:
            event = next(measurement) if reply is None else measurement.send(reply)
        except StopIteration:
            return
        if agreed is not None and isinstance(event, Described):
            with interrupted.as_usual():
                agreed()
        reply = yield event


def _follow(
    following: OngoingRun,
    measurement: Measurement,
    watcher: Watcher | None,
    interrupted: Interrupts,
) -> None:
    event = next(measurement)
    while True:
        reply = following.take(event)
        if watcher is not None:
            watcher(following, event)
        if interrupted() and not isinstance(event, RoundTaken):
            raise KeyboardInterrupt
        try:
            event = measurement.send(reply)
        except StopIteration:
            return


def discard(directory: RunDirectory, said: str = "") -> None:
    """Remove a directory in which nothing was measured; whatever the user put there stays.

    Args:
        directory: The directory.
        said: What is said of it; a log that is named there stays, too.
    """
    logs = [log for log in directory.logs if log.name not in said]
    for path in (directory.record, directory.spans, *logs, *directory.journals):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        directory.path.rmdir()
