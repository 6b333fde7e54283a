"""The trials of faults: what goes wrong in one is told, and kept."""

from pathlib import Path

import pytest

from parrot_bench import run
from parrot_bench.record import RunDirectory
from tests.verify.faults.commands import Ended, refused_in_a_line
from tests.verify.faults.fault import Fault, tried
from tests.verify.faults.runs import finished_rounds, nothing_lost
from tests.verify.faults.table import FAULTS


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_folder_is_kept_where_something_was_wrong(tmp_path: Path) -> None:
    def attempt(folder: Path, seed: int) -> list[str]:
        (folder / "left").write_text("here", encoding="utf-8")
        if seed == 2:
            raise OSError("no such thing")
        return ["lost"] if seed else []

    fault = Fault(name="f", holds="", attempt=attempt)
    assert tried(fault, 0, tmp_path / "0") == []
    assert not (tmp_path / "0").exists()
    assert tried(fault, 1, tmp_path / "1") == ["lost"]
    assert (tmp_path / "1" / "left").exists()
    assert tried(fault, 2, tmp_path / "2") == ["OSError: no such thing"]


@pytest.mark.parametrize(
    ("ended", "wrong"),
    [
        (Ended(2, "", "parrot-bench: no room\n"), 0),
        (Ended(1, "", "parrot-bench: no room\n"), 1),
        (Ended(2, "", "parrot-bench: no room\nTraceback (most recent call last)\n"), 1),
        (Ended(2, "", "parrot-bench: no room\nparrot-bench: again\n"), 1),
        (Ended(2, "", "parrot-bench: something else\n"), 1),
    ],
)
def test_a_refusal_is_one_line(ended: Ended, wrong: int) -> None:
    assert len(refused_in_a_line(ended, "no room")) == wrong


def test_a_lost_round_is_found(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(modes=["invoke"], studies=("overhead",), out=out, time_s=1)
    assert nothing_lost(tmp_path, out) == []
    # As if it had been killed, with a round in its journal that nobody can read.
    RunDirectory(out).journal.write_text('{"event":"RoundTaken"}\n', encoding="utf-8")
    assert finished_rounds(out) == 1
    assert nothing_lost(tmp_path, out)
