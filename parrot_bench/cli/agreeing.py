"""Asking before anything is sent that somebody pays for."""

import sys

import typer
from rich.prompt import Confirm

from parrot_bench.cli.terminal import EXIT_OK, errors, print_line
from parrot_bench.errors import UsageError


def agree(plan: str, *, yes: bool) -> None:
    """Show what will be sent, and ask; where nobody can answer, it has been answered by --yes.

    Args:
        plan: What will be sent, in a line.
        yes: It is agreed to already.

    Raises:
        UsageError: Nobody is there to say yes.
        Exit: Somebody said no.
    """
    print_line(f"plan: {plan}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to agree to the plan; add --yes")
    if not Confirm.ask("begin?", console=errors, default=False):
        raise typer.Exit(EXIT_OK)
