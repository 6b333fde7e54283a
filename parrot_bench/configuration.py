"""What a project keeps in ``parrot-bench.toml``, or in ``[tool.parrot-bench]`` of pyproject.toml.

Every key is an option of the command line, by the same name and with the same text; what is typed
goes before what is kept.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from parrot_bench.errors import UsageError
from parrot_bench.quantities import seconds, share

FILE: Final = "parrot-bench.toml"
PYPROJECT: Final = "pyproject.toml"
TABLE: Final = "tool.parrot-bench"


def _read_by(read: Callable[[str], float]) -> AfterValidator:
    """Take what the command line would take, and keep it as it is written."""

    def written(value: str | float) -> str:
        read(str(value))
        return str(value)

    return AfterValidator(written)


Time = Annotated[str | int | float, _read_by(seconds)]
Share = Annotated[str | int | float, _read_by(share)]
Names = str | list[str]
Count = Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]


def _dashed(name: str) -> str:
    return name.replace("_", "-")


class Configuration(BaseModel):
    """The keys. None is required."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_dashed)

    model: str | None = Field(
        None, description='What is measured: `"module:attr"` or `"path/file.py:attr"`.'
    )
    modes: Names | None = Field(None, description="Execution modes, a list or with commas.")
    baseline: str | None = Field(None, description="The mode that the others are divided by.")
    studies: Names | None = Field(None, description="Studies to make.")
    prompt: str | None = Field(
        None, description='What every call is asked: a text, or `"@FILE"`. Not kept in records.'
    )
    input: str | None = Field(
        None,
        description='What a chain or a graph is given that takes an object: JSON, or `"@FILE"`. '
        "Instead of `prompt`.",
    )
    reply_length: Count | None = Field(
        None, description="Chunks of the parrot's reply; of another model, its max_tokens."
    )
    batch_size: Count | None = Field(None, description="Prompts of one batch.")
    max_concurrency: Count | None = Field(
        None, description="Calls in flight allowed to batching modes."
    )
    service_time: Time | None = Field(
        None, description="What a call of the parrot takes in the concurrency study."
    )
    handler: Names | None = Field(
        None, description="Other handlers for the studies tracing and growth."
    )
    growth_calls: Count | None = Field(None, description="Calls of each mode in the study growth.")
    time: Time | None = Field(
        None, description="Time for the overhead study, or for all pairs of a comparison."
    )
    target: Share | None = Field(
        None, description="Stop once every interval is narrower than this."
    )
    processes: Count | None = Field(
        None, description="Fresh processes that the rounds are spread over."
    )
    max_calls: Count | None = Field(None, description="Never make more calls of the model.")
    max_tokens: Count | None = Field(
        None, description="Make no call that may bring prompts and replies together over so many."
    )
    call_limit: Time | None = Field(None, description="A call that takes longer is stopped.")
    loop: str | None = Field(None, description='`"asyncio"` or `"uvloop"`.')
    keep_conditions: bool | None = Field(
        None, description="Measure with LangSmith tracing, debug, caches and handlers as they are."
    )
    otlp: str | None = Field(None, description="A collector that spans are sent to as well.")
    pairs: Count | None = Field(
        None, description="Pairs of fresh processes of a comparison; without `--against` unused."
    )
    fail_on: Share | None = Field(
        None, description="What a comparison fails on; without one unused."
    )
    delta: Share | None = Field(
        None, description="Differences of saved runs within this are the same."
    )


def find(folder: Path) -> Path | None:
    """Return the configuration of a folder, if it has one.

    The folder's own, and no parent's: models are imported from the current folder, too.

    Args:
        folder: The current folder.

    Raises:
        UsageError: Both files have one.
    """
    own, project = folder / FILE, folder / PYPROJECT
    # A pyproject.toml that is broken is not for us to complain of, unless it is asked for.
    marked = project.is_file() and f"[{TABLE}]" in _text(project)
    if own.is_file() and marked:
        raise UsageError(
            f"{FILE} and {PYPROJECT} both configure parrot-bench; keep one of them, "
            "or name one with --config"
        )
    if own.is_file():
        return own
    return project if marked else None


def read(path: Path) -> dict[str, Any]:
    """Read a configuration.

    Args:
        path: ``parrot-bench.toml``, or a ``pyproject.toml``, or a file of the form of either.

    Returns:
        Name of an option's parameter to its value, as if it had been typed: names are a list of
        texts, times and shares are texts.

    Raises:
        UsageError: The file cannot be read, or a key is unknown or has a wrong value; the message
            has the file, the line and the key.
    """
    return parse(_text(path), str(path), project=path.name == PYPROJECT)


def parse(text: str, where: str, *, project: bool = False) -> dict[str, Any]:
    """Read the text of a configuration; see :func:`read`.

    Args:
        text: TOML.
        where: What the file is called in messages.
        project: It is a ``pyproject.toml``; any other text may have the same table.

    Raises:
        UsageError: As `read`.
    """
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is no TOMLDecodeError
        raise UsageError(f"{where} is not TOML: {error}") from error
    table = found
    if project or "tool" in found:
        tools = found.get("tool", {})
        table = tools.get("parrot-bench", {}) if isinstance(tools, Mapping) else {}
        if not isinstance(table, Mapping):
            raise UsageError(f"{where}: {TABLE} is not a table; write [{TABLE}]")
    try:
        checked = Configuration.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        said = f"{_one_line(key)}: {_said(first, table)}"
        raise UsageError(f"{where}{_line(text, key)}: {said}") from error
    given = checked.model_dump(exclude_none=True)
    return {name: _typed(name, value) for name, value in given.items()}


def _typed(name: str, value: object) -> object:
    """A value as the command line's parameter takes it."""
    if Configuration.model_fields[name].annotation == Names | None:
        return [value] if isinstance(value, str) else value
    return value


def _said(error: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """What is wrong, in words of ours where pydantic's speak of types."""
    kind, key = error["type"], str(error["loc"][0])
    if kind == "extra_forbidden":
        return f"there is no such key; the keys: {', '.join(keys())}"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    message = str(error["msg"])
    try:
        given = repr(table.get(key))
    except ValueError:  # hexadecimal, a number may be too long to be written in decimals
        given = "so many digits"
    return f"{message[0].lower()}{message[1:]}, and not {given}"


def _line(text: str, key: str) -> str:
    """Where a key stands: ``, line 7``; nothing where it is written in another way."""
    pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    start = 0
    lines = text.splitlines()
    if f"[{TABLE}]" in (line.strip() for line in lines):
        start = [line.strip() for line in lines].index(f"[{TABLE}]")
    for number, line in enumerate(lines[start:], start + 1):
        if pattern.match(line):
            return f", line {number}"
    return ""


def _one_line(key: str) -> str:
    return key if key.isprintable() and key else repr(key)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"configuration {path} cannot be read: {reason}") from error


def keys() -> list[str]:
    """Every key, in the order of the documentation."""
    return [_dashed(name) for name in Configuration.model_fields]


def keys_as_markdown() -> str:
    """The keys as a table, for the documentation."""
    lines = ["| key | what it is |", "|---|---|"]
    for name, field in Configuration.model_fields.items():
        lines.append(f"| `{_dashed(name)}` | {field.description} |")
    return "\n".join(lines)
