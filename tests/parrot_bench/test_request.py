"""What a run is asked for: carried out, or refused before anything is loaded."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.errors import UsageError
from parrot_bench.load import Level, LoadPlan
from parrot_bench.request import SHARES, Request, check, default_name

WHOLE = st.none() | st.integers(-5, 20) | st.integers()
NUMBERS = st.floats(0.01, 100) | st.floats() | st.integers()
TEXTS = st.text(max_size=12) | st.sampled_from(["asyncio", "uvloop", "@", "a\nb"])
ADDRESSES = TEXTS | st.sampled_from(
    ["http://127.0.0.1:4318", "https://me:hunter2@host", "ftp://me:hunter2@x", "tcp://a:1"]
)
REQUESTS: dict[str, st.SearchStrategy[Any]] = {
    "spec": TEXTS,
    "model_args": st.lists(st.tuples(TEXTS | st.just("api_key"), st.just("hunter2")), max_size=2),
    "studies": st.lists(st.sampled_from([*SHARES, "x"]), max_size=3).map(tuple),
    "time_s": NUMBERS,
    "target": NUMBERS,
    "delta": NUMBERS,
    "prompt": TEXTS,
    "reply_length": WHOLE,
    "batch_size": WHOLE,
    "max_concurrency": WHOLE,
    "max_calls": WHOLE,
    "max_tokens": WHOLE,
    "call_limit_s": NUMBERS,
    "service_time_s": st.none() | NUMBERS,
    "loop": TEXTS,
    "otlp": ADDRESSES,
    "processes": WHOLE,
    "pairs": WHOLE,
    "fail_on": st.none() | NUMBERS,
    "handlers": st.lists(TEXTS, max_size=1).map(tuple),
    "growth_calls": st.integers(),
    "load": st.none()
    | st.builds(
        LoadPlan,
        levels=st.just((Level(rate=1.0),)),
        level_s=NUMBERS,
        scheduler=ADDRESSES,
        workers=st.none() | st.integers(1, 3),
    ),
}


@given(st.data(), st.sets(st.sampled_from(sorted(REQUESTS)), max_size=4))
def test_anything_asked_is_carried_out_or_refused(data: st.DataObject, names: set[str]) -> None:
    changes = {name: data.draw(REQUESTS[name], label=name) for name in sorted(names)}
    request = replace(Request(), **changes)
    try:
        check(request)
    except UsageError as error:
        said = str(error)
        assert said
        assert "hunter2" not in said
        assert len(said) < 400
    else:
        assert 1 <= request.time_s <= 86400
        assert request.prompt
        assert request.wanted_processes >= 1
        assert default_name(request).isascii()


@given(
    st.sampled_from(["time_s", "target", "delta", "call_limit_s"]),
    st.floats() | st.integers(),
)
@example("time_s", float("nan"))
@example("time_s", 10**400)
def test_a_number_is_refused_with_its_bounds(name: str, value: float) -> None:
    low, high = {"time_s": (1, 86400), "call_limit_s": (0.01, 86400)}.get(name, (0.0001, 1))
    request = replace(Request(), **{name: value})
    if low <= value <= high:
        check(request)
    else:
        with pytest.raises(UsageError, match=f"is outside {low} to {high}; give one inside"):
            check(request)


@given(st.lists(st.sampled_from(sorted(SHARES)), min_size=1, unique=True), st.integers(0, 10**6))
def test_studies_share_what_there_is(studies: list[str], left: int) -> None:
    request = Request(studies=tuple(name for name in SHARES if name in studies))
    for name in request.studies:
        kept = request.kept(name, left)
        assert 0 <= kept <= left
    assert request.kept(request.studies[-1], left) == 0
    for name in request.studies:
        assert 0 < request.limit_s(name) <= SHARES[name] * request.time_s
