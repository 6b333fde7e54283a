"""``parrot-bench check --env``: the machine and what is installed, with advice."""

import json
from dataclasses import asdict
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from parrot_bench.cli.terminal import Form, console, errors, save
from parrot_bench.errors import UsageError

_STYLES = {"fine": "green", "note": "yellow", "defect": "bold red"}


def check_environment(otlp: str, form: Form, file: Path | None) -> bool:
    """Print what was found; whether something will fail.

    Args:
        otlp: A collector to ask.
        form: ``text``, ``md`` or ``json``.
        file: Where everything is written as JSON as well.

    Raises:
        UsageError: The collector or the variables make no sense, or the file cannot be written.
    """
    from parrot_bench.fitness import facts  # noqa: PLC0415  # --help needs no LangChain
    from parrot_callbacks.errors import MissingExtraError, TracingError  # noqa: PLC0415

    try:
        with errors.status("looking …"):
            found = list(facts(otlp))
    except (MissingExtraError, TracingError) as error:
        raise UsageError(str(error)) from error
    written = json.dumps([asdict(fact) for fact in found], indent=1, ensure_ascii=False) + "\n"
    if file is not None:
        save(file, written)
    if form == "json":
        typer.echo(written, nl=False)
    elif form == "md":
        for fact in found:
            advice = f" *{fact.advice}*" if fact.advice else ""
            typer.echo(f"- {fact.level}: `{fact.name}`: {fact.said}.{advice}")
    else:
        table = Table.grid(padding=(0, 2, 0, 0))
        for fact in found:
            said = Text(f"{fact.said}.")
            if fact.advice:
                said.append(f"\n→ {fact.advice}", style="dim")
            table.add_row(Text(fact.level, style=_STYLES[fact.level]), Text(fact.name), said)
        console.print(table)
    return any(fact.level == "defect" for fact in found)
