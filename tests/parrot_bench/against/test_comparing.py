"""Both commands as processes: what is measured, saved, printed, and left with."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from parrot_bench.against.carrying import compare_sides
from parrot_bench.against.events import PairRound, SidePlanned
from parrot_bench.against.following import Following
from parrot_bench.record import RunDirectory, RunRecord, read_record
from parrot_bench.request import Request

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

OLD = """
from parrot_bench.parrot import ChatParrotLink


def make():
    return ChatParrotLink(parrot_buffer_length=4, model="{name}")
"""


def compared(cli: Cli, folder: Path, *arguments: object) -> tuple[RunRecord, Any]:
    ended = cli(
        "run", *arguments, "--pairs", 2, "--modes", "invoke", "--out", folder / "out", cwd=folder
    )
    assert (folder / "out" / "run.json").exists(), ended.stderr
    return read_record(folder / "out"), ended


def test_another_model(cli: Cli, folder: Path) -> None:
    record, ended = compared(
        cli, folder, "models:make_fake", "--against", "models.py:Plain", "--seed", 7
    )
    assert ended.returncode == 0, ended.stderr
    assert record.status == "complete"
    found = record.comparison
    assert found is not None
    assert (found.units, found.stopped_by, found.gate) == (2, "pairs", None)
    assert (found.candidate.label, found.baseline.label) == ("models:make_fake", "models.py:Plain")
    assert found.candidate.model is not None
    assert found.baseline.model is not None
    assert found.candidate.model.class_name.endswith("GenericFakeChatModel")
    assert found.baseline.model.class_name.endswith("Plain")
    # The two of a pair share their hash seed, and pairs don't: each entry is of the first pair.
    seeds = {
        side.environment.hash_seed for side in (found.candidate, found.baseline) if side.environment
    }
    assert len(seeds) == 1
    (mode,) = found.modes
    assert mode.mode == "invoke"
    assert mode.units == 2
    assert mode.ratio is not None
    assert mode.ratio.count == 2
    assert found.aa_candidate is not None
    # Every block of every round, of either side.
    samples = pl.read_parquet(folder / "out" / "samples.parquet")
    assert set(samples["side"]) == {"candidate", "baseline"}
    assert set(samples["process"]) == {0, 1}
    assert set(samples["role"]) == {"mode", "a/a"}
    assert not samples["stamped"].any()
    counts = samples.group_by("process", "round").len()["len"]
    assert set(counts) == {2, 4}  # the A/A check is not in every round
    assert counts.len() == found.rounds == mode.rounds
    # One block length, whoever warmed up: the ratio is of equal blocks.
    assert samples["calls"].n_unique() == 1
    # The order within a round is the same on both sides; which side is first is not told by it.
    order = samples.pivot("side", index=["process", "round", "position"], values="role")
    assert (order["candidate"] == order["baseline"]).all()
    # pytest-benchmark finds the sides of a mode in one group.
    saved = json.loads((folder / "out" / "benchmark.json").read_bytes())["benchmarks"]
    assert [(each["group"], each["param"]) for each in saved] == [
        ("invoke", "candidate"),
        ("invoke", "baseline"),
    ]
    # It has a page, and can be printed again.
    assert (folder / "out" / "report.html").exists()
    assert "models:make_fake" in ended.stdout
    again = cli("compare", "out", "--format", "json", cwd=folder)
    assert again.returncode == 0
    assert json.loads(again.stdout) == json.loads(found.model_dump_json())
    markdown = cli("compare", "out", "--format", "md", "--fail-on", "1%", cwd=folder)
    assert markdown.returncode == 3
    assert "| `invoke` |" in markdown.stdout
    assert "INCONCLUSIVE" in markdown.stdout
    assert cli("report", "out", cwd=folder).returncode == 0


def test_a_git_reference(cli: Cli, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        own = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        subprocess.run(own, cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    folder = tmp_path / "apps"
    folder.mkdir()
    (folder / "llm.py").write_text(OLD.format(name="committed"))
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (folder / "llm.py").write_text(OLD.format(name="changed"))
    record, ended = compared(cli, folder, "llm:make", "--against", "main")
    assert ended.returncode == 0, ended.stderr
    found = record.comparison
    assert found is not None
    assert found.candidate.model is not None
    assert found.baseline.model is not None
    assert found.candidate.model.model_name == "changed"
    assert found.baseline.model.model_name == "committed"
    assert found.baseline.label.startswith("main (")
    assert found.baseline.commit.startswith(found.baseline.label[6:16])
    assert "with changes" in found.candidate.label


def test_a_mode_that_a_side_cannot_do(cli: Cli, folder: Path) -> None:
    ended = cli(
        "run", "models:async_broken", "--against", "models:slow",
        "--modes", "invoke,ainvoke", "--pairs", 2, "--fail-on", "50%", "--out", "out",
        cwd=folder,
    )  # fmt: skip
    record = read_record(folder / "out")
    assert record.comparison is not None
    invoke, ainvoke = record.comparison.modes
    assert invoke.units == 2
    # A model that waits: 0.25 s on the other side.
    assert invoke.decided_by == "wall"
    assert (ainvoke.units, ainvoke.gate, ainvoke.verdict) == (0, "not measured", "not measured")
    assert "async is broken" in ainvoke.note
    assert "ainvoke" in ended.stderr
    assert ended.returncode == 4


def _wait_for_a_round(out: Path) -> None:
    journal, deadline = RunDirectory(out).journal, time.monotonic() + 90
    while time.monotonic() < deadline:
        if journal.exists() and b'"event":"PairRound"' in journal.read_bytes():
            return
        time.sleep(0.1)
    raise AssertionError("no round was finished")


def test_one_that_was_killed_keeps_the_finished_rounds(
    start: Callable[..., "subprocess.Popen[str]"], cli: Cli, folder: Path
) -> None:
    process = start(
        "run", "models:make_fake", "--against", "models:Plain",
        "--modes", "invoke", "--fail-on", "1%", "--out", "out",
        cwd=folder,
    )  # fmt: skip
    _wait_for_a_round(folder / "out")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = cli("compare", "out", cwd=folder)
    assert again.returncode in {3, 4}
    assert "is incomplete" in again.stderr
    saved = read_record(folder / "out")
    assert saved.status == "incomplete"
    assert saved.comparison is not None
    assert saved.comparison.rounds >= 1


def test_one_that_was_stopped_says_so(
    start: Callable[..., "subprocess.Popen[str]"], folder: Path
) -> None:
    process = start(
        "run", "models:make_fake", "--against", "models:Plain",
        "--modes", "invoke", "--out", "out",
        cwd=folder,
    )  # fmt: skip
    _wait_for_a_round(folder / "out")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 2
    assert "stopped in pair 1" in err
    saved = read_record(folder / "out")
    assert saved.comparison is not None
    assert saved.comparison.stopped_by == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--against", "models:not_there"), "models:not_there: "),
        (("--against", "models:dies"), "status 7"),
        (("models:raises", "--against", "models:Plain"), "no licence"),
        (("--against", "no-such-thing"), "no commit that git knows"),
        (("--pairs", 5), "--against"),
        (("--fail-on", "1%"), "--against"),
        (("--against", "models:Plain", "--pairs", 1), "--pairs 1 is outside"),
        (("--against", "models:Plain", "--max-calls", 40), "20 shares of --max-calls 40"),
    ],
)
def test_bad_requests_are_refused_in_one_line(
    cli: Cli, folder: Path, arguments: tuple[object, ...], words: str
) -> None:
    ended = cli("run", *arguments, "--modes", "invoke", "--out", "out", cwd=folder)
    assert ended.returncode == 2
    said = [line for line in ended.stderr.splitlines() if line.startswith("parrot-bench: ")]
    assert len(said) == 1
    assert words in said[0]
    # Nothing but the output that the line speaks of is left.
    left = list((folder / "out").iterdir()) if (folder / "out").exists() else []
    assert [log for log in left if str(log) not in said[0]] == []
    assert bool(left) == ("its output is in" in said[0])


def test_saved_runs(cli: Cli, folder: Path) -> None:
    for name in ("a", "b"):
        ended = cli(
            "run", "models:Plain", "--modes", "invoke", "--time", 1.5, "--out", name, cwd=folder
        )
        assert ended.returncode == 0, ended.stderr
    ended = cli("compare", "a", "b", "--fail-on", "9000%", "--format", "json", cwd=folder)
    assert ended.returncode == 0
    found = json.loads(ended.stdout)
    assert (found["unit"], found["units"], found["gate"]) == ("run", 1, "pass")
    assert found["modes"][-1]["note"] == "fewer than three runs a side"
    shown = cli("compare", "a", "b", "--html", cwd=folder)
    assert shown.returncode == 0
    assert (folder / "b-vs-a" / "report.html").is_file()
    assert (folder / "b-vs-a" / "figures" / "differences.png").is_file()
    assert "b-vs-a/report.html" in shown.stdout.replace("\n", "")
    assert cli("compare", "a", "b", "--html", "--out", "page", cwd=folder).returncode == 0
    assert (folder / "page" / "comparison.json").is_file()
    refused = cli("compare", "a", "b", "--html", "--out", "a", cwd=folder)
    assert refused.returncode == 2
    assert "a is a run directory" in refused.stderr
    refused = cli("compare", "a", "b", "--out", "page", cwd=folder)
    assert refused.returncode == 2
    assert "add --html" in refused.stderr
    unlike = cli(
        "run",
        "models:Plain",
        "--modes",
        "invoke",
        "--time",
        1.5,
        "--prompt",
        "x",
        "--out",
        "c",
        cwd=folder,
    )
    assert unlike.returncode == 0
    refused = cli("compare", "a", "c", cwd=folder)
    assert refused.returncode == 2
    assert "prompt length (a: 256; c: 1)" in refused.stderr
    assert cli("compare", "a", "c", "--force", cwd=folder).returncode == 0
    for arguments, words in (
        (("a",), "was not made with --against"),
        (("a", "b", "c"), "no --vs"),
        (("a", "nothing"), "no record at nothing"),
    ):
        refused = cli("compare", *arguments, cwd=folder)
        assert refused.returncode == 2
        assert words in refused.stderr


def test_it_can_be_opened_before_its_first_round_is_finished(folder: Path) -> None:
    found: list[tuple[type[object], bool]] = []

    def watcher(following: Following, event: object) -> None:
        found.append((type(event), following.directory.record.exists()))

    request = Request(
        spec="models.py:Plain", against=("models.py:Plain",), modes=("invoke",), pairs=2
    )
    with chdir(folder):
        compare_sides(request, out=folder / "out", watcher=watcher)
    first = [kind for kind, _ in found].index(PairRound)
    assert found[first - 1] == (SidePlanned, True)
