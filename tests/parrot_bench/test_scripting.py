"""What scripts and notebooks use."""

import shutil
from pathlib import Path

import pytest

import parrot_bench
from parrot_bench import ChatParrotLink, Run, compare, modes, run
from parrot_bench.errors import RecordError, UsageError
from parrot_bench.mode_table import MODES

SETTINGS = {"modes": ["invoke", "stream"], "studies": ("overhead",), "time_s": 1.5}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(out=tmp_path_factory.mktemp("scripting") / "run", **SETTINGS)  # type: ignore[arg-type]


def test_public_names() -> None:
    for name in parrot_bench.__all__:
        assert getattr(parrot_bench, name) is not None
    assert dir(parrot_bench) == parrot_bench.__all__
    assert sorted(parrot_bench._HOME) == sorted(parrot_bench.__all__)


def test_a_run_has_everything(done: Run) -> None:
    assert done.record.status == "complete"
    assert set(done.samples["mode"]) >= {"invoke", "stream"}
    assert done.calls.height > 0
    assert done.to_polars().height == 2
    html = done._repr_html_()
    assert html is not None
    assert "stream" in html
    assert done.report() == done.directory.report
    assert done.directory.report.stat().st_size > 10_000


def test_a_run_is_opened_again(done: Run) -> None:
    again = Run(str(done.directory.path))
    assert again.record == done.record
    assert repr(again) == f"Run({str(done.directory.path)!r}, complete)"
    with pytest.raises(RecordError, match="no record at"):
        Run(done.directory.path / "nothing")


def test_runs_are_compared(done: Run, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(done.directory.path, twin)
    result = compare(twin, done, fail_on=0.01)
    ratios = {mode.mode: mode.ratio for mode in result.modes}
    assert set(ratios) == {"invoke", "stream"}
    assert all(ratio is not None and ratio.value == 1 for ratio in ratios.values())
    assert result.gate == "inconclusive", "one run a side tells little"
    assert len(compare([twin, done], [done, twin]).candidate.runs) == 2


def test_modes_are_listed() -> None:
    listed = modes()
    assert [mode.name for mode in listed] == list(MODES)
    notes = {mode.name: mode.note for mode in modes(ChatParrotLink(parrot_buffer_length=1))}
    assert "executor" in notes["ainvoke"]
    assert modes(lambda: ChatParrotLink(parrot_buffer_length=1))[4].note == notes["invoke"]


def test_a_comparison_needs_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="need names"):
        run(ChatParrotLink(parrot_buffer_length=1), against=("x:y",), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_comparison_in_one_sitting(tmp_path: Path) -> None:
    file = tmp_path / "llm.py"
    file.write_text(
        "from parrot_bench import ChatParrotLink\n\n"
        "def make():\n    return ChatParrotLink(parrot_buffer_length=3)\n",
        encoding="utf-8",
    )
    done = run(
        f"{file}:make", against=(f"{file}:make",), modes=["invoke"], pairs=2, time_s=20,
        studies=("overhead",), out=tmp_path / "run",
    )  # fmt: skip
    assert done.record.comparison is not None
    assert done.record.comparison.units == 2
