"""Comparing saved runs: what is refused, what is inconclusive, what is found."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from parrot_bench.saved_runs.figures import figures
from parrot_bench.saved_runs.likeness import alternated, changed_packages, unlike, unlike_versions

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


# -- properties ---------------------------------------------------------------------------

Side = list[dict[str, float]]
"""Times by mode, of each run; a cost per chunk may be nothing, or less."""

NS = st.integers(1, 10**9) | st.sampled_from([0, -5])
SIDES = st.lists(
    st.dictionaries(st.sampled_from(["invoke", "stream", "direct_generate"]), NS),
    min_size=1,
    max_size=4,
)
BACK = {"slower": "faster", "faster": "slower"}


def runs(side: Side, name: str = "run") -> list[RunRecord]:
    return [run(f"{name}{n}", times, minutes=n) for n, times in enumerate(side)]


@settings(max_examples=60)
@given(SIDES, SIDES)
def test_swapped_sides_have_the_inverse_ratio_and_the_opposite_verdict(
    one: Side, other: Side
) -> None:
    there = {m.mode: m for m in compare_saved(runs(one), runs(other, "b"), force=True).modes}
    back = {m.mode: m for m in compare_saved(runs(other, "b"), runs(one), force=True).modes}
    assert there.keys() == back.keys() == {mode for times in (*one, *other) for mode in times}
    for mode, found in there.items():
        swapped = back[mode]
        # What lies within 1/1.02 and 1.02 lies there from either side.
        assert swapped.verdict == BACK.get(found.verdict, found.verdict)
        assert (swapped.candidate_ns, swapped.baseline_ns) == (
            found.baseline_ns,
            found.candidate_ns,
        )
        assert (swapped.ratio is None) == (found.ratio is None) == (found.verdict == "not measured")
        assert found.ratio is not None or found.note
        if found.ratio is not None and swapped.ratio is not None:
            ratio = found.ratio
            assert ratio.low <= ratio.value <= ratio.high
            assert found.candidate_ns is not None
            assert found.baseline_ns is not None
            assert ratio.value == pytest.approx(found.candidate_ns / found.baseline_ns)
            inverse = (1 / ratio.value, 1 / ratio.high, 1 / ratio.low)
            found_back = (swapped.ratio.value, swapped.ratio.low, swapped.ratio.high)
            assert found_back == pytest.approx(inverse)


@settings(max_examples=40)
@given(SIDES, SIDES, st.data())
def test_the_order_of_the_runs_of_a_side_says_nothing(
    one: Side, other: Side, data: st.DataObject
) -> None:
    candidate, baseline = runs(one), runs(other, "b")
    found = compare_saved(candidate, baseline, force=True)
    turned = compare_saved(
        data.draw(st.permutations(candidate)), data.draw(st.permutations(baseline)), force=True
    )
    here, there = ({m.mode: m for m in result.modes} for result in (found, turned))
    assert here.keys() == there.keys()
    for mode, entry in here.items():
        assert there[mode].verdict == entry.verdict
        assert there[mode].candidate_ns == (
            None if entry.candidate_ns is None else pytest.approx(entry.candidate_ns)
        )


@settings(max_examples=40)
@given(SIDES, st.integers(1, 8))
def test_a_side_against_itself_is_never_told_apart(side: Side, power: int) -> None:
    same = compare_saved(runs(side), runs(side), fail_on=0.01, force=True)
    assert {m.verdict for m in same.modes} <= {"same", "not resolved", "not measured"}
    assert "regression" not in {m.gate for m in same.modes}
    # A factor that every run has is found to the last digit.
    slower = [{mode: ns * 2**power for mode, ns in times.items()} for times in side]
    for mode in compare_saved(runs(slower), runs(side), force=True).modes:
        assert mode.ratio is None or mode.ratio.value == pytest.approx(2**power)
        assert mode.verdict != "faster"


@settings(max_examples=60)
@given(SIDES, SIDES, st.floats(0.001, 3), st.booleans(), st.data())
def test_what_is_judged_later_is_judged_as_it_would_have_been(
    one: Side, other: Side, fail_on: float, named: bool, data: st.DataObject
) -> None:
    candidate, baseline = runs(one), runs(other, "b")
    plain = compare_saved(candidate, baseline, force=True)
    known = sorted({mode.mode for mode in plain.modes})
    modes = data.draw(st.lists(st.sampled_from(known), unique=True)) if named and known else []
    at_once = compare_saved(candidate, baseline, modes=modes, fail_on=fail_on, force=True)
    later = rejudge(plain, modes=modes, fail_on=fail_on)
    assert [m.gate for m in later.modes] == [m.gate for m in at_once.modes]
    assert later.gate == at_once.gate
    assert rejudge(later, modes=modes) == later
    gates = {m.gate for m in later.modes} - {None}
    assert later.gate in (gates or {"not measured"})


@settings(max_examples=60)
@given(SIDES, SIDES)
def test_every_time_of_a_run_is_compared_once(one: Side, other: Side) -> None:
    candidate, baseline = runs(one), runs(other, "b")
    for record, times in zip(candidate, one, strict=True):
        assert [(f.study, f.mode) for f in figures(record)] == [("overhead", m) for m in times]
    result = compare_saved(candidate, baseline, force=True)
    for mode in result.modes:
        counts = [sum(mode.mode in times for times in side) for side in (one, other)]
        assert mode.units == min(counts)
        missing = "candidate" if not counts[0] else "baseline" if not counts[1] else ""
        assert (mode.note == f"the {missing}'s runs lack it") == bool(missing)


PACKAGES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2"]))


@settings(max_examples=60)
@given(st.lists(PACKAGES, min_size=1, max_size=3), st.integers(0, 2))
def test_versions_that_differ_are_named_both_ways(
    installed: list[dict[str, str]], cpu: int
) -> None:
    made = [
        run(f"r{n}", {"invoke": 1}, environment={"packages": p, "cpu": str(max(0, n - cpu))})
        for n, p in enumerate(installed)
    ]
    first, last = made[0], made[-1]
    there, back = changed_packages(last, first), changed_packages(first, last)
    assert back == {name: (old, new) for name, (new, old) in there.items()}
    assert {name: new for name, (new, _) in there.items() if new}.items() <= installed[-1].items()
    same = {n: v for n, v in installed[0].items() if installed[-1].get(n) == v}
    assert not there.keys() & same.keys()
    assert bool(unlike_versions(made)) == any(each != installed[0] for each in installed)
    assert bool(unlike(made)) == (len(made) - 1 > cpu)
    assert unlike([first, first]) == unlike_versions([first, first]) == []


MINUTES = st.lists(st.integers(0, 9), min_size=1, max_size=4)


@settings(max_examples=40)
@given(MINUTES, MINUTES)
def test_sides_made_in_turn_are_so_from_either_side(one: list[int], other: list[int]) -> None:
    ours = [run("a", {}, minutes=at) for at in one]
    theirs = [run("b", {}, minutes=at) for at in other]
    in_turn = alternated(ours, theirs)
    assert in_turn == alternated(theirs, ours)
    if in_turn:  # then one of them was begun between two of the other side
        assert any(min(a) < at < max(a) for a, b in ((one, other), (other, one)) for at in b) or (
            min(one) == min(other) and max(one) == max(other)
        )
