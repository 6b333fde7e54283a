"""Several fresh processes for the rounds of one run, one after the other.

One process's ratio of different modes is its own: fresh processes differ by about 2 %, because
of their hash seed and of where their memory lies. Rounds don't average that away, so a run whose
target is under ±2 % takes them in several processes, and the process is the unit of its
intervals (:mod:`parrot_bench.outer`). Everything else is done once, in the first.
"""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from time import monotonic

from parrot_bench.events import (
    Event,
    ModeDropped,
    Planned,
    PlannedMode,
    Reply,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.measuring import Job, Measurement, RoundsJob
from parrot_bench.record import RunDirectory
from parrot_bench.request import MIN_PROCESSES
from parrot_bench.worker import in_worker

STUDY = "overhead"
"""The study whose rounds are spread over processes."""


def in_processes(job: Job, log: Path, interrupted: Callable[[], bool]) -> Measurement:
    """Measure in processes of their own, as many as the request wants.

    Args:
        job: As of :func:`parrot_bench.worker.in_worker`.
        log: The same.
        interrupted: The same.

    Yields:
        What the first tells; before it ends the study, the rounds of the others.
    """
    first = in_worker(job, log, interrupted)
    if job.request.wanted_processes == 1:
        yield from first
        return
    try:
        yield from _Spread(job, log, interrupted).events(first)
    finally:
        first.close()


class _Spread:
    def __init__(self, job: Job, log: Path, interrupted: Callable[[], bool]) -> None:
        self._job = job
        self._log = log
        self._interrupted = interrupted
        self._study = ""
        self._blocks: tuple[PlannedMode, ...] = ()
        self._dropped: set[str] = set()
        self._begun = 0.0
        self._rounds = 0
        self._enough = False

    def events(self, first: Measurement) -> Measurement:
        reply: Reply | None = None
        while True:
            event = _next(first, reply)
            if event is None:
                return
            if isinstance(event, StudyBegun):
                self._study = event.study
            elif isinstance(event, StudyEnded) and event.study == STUDY and not event.left_out:
                yield from self._others()
            reply = yield from self._told(event, 0)

    def _told(self, event: Event, process: int) -> Generator[Event, Reply, Reply]:
        """Pass on what a process tells; its rounds are over when its share of the time is."""
        if self._study != STUDY:
            return (yield event)
        if isinstance(event, Planned):
            self._blocks = self._blocks or event.modes
            self._begun = monotonic()
        elif isinstance(event, ModeDropped):
            self._dropped.add(event.mode)
        elif isinstance(event, RoundTaken):
            self._rounds += 1
        reply = yield event
        if not isinstance(event, RoundTaken) or event.tail:
            return reply
        if process >= MIN_PROCESSES and reply is Reply.ENOUGH:
            self._enough = True
        # The first few go on when the time is up: fewer tell nothing of how processes differ.
        return Reply.ENOUGH if self._enough or self._over() else Reply.GO

    def _over(self) -> bool:
        share_s = self._job.request.limit_s(STUDY) / self._job.request.wanted_processes
        return monotonic() - self._begun >= share_s

    def _others(self) -> Generator[Event, Reply, None]:
        for process in range(1, self._job.request.wanted_processes):
            if not self._enough:
                yield from self._other(process)

    def _journal(self, process: int) -> Path | None:
        own = self._job.journal
        return None if own is None else RunDirectory(own.parent).journal_of(process)

    def _other(self, process: int) -> Generator[Event, Reply, None]:
        blocks = tuple(block for block in self._blocks if block.mode not in self._dropped)
        job = replace(
            self._job,
            spans=None,
            journal=self._journal(process),
            traced=False,
            rounds=RoundsJob(blocks=blocks),
        )
        measurement = in_worker(job, self._log, self._interrupted)
        before = self._rounds
        reply: Reply | None = None
        try:
            while True:
                event = _next(measurement, reply)
                if event is None:
                    return
                reply = Reply.GO
                if isinstance(event, RoundTaken):
                    number = event.number + before
                    taken = replace(event, number=number, process=process)
                    reply = yield from self._told(taken, process)
                elif isinstance(event, Planned):
                    self._begun = monotonic()
                elif isinstance(event, ModeDropped):
                    reply = yield from self._told(event, process)
        finally:
            measurement.close()


def _next(measurement: Measurement, reply: Reply | None) -> Event | None:
    try:
        return next(measurement) if reply is None else measurement.send(reply)
    except StopIteration:
        return None
