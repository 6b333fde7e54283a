"""Options that several commands take, and how their text is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from parrot_bench import quantities


def seconds(text: str) -> float:
    """Read a time such as 60, 90s or 5m; seconds."""
    return _read(quantities.seconds, text)


def share(text: str) -> float:
    """Read a share such as 2% or 0.02."""
    return _read(quantities.share, text)


def _read(read: Callable[[str], float], text: str) -> float:
    try:
        return read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def read_prompt(text: str) -> str:
    """Return the text itself, or the content of the file after an @."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise typer.BadParameter(f"{text[1:]} cannot be read: {reason}") from error


def names(given: list[str] | None) -> tuple[str, ...]:
    """Split what was given at its commas; each name once."""
    parts = (name.strip() for item in given or [] for name in item.split(","))
    return tuple(dict.fromkeys(name for name in parts if name))


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=(
            "**module:attr** or **path/file.py:attr**, naming a BaseChatModel, its "
            "class, or a function without arguments that makes one. The current folder is "
            "importable. Without it, the embedded parrot: LangChain itself is measured."
        ),
        show_default=False,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error as well.")]


FailOn = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        parser=share,
        help=(
            "Exit with 1 when a mode is slower by more, with 3 when that can't be told, "
            "with 4 when a mode named in --modes was not measured."
        ),
        show_default="no threshold",
        rich_help_panel="Against something else",
    ),
]
