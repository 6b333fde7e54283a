"""What is asked of a load: how it is written, and when its calls are due."""

import json
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.distributions import wilson
from parrot_bench.errors import UsageError
from parrot_bench.line_files import _prompt, _time, read_prompts, read_trace
from parrot_bench.load import (
    Level,
    LoadPlan,
    Objective,
    concurrencies,
    objectives,
    rates,
)
from parrot_bench.request import Request, check

TEXTS = st.text(alphabet=st.sampled_from("0123456789.,=- msitlacyefn²"), max_size=20)


def test_objectives() -> None:
    assert objectives("ttfc=200ms, latency=2s") == (Objective("ttfc", 0.2), Objective("latency", 2))
    assert objectives("") == ()
    assert [str(each) for each in objectives("itl=50ms,latency=90")] == ["itl=50ms", "latency=90s"]


@pytest.mark.parametrize("text", ["ttft=1s", "ttfc", "latency=soon", "latency=0s", "itl=1s,itl=2s"])
def test_what_is_no_objective(text: str) -> None:
    with pytest.raises(ValueError, match=r"give|is not a time"):
        objectives(text)


def test_rates_and_concurrencies() -> None:
    assert rates("5, 0.5,1e2") == (5.0, 0.5, 100.0)
    assert concurrencies("1,2, 16") == tuple(Level(concurrency=n) for n in (1, 2, 16))


@pytest.mark.parametrize("wrong", ["0", "nan", "-1", "inf", "x", "1e9"])
def test_what_is_no_rate(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a rate; give"):
        rates(wrong)


@pytest.mark.parametrize("wrong", ["0", "1.5", "²", "-2", "10000000"])
def test_what_is_no_number_of_calls(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no number of calls in flight; give"):
        concurrencies(wrong)


@given(TEXTS | st.text())
@example("1" * 5000)
@example(f"ttfc={'9' * 400}")
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for read in (objectives, rates, concurrencies):
        try:
            found, said = read(text), ""
        except ValueError as error:
            found, said = (), str(error)
        assert all(each for each in found)
        # What would be right, in words of ours.
        assert not said or "give" in said
        assert said.isprintable()


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=3), st.data())
def test_objectives_are_read_as_they_are_said(limits: list[float], data: st.DataObject) -> None:
    names = data.draw(st.permutations(["latency", "ttfc", "itl"]))
    # As %g says them: six digits.
    wanted = tuple(
        Objective(name, float(f"{limit:g}"))  # type: ignore[arg-type]
        for name, limit in zip(names, limits, strict=False)
    )
    found = objectives(", ".join(map(str, wanted)))
    assert [each.quantity for each in found] == [each.quantity for each in wanted]
    for each, expected in zip(found, wanted, strict=True):
        assert each.limit_s == pytest.approx(expected.limit_s, rel=1e-5)


@given(st.integers(1, 99_999), st.integers(1, 500))
def test_a_ramp_rises_from_its_first_number_to_its_last(first: int, more: int) -> None:
    last = min(first + more, 100_000)
    (level,) = concurrencies(f"{first}..{last}")
    assert (level.steps[0], level.steps[-1]) == (first, last)
    rises = np.diff(level.steps)
    assert (rises > 0).all()
    # Even: no step is twice another, whole numbers aside.
    assert rises.max() - rises.min() <= 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5, unique=True), st.integers(0, 2**31))
def test_every_prompt_is_asked_as_often_as_the_others(numbers: list[int], seed: int) -> None:
    plan = LoadPlan(levels=(), prompts=tuple(map(str, numbers)))
    turn = len(numbers)
    asked = list(islice(plan.asked("", seed), 4 * turn))
    for begin in range(0, 4 * turn, turn):
        assert sorted(asked[begin : begin + turn]) == sorted(map(str, numbers))


@given(st.floats(0.5, 50), st.floats(0.5, 20), st.integers(0, 2**31))
def test_random_arrivals_lie_in_their_time_in_order(rate: float, length: float, seed: int) -> None:
    plan = LoadPlan(levels=(Level(rate=rate),), level_s=length)
    due = plan.schedule(plan.levels[0], seed)
    assert list(due) == sorted(due)
    assert all(0 <= at < length for at in due)
    assert due == plan.schedule(plan.levels[0], seed)


def test_random_arrivals_come_at_their_rate() -> None:
    plan = LoadPlan(levels=(Level(rate=100.0),), level_s=100.0)
    gaps = np.diff(plan.schedule(plan.levels[0], 7))
    assert gaps.mean() == pytest.approx(0.01, rel=0.05)
    # Exponential: as much scatter as mean.
    assert gaps.std() == pytest.approx(0.01, rel=0.05)


