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
    Described,
    Event,
    ModeDropped,
    PassReconciled,
    Phase,
    Planned,
    Reply,
    RoundsEnded,
    RoundTaken,
)
from parrot_bench.execution import ExecutionMode
from parrot_bench.interrupts import Interrupts
from parrot_bench.loading import LoadedModel, adopt
from parrot_bench.measuring import Job, Measurement, measure
from parrot_bench.record import (
    Configuration,
    Noise,
    OverheadResult,
    Reconciliation,
    RunDirectory,
    RunRecord,
)
from parrot_bench.request import Request, check, default_name
from parrot_bench.samples import Samples
from parrot_bench.studies.costs import StoppedBy, on_target, result
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
"""How often the finished rounds are written, at most, while the rounds go on."""

SAVE_SHARE = 0.05
"""Share of the time that this writing may take."""


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
        self.samples = Samples()
        self.described: Described | None = None
        self.plan: Planned | None = None
        self.failures: dict[str, str] = {}
        self.reconciliation: Reconciliation | None = None
        self.stopped_by: StoppedBy = "failed"
        self.phase = ""
        self._started = datetime.now().astimezone()
        self._begun = monotonic()
        self._rounds_begun = self._rounds_ended = 0.0
        self._next_look = FIRST_LOOK
        self._save_next = monotonic() + SAVE_EVERY_S
        self._watch: NoiseWatch | None = None
        self._noise: Noise | None = None

    # -- events --------------------------------------------------------------------------

    def take(self, event: Event) -> Reply:
        """Take in what was measured, and say whether it is enough."""
        if isinstance(event, RoundTaken):
            return self._round(event)
        if isinstance(event, Phase):
            self.phase = event.text
        elif isinstance(event, Described):
            self.described = event
            self.save("the run has not finished, or was killed")
        elif isinstance(event, ModeDropped):
            self.failures[event.mode] = event.reason
        elif isinstance(event, Planned):
            self._planned(event)
        elif isinstance(event, RoundsEnded):
            self._rounds_over("max-calls" if event.by_calls else self.stopped_by)
        elif isinstance(event, PassReconciled):
            self.reconciliation = event.result
        return Reply.GO

    def _planned(self, plan: Planned) -> None:
        self.plan = plan
        self.phase = "measuring"
        self._rounds_begun = self._rounds_ended = monotonic()
        if self.described is not None:
            self._watch = NoiseWatch(self.described.pid)

    def _round(self, taken: RoundTaken) -> Reply:
        self.samples.add(taken)
        if taken.tail:
            return Reply.GO
        self._rounds_ended = now = monotonic()
        if now >= self._save_next:
            self.save("the run has not finished, or was killed")
        if self.elapsed_s >= self.request.rounds_s:
            self.stopped_by = "time"
            return Reply.ENOUGH
        if self.samples.rounds >= self._next_look:
            self._listen()
            self._next_look = max(self._next_look + 1, int(self.samples.rounds * LOOK_AGAIN))
            plan, request = self.plan, self.request
            if plan and on_target(self.samples, plan, request.baseline, request.target):
                self.stopped_by = "target"
                return Reply.ENOUGH
        return Reply.GO

    def _rounds_over(self, why: StoppedBy) -> None:
        self.stopped_by = why
        self._rounds_ended = monotonic()
        self._listen()
        self._watch = None
        self.save("the run has not finished, or was killed")

    def _listen(self) -> None:
        """Note the machine's noise; a process that has ended can no longer be asked."""
        noise = self._watch.so_far() if self._watch is not None else None
        if noise is not None and (self._noise is None or noise.other_cpu_share is not None):
            self._noise = noise

    @property
    def elapsed_s(self) -> float:
        """How long the rounds have run, seconds."""
        return self._rounds_ended - self._rounds_begun

    # -- saving --------------------------------------------------------------------------

    def finish(self) -> RunRecord:
        """Save the complete run."""
        return self._save(status="complete", note="")

    def save(self, why: str) -> RunRecord:
        """Save what there is, as incomplete."""
        return self._save(status="incomplete", note=why)

    def stop(self, why: StoppedBy) -> None:
        """End the rounds from outside."""
        if not self.samples.rounds or self._watch is not None:
            self._rounds_over(why)

    def _save(self, *, status: str, note: str) -> RunRecord:
        begun = monotonic()
        record = self.record(status, note)
        if self.samples.rounds:
            self.samples.write(self.directory.samples, self.directory.calls)
        self.directory.write_record(record)
        ended = monotonic()
        self._save_next = ended + max(SAVE_EVERY_S, (ended - begun) / SAVE_SHARE)
        return record

    def overhead(self) -> OverheadResult | None:
        """Estimate from the rounds so far; None before the first."""
        if self.plan is None or self.described is None or not self.samples.rounds:
            return None
        return result(
            self.samples,
            self.plan,
            self.described.modes,
            baseline=self.request.baseline,
            delta=self.request.delta,
            duration_s=self.elapsed_s,
            stopped_by=self.stopped_by,
            seed=self.request.seed or 0,
        )

    def record(self, status: str, note: str) -> RunRecord:
        """Say everything that is known by now."""
        described, plan = self.described, self.plan
        if described is None:
            raise MeasurementError("nothing is known of the model yet")
        model = described.model.model_copy(update={"waits": bool(plan and plan.waits)})
        overhead = self.overhead()
        reconciliation = self.reconciliation
        record = RunRecord.model_validate(
            {
                "name": self.directory.path.name,
                "status": status,
                "status_note": note,
                "started": self._started,
                "duration_s": monotonic() - self._begun,
                "command": self.request.command,
                "parrot_bench_version": parrot_bench_version(),
                "model": model,
                "configuration": self._configuration(described),
                "environment": described.environment,
                "conditions": described.conditions,
                "modes": tuple(
                    mode.model_copy(
                        update={"unavailable": mode.unavailable or self.failures.get(mode.name, "")}
                    )
                    for mode in described.modes
                ),
                "overhead": overhead,
                "reconciliation": reconciliation,
                "noise": self._noise,
                "failures": self.failures,
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
            return following.save(f"stopped by {why} after {following.samples.rounds} rounds")
        except ParrotBenchError as error:
            if following.samples.rounds:
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
