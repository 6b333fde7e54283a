"""``parrot-bench bisect``: which release changed the cost of a mode."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from parrot_bench.cli.options import Debug, Model, Replay, replayed, seconds, share
from parrot_bench.cli.terminal import (
    EXIT_INCONCLUSIVE,
    console,
    errors,
    one_line_errors,
    print_line,
)
from parrot_bench.record import ReleaseComparison, RunDirectory, write_atomically

_FILE = "bisect.json"


def bisect(
    context: typer.Context,
    requirement: Annotated[
        str,
        typer.Argument(
            metavar="REQUIREMENT",
            help="A distribution with bounds, such as **'langchain-core>=1.5,<=1.7.2'**.",
            show_default=False,
        ),
    ],
    model: Model = "",
    *,
    replay: Replay = None,  # noqa: ARG001  # it is read from the context
    mode: Annotated[
        str,
        typer.Option(metavar="NAME", help="The execution mode whose cost is looked at."),
    ] = "invoke",
    over: Annotated[
        float,
        typer.Option(
            parser=share,
            metavar="SHARE",
            help="Differences within this are none.",
            show_default="2%",
        ),
    ] = "2%",  # type: ignore[assignment]  # typer passes defaults through the parser
    time: Annotated[
        float,
        typer.Option(
            parser=seconds,
            metavar="TIME",
            help="Time for each comparison of two releases.",
            show_default="120s",
        ),
    ] = "120",  # type: ignore[assignment]  # as above
    pairs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Pairs of fresh processes of each comparison.",
            show_default="10 and more, until the interval is narrow enough",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the comparisons; new or empty.",
            show_default="runs/TIME-bisect-NAME",
        ),
    ] = None,
    form: Annotated[
        Literal["text", "json"],
        typer.Option("--format", help="What is printed at the end."),
    ] = "text",
    debug: Debug = False,
) -> None:
    """Find the release that changed the cost of a mode.

    The last release is measured against the first. If they differ, the release is looked for whose
    cost crosses half of the difference, and measured against the one before it. Each comparison is
    one of **run --against**, with both releases in environments of their own, which are kept.

        parrot-bench bisect 'langchain-core>=1.5,<=1.7.2' --mode astream_events_v2

    Exit status: 0 a release was found, or nothing changed; 2 bad input, or stopped; 3 inconclusive.
    """
    with one_line_errors(debug=debug):
        from parrot_bench.against.progress import PairProgress  # noqa: PLC0415  # --help is quick
        from parrot_bench.bisect.carrying import bisect as carry_out  # noqa: PLC0415
        from parrot_bench.bisect.releases import asked, releases  # noqa: PLC0415
        from parrot_bench.bisect.search import most_comparisons  # noqa: PLC0415
        from parrot_bench.mode_table import select_modes  # noqa: PLC0415
        from parrot_bench.request import Request, stamped  # noqa: PLC0415
        from parrot_reports.bisection import bisection_sentence, compared  # noqa: PLC0415
        from parrot_reports.parts import plain  # noqa: PLC0415
        from parrot_reports.text import visible  # noqa: PLC0415

        wanted = asked(requirement)
        select_modes([mode])
        spec, arguments = replayed(context, model, (), order="prompt")
        request = Request(
            spec=spec,
            model_args=arguments,
            modes=(mode,),
            time_s=time,
            target=over / 2,
            pairs=pairs,
            studies=("overhead",),
        )
        allowed = releases(wanted)
        folder = out or Path("runs") / stamped(f"bisect-{wanted.name}")
        directory = RunDirectory(folder)
        directory.create()
        directory.journal.unlink()  # its comparisons have theirs
        plan = (
            f"{len(allowed)} releases of {wanted.name} from {allowed[0]} to {allowed[-1]}: at most "
            f"{most_comparisons(len(allowed))} comparisons of up to {time:g} s each, and what it "
            "takes to install them"
        )
        print_line(plan)
        progress = PairProgress(errors)

        def told(one: ReleaseComparison) -> None:
            progress.close()
            print_line(compared(one))

        try:
            record = carry_out(
                request, wanted.name, allowed, folder,
                threshold=over, watcher=progress, told=told,
            )  # fmt: skip
        finally:
            progress.close()
        text = record.model_dump_json(indent=1) + "\n"
        write_atomically(folder / _FILE, text.encode())
        if form == "json":
            typer.echo(text, nl=False)
        else:
            console.print(Text(visible(plain(bisection_sentence(record)))), soft_wrap=True)
            console.print(Text(f"\neach comparison is a run in {folder}"), soft_wrap=True)
    if record.verdict == "inconclusive":
        raise typer.Exit(EXIT_INCONCLUSIVE)
