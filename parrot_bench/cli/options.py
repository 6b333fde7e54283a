"""Options that several commands take, and how their text is read."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from parrot_bench import quantities
from parrot_bench.cli.configured import is_typed
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


def asked(
    context: typer.Context, prompt: str | None, given: str | None
) -> "str | dict[str, object]":
    """What every call is asked: the prompt's text, or an object that a Runnable takes.

    Raises:
        UsageError: Both are given, or the object is none.
    """
    from parrot_bench.request import DEFAULT_PROMPT  # noqa: PLC0415  # --help is quick

    if given is None:
        return DEFAULT_PROMPT if prompt is None else read_prompt(prompt)
    if prompt is not None:
        # What is typed goes before what a project keeps.
        typed = {name for name in ("prompt", "input") if is_typed(context, name)}
        if typed == {"prompt"}:
            return read_prompt(prompt)
        if typed != {"input"}:
            raise UsageError("both --prompt and --input are given; give one")
    try:
        found = json.loads(read_prompt(given))
    except ValueError as error:
        raise UsageError(f"--input is no JSON: {error}; {_OBJECT}") from error
    if not isinstance(found, dict) or not found:
        raise UsageError(f"--input is no object, or an empty one; {_OBJECT}")
    return found


_OBJECT = """give an object, as '{"question": "…"}', or @FILE"""


def names(given: list[str] | None) -> tuple[str, ...]:
    """Split what was given at its commas; each name once."""
    parts = (name.strip() for item in given or [] for name in item.split(","))
    return tuple(dict.fromkeys(name for name in parts if name))


Arguments = tuple[tuple[str, object], ...]
"""Keyword arguments of what makes a model: names and values."""

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=(
            "**module:attr** or **path/file.py:attr**, naming a chat model, a chain, a LangGraph "
            "agent or any other Runnable, its class, or a function without arguments that makes "
            "one. The current folder is importable. Without it, the embedded parrot: LangChain "
            "itself is measured."
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
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="JSON|@FILE",
        help=(
            "Instead of **--prompt**, for a chain or a graph that takes an object: "
            'as **{"question": "…"}**. It is not kept in the record.'
        ),
        show_default=False,
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
MaxTokens = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Make no call that may bring prompts and replies together over so many tokens, "
        "were it and those in flight as large as the largest so far.",
        show_default="no bound",
        rich_help_panel="What to measure",
    ),
]
CallLimit = Annotated[
    float,
    typer.Option(
        metavar="TIME",
        parser=seconds,
        help="A call that takes longer is given up, and is an error.",
        show_default="60s",
        rich_help_panel="What to measure",
    ),
]
MaxErrors = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        parser=share,
        help="Exit with 1 when more of the calls fail.",
        show_default="1%",
        rich_help_panel="What becomes of it",
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
    model: str,
    provider_model: str,
    arguments: list[str] | None,
    context: typer.Context | None = None,
) -> tuple[str, Arguments]:
    """What is loaded, and with which arguments.

    Args:
        model: MODEL.
        provider_model: Of ``--provider-model``.
        arguments: Of ``--model-args``.
        context: Of the command, where MODEL may come from the project's configuration; then it
            stands back for ``--provider-model``.

    Raises:
        UsageError: Both kinds of model are given, or an argument is none.
    """
    found = dict(_argument(text) for text in arguments or [])
    if not provider_model:
        return model, tuple(found.items())
    if model and (context is None or is_typed(context, "model")):
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


Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Begin without asking.", rich_help_panel="What becomes of it"),
]
Replay = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=(
            "Instead of MODEL: replies that **parrot-bench record** has kept, given back without "
            "their provider."
        ),
        show_default=False,
        rich_help_panel="What to measure",
    ),
]
ReplayLatency = Annotated[
    str,
    typer.Option(
        metavar="zero|recorded",
        help="With **--replay**: everything at once, or every chunk when it came.",
        show_default="zero",
        rich_help_panel="What to measure",
    ),
]


def replayed(
    context: typer.Context,
    given: str,
    arguments: Arguments,
    *,
    order: str,
) -> tuple[str, Arguments]:
    """What is loaded, replies of ``--replay`` included, and with which arguments.

    Args:
        context: Has the command's options.
        given: What else is named to be loaded.
        arguments: Of that.
        order: See :class:`parrot_bench.ReplayChatModel`.

    Raises:
        UsageError: There is another model, or the latency is none.
    """
    file, latency = context.params["replay"], context.params.get("replay_latency", "")
    if file is None:
        if latency:
            raise UsageError(f"--replay-latency {latency} needs --replay FILE; name the recording")
        return given, arguments
    # A project's own model stands back.
    typed = [name for name in ("model", "provider_model", "model_args") if is_typed(context, name)]
    if typed:
        other = given if typed != ["model_args"] else "--model-args"
        raise UsageError(f"both --replay {file} and {other} are given; give one")
    if latency not in {"", "zero", "recorded"}:
        raise UsageError(f"--replay-latency {latency!r} is none; give zero or recorded")
    # Its absolute path: a timed process may have another current folder. Older typers have a text
    # in the context.
    made = {"file": str(Path(file).absolute()), "latency": latency or "zero", "order": order}
    return "parrot_bench.replay:ReplayChatModel", tuple(made.items())


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
