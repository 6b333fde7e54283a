"""The machine and its noise, read from the real one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from parrot_bench.environment import NoiseWatch, environment


def test_this_machine_is_described() -> None:
    found = environment("langchain_core.language_models", "asyncio.Loop")
    assert found.python.startswith("CPython 3.")
    assert found.cpu
    assert found.logical_cpus >= 1
    assert found.memory_bytes > 2**28
    assert "langchain-core" in found.packages
    assert "pydantic" in found.packages
    assert found.event_loop == "asyncio.Loop"


def test_the_distribution_of_the_models_module_is_named() -> None:
    assert "hypothesis" in environment("hypothesis.strategies", "").packages


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_checkout_is_named_with_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # The temporary folder may lie inside a checkout.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment("x", "").commit == ""
    assert environment("x", "").dirty is None

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    assert len(environment("x", "").commit) == 40
    assert environment("x", "").dirty is False
    (tmp_path / "new").write_text("", encoding="utf-8")
    assert environment("x", "").dirty is True


def test_noise_is_measured() -> None:
    watch = NoiseWatch(os.getpid())
    sum(range(200_000))
    noise = watch.so_far()
    assert noise.duration_s > 0
    assert noise.other_cpu_share is None or 0 <= noise.other_cpu_share <= 1
    assert noise.involuntary_switches is None or noise.involuntary_switches >= 0


def test_a_process_that_is_gone_is_no_error() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    noise = NoiseWatch(gone.pid).so_far()
    assert noise.involuntary_switches is None
    assert noise.other_cpu_share is None
