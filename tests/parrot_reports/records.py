"""Records of any kind, as strategies: whatever a record's types allow, and a run could mean."""

import types
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from parrot_bench.record import (
    Arrivals,
    ComparisonResult,
    ConcurrencyCell,
    ConcurrencySweep,
    Estimate,
    LengthCost,
    ModeGrowth,
    ModeRecord,
    OverheadResult,
    ParityMode,
    Percentile,
    Quantity,
    RunRecord,
    Saved,
    StreamingResult,
)

MODES = ("direct_generate", "invoke", "batch", "astream", "<b>`|")
TEXTS = st.sampled_from(["", "why", "ValueError: no", "a|b", "`", "<script>x</script>", "1. x"])
CHECKS = ("works", "content", "order")

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(0, 3) | st.integers(0, 10**12),
    float: st.sampled_from([0.0, 1.0]) | st.floats(0, 1e12),
    bool: st.booleans(),
    datetime: st.just(datetime(2026, 11, 22, tzinfo=UTC)),
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911  # one a kind of annotation
    """A strategy of what a field's annotation allows."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, given = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(given)
    if origin in {Union, types.UnionType}:
        return st.one_of([st.none() if one is type(None) else any_of(one) for one in given])
    if origin is tuple:
        if given[-1] is Ellipsis:
            return st.lists(any_of(given[0]), max_size=2).map(tuple)
        return st.tuples(*map(any_of, given))
    if origin is dict:
        return st.dictionaries(any_of(given[0]), any_of(given[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Saved):
        return saved(kind)
    return st.none()  # JSON of a model's parameters


@cache
def saved(kind: type[Saved]) -> st.SearchStrategy[Any]:
    """A strategy of one saved value."""
    if kind in _OWN:
        return _OWN[kind]()
    return _built(kind)


def _built(kind: type[Saved], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = {
        name: st.deferred(lambda of=field.annotation: any_of(of))  # type: ignore[misc]
        for name, field in kind.model_fields.items()
        if name not in given and name != "schema_version"
    }
    if "mode" in fields:
        fields["mode"] = st.sampled_from(MODES)
    return st.builds(kind, **fields, **given)


@st.composite
def _estimates(draw: st.DrawFn) -> Estimate:
    value = draw(st.floats(0.5, 2) | st.floats(1e-3, 1e12))
    below, above = (draw(st.sampled_from([0.0, 1e-5, 0.01, 0.5])) for _ in range(2))
    return Estimate(
        value=value, low=value * (1 - below), high=value * (1 + above), confidence=0.95,
        count=draw(st.integers(1, 40)), unit=draw(st.sampled_from(["ns", "ratio"])),
        stable=draw(st.booleans()), note=draw(TEXTS),
    )  # fmt: skip


@st.composite
def _percentiles(draw: st.DrawFn) -> Percentile:
    rank = draw(st.sampled_from([0.5, 0.9, 0.95, 0.99]))
    if draw(st.booleans()):
        return Percentile(rank=rank, value=None, low=None, high=None, count=3, reason="3 calls")
    value = draw(st.floats(0, 1e12))
    return Percentile(rank=rank, value=value, low=value, high=value, count=400)


def _modes() -> st.SearchStrategy[tuple[ModeRecord, ...]]:
    """The table of modes, which has all that studies speak of."""
    each = [_built(ModeRecord, name=st.just(name)) for name in MODES]
    return st.tuples(*each)


_READINGS = st.lists(st.integers(0, 10**9), min_size=1, max_size=3).map(tuple)


@st.composite
def _sweeps(draw: st.DrawFn) -> ConcurrencySweep:
    """A level at least, each of its own concurrency; blocked where a line says by what."""
    sweep: ConcurrencySweep = draw(_built(ConcurrencySweep))
    cells = draw(st.lists(saved(ConcurrencyCell), min_size=1, max_size=3))
    levels = [cell.model_copy(update={"max_concurrency": 4**n}) for n, cell in enumerate(cells)]
    limits = ["executor", "serial", "model", "client", "none"]
    limit = "blocked" if sweep.blocked else draw(st.sampled_from(limits))
    return sweep.model_copy(
        update={"levels": tuple(levels), "limit": limit, "most": draw(st.sampled_from([1, 4]))}
    )


_OWN: dict[type[Saved], Callable[[], st.SearchStrategy[Any]]] = {
    Estimate: _estimates,
    Percentile: _percentiles,
    # Every mode has every check.
    ParityMode: lambda: _built(
        ParityMode,
        outcomes=st.tuples(
            *[any_of(ParityMode.model_fields["outcomes"].annotation.__args__[1])] * len(CHECKS)  # type: ignore[union-attr]
        ).map(lambda outcomes: dict(zip(CHECKS, outcomes, strict=True))),
    ),
    ConcurrencySweep: lambda: _sweeps(),  # noqa: PLW0108  # it is below
    # The first is the model as it is.
    StreamingResult: lambda: _built(
        StreamingResult,
        arrivals=st.lists(saved(Arrivals), min_size=1, max_size=2).map(tuple),
    ),
    # Of one chunk, and one call, at least.
    LengthCost: lambda: _built(LengthCost, length=st.integers(1, 10**6)),
    ConcurrencyCell: lambda: _built(ConcurrencyCell, batch=st.integers(1, 10**6)),
    # What is found is found in readings.
    ModeGrowth: lambda: _built(
        ModeGrowth,
        calls=st.integers(1, 10**6),
        readings=st.fixed_dictionaries(dict.fromkeys(get_args(Quantity), _READINGS)),
    ),
    OverheadResult: lambda: _built(OverheadResult, baseline=st.sampled_from(MODES)),
    ComparisonResult: lambda: _built(ComparisonResult, delta=st.just(0.02)),
}
STUDIES = (
    "overhead",
    "comparison",
    "streaming",
    "concurrency",
    "parity",
    "tracing",
    "growth",
    "load",
    "reconciliation",
)


def records(study: str) -> st.SearchStrategy[RunRecord]:
    """Runs of which one study was made."""
    none = {name: st.none() for name in STUDIES if name != study}
    (kind,) = (
        one for one in get_args(RunRecord.model_fields[study].annotation) if one is not type(None)
    )
    return _built(RunRecord, modes=_modes(), **{**none, study: saved(kind)})
