"""The trust checks of the concurrency study, from values made up for each."""

from typing import Any

from parrot_bench.record import (
    BlockedLoop,
    CodePlace,
    ConcurrencyCell,
    ConcurrencyResult,
    ConcurrencySweep,
    Estimate,
    LawCheck,
    Limit,
    RunRecord,
)
from parrot_bench.trust import checks


def about(value: float, unit: Any = "count") -> Estimate:
    return Estimate(value=value, low=value, high=value, confidence=0.95, count=6, unit=unit)


def swept(
    limit: Limit, achieved: dict[int, float], *, busy: float = 0.3, line: str = ""
) -> ConcurrencySweep:
    levels = tuple(
        ConcurrencyCell(
            max_concurrency=asked,
            batch=asked,
            in_flight=about(asked),
            achieved=about(inside),
            throughput=about(100 * inside, "per second"),
            latency=about(1e7, "ns"),
            service=about(1e7, "ns"),
            percentiles=(),
            peak=asked,
            threads=9,
            loop_stall_ns=None,
            busy=busy,
            calls=6 * asked,
            repeats=6,
        )
        for asked, inside in achieved.items()
    )
    blocked = BlockedLoop(
        place=CodePlace(file=line, function="f", line=7),
        called_from=None,
        samples=9,
        taken=9,
        stalls=1,
        longest_ns=90_000_000,
        computes=None,
    )
    return ConcurrencySweep(
        mode="abatch",
        own_async=True,
        levels=levels,
        batches=(),
        response=about(1e7, "ns"),
        most=1,
        enough=1,
        knee=about(max(achieved.values())),
        limit=limit,
        blocked=blocked if line else None,
    )


def concurrency(
    sweep: ConcurrencySweep, *, service_s: float | None = None, worst: float = 0.001
) -> dict[str, tuple[str, str]]:
    result = ConcurrencyResult(
        service_s=service_s,
        executor_threads=6,
        sweeps=(sweep,),
        reduced="",
        littles_law=LawCheck(cells=4, worst=worst, where="abatch", tolerance=0.02),
        closed_loop=None,
        rounds=6,
        stopped_by="time",
        duration_s=20.0,
        calls=400,
    )
    record = RunRecord.model_construct(
        concurrency=result, overhead=None, reconciliation=None, conditions=(), noise=None
    )
    return {check.name: (check.level, check.sentence) for check in checks(record)}


def test_calls_that_were_asked_for_and_not_in_flight_are_amber() -> None:
    # Alone a call is in the model for nine tenths of its time; that is no shortfall.
    found = concurrency(swept("none", {1: 0.9, 8: 6.6, 16: 13.1}))
    assert found["calls in flight"][0] == "green"
    level, said = concurrency(swept("none", {1: 0.9, 8: 6.6, 16: 12.0}))["calls in flight"]
    assert (level, "abatch 12.0 of 16" in said) == ("amber", True)
    level, said = concurrency(swept("blocked", {1: 0.9, 8: 1.0}, line="a/b.py"))["calls in flight"]
    assert level == "amber"
    assert "abatch 1.0 of 8 (the event loop is blocked at a/b.py:7)" in said
    # What is named as its limit elsewhere explains it.
    assert concurrency(swept("executor", {1: 0.9, 64: 5.9}))["calls in flight"][0] == "green"


def test_calls_too_short_to_be_seen_in_the_model_are_no_shortfall() -> None:
    """An agent whose model does not wait: 0.02 of 1 in the model, and no more of 64."""
    level, said = concurrency(swept("none", {1: 0.017, 4: 0.012, 64: 0.012}))["calls in flight"]
    assert level == "green"
    assert said == (
        "In abatch a call is in the model for at most 1.7% of its time, too short for several to "
        "be seen there at once, however many are in flight."
    )
    # A model that is called for a good part of the time is still held to it.
    level, said = concurrency(swept("none", {1: 0.2, 4: 0.2}))["calls in flight"]
    assert (level, "abatch 0.2 of 4" in said) == ("amber", True)


def test_a_client_that_is_the_limit_is_amber_but_for_the_parrot() -> None:
    saturated = swept("client", {1: 0.9, 64: 20.0}, busy=0.98)
    level, said = concurrency(saturated)["client saturation"]
    assert (level, "busy 98%" in said) == ("amber", True)
    assert concurrency(saturated, service_s=0.005)["client saturation"][0] == "green"
    assert concurrency(swept("none", {1: 0.9, 8: 7.0}))["client saturation"][0] == "green"


def test_a_counter_that_contradicts_the_stamps_is_amber() -> None:
    right = swept("none", {1: 0.9, 8: 7.0})
    assert "Little's law" not in concurrency(right)
    assert concurrency(right, worst=0.08)["Little's law"][0] == "amber"
