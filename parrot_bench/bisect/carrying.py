"""Carrying out ``parrot-bench bisect``: one comparison after the other, each a run of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from parrot_bench.against.carrying import compare_sides
from parrot_bench.against.following import Watcher
from parrot_bench.against.sides import Say, Side, release_sides
from parrot_bench.bisect.search import Conclusion, search
from parrot_bench.errors import MeasurementError
from parrot_bench.record import Estimate, RunRecord
from parrot_bench.request import Request


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two releases that were measured.

    Attributes:
        release: The later one.
        base: The one that it is divided by.
        ratio: Of their costs, by the clock that decides.
        run: The run directory.
    """

    release: Version
    base: Version
    ratio: Estimate
    run: Path


@dataclass(frozen=True, kw_only=True)
class Bisected:
    """What a bisection found.

    Attributes:
        conclusion: In numbers of releases.
        compared: What was measured, in order.
    """

    conclusion: Conclusion
    compared: tuple[Compared, ...]


def bisect(
    request: Request,
    name: str,
    versions: Sequence[Version],
    out: Path,
    *,
    threshold: float,
    watcher: Watcher | None = None,
    told: Callable[[Compared], object] | None = None,
) -> Bisected:
    """Measure releases against each other until one is known to have changed the cost.

    Args:
        request: Of each comparison; it names one mode.
        name: The distribution.
        versions: Its releases, oldest first.
        out: Folder for the comparisons' run directories.
        threshold: Differences within it are none.
        watcher: Told of every event of every comparison.
        told: Told of every comparison.

    Raises:
        MeasurementError: A comparison was stopped, or the mode is missing in a release.
        ParrotBenchError: A comparison cannot be made.
    """
    done: list[Compared] = []
    looking = search(len(versions), threshold)
    try:
        release, base = next(looking)
        while True:
            one = _compared(request, name, (versions[release], versions[base]), out, watcher)
            done.append(one)
            if told is not None:
                told(one)
            release, base = looking.send(one.ratio)
    except StopIteration as stopped:
        return Bisected(conclusion=stopped.value, compared=tuple(done))


def _compared(
    request: Request,
    name: str,
    versions: tuple[Version, Version],
    out: Path,
    watcher: Watcher | None,
) -> Compared:
    release, base = versions

    def both(say: Say) -> tuple[Side, Side]:
        return release_sides(request.spec, name, (str(release), str(base)), say)

    run = out / f"{release}-against-{base}"
    against = replace(request, against=(f"{name}=={base}",))
    record = compare_sides(against, out=run, watcher=watcher, both=both)
    return Compared(release=release, base=base, ratio=_ratio(record, run), run=run)


def _ratio(record: RunRecord, run: Path) -> Estimate:
    if record.status == "incomplete":
        raise MeasurementError(f"{record.status_note}; what was measured is kept in {run.parent}")
    (mode,) = record.comparison.modes if record.comparison else (None,)
    if mode is None or mode.ratio is None:
        why = mode.note if mode is not None else record.status_note
        raise MeasurementError(f"{run.name}: nothing could be compared: {why}")
    return mode.ratio
