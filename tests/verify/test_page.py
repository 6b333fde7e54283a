"""The page says what was measured, and nothing else."""

import pytest

from parrot_bench.record import GateVerdict
from tests.verify import sides
from tests.verify.against import missing_trials
from tests.verify.figure import figure
from tests.verify.names import BOUNDED_FUNCTIONS, OURS, REFERENCES
from tests.verify.page import page
from tests.verify.planted import LEVELS, VARIABLE
from tests.verify.promises import against_outcome, bias_outcome
from tests.verify.results import AgainstTrial, BiasProcess, Candidate, Condition, Truth
from tests.verify.test_promises import ENVIRONMENT, PLANTED, process


def bias_process(seed: int, ours: float = 1.0) -> BiasProcess:
    ratios = {who: ours if who.startswith(OURS) else 1.2 for who in REFERENCES}
    return BiasProcess(
        seed=seed,
        environment=ENVIRONMENT,
        ratios=dict.fromkeys(BOUNDED_FUNCTIONS, ratios),
        rounds={name: dict.fromkeys(REFERENCES, 600) for name in BOUNDED_FUNCTIONS},
    )


CONDITIONS: tuple[Condition, ...] = ("quiet", "busy")
TRUTHS = [Truth(planted=PLANTED, call_ns=3e5, ratios={n: 1 + v for n, v in LEVELS.items()})]


def test_the_page_has_what_was_measured() -> None:
    lines = [process("quiet", seed) for seed in range(100)]
    text = page([bias_process(seed) for seed in range(20)], lines, TRUTHS, "curve.svg")
    assert (
        "| a quiet machine, 30 s a run | 1 % is found | ≥ 95% | 100% [96%, 100%] | 100 | kept |"
        in text
    )
    assert (
        "| a hog on every core, 15 s a run | 3 % is found | ≥ 95% | - | 0 | too few processes |"
        in text
    )
    assert "| 1.00% | +1.00% | +1.00% |" in text
    assert "## On a hog" not in text
    assert "![Share of runs that found a planted difference](curve.svg)" in text
    assert "within 0.1%: kept" in text
    assert "within 2.0%: kept" in text


def test_what_was_not_measured_is_not_on_the_page() -> None:
    assert "bias" not in page([], [process("quiet", 0)], [])
    assert "planted" not in page([bias_process(0)], [], [])


def test_a_measurement_that_was_stopped_has_a_page() -> None:
    text = page([], [process("busy", 0)], [])
    assert "| 0.25% | - |" in text
    assert "| 0.50% |" not in text
    assert "3.00% found" in text
    figure([process("busy", 0)], [])


def test_the_figure_is_drawn_the_same_again() -> None:
    lines = [process(condition, seed) for condition in CONDITIONS for seed in range(8)]
    drawn = figure(lines, TRUTHS)
    assert drawn == figure(lines, TRUTHS)
    assert b"quiet, 30 s (8 processes)" in drawn


def test_the_bias_is_judged_by_the_bound_of_its_interval() -> None:
    for ours, outcome in ((1.0009, "kept"), (1.0011, "broken"), (0.9989, "broken")):
        lines = [bias_process(seed, ours) for seed in range(20)]
        assert bias_outcome(lines, "20 µs", OURS) == outcome
        assert bias_outcome(lines, "no-op", OURS) == "kept"
    # Half of the processes are enough to move the bound.
    lines = [bias_process(seed, 1.0009 if seed % 2 else 1.0011) for seed in range(20)]
    assert bias_outcome(lines, "20 µs", OURS) == "broken"
    assert bias_outcome(lines[:19], "20 µs", OURS) == "too few processes"
    assert bias_outcome(lines, "20 µs", "pyperf") is None


def trial(candidate: Candidate, seed: int, gate: GateVerdict) -> AgainstTrial:
    return AgainstTrial(
        environment=ENVIRONMENT,
        candidate=candidate,
        seed=seed,
        planted=PLANTED,
        gate=gate,
        exit_status=0,
        value=1.03,
        low=1.02,
        high=1.04,
        pairs=14,
        stopped_by="target",
        seconds=100.0,
    )


def test_trials_are_judged_by_how_they_end() -> None:
    trials = [trial("equal", seed, "pass") for seed in range(20)]
    trials += [trial("slower", seed, "regression") for seed in range(18)]
    assert against_outcome(trials, "equal") == "kept"
    assert against_outcome(trials, "slower") == "too few processes"
    trials += [trial("slower", seed, "inconclusive") for seed in (18, 19)]
    assert against_outcome(trials, "slower") == "broken"
    text = page([], [], [], "", trials)
    assert "| 3 % slower | regression | 90%" in text
    assert "| 18 regression, 2 inconclusive | +3.00% |" in text
    assert "On a hog" not in text
    assert list(missing_trials(trials[:1], 2)) == [
        ("slower", 0), ("equal", 1), ("slower", 1),
    ]  # fmt: skip


def test_the_sides_of_a_trial_differ_by_what_is_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PLANTED.model_dump_json())
    assert sides.equal().turns == sides.plain().turns == PLANTED.base
    assert sides.slower().turns == PLANTED.base + PLANTED.extra[sides.SLOWER]
    assert sides.slower().invoke("hello").text == "hello"
