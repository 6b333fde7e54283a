"""What ``nox -s peers`` runs: ``python -m tests.peers``."""

from pathlib import Path
from typing import Annotated

import typer

from parrot_bench.errors import ParrotBenchError, UsageError
from tests.peers.handlers import PEERS
from tests.peers.measure import measured, now, steps
from tests.peers.page import page
from tests.peers.results import read_conformance, read_costs

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def measure(
    peer: str,
    out: Annotated[Path, typer.Option(help="The file to write.")],
    rounds: Annotated[int, typer.Option(min=1)] = 30,
    seed: Annotated[int, typer.Option(help="Of the order within the rounds.")] = 0,
) -> None:
    """Measure a peer that is installed beside ours."""
    if peer not in PEERS:
        raise UsageError(f"no peer is called {peer!r}; the peers: {', '.join(PEERS)}")
    if not PEERS[peer].is_installed:
        raise UsageError(
            f"{PEERS[peer].distribution} isn't installed; "
            "nox -s peers makes an environment for every peer"
        )
    taken = now()
    done = []
    for step in steps(PEERS[peer], rounds, seed):
        done.append(step)
        typer.echo(f"{peer}: {step.setting.name}, {step.path.name}, {rounds} rounds")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(measured(PEERS[peer], taken, done).model_dump_json(), encoding="utf-8")


@app.command()
def table(
    folder: Path,
    write: Annotated[Path | None, typer.Option(help="Write the page here as well.")] = None,
) -> None:
    """Print the page about all peers that have been measured."""
    text = page(read_costs(folder), read_conformance(folder))
    typer.echo(text)
    if write is not None:
        write.write_text(text, encoding="utf-8")


def main() -> None:
    """Run a command; bad input is one line and exit status 2."""
    try:
        app()
    except ParrotBenchError as error:
        typer.echo(f"peers: {error}", err=True)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
