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
from typing import Any

from langchain_core.language_models import BaseChatModel

from parrot_bench.environment import NoiseWatch, parrot_bench_version
from parrot_bench.errors import MeasurementError, ParrotBenchError, UsageError
from parrot_bench.events import (
    CallsTaken,
    Described,
    Event,
    ModeDropped,
    Observed,
    PassReconciled,
    Phase,
    Planned,
    Reply,
    RoundsEnded,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.execution import ExecutionMode
from parrot_bench.interrupts import Interrupts
from parrot_bench.loading import LoadedModel, adopt
from parrot_bench.measuring import Job, Measurement, measure
from parrot_bench.record import (
    Configuration,
    Noise,
    Reconciliation,
    RunDirectory,
    RunRecord,
    StoppedBy,
)
from parrot_bench.request import Request, check, default_name
from parrot_bench.samples import Samples, write_tables
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.table import STUDIES
from parrot_bench.trust import checks
from parrot_bench.worker import in_worker
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


class Run:
    """One run: takes in events, answers them, and keeps the run directory true.

    Args:
        request: What was asked for; its seed must be set.
        directory: Where it is saved.
    """

    def __init__(self, request: Request, directory: RunDirectory) -> None:
        if request.seed is None:
            raise MeasurementError("a run needs its seed before it begins; set Request.seed")
        self.request = request
        self.directory = directory
        self.described: Described | None = None
        self.studies: dict[str, Gathered] = {}
        self.current: Gathered | None = None
        self.failures: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.reconciliation: Reconciliation | None = None
        self.phase = ""
        self._started = datetime.now().astimezone()
        self._begun = monotonic()
        self._next_look = FIRST_LOOK
        self._save_next = monotonic() + SAVE_EVERY_S
        self._watch: NoiseWatch | None = None
        self._noise: Noise | None = None

    # -- events --------------------------------------------------------------------------

    def take(self, event: Event) -> Reply:
        """Take in what was measured, and say whether it is enough."""
        if isinstance(event, Phase):
            self.phase = event.text
        elif isinstance(event, Described):
            self.described = event
            self.save(UNFINISHED)
        elif isinstance(event, StudyBegun):
            self._study(event.study)
        elif isinstance(event, ModeDropped):
            self.failures[event.mode] = event.reason
        elif isinstance(event, PassReconciled):
            self.reconciliation = event.result
        if self.current is None:
            return Reply.GO
        return self._studied(event, self.current)

    def _study(self, name: str) -> None:
        if self.described is None:
            raise MeasurementError(f"the study {name} began before the model was described")
        self.phase = name
        self._next_look = FIRST_LOOK
        if self._watch is None:
            self._watch = NoiseWatch(self.described.pid)
        self.studies[name] = self.current = Gathered(
            study=name,
            request=self.request,
            described=self.described,
            limit_s=self.request.limit_s(name),
            samples=Samples(name),
        )

    def _studied(self, event: Event, study: Gathered) -> Reply:
        """Take in what a study tells of its course; its samples go on."""
        if isinstance(event, StudyEnded):
            if event.left_out:
                self.left_out[study.study] = event.left_out
            elif study.stopped_by == "failed":
                study.stopped_by = "done"
            self._study_over()
        elif isinstance(event, ModeDropped):
            study.dropped[event.mode] = event.reason
        elif isinstance(event, Planned):
            self.phase = "measuring"
            study.plan = event
            study.begun = study.ended = monotonic()
        elif isinstance(event, RoundsEnded):
            study.rounds_over = True
            if event.by_calls:
                study.stopped_by = "max-calls"
        else:
            return self._sampled(event, study)
        return Reply.GO

    def _sampled(self, event: Event, study: Gathered) -> Reply:
        """Take in what a study has measured, and say whether it is enough."""
        if isinstance(event, RoundTaken):
            study.samples.add(event)
            if event.tail:
                return Reply.GO
        elif isinstance(event, CallsTaken):
            study.samples.add_calls(event)
        elif isinstance(event, Observed):
            study.observed.append(event.what)
        else:
            return Reply.GO
        return self._enough(study)

    def _enough(self, study: Gathered) -> Reply:
        study.ended = now = monotonic()
        if now >= self._save_next:
            self.save(UNFINISHED)
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

    def _study_over(self) -> None:
        self.current = None
        self._listen()
        self.save(UNFINISHED)

    def _listen(self) -> None:
        """Note the machine's noise; a process that has ended can no longer be asked."""
        noise = self._watch.so_far() if self._watch is not None else None
        if noise is not None and (self._noise is None or noise.other_cpu_share is not None):
            self._noise = noise

    @property
    def progress(self) -> str:
        """How far the run has come, in words."""
        if not self.studies:
            return "before the first study"
        name, study = list(self.studies.items())[-1]
        rounds = study.samples.rounds
        where = "" if name == "overhead" else f" of the study {name}"
        return f"after {rounds} rounds{where}"

    # -- saving --------------------------------------------------------------------------

    @property
    def measured(self) -> bool:
        """Whether there is anything worth keeping."""
        return any(s.samples or s.observed for s in self.studies.values())

    def finish(self) -> RunRecord:
        """Save the complete run."""
        return self._save(status="complete", note="")

    def save(self, why: str) -> RunRecord:
        """Save what there is, as incomplete."""
        return self._save(status="incomplete", note=why)

    def stop(self, why: StoppedBy) -> None:
        """End the current study from outside."""
        if self.current is not None:
            if not self.current.rounds_over:
                self.current.stopped_by = why
            self._study_over()

    def _save(self, *, status: str, note: str) -> RunRecord:
        begun = monotonic()
        record = self.record(status, note)
        samples = [study.samples for study in self.studies.values()]
        if any(samples):
            write_tables(samples, self.directory.samples, self.directory.calls)
        self.directory.write_record(record)
        ended = monotonic()
        self._save_next = ended + max(SAVE_EVERY_S, (ended - begun) / SAVE_SHARE)
        return record

    def record(self, status: str, note: str) -> RunRecord:
        """Say everything that is known by now."""
        described = self.described
        if described is None:
            raise MeasurementError("nothing is known of the model yet")
        waits = any(s.plan.waits for s in self.studies.values() if s.plan is not None)
        results = {name: STUDIES[name].conclude(study) for name, study in self.studies.items()}
        record = RunRecord.model_validate(
            {
                "name": self.directory.path.name,
                "status": status,
                "status_note": note,
                "started": self._started,
                "duration_s": monotonic() - self._begun,
                "command": self.request.command,
                "parrot_bench_version": parrot_bench_version(),
                "model": described.model.model_copy(update={"waits": waits}),
                "configuration": self._configuration(described),
                "environment": described.environment,
                "conditions": described.conditions,
                "modes": tuple(
                    mode.model_copy(
                        update={"unavailable": mode.unavailable or self.failures.get(mode.name, "")}
                    )
                    for mode in described.modes
                ),
                **results,
                "reconciliation": self.reconciliation,
                "noise": self._noise,
                "failures": self.failures,
                "left_out": self.left_out,
            }
        )
        return record.model_copy(update={"trust": checks(record)})

    def _configuration(self, described: Described) -> Configuration:
        request = self.request
        return Configuration(
            baseline=request.baseline,
            studies=request.studies,
            modes=request.modes,
            time_s=request.time_s,
            target=request.target,
            delta=request.delta,
            prompt=None,
            prompt_characters=len(request.prompt),
            reply_length=described.reply_length,
            batch_size=described.batch_size,
            max_concurrency=request.max_concurrency,
            max_calls=request.max_calls,
            call_limit_s=request.call_limit_s,
            seed=request.seed or 0,
            keep_conditions=request.keep_conditions,
            otlp=redact_text(request.otlp),
            handlers=request.handlers,
            growth_calls=request.growth_calls if "growth" in request.studies else None,
        )


Watcher = Callable[[Run, Event], None]
"""Told of every event after the run has taken it in; it may take its time."""


def run(
    model: str | BaseChatModel | Callable[[], BaseChatModel] = "",
    *,
    out: Path | str | None = None,
    modes: Sequence[str | ExecutionMode] = (),
    watcher: Watcher | None = None,
    **options: Any,
) -> RunRecord:
    """Measure a chat model in every execution mode, and save the run.

    Args:
        model: MODEL as on the command line (empty for the embedded parrot), which is measured
            in a fresh process; or a chat model or a zero-argument factory, measured in this one.
        out: The run directory; ``runs/<time>-<modes>`` by default.
        modes: Names, or :class:`ExecutionMode` values of one's own; all but the deprecated by
            default.
        watcher: Told of every event.
        **options: Further fields of :class:`Request`.

    Returns:
        The record, as it is saved in ``run.json`` of the run directory. It is incomplete where
        the run was stopped.

    Raises:
        ParrotBenchError: Nothing could be measured; the message says why.
    """
    names = tuple(m if isinstance(m, str) else m.name for m in modes)
    spec = model if isinstance(model, str) else ""
    request = Request(spec=spec, modes=names, **options)
    loaded = None if isinstance(model, str) else adopt(model)
    # A mode that is an object cannot be sent to another process.
    here = loaded is not None or any(not isinstance(m, str) for m in modes)
    return carry_out(request, out=out, here=here, loaded=loaded, modes=modes, watcher=watcher)


def carry_out(
    request: Request,
    *,
    out: Path | str | None = None,
    here: bool = False,
    loaded: LoadedModel | None = None,
    modes: Sequence[str | ExecutionMode] = (),
    watcher: Watcher | None = None,
    opened: Callable[[RunDirectory], object] | None = None,
) -> RunRecord:
    """Carry out a request; see :func:`run`.

    Args:
        request: What is asked for.
        out: The run directory.
        here: Measure in this process.
        loaded: The model, where it is an object.
        modes: The modes, where some are objects.
        watcher: Told of every event.
        opened: Told of the run directory once it is made.
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
        request=request, modes=tuple(modes or request.modes), spans=directory.spans.absolute()
    )
    following = Run(request, directory)
    with Interrupts() as interrupted:
        measurement = measure(job, loaded) if here else in_worker(job, directory.log, interrupted)
        try:
            _follow(following, measurement, watcher, interrupted)
        except KeyboardInterrupt:
            if following.described is None:
                _discard(directory)
                raise MeasurementError(
                    "stopped before the model was loaded; nothing is kept"
                ) from None
            following.stop("interrupted")
            why = interrupted.requested or "Ctrl-C"
            return following.save(f"stopped by {why} {following.progress}")
        except ParrotBenchError as error:
            if following.measured:
                following.stop("failed")
                following.save(str(error))
                error.add_note(f"What was measured is kept in {directory.path}")
            else:
                _discard(directory)
            raise
        finally:
            measurement.close()
            if directory.log.exists() and not directory.log.stat().st_size:
                directory.log.unlink()
    return following.finish()


def _follow(
    following: Run,
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


def _discard(directory: RunDirectory) -> None:
    """Remove a directory in which nothing was measured; whatever the user put there stays."""
    for path in (directory.record, directory.log, directory.spans):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        directory.path.rmdir()
