"""Carrying out ``parrot-bench bisect``: one comparison after the other, each a run of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from parrot_bench.against.carrying import compare_sides
from parrot_bench.against.following import Watcher
from parrot_bench.against.sides import Say, Side, release_sides
from parrot_bench.bisect.search import Conclusion, search
from parrot_bench.environment import parrot_bench_version
from parrot_bench.errors import MeasurementError
from parrot_bench.record import BisectionRecord, Estimate, ReleaseComparison, RunRecord
from parrot_bench.request import Request


def bisect(
    request: Request,
    name: str,
    releases: Sequence[str],
    out: Path,
    *,
    threshold: float,
    watcher: Watcher | None = None,
    told: Callable[[ReleaseComparison], object] | None = None,
) -> BisectionRecord:
    """Measure releases against each other until one is known to have changed the cost.

    Args:
        request: Of each comparison; it names one mode.
        name: The distribution.
        releases: Its releases, oldest first.
        out: Folder for the comparisons' run directories.
        threshold: Differences within it are none.
        watcher: Told of every event of every comparison.
        told: Told of every comparison.

    Raises:
        MeasurementError: A comparison was stopped, or the mode is missing in a release.
        ParrotBenchError: A comparison cannot be made.
    """
    done: list[ReleaseComparison] = []
    looking = search(len(releases), threshold)
    try:
        release, base = next(looking)
        while True:
            one = _compared(request, name, (releases[release], releases[base]), out, watcher)
            done.append(one)
            if told is not None:
                told(one)
            release, base = looking.send(one.ratio)
    except StopIteration as stopped:
        found: Conclusion = stopped.value
    at = found.release
    return BisectionRecord(
        parrot_bench_version=parrot_bench_version(),
        distribution=name,
        mode=request.modes[0],
        releases=tuple(releases),
        threshold=threshold,
        verdict=found.verdict,
        ends=found.ends,
        release="" if at is None else releases[at],
        before="" if at is None else releases[at - 1],
        step=found.step,
        doubtful=tuple(releases[number] for number in found.doubtful),
        compared=tuple(done),
    )


def _compared(
    request: Request,
    name: str,
    releases: tuple[str, str],
    out: Path,
    watcher: Watcher | None,
) -> ReleaseComparison:
    release, base = releases

    def both(say: Say) -> tuple[Side, Side]:
        return release_sides(request.spec, name, releases, say)

    run = out / f"{release}-against-{base}"
    against = replace(request, against=(f"{name}=={base}",))
    record = compare_sides(against, out=run, watcher=watcher, both=both)
    return ReleaseComparison(release=release, base=base, ratio=_ratio(record, run), run=run.name)


def _ratio(record: RunRecord, run: Path) -> Estimate:
    if record.status == "incomplete":
        raise MeasurementError(f"{record.status_note}; what was measured is kept in {run.parent}")
    (mode,) = record.comparison.modes if record.comparison else (None,)
    if mode is None or mode.ratio is None:
        why = mode.note if mode is not None else record.status_note
        raise MeasurementError(f"{run.name}: nothing could be compared: {why}")
    return mode.ratio
