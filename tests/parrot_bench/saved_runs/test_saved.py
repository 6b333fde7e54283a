"""Comparing saved runs: what is refused, what is inconclusive, what is found."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from parrot_bench.errors import UsageError
from parrot_bench.record import (
    Arrivals,
    ChunkCost,
    ComparisonResult,
    Configuration,
    Environment,
    Estimate,
    Latency,
    ModeArrivals,
    ModelDescription,
    ModeOverhead,
    ModeRecord,
    OverheadResult,
    RunRecord,
    StreamingResult,
)
from parrot_bench.saved_runs.comparing import compare_saved, rejudge

SIMULATED = Latency(case="slow", first_chunk_s=0.1, each_chunk_s=0.01)

START = datetime(2026, 11, 23, tzinfo=UTC)


def time(ns: float) -> Estimate:
    return Estimate(value=ns, low=ns * 0.99, high=ns * 1.01, confidence=0.95, count=99, unit="ns")


def run(
    name: str,
    times: dict[str, float],
    *,
    minutes: int = 0,
    environment: dict[str, Any] | None = None,
    configuration: dict[str, Any] | None = None,
    clock: str = "cpu",
    **changes: Any,
) -> RunRecord:
    asked = Configuration(
        baseline="invoke",
        studies=("overhead",),
        modes=(),
        time_s=60,
        target=0.02,
        delta=0.02,
        prompt=None,
        prompt_characters=256,
        reply_length=20,
        batch_size=16,
        max_concurrency=None,
        max_calls=None,
        call_limit_s=60,
        seed=1,
        keep_conditions=False,
        otlp="",
    )
    where = Environment(
        python="CPython 3.11.7",
        platform="Linux",
        cpu="a processor",
        logical_cpus=2,
        memory_bytes=1,
        governor="",
        packages={"langchain-core": "1.7.2"},
        commit="",
        dirty=None,
        hash_seed=name,
        event_loop="asyncio",
    )
    overhead = OverheadResult(
        baseline="invoke",
        modes=tuple(
            ModeOverhead(
                mode=mode,
                cpu=time(ns),
                wall=time(2 * ns),
                verdict="not resolved",
                decided_by=clock,  # type: ignore[arg-type]  # the tests say cpu or wall
            )
            for mode, ns in times.items()
        ),
        aa_cpu=None,
        aa_wall=None,
        warmup_ratio=None,
        rounds=99,
        stamped_rounds=0,
        stopped_by="time",
        duration_s=60,
        calls=9,
    )
    record = RunRecord(
        name=name,
        status="complete",
        started=START + timedelta(minutes=minutes),
        duration_s=60,
        command=(),
        parrot_bench_version="0.1.0",
        model=ModelDescription(
            spec="a:b",
            class_name="a.B",
            llm_type="b",
            model_name="",
            identifying_params={"length": 20},
            native_async=True,
            native_stream=True,
            waits=False,
            second_instance="constructed again",
        ),
        configuration=asked.model_copy(update=configuration or {}),
        environment=where.model_copy(update=environment or {}),
        modes=tuple(
            ModeRecord(
                name=mode,
                api=mode,
                kind="sync",
                status="floor" if mode.startswith("direct") else "stable",
                streams=False,
                batches=False,
                floor="",
            )
            for mode in times
        ),
        overhead=overhead,
    )
    return record.model_copy(update=changes)


def found(result: ComparisonResult, mode: str = "invoke") -> tuple[str, str | None]:
    (entry,) = (m for m in result.modes if m.mode == mode)
    return entry.verdict, entry.gate


@pytest.mark.parametrize(
    ("ns", "verdict", "gate"),
    [
        (100, "not resolved", "inconclusive"),
        (114, "not resolved", "inconclusive"),
        (117, "slower", "regression"),
        (300, "slower", "regression"),
        (80, "faster", "pass"),
    ],
)
def test_one_run_a_side_tells_only_what_is_over_15_percent(
    ns: float, verdict: str, gate: str
) -> None:
    result = compare_saved([run("b", {"invoke": ns})], [run("a", {"invoke": 100})], fail_on=0.01)
    assert found(result) == (verdict, gate)
    assert result.gate == gate
    assert "fewer than three" in result.modes[0].note
    assert result.modes[0].candidate_ns == pytest.approx(ns)
    assert result.modes[0].ratio is not None
    assert result.modes[0].ratio.value == pytest.approx(ns / 100)


def test_three_runs_a_side_tell_by_how_much_runs_differ() -> None:
    before = [run(f"a{i}", {"invoke": ns}, minutes=2 * i) for i, ns in enumerate((99, 100, 101))]
    after = [
        run(f"b{i}", {"invoke": ns}, minutes=2 * i + 1) for i, ns in enumerate((104, 105, 106))
    ]
    result = compare_saved(after, before, fail_on=0.01)
    assert found(result) == ("slower", "regression")
    assert result.units == 3
    assert not result.candidate.notes
    assert found(compare_saved(before, after, fail_on=0.01)) == ("faster", "pass")
    assert found(compare_saved(before, before, fail_on=0.05)) == ("not resolved", "pass")
    # Where runs differ more, the same difference is not resolved.
    wild = [run(f"c{i}", {"invoke": ns}) for i, ns in enumerate((90, 105, 120))]
    assert found(compare_saved(wild, before, fail_on=0.01)) == ("not resolved", "inconclusive")


def test_sides_that_were_not_made_in_turn_are_named() -> None:
    before = [run(f"a{i}", {"invoke": 100}, minutes=i) for i in range(3)]
    after = [run(f"b{i}", {"invoke": 100}, minutes=i + 9) for i in range(3)]
    result = compare_saved(after, before)
    assert "not made in turn" in result.candidate.notes[0]
    assert result.gate is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"environment": {"cpu": "another"}}, "processor"),
        ({"environment": {"python": "CPython 3.12.0"}}, "Python"),
        ({"environment": {"logical_cpus": 8}}, "logical processors"),
        ({"configuration": {"prompt_characters": 9}}, "prompt length"),
        ({"configuration": {"reply_length": 21}}, "reply length"),
        ({"configuration": {"batch_size": 8}}, "batch size"),
        ({"configuration": {"max_concurrency": 8}}, "max concurrency"),
        ({"model": None}, "model class"),
        ({"modes": ()}, "modes"),
    ],
)
def test_unlike_runs_are_refused_with_the_field(changes: dict[str, Any], field: str) -> None:
    a, b = run("a", {"invoke": 100}), run("b", {"invoke": 100}, **changes)
    with pytest.raises(UsageError, match=f"unlike: {field}") as raised:
        compare_saved([b], [a])
    assert "--force" in str(raised.value)
    assert "\n" not in str(raised.value)
    result = compare_saved([b], [a], force=True)
    assert field in result.unlike[0]


def test_versions_may_differ_between_the_sides_and_not_within_one() -> None:
    a = run("a", {"invoke": 100}, environment={"packages": {"langchain-core": "1.6.0"}})
    b = run("b", {"invoke": 100})
    result = compare_saved([b], [a])
    assert result.baseline.changed == {"langchain-core": ("1.7.2", "1.6.0")}
    with pytest.raises(UsageError, match="langchain-core"):
        compare_saved([b], [a, b])


def test_the_worst_mode_decides_and_floors_are_not_looked_at() -> None:
    a = run("a", {"direct_generate": 10, "invoke": 100, "stream": 100})
    b = run("b", {"direct_generate": 30, "invoke": 200, "stream": 50})
    result = compare_saved([b], [a], fail_on=0.01)
    assert [m.gate for m in result.modes] == [None, "regression", "pass"]
    assert result.gate == "regression"
    assert compare_saved([b], [a], modes=["stream"], fail_on=0.01).gate == "pass"
    named = compare_saved([b], [a], modes=["direct_generate"], fail_on=0.01)
    assert named.gate == "regression"
    with pytest.raises(UsageError, match="no run has the mode 'batch'"):
        compare_saved([b], [a], modes=["batch"])


def test_a_mode_that_one_side_lacks_is_named_and_not_compared() -> None:
    a = run("a", {"invoke": 100, "stream_events_v3": 5})
    b = run("b", {"invoke": 50})
    result = compare_saved([b], [a], fail_on=0.01, force=True)
    assert found(result, "stream_events_v3") == ("not measured", None)
    assert "lack it" in result.modes[1].note
    assert result.gate == "pass"
    named = compare_saved([b], [a], modes=["stream_events_v3"], fail_on=0.01, force=True)
    assert named.gate == "not measured"


def test_wall_time_decides_for_a_model_that_waits() -> None:
    a, b = (run(n, {"invoke": 100}, clock="wall") for n in "ab")
    result = compare_saved([b], [a])
    assert result.modes[0].decided_by == "wall"
    assert result.modes[0].candidate_ns == pytest.approx(200)


def test_nothing_measured_is_not_measured() -> None:
    a = run("a", {"invoke": 100}).model_copy(update={"overhead": None})
    assert compare_saved([a], [a], fail_on=0.01).gate == "not measured"


def test_another_threshold_judges_what_is_saved() -> None:
    a = run("a", {"direct_generate": 10, "invoke": 100})
    b = run("b", {"direct_generate": 10, "invoke": 200})
    saved = compare_saved([b], [a])
    assert rejudge(saved) == saved
    assert rejudge(saved, fail_on=0.01).gate == "regression"
    assert rejudge(saved, fail_on=2).gate == "pass"
    assert rejudge(saved, fail_on=0.2, modes=["direct_generate"]).gate == "pass"
    assert rejudge(saved, fail_on=0.1, modes=["direct_generate"]).gate == "inconclusive"
    with pytest.raises(UsageError, match="no mode 'batch'"):
        rejudge(saved, modes=["batch"])


def test_other_studies_have_rows_of_their_own() -> None:
    def streamed(name: str, first: float, chunk: float) -> RunRecord:
        arrivals = Arrivals(
            latency=None,
            waits=False,
            modes=(
                ModeArrivals(
                    mode="stream",
                    calls=9,
                    chunks=20,
                    tokens=20,
                    arriving="one by one",
                    first_chunk=time(first),
                ),
            ),
            rounds=9,
        )
        cost = ChunkCost(
            mode="stream",
            cpu=time(chunk),
            wall=time(chunk),
            longest=1000,
            fixed_cpu=time(100),
            fixed_wall=time(100),
            lengths=(),
            segments=(),
            linear=None,
        )
        result = StreamingResult(
            arrivals=(arrivals, arrivals.model_copy(update={"latency": SIMULATED})),
            costs=(cost,),
            stopped_by="done",
            duration_s=9,
            calls=9,
        )
        return run(name, {"stream": 100}).model_copy(update={"streaming": result})

    result = compare_saved([streamed("b", 100, 3000)], [streamed("a", 300, 1000)], fail_on=0.01)
    assert {mode.study: (mode.decided_by, mode.gate) for mode in result.modes} == {
        "overhead": ("cpu", "inconclusive"),
        "streaming, first chunk": ("wall", "pass"),
        "streaming, each chunk": ("cpu", "regression"),
    }
