"""``parrot-bench compare``: compare saved runs, or print a saved comparison again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from parrot_bench.cli import completing
from parrot_bench.cli.comparison import print_comparison
from parrot_bench.cli.options import Debug, FailOn, names, share
from parrot_bench.cli.terminal import Form, one_line_errors, print_line, write_page
from parrot_bench.errors import UsageError
from parrot_bench.record import ComparisonResult, RunRecord
from parrot_bench.saved_runs.opening import saved_record


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help=(
                "Run directories. Of two, the first is the baseline. With **--vs**, all of these "
                "are. One alone is a run that was made with **--against**."
            ),
            show_default=False,
        ),
    ],
    *,
    vs: Annotated[
        list[Path] | None,
        typer.Option(
            "--vs",
            metavar="RUN",
            help="A run of the other side, which is divided by the baseline; several allowed.",
            show_default=False,
        ),
    ] = None,
    fail_on: FailOn = None,
    modes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME…]",
            autocompletion=completing.modes,
            help="The modes that --fail-on looks at.",
            show_default="all but the floors",
        ),
    ] = None,
    delta: Annotated[
        float,
        typer.Option(metavar="SHARE", parser=share, help="Differences within this are the same."),
    ] = "2%",  # type: ignore[assignment]  # typer passes defaults through the parser
    form: Annotated[
        Form, typer.Option("--format", help="Text, Markdown for a pull request, or JSON.")
    ] = "text",
    html: Annotated[
        bool,
        typer.Option("--html", help="Write a page as well: both sides next to each other."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the page, its figures and comparison.json; with **--html**.",
            show_default="CANDIDATE-vs-BASELINE beside the candidate",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compare runs that are unlike, and say in what.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Compare saved runs: is the second slower than the first, in which mode, by how much?

    Medians of separate runs of the same code differ by 8 to 10 %. So with fewer than three runs
    a side a difference under 15 % is inconclusive; **run --against** tells 1 %. Runs of another
    machine or with other parameters are refused.

        parrot-bench compare runs/before runs/after --html

        parrot-bench compare runs/b1 runs/b2 runs/b3 --vs runs/a1 --vs runs/a2 --vs runs/a3

    With --fail-on the worst mode decides: regression (exit status 1), then not measured (4), then
    inconclusive (3), then pass (0).
    """
    with one_line_errors(debug=debug):
        if out is not None and not html:
            raise UsageError(f"--out {out} is for the page; add --html to write it")
        from parrot_bench.gate import EXIT_STATUS  # noqa: PLC0415
        from parrot_bench.saved_runs.comparing import compare_saved, rejudge  # noqa: PLC0415  # numpy

        records = [saved_record(path) for path in runs]
        others = [saved_record(path) for path in vs or ()]
        if others:
            baseline, candidate = records, others
        elif len(records) == 1:
            baseline, candidate = [], records
        else:
            baseline, candidate = records[:1], records[1:]
        if len(records) > 2 and not others:  # noqa: PLR2004  # which side is the third on?
            raise UsageError(
                f"{len(records)} runs and no --vs: say which runs are the other side, "
                "compare A1 A2 --vs B1 --vs B2"
            )
        if baseline:
            result = compare_saved(
                candidate,
                baseline,
                modes=names(modes),
                fail_on=fail_on,
                delta=delta,
                force=force,
            )
        else:
            result = rejudge(_comparison(candidate[0]), modes=names(modes), fail_on=fail_on)
        for record in (*baseline, *candidate):
            if record.status == "incomplete":
                print_line(f"parrot-bench: {record.name} is incomplete: {record.status_note}")
        print_comparison(result, form)
        if html:
            from parrot_reports import write_comparison  # noqa: PLC0415  # matplotlib

            folder = out or _beside(runs, vs or ())
            write_page(lambda: write_comparison(result, folder), form)
    if result.gate is not None and EXIT_STATUS[result.gate]:
        raise typer.Exit(EXIT_STATUS[result.gate])


def _beside(runs: Sequence[Path], others: Sequence[Path]) -> Path:
    """The folder that is named after both sides, beside the candidate's run."""
    first = [_folder(side[0]) for side in (others or runs[1:], runs) if side]
    if len(first) == 1:
        return first[0].with_name(f"{first[0].name}-judged")
    candidate, baseline = first
    return candidate.with_name(f"{candidate.name}-vs-{baseline.name}")


def _folder(run: Path) -> Path:
    return run.resolve() if run.is_dir() else run.resolve().parent


def _comparison(record: RunRecord) -> ComparisonResult:
    if record.comparison is None:
        raise UsageError(
            f"{record.name} was not made with --against; give a second run to compare it with"
        )
    return record.comparison
