"""The overview at the end of a run, as it stands on a terminal."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parrot_bench.record import RunRecord, read_record
from parrot_reports.terminal import overview

MakeRun = Callable[..., Path]


def printed(record: RunRecord, width: int = 100) -> str:
    console = Console(width=width, record=True, highlight=False, file=io.StringIO())
    console.print(overview(record, width))
    return console.export_text()


def test_every_measured_mode_has_a_row(record: RunRecord) -> None:
    text = printed(record)
    assert record.overhead is not None
    for mode in record.overhead.modes:
        (row,) = (line for line in text.splitlines() if line.split()[:1] == [mode.mode])
        if mode.verdict == "baseline":
            assert "baseline" in row
    assert "vs invoke" in text
    assert "calls = " in text


def test_modes_are_in_the_order_of_their_cost(record: RunRecord) -> None:
    assert record.overhead is not None
    cost = {mode.mode: mode.cpu.value for mode in record.overhead.modes if mode.cpu}
    floors = {mode.name for mode in record.modes if mode.status == "floor"}
    rows = [line.split()[0] for line in printed(record).splitlines() if line.split()[:1]]
    rows = [row for row in rows if row in cost]
    assert rows == sorted(cost, key=lambda mode: (mode in floors, cost[mode]))


def test_it_begins_with_whether_to_trust_it(record: RunRecord) -> None:
    first = printed(record).splitlines()[0]
    assert first.startswith("trust: ")
    assert "A/A" in first


def test_a_narrow_terminal_gets_no_row_of_two_lines(record: RunRecord) -> None:
    text = printed(record, 80)
    assert "vs floor" not in text
    assert "vs floor" in printed(record, 100)
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_checks_that_are_not_green_are_printed(record: RunRecord) -> None:
    check = {"name": "machine", "level": "amber", "sentence": "The machine was [bold]busy."}
    changed = RunRecord.model_validate({**record.model_dump(), "trust": [check]})
    text = printed(changed, 120)
    assert "with care" in text
    assert "machine: The machine was [bold]busy." in text


def test_a_run_in_which_nothing_was_compared(record: RunRecord) -> None:
    empty: dict[str, Any] = {"overhead": None, "status": "incomplete", "status_note": "killed"}
    text = printed(record.model_copy(update=empty), 120)
    assert "the run is incomplete (killed)" in text


@pytest.mark.parametrize("name", ["\x1b[31mred", "[red]x[/red]"])
def test_what_a_model_says_is_text(record: RunRecord, name: str) -> None:
    check = {"name": "modes", "level": "amber", "sentence": f"Left out: {name}."}
    text = printed(RunRecord.model_validate({**record.model_dump(), "trust": [check]}), 120)
    assert "\x1b" not in text
    assert name.replace("\x1b", "") in text.replace("\N{SYMBOL FOR ESCAPE}", "")


def test_a_saved_run_can_be_read_for_it(made_run: Path) -> None:
    assert "trust:" in printed(read_record(made_run))
