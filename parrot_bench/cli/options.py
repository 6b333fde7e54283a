"""Options that several commands take, and how their text is read."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from parrot_bench import quantities
from parrot_bench.cli.terminal import Form
from parrot_bench.errors import MissingExtraError, UsageError


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
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{text[1:]} cannot be read: it is not UTF-8 text") from error
    except (OSError, ValueError) as error:  # a configuration may have a path that can't be one
        reason = getattr(error, "strerror", None) or "it is no path"
        raise typer.BadParameter(f"{text[1:]!r} cannot be read: {reason}") from error


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
Prompt = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT|@FILE",
        help="What every call is asked. It is not kept in the record.",
        show_default="256 characters of plain text",
        rich_help_panel="What to measure",
    ),
]
ReplyLength = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Chunks of the parrot's reply; of another model, its max_tokens.",
        show_default="20; the model's own",
        rich_help_panel="What to measure",
    ),
]
MaxCalls = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Never make more calls of the model than this, warm-up included.",
        show_default="no bound",
        rich_help_panel="What to measure",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The run directory; new or empty.",
        show_default="runs/TIME-MODES",
        rich_help_panel="What becomes of it",
    ),
]
ResultForm = Annotated[
    Form,
    typer.Option(
        "--format",
        help="What is printed at the end: a table, the summary as Markdown, or the record.",
        rich_help_panel="What becomes of it",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print no progress.", rich_help_panel="What becomes of it"),
]
ProviderModel = Annotated[
    str,
    typer.Option(
        metavar="PROVIDER:NAME",
        help=(
            "Instead of MODEL: what LangChain's init_chat_model makes, such as "
            "**openai:gpt-4.1-mini**; needs langchain and the provider's package."
        ),
        show_default=False,
        rich_help_panel="What to measure",
    ),
]
ModelArgs = Annotated[
    list[str] | None,
    typer.Option(
        "--model-args",
        metavar="KEY=VALUE",
        help=(
            "Argument of what makes the model, such as **temperature=0**; JSON, or a text. "
            "Repeatable. Credentials go by the environment."
        ),
        show_default=False,
        rich_help_panel="What to measure",
    ),
]


def made_of(
    model: str, provider_model: str, arguments: list[str] | None
) -> tuple[str, tuple[tuple[str, object], ...]]:
    """What is loaded, and with which arguments.

    Raises:
        UsageError: Both kinds of model are given, or an argument is none.
    """
    found = dict(_argument(text) for text in arguments or [])
    if not provider_model:
        return model, tuple(found.items())
    if model:
        raise UsageError(f"both {model} and --provider-model {provider_model} are given; give one")
    if find_spec("langchain") is None:
        raise MissingExtraError(
            f"--provider-model {provider_model} needs LangChain's init_chat_model; "
            "type: pip install langchain, and the provider's package"
        )
    return "langchain.chat_models:init_chat_model", (("model", provider_model), *found.items())


def _argument(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise UsageError(
            f"--model-args {name!r} is no argument; give a name and a value: key=value"
        )
    try:
        return name.strip(), json.loads(value)
    except (ValueError, RecursionError):
        return name.strip(), value


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
