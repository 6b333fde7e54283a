"""What a run shows: on a terminal a table so far, in a log a line now and then."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import parrot_bench
from parrot_bench.events import Event, ModeDropped
from parrot_bench.load import Level, LoadPlan
from parrot_bench.progress import Progress
from parrot_bench.record import Estimate
from parrot_bench.request import Request
from parrot_bench.running import OngoingRun, carry_out


def number(estimate: Estimate) -> tuple[str, str]:
    return f"{estimate.value:.2f}", f"[{estimate.low:.2f}, {estimate.high:.2f}]"


def shown(tmp_path: Path, *, terminal: bool, **options: Any) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, highlight=False)
    progress = Progress(console, number)
    settings: dict[str, Any] = {
        "studies": ("overhead",),
        "modes": ["invoke", "ainvoke"],
        "time_s": 2,
        "target": 0.0001,
    }
    try:
        parrot_bench.run("", out=tmp_path / "run", watcher=progress, **{**settings, **options})
    finally:
        progress.close()
    return out.getvalue()


def test_a_terminal_sees_the_ratios_so_far_and_the_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parrot_bench.display.REDRAW_S", 0.1)
    text = shown(tmp_path, terminal=True)
    assert "warming up" in text
    assert "against invoke, so far" in text
    assert "rounds" in text
    assert "s left" in text


def test_a_log_gets_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parrot_bench.display.LINE_S", 0.5)
    text = shown(tmp_path, terminal=False, time_s=5)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert sum(line.startswith("warming up") for line in lines) == 1
    # On a busy machine the first of them come before there are rounds enough for a ratio.
    *_, last = (line for line in lines if "rounds, at most" in line)
    assert "ainvoke 1." in last or "ainvoke 2." in last


def test_the_plan_is_shown_where_calls_are_counted(tmp_path: Path) -> None:
    text = shown(tmp_path, terminal=False, max_calls=300)
    assert "plan: about" in text
    assert "calls in all" in text
    assert "output tokens" in text


def test_a_plan_of_too_few_rounds_says_what_to_ask_for(tmp_path: Path) -> None:
    text = shown(tmp_path, terminal=False, max_calls=20, modes=["invoke", "ainvoke", "stream"])
    assert "No verdict is given under 10 rounds" in text
    assert "--max-calls" in text


def test_nothing_is_drawn_while_a_block_runs(tmp_path: Path) -> None:
    """Progress has no thread: it writes in the call that tells it of an event, or not at all."""
    out = io.StringIO()
    progress = Progress(Console(file=out, force_terminal=True, width=120), number)
    between: list[int] = []
    seen = 0

    def watcher(run: OngoingRun, event: Event) -> None:
        nonlocal seen
        between.append(len(out.getvalue()) - seen)
        progress(run, event)
        seen = len(out.getvalue())

    parrot_bench.run("", out=tmp_path / "run", modes=["invoke"], time_s=1, watcher=watcher)
    progress.close()
    assert len(between) > 10
    assert set(between) == {0}


def test_a_dropped_mode_is_named_at_once() -> None:
    out = io.StringIO()
    progress = Progress(Console(file=out, width=120), number)
    progress(None, ModeDropped("astream", "ValueError: [red]no[/red]"))  # type: ignore[arg-type]
    assert out.getvalue() == "astream is left out: ValueError: [red]no[/red]\n"


def test_a_log_is_told_of_every_level_of_a_load(tmp_path: Path) -> None:
    plan = LoadPlan(levels=(Level(concurrency=1), Level(concurrency=3)), level_s=0.2)
    out = io.StringIO()
    request = Request(studies=("load",), modes=("ainvoke",), baseline="ainvoke", load=plan, seed=1)
    progress = Progress(Console(file=out, width=120, highlight=False), number)
    carry_out(request, out=tmp_path / "run", watcher=progress)
    loads = [line for line in out.getvalue().splitlines() if line.startswith("loading ainvoke")]
    assert loads == ["loading ainvoke with 1 in flight …", "loading ainvoke with 3 in flight …"]
