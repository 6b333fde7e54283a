"""The environment is looked at: what is found is said, with advice, and only a defect fails."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from otlp_receiver import Answer, Received, http_receiver

from parrot_bench import fitness
from parrot_bench.environment import NoiseWatch, environment
from parrot_bench.fitness import Fact, facts
from parrot_bench.record import Noise

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def by_name(found: list[Fact]) -> dict[str, Fact]:
    return {fact.name: fact for fact in found}


@pytest.fixture
def receiver() -> Iterator[Received]:
    with http_receiver() as received:
        yield received


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.usefixtures("here")
def test_everything_is_looked_at_and_every_note_has_advice() -> None:
    found = list(facts(watched_s=0.05))
    names = by_name(found)
    for name in ("versions", "time.perf_counter_ns", "runs", "cache", "collector", "steadiness"):
        assert name in names
    assert "langchain-core" in names["versions"].said
    assert all(fact.advice for fact in found if fact.level != "fine")
    assert not any(fact.level == "defect" for fact in found)


def test_what_distorts_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    fact = by_name(list(facts(watched_s=0.05)))["LANGCHAIN_TRACING_V2"]
    assert fact.level == "note"
    assert "4.7 times" in fact.said


def test_a_folder_that_cannot_be_written_is_a_defect(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "file").write_text("")
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(here / "file" / "cache"))
    fact = by_name(list(facts(watched_s=0.05)))["cache"]
    assert fact.level == "defect"
    assert "PARROT_BENCH_CACHE" in fact.advice


def test_a_busy_host_and_a_small_quota_are_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/sys/fs/cgroup/cpu.max": "50000 100000",
        "/proc/cpuinfo": "flags\t\t: fpu vme hypervisor lahf_lm",
    }
    monkeypatch.setattr(fitness, "read_if_there", lambda path: files.get(path, ""))
    found = by_name(list(fitness._processors(environment("parrot_bench", ""))))
    assert "0.5 of them" in found["CPU quota"].said
    assert found["virtual machine"].level == "note"
    noise = Noise(
        load_before=9.0,
        load_after=9.0,
        involuntary_switches=1,
        steal_share=0.2,
        other_cpu_share=0.5,
        duration_s=1.0,
    )
    monkeypatch.setattr(NoiseWatch, "so_far", lambda _: noise)
    found = by_name(list(fitness._noise(0.05)))
    assert found["other processes"].said == "others used 50% of all processors"
    assert found["other processes"].level == "note"
    assert "20%" in found["stolen time"].said


def test_a_clock_that_runs_backwards_is_a_defect() -> None:
    readings = iter(range(100_000, 0, -1))
    assert fitness._clock("odd", lambda: next(readings)).level == "defect"


@pytest.mark.parametrize(
    ("ratio", "level"),
    [(1.0, "fine"), (1.3, "note")],
)
def test_steadiness(ratio: float, level: str) -> None:
    taken = [1_000_000] * 50 + [int(1_000_000 * ratio)] * 50
    assert fitness._spread(taken).level == level


def test_a_collector_is_asked_with_nothing(here: Path, receiver: Received) -> None:
    name = f"otlp {receiver.url}"
    assert by_name(list(facts(receiver.url, 0.05)))[name].level == "fine"
    receiver.answers = lambda _: Answer(status=403)
    refused = by_name(list(facts(receiver.url, 0.05)))[name]
    assert refused.level == "defect"
    assert "403" in refused.said


def test_as_a_command(cli: Cli, folder: Path) -> None:
    ended = cli("check", "--env", "--format", "json", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    assert {"name", "level", "said", "advice"} == set(json.loads(ended.stdout)[0])
    ended = cli("check", "--env", "--otlp", "http://127.0.0.1:9", cwd=folder)
    assert ended.returncode == 1
    assert "it does not take spans" in ended.stdout
    ended = cli("check", "--env", "--otlp", "nowhere", cwd=folder)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
