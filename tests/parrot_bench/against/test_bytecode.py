"""Compiled code of a comparison's processes, where Python is told to keep none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parrot_bench.against.bytecode import kept_bytecode
from parrot_bench.worker import Place


def test_processes_share_it_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "of_the_user.py").write_text("print(__cached__)\n", encoding="utf-8")
    with kept_bytecode() as variables:
        done = subprocess.run(
            [sys.executable, "-c", "import of_the_user"],
            cwd=tmp_path, env=Place(variables=variables).environment(),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        compiled = Path(done.stdout.strip())
        assert compiled.exists()
        assert tmp_path not in compiled.parents or "__pycache__" not in compiled.parts
    assert not compiled.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["of_the_user.py"]


def test_python_that_keeps_it_by_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with kept_bytecode() as variables:
        assert variables == {}


@pytest.mark.skipif(os.name == "nt", reason="TMPDIR is what Unix reads")
def test_no_room_for_it_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with kept_bytecode() as variables:
        assert variables == {}
