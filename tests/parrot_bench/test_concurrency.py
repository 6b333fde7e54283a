"""The concurrency study, on models that overlap and on models that only seem to."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel

import parrot_bench
from parrot_bench.errors import MeasurementError, UsageError
from parrot_bench.events import (
    CallsTaken,
    Described,
    Event,
    Observed,
    Phase,
    Reply,
    RoundsEnded,
)
from parrot_bench.mode_table import quiet, select_modes
from parrot_bench.parrot import AsyncChatParrotLink
from parrot_bench.record import ConcurrencyResult, ConcurrencySweep
from parrot_bench.request import Request, check
from parrot_bench.samples import Samples
from parrot_bench.studies.bench import Bench, Budget, Calls
from parrot_bench.studies.concurrency import cells, curves
from parrot_bench.studies.gathered import Gathered
from parrot_bench.timing import open_clocks
from tests.parrot_bench.models import waiting

MODES = ("batch", "abatch", "ainvoke_gather", "astream")


def line_of(mark: str) -> int:
    """The line of the models' source that carries a mark."""
    lines = Path(waiting.__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f"# line: {mark}" in line)


def events(
    model: BaseChatModel,
    *modes: str,
    time_s: float = 2.0,
    embedded: bool = False,
    budget: Budget | None = None,
    enough_after: int = 10**9,
) -> list[Event]:
    with open_clocks() as clocks, quiet():
        bench = Bench(
            request=Request(seed=5),
            model=model,
            second=model,
            embedded=embedded,
            modes=[m for m in select_modes(modes or MODES) if not m.unavailable(model)],
            calls=Calls(prompt="hello", batch_size=4, call_limit_s=20.0),
            clocks=clocks,
            budget=budget or Budget(None),
            time_s=time_s,
        )
        study = cells.take(bench)
        found: list[Event] = []
        observed = 0
        event = next(study)
        while True:
            found.append(event)
            observed += isinstance(event, Observed)
            try:
                event = study.send(Reply.ENOUGH if observed > enough_after else Reply.GO)
            except StopIteration:
                return found


def concluded(told: Sequence[Event], described: Any = None) -> ConcurrencyResult:
    gathered = Gathered(
        study="concurrency",
        request=Request(seed=5),
        described=described,
        limit_s=2.0,
        samples=Samples("concurrency"),
        stopped_by="done",
    )
    for event in told:
        if isinstance(event, CallsTaken):
            gathered.samples.add_calls(event)
        elif isinstance(event, Observed):
            gathered.observed.append(event.what)
    result = curves.conclude(gathered)
    assert result is not None
    return result


def sweep(result: ConcurrencyResult, mode: str, own_async: bool | None = True) -> ConcurrencySweep:
    return next(s for s in result.sweeps if (s.mode, s.own_async) == (mode, own_async))


def study(model: BaseChatModel, *modes: str, **settings: Any) -> ConcurrencyResult:
    return concluded(events(model, *modes, **settings))


# -- good models -----------------------------------------------------------------------------


def test_a_good_async_model_has_no_finding() -> None:
    result = study(waiting.Native(), "abatch")
    found = sweep(result, "abatch")
    assert found.blocked is None
    assert found.limit in {"none", "client"}
    assert found.knee is not None
    assert found.knee.value > 2.5
    assert not result.left_out
    assert result.littles_law is not None
    assert result.littles_law.agrees
    assert all(cell.peak == cell.max_concurrency for cell in found.levels)


def test_a_synchronous_model_stops_at_the_default_executor() -> None:
    result = study(waiting.SyncOnly(), "abatch")
    found = sweep(result, "abatch", own_async=False)
    assert found.limit == "executor"
    highest = found.levels[-1]
    assert highest.peak == result.executor_threads
    assert highest.achieved is not None
    assert highest.achieved.value <= result.executor_threads
    # They were made all the same: they wait for a thread.
    assert highest.in_flight is not None
    assert highest.in_flight.value > highest.achieved.value * 1.5
    assert highest.threads >= result.executor_threads


def test_the_executor_s_size_is_read_from_the_loop() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with open_clocks() as clocks:

        async def smaller(_: object) -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(3))

        clocks["async"].once(smaller, None)
        assert clocks["async"].once(cells.executor_threads, None) == 3


# -- models that block the loop --------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "function", "mark", "computes"),
    [
        (waiting.Sleeping(), "Sleeping._agenerate", "sleeping", False),
        (waiting.Reading(), "asked_over", "reading", False),
        (waiting.Computing(), "Computing._agenerate", "", True),
    ],
)
def test_a_line_that_blocks_the_loop_is_named(
    model: BaseChatModel, function: str, mark: str, computes: bool
) -> None:
    found = sweep(study(model, "abatch"), "abatch")
    assert found.limit == "blocked"
    assert found.blocked is not None
    place = found.blocked.place
    assert place.function == function
    assert place.file.endswith("models/waiting.py")
    assert not Path(place.file).is_absolute()
    if mark:
        assert place.line == line_of(mark)
    assert found.blocked.computes is computes
    assert found.blocked.samples >= found.blocked.taken / 2
    assert max(cell.peak for cell in found.levels) == 1
    assert found.knee is not None
    assert found.knee.value < 1.5


def test_a_stream_that_blocks_is_found_in_astream_alone() -> None:
    result = study(waiting.BlockingStream(), "abatch", "astream", time_s=3.0)
    assert sweep(result, "abatch").blocked is None
    found = sweep(result, "astream").blocked
    assert found is not None
    assert found.place.line == line_of("streaming")


# -- models with limits of their own ---------------------------------------------------------


