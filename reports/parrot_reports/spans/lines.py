"""Lines of OTLP/JSON into rows of the span table. Pure: bytes in, a frame out.

This is the hot path, and it runs in several processes at once. It takes three times the time of
decoding into types alone: a span is one flat list, its attributes are looked at once, and whatever
can be done to a whole column is left to polars.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

import msgspec
import polars as pl

from parrot_reports.spans import otlp
from parrot_reports.spans.dialects import FIRST_CHUNK_EVENTS, IDENTITY, NAMES, OPERATIONS

SCHEMA: Final[dict[str, Any]] = {
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
    "target": pl.String,
    "identity": pl.String,
    "outcome": pl.String,
    "finish": pl.String,
    "error": pl.String,
    "input_tokens": pl.Int64,
    "output_tokens": pl.Int64,
    "cached_tokens": pl.Int64,
    "reasoning_tokens": pl.Int64,
    "first_chunk_s": pl.Float64,
}

LONGEST_TEXT: Final = 1_000
"""Longer names and values are cut, and say how long they were: some are prompts by mistake."""
MOST_TOKENS: Final = 1 << 40
"""No call has more; a sum over millions of spans stays exact below it."""
_INT64 = 1 << 63
_KINDS = range(6)
_ERROR = 2  # OTLP's STATUS_CODE_ERROR

_OF_ATTRIBUTES = {name: place for place, name in enumerate(NAMES, start=1)}
_ERROR_TYPE, _FIRST_CHUNK = _OF_ATTRIBUTES["error"], _OF_ATTRIBUTES["first_chunk_s"]
_PARAMS = len(NAMES) + 1
_FIXED = (
    "trace_id", "span_id", "parent_id", "name", "kind", "start_ns", "end_ns", "failed", "service",
)  # fmt: skip
_IDS = _FIXED[:3]
_NUMBERS = {"kind", "start_ns", "end_ns", "failed"}
_MOST_KNOWN = 5_000


@dataclass(kw_only=True)
class Block:
    """Whole lines, read.

    Attributes:
        frame: One row a span: the columns of `SCHEMA`, and one a wanted attribute.
        lines: Lines that were read, empty ones aside.
        ends: Line ends in the block, empty lines included.
        malformed: Number of a line, from 1 within the block, and what is wrong with it.
        skipped: Lines of other signals, by their name.
    """

    frame: pl.DataFrame
    lines: int = 0
    ends: int = 0
    malformed: list[tuple[int, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


class _Places(dict[str, int]):
    """Where the value of an attribute goes: 0 nowhere, below 0 if nothing better is there."""

    def __init__(self, wanted: Sequence[str]) -> None:
        for column, (current, *others) in NAMES.items():
            self[current] = _OF_ATTRIBUTES[column]
            self.update(zip(others, repeat(-_OF_ATTRIBUTES[column])))
        self.wanted = {name: _PARAMS + 1 + index for index, name in enumerate(wanted)}

    def __missing__(self, name: str) -> int:
        place = _PARAMS if name.startswith(IDENTITY) else 0
        if len(self) < _MOST_KNOWN:  # an application may put an id into the name
            self[name] = place
        return place


def read_block(block: bytes, wanted: Sequence[str] = ()) -> Block:
    """Read whole lines.

    Args:
        block: OTLP/JSON, one request a line.
        wanted: Further attributes to keep, of spans or of their resource, as text.

    Returns:
        The rows. A line that cannot be read as a whole is left out as a whole.
    """
    decode = msgspec.json.Decoder(otlp.ExportTraceServiceRequest).decode
    places = _Places(wanted)
    read = Block(frame=pl.DataFrame())
    rows: list[list[Any]] = []
    view, begin = memoryview(block), 0
    while begin < len(block):
        end = block.find(b"\n", begin)
        read.ends += end >= 0
        line = view[begin : len(block) if end < 0 else end]
        begin += len(line) + 1
        if not line:
            continue
        before = len(rows)
        try:
            request = decode(line)
            _add_rows(rows, request, places)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            del rows[before:]
            if not bytes(line).isspace():
                read.lines += 1
                number = read.ends + (end < 0)
                read.malformed.append((number, str(error) or type(error).__name__))
        else:
            read.lines += 1
            read.skipped.update(request.other_signals)
    read.frame = _frame(rows, wanted)
    return read


def schema(wanted: Sequence[str] = ()) -> dict[str, Any]:
    """The columns of the table, with those of further attributes."""
    return {**SCHEMA, **dict.fromkeys(wanted, pl.String)}


def _add_rows(
    rows: list[list[Any]], request: otlp.ExportTraceServiceRequest, places: _Places
) -> None:
    wanted = places.wanted
    for resource in request.resource_spans:
        empty: list[Any] = [None] * (_PARAMS + 1 + len(wanted))
        service = None
        for item in resource.resource.attributes:
            if item.key == "service.name":
                service = _raw(item.value)
            if item.key in wanted:
                empty[wanted[item.key]] = _raw(item.value)
        rows += [
            _row(span, empty.copy(), service, places)
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def _row(span: otlp.Span, row: list[Any], service: Any, places: _Places) -> list[Any]:
    start, end = int(span.start_time_unix_nano), int(span.end_time_unix_nano)
    if not 0 <= start < _INT64 or not 0 <= end < _INT64:
        raise ValueError(f"span {span.span_id!r} has a time outside 64 bits")
    for item in span.attributes:
        place = places[item.key]
        if place == 0 or (place < 0 and row[-place] is not None):
            continue
        if place == _PARAMS:
            _add_param(row, item.key, item.value)
        else:
            # As _raw says; a call of it costs as much as the rest.
            value = item.value
            row[abs(place)] = value.string_value or value.int_value or value
    if places.wanted:
        for item in span.attributes:
            if item.key in places.wanted:
                row[places.wanted[item.key]] = _raw(item.value)
    failed = span.status.code == _ERROR
    if span.events:
        _look_at_events(span, row, start, failed=failed)
    kind = span.kind if span.kind in _KINDS else 0
    row += (
        span.trace_id, span.span_id, span.parent_span_id, span.name, kind, start, end, failed,
        service,
    )  # fmt: skip
    return row


def _raw(value: otlp.AnyValue) -> Any:
    """A text or a whole number as it stands; what is neither, or empty, as it was decoded."""
    return value.string_value or value.int_value or value


def _add_param(row: list[Any], name: str, value: otlp.AnyValue) -> None:
    """Remember an identifying param, its kind told by which place is filled."""
    nested = value.array_value is not None or value.kvlist_value is not None
    param = (
        name, value.string_value, value.int_value, value.double_value, value.bool_value,
        value.plain() if nested else None,
    )  # fmt: skip
    row[_PARAMS] = (param,) if row[_PARAMS] is None else (*row[_PARAMS], param)


def _look_at_events(span: otlp.Span, row: list[Any], start: int, *, failed: bool) -> None:
    """Take from events what no attribute says: the first chunk, and the type of an error."""
    for event in span.events:
        if event.name in FIRST_CHUNK_EVENTS and row[_FIRST_CHUNK] is None:
            seconds = (int(event.time_unix_nano) - start) / 1e9
            row[_FIRST_CHUNK] = otlp.AnyValue(double_value=seconds)
        elif failed and event.name == "exception" and row[_ERROR_TYPE] is None:
            types = (item.value for item in event.attributes if item.key == "exception.type")
            row[_ERROR_TYPE] = next(types, None)


def _frame(rows: list[list[Any]], wanted: Sequence[str]) -> pl.DataFrame:
    columns = schema(wanted)
    if not rows:
        return pl.DataFrame(schema=columns)
    names = ("", *NAMES, "identity", *wanted, *_FIXED)
    found = dict(zip(names, zip(*rows, strict=True), strict=True))
    return pl.DataFrame([_series(name, found[name], kind) for name, kind in columns.items()])


def _series(name: str, column: Sequence[Any], kind: Any) -> pl.Series:
    """A column of the table from what was picked out of the spans.

    Expressions of polars take a millisecond to set up, which for twenty columns of a block is
    as much as all the rest. So what is rarely needed is asked for in Python first.
    """
    if name in _NUMBERS:
        return pl.Series(name, column, kind)
    if name == "first_chunk_s":
        return pl.Series(name, [None if v is None else _seconds(v) for v in column], kind)
    column = _texts(name, column)
    try:
        series = pl.Series(name, column, pl.String)
    except (TypeError, ValueError):  # some are neither texts nor whole numbers, which is rare
        column = [_text(value) for value in column]
        series = pl.Series(name, column, pl.String)
    if kind != pl.String:
        return _whole(series)
    if max(map(len, filter(None, column)), default=0) > LONGEST_TEXT:
        return _cut(series)
    return series


def _texts(name: str, column: Sequence[Any]) -> Sequence[Any]:
    """The values of a column as texts, where they are not what the table holds."""
    if name == "identity":
        known: dict[Any, str] = {None: "{}"}
        return [known[p] if p in known else _identity(p, known) for p in column]
    if name == "finish":
        return [None if value is None else _text(value) for value in column]
    if name == "operation":
        texts = [value if isinstance(value, str) else _text(value) for value in column]
        ours = {text: OPERATIONS.get(text, text) if text else None for text in set(texts)}
        return [ours[text] for text in texts]
    if name in _IDS:
        joined = "".join(column)
        return column if joined.lower() == joined else [text.lower() for text in column]
    return column


def _whole(texts: pl.Series) -> pl.Series:
    """Numbers of tokens; null where a text is none."""
    numbers = texts.cast(pl.Int64, strict=False)
    low, high = numbers.min(), numbers.max()
    if low is None or (low >= 0 and high < MOST_TOKENS):  # type: ignore[operator]
        return numbers
    return numbers.set(~numbers.is_between(0, MOST_TOKENS - 1), None)


def _cut(series: pl.Series) -> pl.Series:
    """Cut texts that are too long, each with its length and a mark of what it was."""
    text = pl.col(series.name)
    length = text.str.len_chars()
    # The hash keeps two long names apart that begin alike.
    mark = pl.format(
        "\N{HORIZONTAL ELLIPSIS} ({} characters, {})", length, text.hash(seed=0) % 2**32
    )
    cut = pl.concat_str(text.str.slice(0, LONGEST_TEXT - 60), mark)
    return series.to_frame().select(
        pl.when(length > LONGEST_TEXT).then(cut).otherwise(text).alias(series.name)
    )[series.name]


def _identity(params: tuple[tuple[Any, ...], ...] | None, known: dict[Any, str]) -> str:
    plain = {}
    for name, text, whole, double, truth, nested in sorted(params or (), key=itemgetter(0)):
        value = otlp.AnyValue(text, whole, double, truth).plain()
        plain[name.removeprefix(IDENTITY)] = nested if value is None else value
    known[params] = msgspec.json.encode(plain).decode()
    return known[params]


def _text(value: Any) -> str | None:
    """The text of a value; of an array, its texts one after the other."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, int):  # as JavaScript writes it
        return str(value)
    if value.array_value is not None:
        if len(value.array_value.values) == 1:  # nearly always: why a model stopped
            return _text(_raw(value.array_value.values[0])) or ""
        texts = [item.string_value or _text(item) for item in value.array_value.values]
        return ", ".join(filter(None, texts))
    plain = value.plain()
    if isinstance(plain, float) and plain.is_integer():  # JavaScript has no other numbers
        plain = int(plain)
    return None if plain is None else str(plain)


def _seconds(value: Any) -> float | None:
    number: Any = value.plain() if isinstance(value, otlp.AnyValue) else value
    try:
        return float(number)
    except (TypeError, ValueError):
        return None
