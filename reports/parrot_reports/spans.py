"""OTLP/JSON lines into one table.

Malformed lines are counted, located and left out; nothing else is lost. A run that was
killed while it wrote leaves half a line, which is the usual case.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import msgspec
import polars as pl

from parrot_reports import otlp

IDENTITY = "langchain.identifying_params."
_GZIP = b"\x1f\x8b"

_SCHEMA: dict[str, Any] = {
    "trace_id": pl.String,
    "span_id": pl.String,
    "parent_id": pl.String,
    "name": pl.String,
    "service": pl.String,
    "kind": pl.Int8,
    "start_ns": pl.Int64,
    "end_ns": pl.Int64,
    "failed": pl.Boolean,
    "mode": pl.String,
    "operation": pl.String,
    "provider": pl.String,
    "model": pl.String,
    "identity": pl.String,
    "outcome": pl.String,
    "error": pl.String,
    "input_tokens": pl.Int64,
    "output_tokens": pl.Int64,
    "cached_tokens": pl.Int64,
    "reasoning_tokens": pl.Int64,
    "first_chunk_s": pl.Float64,
}

# The second name of a pair is what older versions of the conventions call it.
_TEXT = {
    "mode": ("parrot_bench.mode",),
    "operation": ("gen_ai.operation.name",),
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "outcome": ("langchain.run.outcome",),
    "error": ("error.type",),
}
_TOKENS = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cached_tokens": ("gen_ai.usage.cache_read.input_tokens",),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens",),
}
CALLS = ("chat", "text_completion", "generate_content")
"""Operations that call a model for text; others find, embed, or run such calls."""
_INT64 = 1 << 63
_PART = 20_000


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """A line that could not be read.

    Attributes:
        file: Name of the file, without its folders: a report says the same wherever it is made.
        line: Number of the line, from 1.
        reason: What is wrong with it.
    """

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class SpanTable:
    """Spans as a table, and the lines that could not be read.

    Args:
        frame: One row a span. Columns: ids and names; ``service``; ``kind`` (OTLP's number);
            ``start_ns`` and ``end_ns`` since the epoch; ``failed`` (status is error);
            ``mode`` (spans around a mode only); ``operation``, ``provider``, ``model``;
            ``identity`` (identifying params as JSON, keys sorted); ``outcome``, ``error``;
            tokens; ``first_chunk_s``.
        malformed: The lines left out.
        skipped: Lines of other signals, by their name: ``logs``, ``metrics``.
        lines: Lines that were read, empty ones aside.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        malformed: tuple[Malformed, ...] = (),
        *,
        skipped: Mapping[str, int] | None = None,
        lines: int = 0,
    ) -> None:
        self.frame = frame
        self.malformed = malformed
        self.skipped = dict(skipped or {})
        self.lines = lines

    def __len__(self) -> int:
        return self.frame.height

    def unique(self) -> "SpanTable":
        """Every span once: a run that was sent twice is in a collector's file twice."""
        once = self.frame.unique(["trace_id", "span_id"], keep="first", maintain_order=True)
        return SpanTable(once, self.malformed, skipped=self.skipped, lines=self.lines)

    @property
    def chats(self) -> pl.DataFrame:
        """The calls of a model: what is not a chat or completion operation is left out."""
        return self.frame.filter(pl.col("operation").is_in(CALLS))


def read_spans(path: Path) -> SpanTable:
    """Read a file of OTLP/JSON lines, plain or gzip.

    Args:
        path: The file. Gzip is known by its first bytes, not by its name.

    Returns:
        The table; empty if the file holds no spans.

    Raises:
        OSError: The file cannot be opened.
    """
    read = _Reading()
    rows = _every_row(path, read)
    parts = [pl.DataFrame(schema=_SCHEMA)]
    # In parts, because a row as Python objects is twenty times the size of a row in the table.
    while part := list(islice(rows, _PART)):
        parts.append(pl.DataFrame(part, schema=_SCHEMA, orient="row"))
    return SpanTable(
        pl.concat(parts), tuple(read.malformed), skipped=read.skipped, lines=read.lines
    )


@dataclass
class _Reading:
    """What is noted while a file is read."""

    malformed: list[Malformed] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    lines: int = 0


def _every_row(path: Path, read: _Reading) -> Iterator[dict[str, Any]]:
    # Lax, because JSON from protobuf has 64-bit integers as strings.
    decoder = msgspec.json.Decoder(otlp.ExportTraceServiceRequest, strict=False)
    number = 0
    with _opened(path) as file:
        try:
            for number, line in enumerate(file, start=1):  # used after the loop too
                if not line.strip():
                    continue
                read.lines += 1
                try:
                    request = decoder.decode(line)
                    found = _rows(request)
                except (msgspec.DecodeError, ValueError, RecursionError) as error:
                    read.malformed.append(_malformed(path, number, error))
                else:
                    read.skipped.update(request.other_signals)
                    yield from found
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            read.lines += 1
            read.malformed.append(_malformed(path, number + 1, error))


def empty() -> SpanTable:
    """A table without spans."""
    return SpanTable(pl.DataFrame(schema=_SCHEMA))


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    # gzip.open's type is a union; in mode "rb" it reads bytes.
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _malformed(path: Path, number: int, error: Exception) -> Malformed:
    return Malformed(file=path.name, line=number, reason=str(error) or type(error).__name__)


def _rows(request: otlp.ExportTraceServiceRequest) -> list[dict[str, Any]]:
    """The rows of one line: all of them, or a ValueError if one cannot be kept in the table."""
    return [
        _row(span, service)
        for resource in request.resource_spans
        for service in [_service(resource.resource)]
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _service(resource: otlp.Resource) -> str | None:
    names = (item.value.plain() for item in resource.attributes if item.key == "service.name")
    return _text(next(names, None))


def _row(span: otlp.Span, service: str | None) -> dict[str, Any]:
    if not 0 <= span.start_time_unix_nano < _INT64 or not 0 <= span.end_time_unix_nano < _INT64:
        raise ValueError(f"span {span.span_id!r} has a time outside 64 bits")
    attributes = {item.key: item.value.plain() for item in span.attributes}
    model = attributes.get("gen_ai.request.model") or attributes.get("gen_ai.response.model")
    return {
        "trace_id": span.trace_id.lower(),
        "span_id": span.span_id.lower(),
        "parent_id": span.parent_span_id.lower(),
        "name": span.name,
        "service": service,
        "kind": span.kind if 0 <= span.kind <= 5 else 0,  # noqa: PLR2004  # OTLP's last kind
        "start_ns": span.start_time_unix_nano,
        "end_ns": span.end_time_unix_nano,
        "failed": span.status.code == 2,  # noqa: PLR2004  # OTLP's STATUS_CODE_ERROR
        "model": None if model is None else str(model),
        "identity": _identity(attributes),
        "first_chunk_s": _seconds(attributes.get("gen_ai.response.time_to_first_chunk")),
        **{column: _text(_first(attributes, names)) for column, names in _TEXT.items()},
        **{column: _whole(_first(attributes, names)) for column, names in _TOKENS.items()},
    }


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((attributes[name] for name in names if name in attributes), None)


def _identity(attributes: dict[str, Any]) -> str:
    found = {key: value for key, value in attributes.items() if key.startswith(IDENTITY)}
    short = {key.removeprefix(IDENTITY): found[key] for key in sorted(found)}
    return msgspec.json.encode(short).decode()


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _whole(value: object) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64
    return value if usable else None  # type: ignore[return-value]


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
