"""Which mode to use: the cheapest for each purpose, and silence where that is not known."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parrot_bench.record import Estimate, ModeOverhead, ModeRecord, RunRecord, TrustCheck
from parrot_reports import sentences
from parrot_reports.advice import advice
from parrot_reports.parts import plain
from parrot_reports.units import TIMES

KINDS: dict[str, dict[str, Any]] = {
    "invoke": {},
    "ainvoke": {"kind": "async"},
    "abatch": {"kind": "async", "batches": True},
    "ainvoke_gather": {"kind": "async", "batches": True},
    "stream": {"streams": True},
    "astream_events_v2": {"kind": "async", "streams": True},
    "astream_events_v3": {"kind": "async", "streams": True},
    "astream_log": {"kind": "async", "streams": True, "status": "deprecated"},
    "direct_generate": {"status": "floor"},
    "stream_messages": {"streams": True},
    "astream_messages": {"kind": "async", "streams": True},
}


def ratio(value: float, spread: float) -> Estimate:
    return Estimate(
        value=value,
        low=value * (1 - spread),
        high=value * (1 + spread),
        confidence=0.95,
        count=99,
        unit="ratio",
    )


def a_run(record: RunRecord, ratios: dict[str, float], **verdicts: Any) -> RunRecord:
    """A run of modes with these ratios, each known to 1 %."""
    assert record.overhead is not None
    template = record.overhead.modes[0]

    def mode(name: str, value: float) -> ModeOverhead:
        found = None if name == "invoke" else ratio(value, 0.01)
        verdict = "baseline" if name == "invoke" else verdicts.get(name, "slower")
        return template.model_copy(
            update={
                "mode": name,
                "verdict": verdict,
                "decided_by": "cpu",
                "cpu_ratio": found,
                "cpu_ratio_joint": found,
            }
        )

    def described(name: str) -> ModeRecord:
        about = {"kind": "sync", "streams": False, "batches": False, "status": "stable"}
        return ModeRecord(name=name, api=name, floor="", **{**about, **KINDS[name]})

    overhead = record.overhead.model_copy(
        update={"baseline": "invoke", "modes": tuple(mode(*pair) for pair in ratios.items())}
    )
    return record.model_copy(
        update={"overhead": overhead, "modes": tuple(described(name) for name in ratios)}
    )


RATIOS = {
    "invoke": 1.0,
    "ainvoke": 1.6,
    "abatch": 1.332,
    "ainvoke_gather": 1.314,
    "stream": 3.0,
    "astream_events_v2": 12.0,
    "astream_events_v3": 7.0,
    "astream_log": 5.0,
    "direct_generate": 0.2,
}


def rows(record: RunRecord) -> dict[str, str]:
    found = advice(record)
    assert found is not None
    return {purpose: plain(sentence).replace(TIMES, "x") for purpose, sentence in found.rows}


def test_the_cheapest_for_each_purpose(record: RunRecord) -> None:
    assert rows(a_run(record, RATIOS)) == {
        "one call": "`invoke`; in async code `ainvoke`, 1.60x.",
        "many calls": "in async code `ainvoke_gather` or `abatch`, 1.31x to 1.33x.",
        "a stream": "`stream`, 3.00x.",
        "events": "in async code `astream_events_v3`, 7.00x, not `astream_events_v2` at 12.0x.",
    }
    found = advice(a_run(record, RATIOS))
    assert found is not None
    assert (found.clock, found.baseline) == ("CPU time", "invoke")


def test_a_graph_streams_its_steps_or_what_its_models_say(record: RunRecord) -> None:
    ratios = {"invoke": 1.0, "stream": 1.1, "stream_messages": 1.5, "astream_messages": 2.0}
    run = a_run(record, ratios)
    assert record.model is not None
    graph = run.model_copy(update={"model": record.model.model_copy(update={"kind": "graph"})})
    found = advice(graph)
    assert found is not None
    assert {purpose: plain(said) for purpose, said in found.rows} == {
        "one call": "`invoke`.",
        "its steps": f"`stream`, 1.10{TIMES}.",
        "a stream": (
            f"`stream_messages`, 1.50{TIMES}; in async code `astream_messages`, 2.00{TIMES}."
        ),
    }


def test_no_ratio_where_none_is_resolved(record: RunRecord) -> None:
    said = rows(a_run(record, RATIOS, stream="not resolved", ainvoke="not measured"))
    assert said["a stream"] == "`stream`."
    assert said["one call"] == "`invoke`."


def test_silence(record: RunRecord) -> None:
    few = {name: RATIOS[name] for name in ("invoke", "ainvoke", "direct_generate")}
    assert advice(a_run(record, few)) is None
    assert advice(record.model_copy(update={"overhead": None})) is None
    failed = TrustCheck(name="reconciliation", level="red", sentence="It failed.")
    assert advice(a_run(record, RATIOS).model_copy(update={"trust": (failed,)})) is None


@pytest.mark.parametrize("name", ["<b>", "a`b"])
def test_names_stay_names(record: RunRecord, name: str) -> None:
    KINDS[name] = {"streams": True}
    try:
        said = rows(a_run(record, {**RATIOS, name: 2.0}))
    finally:
        del KINDS[name]
    assert said["a stream"] == f"`{name}`, 2.00x, not `stream` at 3.00x."


ANY_RATIOS = st.dictionaries(
    st.sampled_from([k for k in KINDS if k != "invoke"]), st.floats(0.1, 20)
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ratios=ANY_RATIOS, order=st.randoms())
def test_what_is_said_of_modes_is_the_same_in_any_order(
    record: RunRecord, ratios: dict[str, float], order: Random
) -> None:
    run = a_run(record, {"invoke": 1.0, **ratios})
    assert run.overhead is not None
    modes = list(run.overhead.modes)
    order.shuffle(modes)
    mixed = run.model_copy(
        update={"overhead": run.overhead.model_copy(update={"modes": tuple(modes)})}
    )
    assert advice(mixed) == advice(run)
    assert sentences.verdict_order(mixed) == sentences.verdict_order(run)
    assert sentences.tally(mixed) == sentences.tally(run)
    assert sentences.modes_headline(mixed) == sentences.modes_headline(run)
    told = sentences.verdict_order(run)
    assert len(told) == sum(mode.mode != "direct_generate" for mode in run.overhead.modes)
    slower = [m.cpu_ratio.value for m in told if m.verdict == "slower" and m.cpu_ratio]
    assert slower == sorted(slower, reverse=True)
