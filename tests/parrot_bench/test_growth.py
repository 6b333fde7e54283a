"""Does anything grow: models and handlers that leak are found and named, the parrot is flat."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import parrot_bench
from parrot_bench.errors import MeasurementError
from parrot_bench.parrot import ChatParrotLink
from parrot_bench.record import Estimate, GrowthResult, ModeGrowth, RunRecord, read_record
from parrot_bench.studies.growth.verdicts import growth, verdict

MODELS = Path(__file__).parent / "models"


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(MODELS)
    monkeypatch.syspath_prepend(str(MODELS))
    import growing

    yield growing
    growing.let_go()
    sys.modules.pop("growing")


def grown(model: Any, out: Path, **changes: Any) -> RunRecord:
    settings: dict[str, Any] = {
        "studies": ("growth",),
        "modes": ["invoke"],
        "time_s": 30,
        "growth_calls": 200,
    }
    return parrot_bench.run(model, out=out, **{**settings, **changes}).record


def of(record: RunRecord, mode: str = "invoke", handler: str = "") -> ModeGrowth:
    assert record.growth is not None
    (found,) = (m for m in record.growth.modes if (m.mode, m.handler) == (mode, handler))
    return found


def kinds(mode: ModeGrowth) -> set[str]:
    return {one.quantity for one in mode.growing}


def test_the_parrot_is_flat(tmp_path: Path) -> None:
    modes = ["invoke", "ainvoke", "astream", "batch"]
    record = grown("", tmp_path / "run", modes=modes, growth_calls=1000)
    assert record.growth is not None
    assert [mode.mode for mode in record.growth.modes] == modes
    for mode in record.growth.modes:
        assert not mode.growing, mode
        assert mode.calls >= 1000
        assert mode.warm_up == mode.calls / 10
        found = {one.quantity: one.verdict for one in mode.found}
        assert {found[name] for name in found if name != "memory"} == {"flat"}, mode.found
        assert len(mode.readings["memory"]) == 21
    assert read_record(tmp_path / "run") == record


def test_a_model_that_remembers_every_prompt_grows(models: Any, tmp_path: Path) -> None:
    mode = of(grown(models.remembering, tmp_path / "run"))
    assert mode.verdict == "grows"
    assert "objects" in kinds(mode)
    assert not kinds(mode) & {"threads", "tasks", "open_spans", "open_calls"}
    objects = next(one for one in mode.found if one.quantity == "objects")
    assert objects.per_call.value > 3


def test_a_model_that_leaves_threads_grows(models: Any, tmp_path: Path) -> None:
    mode = of(grown(models.threads, tmp_path / "run"))
    threads = next(one for one in mode.found if one.quantity == "threads")
    assert (threads.verdict, threads.per_call.value) == ("grows", 1)
    assert threads.rise == 200


def test_a_model_that_leaves_tasks_grows(models: Any, tmp_path: Path) -> None:
    # By its name: in a process of its own, where its tasks end with it.
    record = grown("growing:tasking", tmp_path / "run", modes=["invoke", "ainvoke"])
    assert "tasks" not in kinds(of(record))
    tasks = next(one for one in of(record, "ainvoke").found if one.quantity == "tasks")
    assert (tasks.verdict, tasks.per_call.value, tasks.rise) == ("grows", 1, 200)


def test_a_handler_that_keeps_spans_open_is_named(models: Any, tmp_path: Path) -> None:
    record = grown("", tmp_path / "run", handlers=("growing:leaking",))
    assert not kinds(of(record))
    mode = of(record, handler="growing:leaking")
    assert "open_spans" in kinds(mode)
    assert not kinds(mode) & {"threads", "tasks", "open_calls"}
    assert record.configuration.handlers == ("growing:leaking",)


def test_a_slow_model_makes_fewer_calls(tmp_path: Path) -> None:
    model = ChatParrotLink(parrot_buffer_length=4, time_to_first_chunk=0.005)
    record = grown(model, tmp_path / "run", growth_calls=10_000, time_s=2)
    assert record.growth is not None
    assert record.growth.asked == 10_000
    assert 100 <= of(record).calls < 1000


def test_a_model_that_is_too_slow_says_what_to_do(tmp_path: Path) -> None:
    model = ChatParrotLink(parrot_buffer_length=4, time_to_first_chunk=0.1)
    with pytest.raises(MeasurementError, match="fewer than 100 say nothing; raise --time"):
        grown(model, tmp_path / "run", time_s=1)


def test_a_bounded_number_of_calls_is_kept_to(tmp_path: Path) -> None:
    record = grown("", tmp_path / "run", max_calls=400, growth_calls=5000)
    assert 100 <= of(record).calls + of(record).warm_up <= 400
    with pytest.raises(MeasurementError, match="--max-calls"):
        grown("", tmp_path / "tight", max_calls=50)


def test_modes_that_fail_are_left_out_by_name(tmp_path: Path) -> None:
    class Half(ChatParrotLink):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("no async today")

    record = grown(Half(parrot_buffer_length=4), tmp_path / "run", modes=["invoke", "ainvoke"])
    assert record.growth is not None
    assert record.growth.left_out == {"ainvoke": "RuntimeError: no async today"}
    assert [mode.mode for mode in record.growth.modes] == ["invoke"]


def estimate(low: float, high: float) -> Estimate:
    value = (low + high) / 2
    return Estimate(value=value, low=low, high=high, confidence=0.95, count=20, unit="bytes")


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (1000, 1400, 1200, "grows"),
        (10, 1400, 700, "grows"),
        (10, 300, 150, "not resolved"),
        (-10, 1400, 700, "not resolved"),
        (-10, 200, 100, "flat"),
        (50, 200, 100, "flat"),
        (0, 0, 500, "not resolved"),
        (-900, -800, -850, "flat"),
    ],
)
def test_the_verdict_comes_from_the_interval(
    low: float, high: float, whole: float, expected: str
) -> None:
    assert verdict(estimate(low, high), whole, 256) == expected


def test_one_arena_is_no_growth_and_not_nothing() -> None:
    found = growth("memory", [0] * 10 + [1_048_576] * 11, 100)
    assert found is not None
    assert found.verdict == "not resolved"
    found = growth("memory", [0] * 10 + [1_048_576] * 11, 500)
    assert found is not None
    assert found.verdict == "flat"


def test_a_mode_without_findings_is_not_resolved() -> None:
    mode = ModeGrowth(mode="invoke", calls=50, warm_up=5, found=(), readings={"memory": (1, 2)})
    assert mode.verdict == "not resolved"
    result = GrowthResult(modes=(mode,), asked=100, stopped_by="time", duration_s=1)
    assert GrowthResult.model_validate_json(result.model_dump_json()) == result
