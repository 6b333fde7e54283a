"""Which spans a report is about: those with given attributes, in a window of time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from parrot_bench.errors import UsageError
from parrot_reports.spans.dialects import NAMES, OPERATIONS
from parrot_reports.spans.lines import SCHEMA
from parrot_reports.text import shortened, visible

_COLUMNS = {
    **{name: column for column, names in NAMES.items() for name in names},
    **{column: column for column in SCHEMA},
    "service.name": "service",
}
_RELATIVE = re.compile(r"\+?(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_MOST_NAMED = 5
_LAST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a span has to have.

    Attributes:
        where: By attribute, the values of which it has one.
        since: ISO time, or time after the first span; it started then or later.
        until: The same; it started before.
    """

    where: dict[str, tuple[str, ...]] = field(default_factory=dict)
    since: str = ""
    until: str = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        """Attributes that the table holds only if it is asked to."""
        return tuple(name for name in self.where if name not in _COLUMNS)

    @property
    def said(self) -> tuple[str, ...]:
        """The choice in words, one condition each."""
        wheres = (f"{name} = {' or '.join(values)}" for name, values in self.where.items())
        times = {"since": self.since, "until": self.until}
        return (*wheres, *(f"{word} {time}" for word, time in times.items() if time))


def choice(where: Sequence[str], since: str = "", until: str = "") -> Choice:
    """Read a choice as it is typed.

    Args:
        where: ``key=value`` each; of one key any of its values, of several keys all.
        since: ISO time, or a time after the first span such as ``90s`` or ``+10m``.
        until: The same.

    Raises:
        UsageError: Something is of another form.
    """
    wheres: dict[str, tuple[str, ...]] = {}
    for condition in where:
        name, equals, value = condition.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"--where {condition!r} is not a condition; give key=value, such as "
                "gen_ai.request.model=gpt-4.1"
            )
        wheres[name.strip()] = (*wheres.get(name.strip(), ()), value.strip())
    for option, time in (("--since", since), ("--until", until)):
        if time:
            _moment(time, 0, option)
    return Choice(where=wheres, since=since, until=until)


def chosen(frame: pl.DataFrame, wish: Choice) -> pl.Series:
    """Return which rows are wished for, shape (rows,).

    Raises:
        UsageError: A condition holds for no span at all.
    """
    found = pl.repeat(value=True, n=frame.height, dtype=pl.Boolean, eager=True)
    for name, values in wish.where.items():
        column = _COLUMNS.get(name, name)
        asked = [OPERATIONS.get(value, value) for value in values] if column == "operation" else []
        texts = frame[column].cast(pl.String)
        hits = texts.is_in(list(asked or values)).fill_null(value=False)
        if not hits.any():
            wished = visible(f"{name} = {' or '.join(values)}")
            raise UsageError(f"no span has {wished}; {_there_is(texts)}")
        found &= hits
    first = frame["start_ns"].min()
    begun = first if isinstance(first, int) else 0
    if wish.since:
        found &= frame["start_ns"] >= _moment(wish.since, begun, "--since")
    if wish.until:
        found &= frame["start_ns"] < _moment(wish.until, begun, "--until")
    if frame.height and not found.any():
        raise UsageError(f"no span is left by {visible(', '.join(wish.said))}; choose less")
    return found


def _there_is(texts: pl.Series) -> str:
    """The values that there are, most frequent first."""
    counted = texts.drop_nulls().value_counts(sort=True).head(_MOST_NAMED)
    values = [shortened(str(value), 60) for value in counted.get_column(texts.name)]
    return f"there is {', '.join(values)}" if values else "no span has that attribute"


def _moment(text: str, begun: int, option: str) -> int:
    """Nanoseconds since the epoch."""
    relative = _RELATIVE.fullmatch(text.strip())
    if relative:
        after = float(relative[1]) * _SECONDS[relative[2]] * 1e9
        return _told(begun + round(min(after, _LAST)))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a time; give 2026-11-22T10:30 (UTC), or a time after the "
            "first span such as 90s or 10m"
        ) from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since_epoch = zoned - datetime(1970, 1, 1, tzinfo=UTC)
    whole = since_epoch.days * 86_400 + since_epoch.seconds
    return _told(whole * 10**9 + zoned.microsecond * 1000)


def _told(moment: int) -> int:
    """The nearest moment that a column of the table can be compared with."""
    return max(0, min(moment, _LAST))
