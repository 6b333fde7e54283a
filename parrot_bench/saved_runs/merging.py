"""Loads that were made at the same time, each by itself, put together as one.

Raw calls are put on one clock, by the wall clock of their machines, and judged anew: a percentile
of percentiles is no percentile.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from parrot_bench.course import Course
from parrot_bench.environment import parrot_bench_version
from parrot_bench.errors import RecordError, UsageError
from parrot_bench.events import Call, CallsTaken, Event, Observed, StudyBegun, StudyEnded
from parrot_bench.load import Level
from parrot_bench.record import (
    LoadLevel,
    LoadResult,
    LoadWorker,
    ModelDescription,
    RunDirectory,
    RunRecord,
)
from parrot_bench.recovering import described, request_of
from parrot_bench.samples import read_calls
from parrot_bench.saved_runs.likeness import changed_packages, fields
from parrot_bench.saved_runs.opening import saved_record
from parrot_bench.saving import write_run
from parrot_bench.studies.load.told import (
    WORKER_LOST,
    LevelBegun,
    LevelEnded,
    ModeLeftOut,
    Window,
    WorkerJoined,
    WorkerLevel,
    WorkerLost,
)
from parrot_bench.trust import checks
from parrot_bench.workers.shares import moved, peak

STUDY = "load"

MACHINE = ("processor", "logical processors", "platform")
"""In these the machines of one load may differ; it is said."""

OWN = ("workers", "scheduler")
"""Of the configuration of a load, what each of the runs has for itself."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One of the runs that are merged.

    Attributes:
        name: What it is called here; nobody else's.
        record: Its record.
        result: What it found.
        model: What it measured.
        calls: Its calls, by number of their level.
    """

    name: str
    record: RunRecord
    result: LoadResult
    model: ModelDescription
    calls: dict[int, list[Call]]

    def worker(self, name: str) -> str:
        """A worker's name, with its run's."""
        return f"{self.name}/{name}" if name else self.name


def merge(paths: Sequence[Path], out: Path, command: tuple[str, ...]) -> RunRecord:
    """Put loads together, and save them as one run.

    Args:
        paths: Run directories, two or more.
        out: The run directory; new or empty.
        command: The command line, for the record.

    Returns:
        The record of the merged run.

    Raises:
        UsageError: They are no loads, or not alike; the message names what differs.
        RecordError: One of them cannot be read, or the merged one cannot be written.
    """
    runs = _opened(paths)
    _check(runs)
    directory = RunDirectory(out)
    directory.create()
    course = course_of(runs)
    record = _record(runs, course.findings(), out, command)
    try:
        write_run(directory, record, [course.studies[STUDY].samples], over=True)
    finally:
        directory.journal.unlink()  # it was made at once, and nothing was told
    return record


def course_of(runs: Sequence[Run]) -> Course:
    """The course of one load that all of them were."""
    course = Course(request_of(runs[0].record, runs[0].model))
    course.hear(described(runs[0].record, runs[0].model), 0.0)
    for at, event in _told(runs):
        course.hear(event, at)
    # Each of them says by itself why it ended; the first that did not come to its end decides.
    ends = [run.result.stopped_by for run in runs]
    course.studies[STUDY].stopped_by = next((end for end in ends if end != "done"), "done")
    return course


# -- reading ---------------------------------------------------------------------------------


def _opened(paths: Sequence[Path]) -> list[Run]:
    if len(paths) < 2:  # noqa: PLR2004  # one is what it is already
        raise UsageError("one run is nothing to merge; name two or more run directories")
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("a run is named twice; its calls would count twice")
    records = [saved_record(path) for path in paths]
    names = [record.name for record in records]
    runs = []
    for number, (path, record) in enumerate(zip(paths, records, strict=True)):
        result, model = record.load, record.model
        if result is None or model is None:
            raise UsageError(
                f"{path} is no load; merge joins runs of parrot-bench load, and for rounds there "
                "are parrot-bench run --processes and parrot-bench compare"
            )
        name = record.name if names.count(record.name) == 1 else f"{record.name}-{number}"
        calls: dict[int, list[Call]] = {}
        for level, call in read_calls(RunDirectory(path).calls, STUDY):
            calls.setdefault(level, []).append(call)
        runs.append(Run(name=name, record=record, result=result, model=model, calls=calls))
    return runs


def _check(runs: Sequence[Run]) -> None:
    """Refuse what is no part of one load."""
    for run in runs:
        if run.result.boundaries:
            raise UsageError(
                f"{run.name} looked for its own highest rate; merge loads whose levels were given"
            )
        if not all(level.epoch_ns for level in run.result.levels):
            raise UsageError(
                f"{run.name} does not say when its levels began; make it again with this version"
            )
    first = runs[0]
    for run in runs[1:]:
        ours, theirs = _must_agree(first.record), _must_agree(run.record)
        for name, value in ours.items():
            if value != theirs[name]:
                raise UsageError(
                    f"{first.name} and {run.name} are no parts of one load: {name} is "
                    f"{value or 'none'} in one and {theirs[name] or 'none'} in the other; make "
                    "both with the same options"
                )
    for number in _numbers(runs):
        for parts in _places(_parts(number, runs, 0)):
            if len(parts) == len(runs) and not _overlap(parts):
                level = parts[0].level
                what = f"the step of {level.concurrency} in flight" if level.ramp else "level"
                within = f"start them within {level.window_s:.2g} s of each other"
                raise UsageError(
                    f"{runs[0].name} and the others were not made at the same time: "
                    f"{what}{'' if level.ramp else f' {number}'} of one was over before that of "
                    f"another began; {within if level.ramp else 'start them together'}"
                )


def _must_agree(record: RunRecord) -> dict[str, str]:
    asked = record.configuration
    plan = asked.load.model_dump(exclude=set(OWN)) if asked.load is not None else {}
    return {
        **{name: value for name, value in fields(record).items() if name not in MACHINE},
        **{name.replace("_", " "): str(value) for name, value in plan.items()},
        "call limit": f"{asked.call_limit_s:g} s",
    }


def _numbers(runs: Sequence[Run]) -> list[int]:
    return sorted({level.number for run in runs for level in run.result.levels})


# -- one clock -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """What one run has made of a level, or of a step of a ramp.

    Attributes:
        run: The run.
        level: What became of it there.
        by_ns: The run's clock less the merged run's.
    """

    run: Run
    level: LoadLevel
    by_ns: int

    @property
    def begun_ns(self) -> int:
        """When it began, by the merged run's clock."""
        return self.level.begun_ns - self.by_ns

    @property
    def ended_ns(self) -> int:
        """The same of its end."""
        return self.begun_ns + self.length_ns

    @property
    def length_ns(self) -> int:
        """How long it was kept up."""
        return round(self.level.window_s * 1e9)

    @property
    def workers(self) -> tuple[LoadWorker, ...]:
        """Who made it: workers, or the run's one process."""
        return self.run.result.workers or (_alone(),)


