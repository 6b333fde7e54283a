"""What a project's configuration says, as the defaults of the commands' options."""

from pathlib import Path
from typing import Any, Final

import typer

from parrot_bench.cli.terminal import one_line_errors

NOT_THE_SAME: Final = {"compare": {"modes"}, "init": {"model"}, "load": {"modes", "time"}}
"""Options that are called like a key and mean something else."""


def configure(context: typer.Context, given: Path | None) -> None:
    """Make a project's configuration the default of every command's options.

    Args:
        context: Of the whole command line.
        given: The file that was named; else the current folder is looked at.
    """
    from parrot_bench.configuration import find, read  # noqa: PLC0415  # pydantic, where needed

    with one_line_errors(debug=False):
        path = given or find(Path.cwd())
        if path is None:
            return
        kept = read(path)
    commands: Any = context.command
    context.default_map = {
        name: {
            parameter.name: kept[parameter.name]
            for parameter in command.params
            if parameter.name in kept and parameter.name not in NOT_THE_SAME.get(name, ())
        }
        for name, command in commands.commands.items()
    }


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option was given on the command line, and not by the configuration."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
