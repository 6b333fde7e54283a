"""What scripts and notebooks use: ``run``, ``compare``, ``modes``, and the run they are about."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable

from parrot_bench.against.carrying import compare_sides
from parrot_bench.errors import UsageError
from parrot_bench.execution import ExecutionMode
from parrot_bench.loading import adopt, load_model, load_parrot
from parrot_bench.mode_table import MODES, mode_record
from parrot_bench.notebook import run_frame, run_html, run_report
from parrot_bench.record import ComparisonResult, ModeRecord, RunDirectory, RunRecord
from parrot_bench.request import Request
from parrot_bench.running import Watcher, carry_out
from parrot_bench.saved_runs.comparing import compare_saved
from parrot_bench.saved_runs.opening import saved_record

if TYPE_CHECKING:
    import polars as pl

Model = str | Runnable[Any, Any] | Callable[[], Runnable[Any, Any]]
"""MODEL as on the command line, empty for the embedded parrot; or a chat model or another Runnable,
or what makes one."""


class Run:
    """A run: what was found, what was measured, and the folder that holds both.

    Args:
        path: The run directory. A run that was killed is put together again, up to the last round
            that it finished.

    Attributes:
        directory: Where each of its files lies.
        record: What was found, as it stands in ``run.json``.

    Raises:
        RecordError: There is no run, or it is not one this version can read.
    """

    def __init__(self, path: Path | str) -> None:
        self.directory = RunDirectory(Path(path))
        self.record: RunRecord = saved_record(self.directory.path)

    def __repr__(self) -> str:
        return f"Run({str(self.directory.path)!r}, {self.record.status})"

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the beginning of the report."""
        return run_html(self.record)

    def to_polars(self) -> "pl.DataFrame":
        """Times and ratios, one row a mode and study; see ``parrot_bench.notebook.run_frame``."""
        return run_frame(self.record)

    @property
    def samples(self) -> "pl.DataFrame":
        """Every block of every round: ``samples.parquet``."""
        return _table(self.directory.samples)

    @property
    def calls(self) -> "pl.DataFrame":
        """Every stamped call: ``calls.parquet``."""
        return _table(self.directory.calls)

    def report(self) -> Path:
        """Write the report into the run directory; its page.

        Raises:
            RecordError: The folder cannot be written.
        """
        return run_report(self.directory.path)


def run(
    model: Model = "",
    *,
    out: Path | str | None = None,
    modes: Sequence[str | ExecutionMode] = (),
    watcher: Watcher | None = None,
    **options: Any,
) -> Run:
    """Measure a chat model or another Runnable in every execution mode, and save the run.

    Args:
        model: MODEL as on the command line (empty for the embedded parrot), which is measured
            in a fresh process; or a chat model, a chain, a graph, or a zero-argument factory of
            one, measured in this process.
        out: The run directory; ``runs/<time>-<modes>`` by default.
        modes: Names, or :class:`ExecutionMode` values of one's own; all but the deprecated by
            default.
        watcher: Told of every event; not with ``against``.
        **options: Further fields of :class:`parrot_bench.request.Request`, such as ``time_s``,
            ``studies``, ``max_calls``, ``prompt`` (a text, messages as pairs of role and content,
            or an object that a chain takes); ``against``, a tuple, for a comparison with something
            else.

    Returns:
        The run. Its record is incomplete where it was stopped.

    Raises:
        ParrotBenchError: Nothing could be measured; the message says why.
    """
    names = tuple(m if isinstance(m, str) else m.name for m in modes)
    spec = model if isinstance(model, str) else ""
    request = Request(spec=spec, modes=names, **options)
    loaded = None if isinstance(model, str) else adopt(model)
    # A mode that is an object cannot be sent to another process.
    here = loaded is not None or any(not isinstance(m, str) for m in modes)
    opened: list[RunDirectory] = []
    if request.against:
        if here:
            raise UsageError(
                "a comparison runs in processes of its own, so that model and modes need names "
                "(module:attr)"
            )
        compare_sides(request, out=out, opened=opened.append)
    else:
        carry_out(
            request, out=out, here=here, loaded=loaded, modes=modes, watcher=watcher,
            opened=opened.append,
        )  # fmt: skip
    return Run(opened[0].path)


def compare(
    candidate: "Run | Path | str | Iterable[Run | Path | str]",
    baseline: "Run | Path | str | Iterable[Run | Path | str]",
    *,
    modes: Sequence[str] = (),
    fail_on: float | None = None,
    delta: float = 0.02,
    force: bool = False,
) -> ComparisonResult:
    """Compare saved runs: is the candidate slower than the baseline, in which mode, by how much?

    Args:
        candidate: A run or its folder, or several of them.
        baseline: What it is divided by.
        modes: The modes that ``fail_on`` looks at; all but the floors by default.
        fail_on: The gate fails when a mode is slower by more: 0.01 is 1 %.
        delta: Differences within it are the same.
        force: Compare runs that are unlike, and say in what.

    Returns:
        Ratios, intervals, verdicts; a notebook shows them, ``.to_polars()`` is a table.

    Raises:
        UsageError: The runs are unlike, or have nothing in common.
        RecordError: One of them cannot be read.
    """
    return compare_saved(
        _records(candidate),
        _records(baseline),
        modes=tuple(modes),
        fail_on=fail_on,
        delta=delta,
        force=force,
    )


def modes(model: Model = "") -> tuple[ModeRecord, ...]:
    """Return every execution mode and floor, and which ones a model has. Nothing is called.

    Args:
        model: As for :func:`run`.

    Raises:
        ModelLoadError: There is no such model.
    """
    if isinstance(model, str):
        loaded = load_model(model) if model else load_parrot()
    else:
        loaded = adopt(model)
    return tuple(mode_record(mode, loaded.model) for mode in MODES.values())


def _records(runs: "Run | Path | str | Iterable[Run | Path | str]") -> list[RunRecord]:
    every = [runs] if isinstance(runs, Run | Path | str) else list(runs)
    return [each.record if isinstance(each, Run) else saved_record(Path(each)) for each in every]


def _table(path: Path) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415  # 0.4 s

    return pl.read_parquet(path)
