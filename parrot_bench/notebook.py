"""How a run and a comparison show themselves in a notebook: as HTML, as a table, as a page.

Beside ``cli/`` the only place that asks `parrot_reports` for something: a notebook shows what
the command line prints and writes. Without its packages (the extra ``bench``) nothing is shown but
the object's own text.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from parrot_bench.record import ComparisonResult, Estimate, RunRecord

if TYPE_CHECKING:
    import polars as pl

_FIRST = ("study", "mode", "decided_by")
_BOUNDS = ("", "_low", "_high")


def run_html(record: RunRecord) -> str | None:
    """A run as a fragment of HTML; None where the report's packages are not installed."""
    try:
        from parrot_reports.notebook import run_fragment  # noqa: PLC0415  # matplotlib takes a second
    except ImportError:
        return None
    return run_fragment(record)


def run_report(path: Path) -> Path:
    """Write a run's report; the page."""
    from parrot_reports import write_report  # noqa: PLC0415  # matplotlib takes a second

    return write_report(path).page


def comparison_html(result: ComparisonResult) -> str | None:
    """A comparison as a fragment of HTML; None where the report's packages are not installed."""
    try:
        from parrot_reports.notebook import comparison_fragment  # noqa: PLC0415
    except ImportError:
        return None
    return comparison_fragment(result)


def run_frame(record: RunRecord) -> "pl.DataFrame":
    """A run's times and ratios as a table.

    Returns:
        One row for each study's figure of each mode. ``study``, ``mode``, ``decided_by``; of
        ``cpu_ns`` and ``wall_ns`` (nanoseconds per call, or per chunk where the study says so)
        the value, ``_low`` and ``_high``; of the overhead study ``ratio`` to the baseline with
        its bounds, and ``verdict``. Missing numbers are null.
    """
    from parrot_bench.saved_runs.figures import figures  # noqa: PLC0415

    found = {mode.mode: mode for mode in record.overhead.modes} if record.overhead else {}
    rows = []
    for figure in figures(record):
        mode = found.get(figure.mode) if figure.study == "overhead" else None
        decided = None
        if mode is not None:
            decided = mode.cpu_ratio if mode.decided_by == "cpu" else mode.wall_ratio
        rows.append(
            {
                "study": figure.study,
                "mode": figure.mode,
                "decided_by": figure.decided_by,
                **_bounds("cpu_ns", figure.cpu),
                **_bounds("wall_ns", figure.wall),
                **_bounds("ratio", decided),
                "verdict": None if mode is None else mode.verdict,
            }
        )
    numbers = [name + end for name in ("cpu_ns", "wall_ns", "ratio") for end in _BOUNDS]
    return _frame(rows, numbers)


def comparison_frame(result: ComparisonResult) -> "pl.DataFrame":
    """A comparison as a table.

    Returns:
        One row a mode and study: ``study``, ``mode``, ``decided_by``; ``baseline_ns`` and
        ``candidate_ns`` by the deciding clock; ``cpu_ratio`` and ``wall_ratio`` of candidate to
        baseline with ``_low`` and ``_high``; ``verdict``, and ``gate`` where there is a threshold.
    """
    rows = [
        {
            "study": mode.study,
            "mode": mode.mode,
            "decided_by": mode.decided_by,
            "baseline_ns": mode.baseline_ns,
            "candidate_ns": mode.candidate_ns,
            **_bounds("cpu_ratio", mode.cpu_ratio),
            **_bounds("wall_ratio", mode.wall_ratio),
            "verdict": mode.verdict,
            "gate": mode.gate,
        }
        for mode in result.modes
    ]
    ratios = [f"{clock}_ratio{end}" for clock in ("cpu", "wall") for end in _BOUNDS]
    return _frame(rows, ["baseline_ns", "candidate_ns", *ratios])


def _bounds(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    values = (None,) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
    return dict(zip((name + end for end in _BOUNDS), values, strict=True))


def _frame(rows: list[dict[str, Any]], numbers: list[str]) -> "pl.DataFrame":
    """A table whose columns have the same types whatever is missing."""
    import polars as pl  # noqa: PLC0415  # not installed without the extra

    names = list(rows[0]) if rows else [*_FIRST, *numbers, "verdict"]
    schema = {name: pl.Float64 if name in numbers else pl.String for name in names}
    return pl.DataFrame(rows, schema=schema)