def _parts(number: int, runs: Sequence[Run], base_ns: int) -> list[_Part]:
    """What all runs have made of a level; of a ramp, every step of each.

    Args:
        number: Of the level.
        runs: The runs.
        base_ns: When the merged run's clock began, by the wall's.
    """
    found = []
    for run in runs:
        levels = [level for level in run.result.levels if level.number == number]
        # Of a ramp, too, one reading of both clocks is for all: calls go on from step to step.
        found += [
            _Part(run, level, levels[0].begun_ns - levels[0].epoch_ns + base_ns) for level in levels
        ]
    return found


def _places(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Of a level, all that was made of it; of a ramp the same, step by step."""
    steps = {part.level.concurrency if part.level.ramp else None for part in parts}
    return [
        [part for part in parts if not part.level.ramp or part.level.concurrency == step]
        for step in sorted(steps, key=lambda step: step or 0)
    ]


def _overlap(parts: Sequence[_Part]) -> float:
    """Share of the time from the first beginning to the last end in which all were kept up."""
    begun, ended = [part.begun_ns for part in parts], [part.ended_ns for part in parts]
    return max(0, min(ended) - max(begun)) / max(max(ended) - min(begun), 1)


def _told(runs: Sequence[Run]) -> Iterator[tuple[float, Event]]:
    """What one load of all of them would have told, and when, seconds."""
    # From here on, nanoseconds count from the first beginning: a float holds no more of them.
    base_ns = min(level.epoch_ns for run in runs for level in run.result.levels)
    yield 0.0, StudyBegun(STUDY)
    for run in runs:
        for joined in _joined(run, runs[0]):
            yield 0.0, Observed(joined)
        for mode, reason in run.result.left_out.items():
            yield 0.0, Observed(ModeLeftOut(mode, reason))
    for number in _numbers(runs):
        yield from _level(number, runs, base_ns)
    for run in runs:
        for each in run.result.workers:
            if each.ended:
                yield (
                    _last(runs, base_ns),
                    Observed(WorkerLost(run.worker(each.name), each.ended, None)),
                )
    yield _last(runs, base_ns), StudyEnded(STUDY)


def _last(runs: Sequence[Run], base_ns: int) -> float:
    ends = [part.ended_ns for number in _numbers(runs) for part in _parts(number, runs, base_ns)]
    return max(ends) / 1e9


def _joined(run: Run, first: Run) -> Iterator[WorkerJoined]:
    ours, theirs = fields(run.record), fields(first.record)
    unlike = [f"{name} {ours[name]} and not {theirs[name]}" for name in MACHINE
              if ours[name] != theirs[name]]  # fmt: skip
    unlike += [
        f"{name} {ours or 'none'} and not {theirs or 'none'}"
        for name, (ours, theirs) in changed_packages(run.record, first.record).items()
    ]
    for each in run.result.workers or (_alone(),):
        yield WorkerJoined(
            run.worker(each.name),
            each.host,
            each.pid,
            tuple(dict.fromkeys([*unlike, *each.unlike])),
        )


def _alone() -> LoadWorker:
    return LoadWorker(
        name="", host="", pid=0, calls=0, busy=None, offset_ns=None, uncertainty_ns=None,
        drift_ns=None,
    )  # fmt: skip


def _level(number: int, runs: Sequence[Run], base_ns: int) -> Iterator[tuple[float, Event]]:
    """One level of all runs that made it; a ramp with all of its steps."""
    parts = _parts(number, runs, base_ns)
    by_run: dict[str, _Part] = {}
    for part in parts:
        by_run.setdefault(part.run.name, part)
    calls = [
        moved(call, part.by_ns, part.run.worker(call.worker))
        for part in by_run.values()
        for call in part.run.calls.get(number, [])
    ]
    windows = [_window(place, calls, len(runs), base_ns) for place in _places(parts)]
    begun_ns, ended_ns = windows[0].begun_ns, max(window.ended_ns for window in windows)
    together = _together([part.level for part in _places(parts)[-1]])
    if parts[0].level.ramp:
        together = replace(together, ramp_from=windows[0].concurrency)
    due = _sum([part.level for part in parts], "due")
    begun = LevelBegun(
        number, parts[0].level.mode, together, due, max(part.level.window_s for part in parts)
    )
    yield begun_ns / 1e9, Observed(begun)
    yield ended_ns / 1e9, CallsTaken(number, tuple(calls))
    workers = tuple(
        WorkerLevel(
            part.run.worker(each.name),
            each.busy if each.name else max(p.level.busy for p in parts if p.run is part.run),
            None,
            None,
        )
        for part in by_run.values()
        for each in part.workers
    )
    yield ended_ns / 1e9, Observed(LevelEnded(number, tuple(windows), workers))


def _window(parts: Sequence[_Part], calls: Sequence[Call], of: int, base_ns: int) -> Window:
    """What was seen of a level, or of a step of a ramp, by all runs that made it.

    Args:
        parts: Of the runs that made it.
        calls: Of the level, or of the whole ramp.
        of: How many runs there are.
        base_ns: As of :func:`_parts`.
    """
    begun_ns = min(part.begun_ns for part in parts)
    ended_ns = max(part.ended_ns for part in parts)
    length_ns = max(ended_ns - begun_ns, 1)
    ramp = parts[0].level.ramp
    seen = [call for call in calls if call.error != WORKER_LOST]
    if ramp:
        # Outside of it, some of the runs were at other steps.
        first, last = max(p.begun_ns for p in parts), min(p.ended_ns for p in parts)
        seen = [call for call in seen if call.started_ns < last and call.ended_ns > first]
    times = np.array([(call.started_ns, call.ended_ns) for call in seen], dtype=np.int64)
    return Window(
        begun_ns=begun_ns,
        ended_ns=ended_ns,
        busy_ns=round(max(part.level.busy for part in parts) * length_ns),
        in_flight=sum(part.level.in_flight * part.length_ns for part in parts) / length_ns,
        peak=peak(*times.reshape(-1, 2).T),
        lag_ns=round(max(part.level.loop_lag for part in parts)),
        epoch_ns=begun_ns + base_ns,
        concurrency=_sum([part.level for part in parts], "concurrency") if ramp else None,
        own={
            part.run.worker(each.name): (part.begun_ns, part.ended_ns)
            for part in parts
            for each in part.workers
        }
        if ramp
        else {},
        overlap=_overlap(parts) if len(parts) == of else 0.0,
    )


def _together(levels: Sequence[LoadLevel]) -> Level:
    """The load that several make together."""
    rates = [level.rate for level in levels if level.rate is not None]
    return Level(
        concurrency=_sum(levels, "concurrency"),
        rate=sum(rates) if levels[0].concurrency is None and rates else None,
    )


def _sum(levels: Sequence[LoadLevel], name: str) -> int | None:
    values = [getattr(level, name) for level in levels]
    return None if None in values else sum(values)


def _asked(levels: Sequence[LoadLevel]) -> tuple[str, ...]:
    """Levels as a configuration has them, each once."""
    found = []
    for number in dict.fromkeys(level.number for level in levels):
        steps = [level for level in levels if level.number == number]
        first, last = steps[0], steps[-1]
        ramp_from = first.concurrency if first.ramp else None
        found.append(Level(concurrency=last.concurrency, rate=last.rate, ramp_from=ramp_from))
    return tuple(dict.fromkeys(map(str, found)))


# -- the merged record -----------------------------------------------------------------------


def _record(
    runs: Sequence[Run], findings: dict[str, Any], out: Path, command: tuple[str, ...]
) -> RunRecord:
    first = min((run.record for run in runs), key=lambda record: record.started)
    last = max(run.record.started + timedelta(seconds=run.record.duration_s) for run in runs)
    broken = [run for run in runs if run.record.status != "complete"]
    notes = "; ".join(f"{run.name}: {run.record.status_note or 'incomplete'}" for run in broken)
    result = findings[STUDY]
    if not isinstance(result, LoadResult):
        raise RecordError("none of the runs has a call; there is nothing to merge")
    asked = runs[0].record.configuration
    plan = asked.load
    record = RunRecord.model_validate(
        {
            **dict(runs[0].record),
            **findings,
            "name": out.name,
            "status": "incomplete" if broken else "complete",
            "status_note": notes,
            "started": first.started,
            "duration_s": (last - first.started).total_seconds(),
            "command": command,
            "parrot_bench_version": parrot_bench_version(),
            "configuration": asked.model_copy(
                update={
                    "load": plan
                    and plan.model_copy(
                        update={
                            "levels": _asked(result.levels),
                            "workers": len(runs),
                            "scheduler": "",
                        }
                    )
                }
            ),
            "conditions": tuple(
                {c.name: c for run in runs for c in run.record.conditions}.values()
            ),
            # Of one machine; what went on at the others is in their own runs.
            "noise": None,
        }
    )
    return record.model_copy(update={"trust": checks(record)})