@pytest.mark.parametrize(("mode", "own"), [("abatch", True), ("batch", None)])
def test_calls_that_wait_for_each_other_are_said_to(mode: str, own: bool | None) -> None:
    found = sweep(study(waiting.Locked(), mode), mode, own)
    assert found.limit == "serial"
    assert found.blocked is None
    assert found.knee is not None
    assert found.knee.value < 1.5


def test_a_limit_of_four_is_the_knee() -> None:
    found = sweep(study(waiting.FourAtATime(), "abatch", time_s=3.0), "abatch")
    assert found.limit == "model"
    assert found.knee is not None
    assert 2.8 < found.knee.value < 5
    assert found.blocked is None


def test_errors_are_counted_by_type_and_end_nothing() -> None:
    found = sweep(study(waiting.Failing(), "abatch"), "abatch")
    calls = sum(cell.calls for cell in found.levels)
    failed = sum(cell.errors.get("WaitingError", 0) for cell in found.levels)
    assert 0.1 * calls < failed < 0.5 * calls
    assert all(set(cell.errors) <= {"WaitingError"} for cell in found.levels)


def test_a_mode_that_always_raises_is_left_out_by_name() -> None:
    result = study(waiting.Broken(), "batch", "abatch")
    assert result.left_out == {"abatch (its own async)": "every call raised WaitingError"}
    assert [s.mode for s in result.sweeps] == ["batch"]


def test_where_every_mode_raises_the_study_says_so() -> None:
    with pytest.raises(MeasurementError, match="every call raised WaitingError"):
        events(waiting.Broken(), "abatch")


def test_without_a_mode_that_can_be_swept_the_study_says_so() -> None:
    with pytest.raises(MeasurementError, match="none of batch, abatch"):
        events(waiting.Native(), "invoke")


# -- the parrot ------------------------------------------------------------------------------


def test_the_parrot_is_swept_with_async_of_its_own_and_without() -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=3)
    told = events(model, embedded=True, time_s=1.0)
    result = concluded(told)
    assert {(s.mode, s.own_async) for s in result.sweeps} == {
        ("batch", None),
        ("abatch", True),
        ("ainvoke_gather", True),
        ("astream", True),
        ("abatch", False),
        ("ainvoke_gather", False),
    }
    assert result.service_s == 0.005
    for each in result.sweeps:
        assert each.response is not None
        assert each.response.value > 5e6
    cases = {call.case for e in told if isinstance(e, CallsTaken) for call in e.calls}
    assert any(case.endswith(",async=fallback") for case in cases)


# -- time and calls --------------------------------------------------------------------------


def test_calls_stay_within_their_bound_and_the_plan_says_what_is_left_out() -> None:
    budget = Budget(120, reserved=7)
    told = events(waiting.Native(), "batch", "abatch", budget=budget, time_s=30.0)
    assert budget.spent <= 113
    made = sum(len(e.calls) for e in told if isinstance(e, CallsTaken))
    assert 0 < made <= budget.spent
    (plan,) = (e.text for e in told if isinstance(e, Phase) and e.text.startswith("plan: "))
    assert "to fit" in plan
    assert any(isinstance(e, RoundsEnded) and e.used_up for e in told)
    assert concluded(told).reduced


def test_calls_that_pay_for_nothing_are_not_made() -> None:
    budget = Budget(12)
    with pytest.raises(MeasurementError, match="--max-calls 12 leaves"):
        events(waiting.Native(), "batch", "abatch", budget=budget)
    assert budget.spent <= 12


def test_a_slow_model_gets_a_small_plan() -> None:
    told = events(waiting.Slow(), "abatch", time_s=5.5)
    (plan,) = (e.text for e in told if isinstance(e, Phase) and e.text.startswith("plan: "))
    assert "no levels 2, 8" in plan
    found = sweep(concluded(told), "abatch")
    assert [cell.max_concurrency for cell in found.levels][:2] == [1, 4]
    assert found.limit == "none"


def test_it_ends_when_told_that_it_is_enough() -> None:
    told = events(waiting.Native(), "abatch", time_s=60.0, enough_after=4)
    assert sum(isinstance(e, Observed) for e in told) == 5


# -- what it leaves behind -------------------------------------------------------------------


def test_the_model_is_as_it_was_and_no_thread_of_ours_is_left() -> None:
    model = waiting.Native()
    model.invoke("hello")  # LangChain remembers something of a model at its first call
    before = dict(vars(model))
    events(model, "abatch", time_s=0.3)
    assert vars(model) == before
    assert not [t for t in threading.enumerate() if t.name == "parrot-watchdog"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"service_time_s": -1.0}, "--service-time -1 is outside"),
        ({"service_time_s": 0.01, "spec": "app:model"}, "app:model takes its own time"),
    ],
)
def test_a_service_time_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check(Request(**settings))


def test_a_run_names_the_line_in_its_record(tmp_path: Path) -> None:
    told: list[Event] = []
    record = parrot_bench.run(
        f"{waiting.__file__}:Sleeping",
        out=tmp_path / "run",
        studies=("concurrency",),
        modes=("invoke", "abatch"),
        time_s=8.0,
        watcher=lambda _, event: told.append(event),
    ).record
    assert any(isinstance(event, Described) for event in told)
    assert record.status == "complete"
    assert record.concurrency is not None
    found = sweep(record.concurrency, "abatch")
    assert found.blocked is not None
    assert found.blocked.place.line == line_of("sleeping")
    (trust,) = (c for c in record.trust if c.name == "calls in flight")
    assert trust.level == "amber"
    assert f"waiting.py:{line_of('sleeping')}" in trust.sentence
    import polars as pl

    calls = pl.read_parquet(tmp_path / "run" / "calls.parquet")
    assert set(calls["study"]) == {"concurrency"}
    assert (calls["entered_ns"] >= calls["started_ns"]).all()
    assert (calls["ended_ns"] >= calls["left_ns"]).all()
