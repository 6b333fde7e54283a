"""What ``nox -s peers -- load`` runs: ``python -m tests.peers.load``."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from parrot_bench.environment import environment
from parrot_bench.errors import ParrotBenchError, UsageError
from tests.peers.load.clients import OURS, OURS_WHOLE, Client, Plan, aiperf, guidellm, layer, ours
from tests.peers.load.judging import disagreements
from tests.peers.load.limited import BACKED_OFF_S, limited, miscounted
from tests.peers.load.page import Measured, page
from tests.peers.load.server import Server, Timings, serve
from tests.peers.load.stop import REPLY_LENGTH, Stop, stopped, untrue
from tests.peers.load.turns import Turn, in_turn

IN_FLIGHT = 8
STOPPED_CALLS = 120
TRIES = 3
"""Stops of ours, at most: another process that has its processor only makes one longer."""


def compare(  # one option a parameter
    *,
    guidellm_python: Annotated[Path, typer.Option("--guidellm", help="Of its environment.")],
    aiperf_python: Annotated[Path, typer.Option("--aiperf", help="Of its environment.")],
    litellm_python: Annotated[Path, typer.Option("--litellm", help="Of its environment.")],
    results: Annotated[Path, typer.Option(help="Folder of everything that is left behind.")],
    rate: Annotated[float, typer.Option(help="Calls a second.")] = 20.0,
    calls: Annotated[int, typer.Option(help="Of a turn.")] = 60,
    turns: Annotated[int, typer.Option(min=1)] = 3,
    write: Annotated[Path | None, typer.Option(help="Write the page here as well.")] = None,
) -> None:
    """Let ours and other load tools drive one server, and hold what they say against its log.

    Exit status 1: they do not agree.
    """
    if results.exists():
        raise UsageError(f"{results} exists; give a folder that does not")
    results.mkdir(parents=True)
    theirs = [guidellm(guidellm_python), aiperf(aiperf_python)]
    mine = ours(OURS, "astream")
    clients = [
        mine,
        *theirs,
        ours(OURS_WHOLE, "ainvoke"),
        *map(layer, ("langchain", "openai", "httpx")),
    ]
    turns_of: dict[str, list[Turn]] = {client.name: [] for client in clients}
    timings, busy = Timings(), [os.getloadavg()[0]]
    with serve(guidellm_python, results, timings) as server:
        plan = Plan(url=server.url, folder=results, rate=rate, calls=calls)
        for turn in in_turn(clients, server, plan, turns):
            turns_of[turn.client].append(turn)
            busy.append(os.getloadavg()[0])
            typer.echo(f"{turn.client}: {len(turn.served)} calls, {turn.cpu_s * 1e3:.1f} ms a call")
        longer = replace(plan, calls=STOPPED_CALLS, reply_length=REPLY_LENGTH)
        stops = [_stopped(mine, server, longer)]
        for client in (*theirs, layer("langchain")):
            stops.append(stopped(client, server, longer))
            typer.echo(f"{client.name}: the longest of a stop {stops[-1].scheduled_s.max():.2f} s")
        closed = stopped(mine, server, replace(longer, in_flight=IN_FLIGHT))
    limits = [
        limited(
            litellm_python,
            mine,
            replace(plan, folder=results / f"limited-{retries}", rate=5, calls=25),
            retries,
        )
        for retries in BACKED_OFF_S
    ]
    said = [
        *disagreements(turns_of),
        *(f"{OURS}, stopped: {x}" for x in untrue(stops[0], rate)),
        *(f"{OURS}, refused {x}" for found in limits for x in miscounted(found)),
    ]
    text = page(
        Measured(
            taken=datetime.now(UTC).date(),
            machine=_machine(),
            busy=busy,
            versions=_versions(
                {"guidellm": guidellm_python, "aiperf": aiperf_python, "litellm": litellm_python}
            ),
            timings=timings,
            rate=rate,
            turns=turns_of,
            stops=stops,
            closed=closed,
            limits=limits,
            disagreements=said,
        )
    )
    typer.echo(text)
    if write is not None:
        write.write_text(text, encoding="utf-8")
    if said:
        raise typer.Exit(1)


def _stopped(mine: Client, server: Server, plan: Plan) -> Stop:
    """Ours at a server that is stopped, again where the machine was too busy to tell."""
    for again in range(TRIES):
        found = stopped(mine, server, replace(plan, folder=plan.folder / f"try-{again}"))
        wrong = list(untrue(found, plan.rate))
        typer.echo(f"{mine.name}: the longest of a stop {found.scheduled_s.max():.2f} s")
        if not wrong:
            break
    return found


def _machine() -> str:
    here = environment("langchain_core", "")
    return f"{here.cpu}, {here.logical_cpus} processors, {here.platform}"


def _versions(tools: Mapping[str, Path]) -> dict[str, str]:
    found = {}
    for name, python in tools.items():
        ask = f"from importlib.metadata import version; print(version({name!r}))"
        done = subprocess.run(
            [python, "-c", ask], capture_output=True, check=True, encoding="utf-8"
        )
        found[name] = done.stdout.strip()
    ours_have = ("langchain-openai", "langchain-core", "openai", "httpx")
    return {**found, **{name: metadata.version(name) for name in ours_have}}


def main() -> None:
    """Run it; what cannot be measured is one line and exit status 2."""
    try:
        typer.run(compare)
    except ParrotBenchError as error:
        typer.echo(f"peers: {error}", err=True)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