def test_even_arrivals() -> None:
    plan = LoadPlan(levels=(Level(rate=4.0),), level_s=2.0, arrivals="constant")
    assert list(plan.schedule(plan.levels[0], 0)) == [0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]


def test_recorded_arrivals(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text('1000.5\n{"at": 1000}\n\n1002\n', encoding="utf-8")
    assert read_trace(trace) == (0.0, 0.5, 2.0)
    plan = LoadPlan(levels=(Level(), Level(concurrency=1)), arrivals="trace", level_s=5.0,
                    trace=read_trace(trace))  # fmt: skip
    assert plan.length_s == 7.0


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "has no arrival"), ("1\nsoon\n", "line 2: 'soon'"), ("1\n{}\n", "line 2"),
     ("NaN", "line 1"), ("1e999", "line 1"), ("[1]", "line 1"), ("null", "line 1"),
     ("9" * 400, "line 1"), ("-1.7e308\n1.7e308", "line 1"), ("[" * 100_000, "line 1")],
)  # fmt: skip
def test_what_is_no_trace(tmp_path: Path, content: str, said: str) -> None:
    trace = tmp_path / "trace"
    trace.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="trace") as refused:
        read_trace(trace)
    assert said in str(refused.value)


def test_prompts(tmp_path: Path) -> None:
    file = tmp_path / "prompts"
    file.write_text(
        'What is it?\n"a \\"quoted\\" one"\n\n{"prompt": "an object"}\n42\n'
        '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}\n',
        encoding="utf-8",
    )
    found = read_prompts(file)
    assert found == (
        "What is it?", 'a "quoted" one', "an object", "42", [("system", "s"), ("user", "u")],
    )  # fmt: skip
    plan = LoadPlan(levels=(), prompts=found)
    asked = list(islice(plan.asked("not this one", 3), 15))
    # Each as often as the others, in another order each time.
    assert all(asked.count(prompt) == 3 for prompt in found)
    assert asked[:5] != asked[5:10]
    assert asked == list(islice(plan.asked("not this one", 3), 15))
    assert next(LoadPlan(levels=()).asked("this one", 3)) == "this one"


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        '""',
        '{"prompt": ""}',
        '{"prompt": null}',
        '{"messages": [{"role": "user"}]}',
        '{"messages": ["hi"]}',
        "[1]",
    ],
)
def test_what_is_no_prompt(tmp_path: Path, line: str) -> None:
    file = tmp_path / "prompts"
    file.write_text(f"fine\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"prompts, line 2 is no prompt; give a text"):
        read_prompts(file)


@given(st.text(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["prompt", "messages", "role", "content", "at"]), inner, max_size=3),
    max_leaves=6,
).map(json.dumps))  # fmt: skip
def test_whatever_stands_in_a_file_is_read_or_refused(text: str) -> None:
    for number, line in enumerate(filter(str.strip, text.split("\n")), 1):
        for read in (_prompt, _time):
            try:
                found, said = read(line, Path("file"), number), f"line {number}"
            except UsageError as error:
                found, said = 1.0, str(error)
            assert found or found == 0.0
            assert f"line {number}" in said
            assert said.isprintable()


def test_a_line_of_brackets_is_a_text(tmp_path: Path) -> None:
    file = tmp_path / "prompts"
    file.write_text("[" * 100_000, encoding="utf-8")
    assert read_prompts(file) == ("[" * 100_000,)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), st.randoms())
def test_a_trace_is_the_same_in_any_order_and_at_any_time(
    times: list[float], order: Random
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "trace"
        file.write_text("\n".join(map(repr, times)), encoding="utf-8")
        found = read_trace(file)
        order.shuffle(times)
        file.write_text("\n".join(json.dumps({"at": at}) for at in times), encoding="utf-8")
        assert read_trace(file) == found
    assert found[0] == 0
    assert list(found) == sorted(found)
    assert len(found) == len(times)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (LoadPlan(levels=(Level(),), arrivals="trace", trace=(0.0, 1.8e12)), "--trace goes on for"),
        (LoadPlan(levels=(Level(concurrency=1),), level_s=3.6e7), "--time 3.6e+07 of a level"),
        (LoadPlan(levels=(Level(concurrency=1),), level_s=0.0), "--time 0 of a level"),
    ],
)
def test_no_load_goes_on_for_years(plan: LoadPlan, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        check(Request(studies=("load",), load=plan))
    assert str(refused.value).startswith(said)


@given(st.integers(1, 10_000), st.data())
def test_wilson_lies_round_the_share(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of <= high <= 1


def test_wilson_covers() -> None:
    source, share, of = Random(3), 0.9, 60
    inside = 0
    for _ in range(2000):
        low, high = wilson(sum(source.random() < share for _ in range(of)), of)
        inside += low <= share <= high
    assert inside / 2000 > 0.93
