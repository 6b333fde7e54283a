"""``parrot-bench bisect``: which release changed the cost of a mode."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from parrot_bench.cli.options import Debug, Model, seconds, share
from parrot_bench.cli.terminal import (
    EXIT_INCONCLUSIVE,
    console,
    errors,
    one_line_errors,
)
from parrot_bench.errors import UsageError
from parrot_bench.record import Estimate, write_atomically

if TYPE_CHECKING:
    from packaging.version import Version

    from parrot_bench.bisect.carrying import Bisected, Compared

_FILE = "bisect.json"


def bisect(
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
        from parrot_bench.request import Request  # noqa: PLC0415

        wanted = asked(requirement)
        select_modes([mode])
        request = Request(
            spec=model,
            modes=(mode,),
            time_s=time,
            target=over / 2,
            pairs=pairs,
            studies=("overhead",),
        )
        folder = _folder(out, wanted.name)
        versions = releases(wanted)
        count = most_comparisons(len(versions))
        errors.print(
            Text(
                f"{len(versions)} releases of {wanted.name} from {versions[0]} to {versions[-1]}: "
                f"at most {count} comparisons of up to {time:g} s each, and what it takes to "
                "install them"
            ),
            soft_wrap=True,
        )
        progress = PairProgress(errors)

        def told(compared: "Compared") -> None:
            progress.close()
            errors.print(Text(_line(compared)), soft_wrap=True)

        try:
            found = carry_out(
                request, wanted.name, versions, folder,
                threshold=over, watcher=progress, told=told,
            )  # fmt: skip
        finally:
            progress.close()
        record = _record(found, wanted.name, mode, versions)
        text = json.dumps(record, indent=1) + "\n"
        write_atomically(folder / _FILE, text.encode())
        if form == "json":
            typer.echo(text, nl=False)
        else:
            console.print(Text(_sentence(found, wanted.name, mode, versions)), soft_wrap=True)
            console.print(Text(f"\neach comparison is a run in {folder}"), soft_wrap=True)
    if found.conclusion.verdict == "inconclusive":
        raise typer.Exit(EXIT_INCONCLUSIVE)


def _folder(out: Path | None, name: str) -> Path:
    folder = out or Path("runs") / f"{datetime.now().astimezone():%Y-%m-%dT%H-%M-%S}-bisect-{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"output folder {folder} is not empty; name a new one with --out")
    except OSError as error:
        raise UsageError(
            f"output folder {folder} cannot be written ({error.strerror}); name another with --out"
        ) from error
    return folder


def _difference(ratio: Estimate) -> str:
    low, high = ratio.low - 1, ratio.high - 1
    return f"{100 * (ratio.value - 1):+.1f} % [{100 * low:+.1f}, {100 * high:+.1f}]"


def _line(compared: "Compared") -> str:
    return f"{compared.release} against {compared.base}: {_difference(compared.ratio)}"


def _sentence(found: "Bisected", name: str, mode: str, versions: "list[Version]") -> str:
    conclusion = found.conclusion
    first, last = versions[0], versions[-1]
    ends = f"from {first} to {last} it is {_difference(conclusion.ends)}"
    if conclusion.verdict == "no change":
        return f"No change: {mode} costs the same in {name} {first} and {last}; {ends}."
    if conclusion.release is None or conclusion.step is None:
        return (
            f"Inconclusive: whether {mode} costs more in {name} {last} than in {first} cannot be "
            f"told; {ends}. Give more --time, or a wider --over."
        )
    changed, before = versions[conclusion.release], versions[conclusion.release - 1]
    step = _difference(conclusion.step)
    if conclusion.verdict == "inconclusive":
        return (
            f"Inconclusive: {ends}, and half of it lies before {changed}, which over {before} is "
            f"{step}. Give more --time, or narrower bounds around it."
        )
    text = f"{name} {changed} changed the cost of {mode}: {step} over {before}; {ends}."
    share = conclusion.share
    if share is not None and share < 0.5:  # noqa: PLR2004  # less than half
        text += f" That is {share:.0%} of it: other releases have a part, too."
    if conclusion.doubtful:
        doubtful = ", ".join(str(versions[number]) for number in conclusion.doubtful)
        text += f" It was close in {doubtful}: more --time would make it certain."
    return text


def _record(found: "Bisected", name: str, mode: str, versions: "list[Version]") -> dict[str, Any]:
    conclusion = found.conclusion
    return {
        "distribution": name,
        "mode": mode,
        "releases": [str(version) for version in versions],
        "verdict": conclusion.verdict,
        "release": None if conclusion.release is None else str(versions[conclusion.release]),
        "step": None if conclusion.step is None else conclusion.step.model_dump(mode="json"),
        "ends": conclusion.ends.model_dump(mode="json"),
        "doubtful": [str(versions[number]) for number in conclusion.doubtful],
        "compared": [
            {
                "release": str(each.release),
                "base": str(each.base),
                "ratio": each.ratio.model_dump(mode="json"),
                "run": each.run.name,
            }
            for each in found.compared
        ],
    }
