"""What spans alone say about operations: how many, how long, how they failed. Pure functions.

Durations are those of the spans: what the application waited for. Nothing is known about what
else it did meanwhile, so nothing is compared and nothing has a verdict.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from parrot_bench.record import Percentile
from parrot_reports.blocks import Curve
from parrot_reports.spans.dialects import CALLS
from parrot_reports.spans.percentiles import percentiles

MOST_OPERATIONS = 40
_MOST_FAILURES = 40
_FEWEST = 100
"""With fewer durations the p99 of a distribution is its longest."""
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One GenAI operation on one model (or agent, tool, data source), over all its spans.

    Attributes:
        operation: Such as ``chat`` or ``execute_tool``.
        target: The model; the rest of the span's name where there is none.
        calls: Its spans.
        failed: Those with status *error*.
        durations: Percentiles of `RANKS`, nanoseconds.
        longest: The longest duration, nanoseconds.
        first_chunks: The same of the time to the first chunk.
        longest_first_chunk: The longest of those; None where there is none.
        streamed: Spans that have a time to the first chunk.
        curve: Distribution of the durations; None with too few.
    """

    operation: str
    target: str
    calls: int
    failed: int
    durations: tuple[Percentile, ...]
    longest: float
    first_chunks: tuple[Percentile, ...]
    longest_first_chunk: float | None
    streamed: int
    curve: Curve | None

    @property
    def name(self) -> str:
        """Operation and target, as the span is named."""
        return f"{self.operation} {self.target}".strip()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Spans that failed alike.

    Attributes:
        error: Their ``error.type``.
        operation: Their operation and target.
        number: How many.
    """

    error: str
    operation: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Use:
    """Exact sums over calls.

    Attributes:
        calls: How many.
        failed: Those with status *error*.
        input_tokens: Sum over the calls; None when no call has usage.
        output_tokens: The same for output.
        cached_tokens: Input tokens read from a cache.
        reasoning_tokens: Output tokens spent on reasoning.
    """

    calls: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None


@dataclass(frozen=True, kw_only=True)
class ModelUse(Use):
    """The calls of one model with one set of identifying params.

    Attributes:
        model: Name of the model; empty when its spans have none.
        provider: Such as ``openai``; empty when unknown.
        identity: Identifying params, sorted by name, written as JSON values.
    """

    model: str
    provider: str
    identity: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Totals(Use):
    """The sums over all calls.

    Attributes:
        without_usage: Calls that did not fail, and have neither input nor output tokens.
    """

    without_usage: int


def named(frame: pl.DataFrame) -> pl.DataFrame:
    """GenAI spans with their targets, and durations in nanoseconds."""
    operation = pl.col("operation")
    # "execute_tool search" without a name of the tool: it is what follows the operation.
    rest = pl.col("name").str.strip_prefix(operation).str.strip_chars()
    target = (
        pl.when(operation.is_in(CALLS))
        .then(pl.coalesce("model", rest))
        .otherwise(pl.coalesce("target", "model", rest))
    )
    duration = (pl.col("end_ns") - pl.col("start_ns")).clip(lower_bound=0)
    if frame["operation"].null_count():
        frame = frame.filter(operation.is_not_null())
    return frame.with_columns(target.alias("target"), duration.alias("duration"))


def calls_of(genai: pl.DataFrame) -> pl.DataFrame:
    """The calls of a model among them, with the columns that are counted."""
    columns = (
        "provider", "model", "identity", "outcome", "finish", "error", "failed", "start_ns",
    )  # fmt: skip
    chosen = genai.lazy().filter(pl.col("operation").is_in(CALLS))
    return chosen.select(*columns, "duration", *TOKENS).collect()


def operations(genai: pl.DataFrame) -> tuple[tuple[Operation, ...], int]:
    """Durations by operation and target: calls of a model first, then those with most spans.

    Args:
        genai: As `named` gives it.

    Returns:
        The first of them, and how many more there are.
    """
    keys = ["operation", "target"]
    counted = (
        genai.group_by(keys)
        .agg(pl.len().alias("calls"), pl.col("failed").sum())
        .with_columns(pl.col("operation").is_in(CALLS).alias("model_first"))
        .sort(
            ["model_first", "calls", *keys],
            descending=[True, True, False, False],
            nulls_last=True,
        )
    )
    shown = counted.head(MOST_OPERATIONS)
    times = genai.lazy().select(*keys, "duration", "first_chunk_s")
    found = [
        _operation(row, times.filter(**{key: row[key] for key in keys}).collect())
        for row in shown.iter_rows(named=True)
    ]
    return tuple(found), counted.height - shown.height


def failures(genai: pl.DataFrame) -> tuple[tuple[Failure, ...], int]:
    """GenAI spans that failed, by error type and operation, most frequent first; how many more."""
    counted = (
        genai.filter("failed")
        .with_columns(pl.col("error").fill_null("unknown"))
        .group_by("error", "operation", "target")
        .len()
        .sort(["len", "error", "operation", "target"], descending=[True, False, False, False])
    )
    shown = tuple(
        Failure(error=error, operation=f"{operation} {target}".strip(), number=number)
        for error, operation, target, number in counted.head(_MOST_FAILURES).iter_rows()
    )
    return shown, counted.height - len(shown)


def totals(calls: pl.DataFrame) -> Totals:
    """Sum up all calls of a model; nothing is rounded."""
    row = calls.select(
        pl.len().alias("calls"),
        pl.col("failed").sum(),
        _without_usage().sum().alias("without_usage"),
        *(_total(name) for name in TOKENS),
    ).row(0, named=True)
    return Totals(**row)


def use_by_model(calls: pl.DataFrame) -> tuple[tuple[ModelUse, ...], dict[str, int]]:
    """Calls and tokens by model and identifying params, most calls first.

    Returns:
        The rows; by model, the calls without usage.
    """
    known = calls.with_columns(pl.col("model", "provider").fill_null(""))
    keys = ["model", "provider", "identity"]
    grouped = (
        known.group_by(keys)
        .agg(pl.len().alias("calls"), pl.col("failed").sum(), *(_total(name) for name in TOKENS))
        .sort(["calls", *keys], descending=[True, False, False, False])
    )
    use = tuple(
        ModelUse(**{**row, "identity": _params(row["identity"])})
        for row in grouped.iter_rows(named=True)
    )
    unknown = known.filter(_without_usage()).group_by("model").len()
    return use, dict(unknown.iter_rows())


def tally(
    calls: pl.DataFrame, column: str, missing: str = "not recorded"
) -> tuple[tuple[str, int], ...]:
    """How many calls have each value of a column, most frequent first; what null is called."""
    counted = (
        calls.group_by(pl.col(column).fill_null(missing))
        .len()
        .sort(["len", column], descending=[True, False])
    )
    return tuple((str(value), int(number)) for value, number in counted.iter_rows())


def _operation(row: dict[str, Any], spans: pl.DataFrame) -> Operation:
    durations = np.sort(spans["duration"].to_numpy()).astype(np.float64)
    seconds = spans["first_chunk_s"].drop_nulls().to_numpy()
    first = seconds[np.isfinite(seconds) & (seconds >= 0)] * 1e9
    operation, target = str(row["operation"]), str(row["target"])
    return Operation(
        operation=operation,
        target=target,
        calls=int(row["calls"]),
        failed=int(row["failed"]),
        durations=percentiles(durations),
        longest=float(durations[-1]),
        first_chunks=percentiles(first),
        longest_first_chunk=float(first.max()) if first.size else None,
        streamed=first.size,
        curve=_curve(f"{operation} {target}".strip(), durations),
    )


def _curve(name: str, durations: NDArray[np.float64]) -> Curve | None:
    share = np.linspace(0, 1, 101)
    times = durations[durations > 0]
    if times.size < _FEWEST:
        return None
    rank = np.clip(np.ceil(share * times.size).astype(int) - 1, 0, times.size - 1)
    return Curve(mode=name, latency=times[rank], share=share, count=times.size)


def _total(column: str) -> pl.Expr:
    # polars sums an all-null group to 0, which would read as "no tokens used".
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).alias(column)


def _without_usage() -> pl.Expr:
    return ~pl.col("failed") & pl.all_horizontal(pl.col("input_tokens", "output_tokens").is_null())


def _params(text: str) -> tuple[tuple[str, str], ...]:
    try:
        params = msgspec.json.decode(text)
    except msgspec.DecodeError:  # it was too long, and cut
        return (("identifying params", text),)
    return tuple(
        (key, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for key, value in params.items()
    )
