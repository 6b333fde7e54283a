"""``parrot-bench load`` as a process: what is asked, printed, saved and left with."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from parrot_bench.record import RunDirectory, read_record
from tests.parrot_bench.conftest import environment
from tests.parrot_bench.models.served import WAITING

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

MODEL = (
    WAITING
    + """

class Failing(Waiting):
    async def _agenerate(self, *args, **kwargs):
        raise ConnectionError("nobody answers")


failing_later = Failing(messages=forever())
"""
)


@pytest.fixture
def loaded(folder: Path) -> Path:
    (folder / "served.py").write_text(MODEL, encoding="utf-8")
    return folder


def test_a_load_is_measured_saved_printed_and_reported(cli: Cli, loaded: Path) -> None:
    done = cli("load", "served:model", "--modes", "ainvoke", "--rate", "20", "--concurrency", "2",
               "--time", "1", "--slo", "latency=30s", "--seed", "5", "-y", "--out", "here",
               cwd=loaded)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plan: ainvoke with 2 in flight, 20/s; 2 s" in done.stderr
    assert "20/s" in done.stdout
    record = read_record(loaded / "here")
    assert record.status == "complete"
    assert record.load is not None
    closed, opened = record.load.levels
    assert (closed.concurrency, closed.rate, opened.rate) == (2, None, 20.0)
    assert opened.completed == opened.calls > 8
    assert record.configuration.load is not None
    assert record.configuration.load.objectives == ("latency=30s",)
    assert record.reconciliation is None  # no call beyond those that were planned
    calls = pl.read_parquet(loaded / "here" / "calls.parquet")
    assert calls.height == closed.calls + opened.calls
    assert calls.filter(pl.col("round") == 1)["scheduled_ns"].null_count() == 0
    html = (loaded / "here" / "report.html").read_text(encoding="utf-8")
    assert "Level by level" in html
    assert (loaded / "here" / "figures" / "load.svg").exists()
    # Made again from the run alone, it is the same.
    assert cli("report", "here", cwd=loaded).returncode == 0
    assert (loaded / "here" / "report.html").read_text(encoding="utf-8") == html
    markdown = cli("report", "here", "--format", "md", cwd=loaded).stdout
    assert "| `ainvoke` | 20/s |" in markdown


@pytest.mark.parametrize(
    ("model", "said"),
    [("nowhere:model", "nowhere"), ("served:missing", "served has no 'missing'")],
)
def test_what_is_no_model_is_said_before_anybody_is_asked(
    cli: Cli, loaded: Path, model: str, said: str
) -> None:
    done = cli("load", model, "--out", "here", cwd=loaded)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert "plan:" not in done.stderr
    assert "agree" not in done.stderr
    assert not (loaded / "here").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b"n\n", 0, ""),
        (b"\x03", 2, "stopped before the model was called; nothing is kept"),
        (b"y\n", 0, "ainvoke"),
    ],
)
def test_somebody_is_asked_once_the_model_is_there(
    loaded: Path, answer: bytes, status: int, said: str
) -> None:
    (loaded / "served.py").write_text(MODEL + "\nopen('loaded', 'w').close()\n", encoding="utf-8")
    at_a_terminal = (
        "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", at_a_terminal, sys.executable, "-m", "parrot_bench", "load",
         "served:model", "--modes", "ainvoke", "--rate", "20", "--time", "1", "--out", "here"],
        cwd=loaded, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    shown = b""
    while b"begin?" not in shown and (read := os.read(process.stdout.fileno(), 4096)):
        shown += read
    assert b"plan: ainvoke with 20/s; 1 s, about 20 calls" in shown
    assert (loaded / "loaded").exists()
    process.stdin.write(answer)
    process.stdin.flush()
    while read := os.read(process.stdout.fileno(), 4096):
        shown += read
    assert process.wait(60) == status, shown
    process.stdin.close()
    process.stdout.close()
    if answer == b"y\n":
        assert read_record(loaded / "here").status == "complete"
    else:
        assert said.encode() in shown
        assert not (loaded / "here").exists()


def test_errors_are_counted_and_too_many_fail_the_run(cli: Cli, loaded: Path) -> None:
    # The warm-up has to pass: it fails from the third call on.
    (loaded / "served.py").write_text(
        MODEL + "\nclass Later(Waiting):\n    async def _agenerate(self, *args, **kwargs):\n"
        "        self.__dict__['n'] = self.__dict__.get('n', 0) + 1\n"
        "        if self.__dict__['n'] > 4:\n            raise ConnectionError('nobody answers')\n"
        "        return self._generate(*args, **kwargs)\n\nlater = Later(messages=forever())\n",
        encoding="utf-8",
    )
    words = ("load", "served:later", "--modes", "ainvoke", "--rate", "20", "--arrivals", "constant",
             "--time", "1", "-y")  # fmt: skip
    done = cli(*words, "--out", "here", cwd=loaded)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "18 ConnectionError" in done.stdout
    assert "90.0% of the calls failed, over --max-errors 1.0%" in done.stderr
    record = read_record(loaded / "here")
    assert record.load is not None
    assert record.load.levels[0].errors == {"ConnectionError": 18}
    assert cli(*words, "--max-errors", "95%", "--out", "there", cwd=loaded).returncode == 0


def test_what_cannot_be_loaded_at_all_is_one_line(cli: Cli, loaded: Path) -> None:
    done = cli("load", "served:failing_later", "--modes", "ainvoke", "-y", cwd=loaded)
    assert done.returncode == 2
    assert "no mode could be loaded: ainvoke: ConnectionError: nobody answers" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((loaded / "runs").glob("*/run.json"))


def test_a_ramp_with_made_up_prompts_within_a_bound_of_tokens(cli: Cli, loaded: Path) -> None:
    done = cli("load", "--modes", "ainvoke", "--concurrency", "1..3,2", "--time", "1",
               "--prompt-lengths", "20:60", "--max-tokens", "20000", "-y", "--out", "here",
               cwd=loaded)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plan: ainvoke with 1 to 3, 2 in flight" in done.stderr
    assert "tokens a prompt, at most 20,000 in all" in done.stderr
    assert "--max-tokens 20000 was used up: no call was made after that" in done.stdout
    record = read_record(loaded / "here")
    assert record.load is not None
    assert record.load.levels[0].ramp
    assert record.load.used_up == "--max-tokens 20000"
    asked = record.configuration.load
    assert asked is not None
    assert (asked.prompt_lengths, asked.max_tokens) == ("20:60", 20_000)
    calls = pl.read_parquet(loaded / "here" / "calls.parquet")
    spent = calls["tokens"].sum() + calls["input_tokens"].sum()
    assert 18_000 < spent <= 20_000
    assert calls["input_tokens"].n_unique() > 20
    html = (loaded / "here" / "report.html").read_text(encoding="utf-8")
    assert "1 in flight ↗" in html


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "fast"), "--rate: 'fast' is not a rate; give"),
        (("--concurrency", "0"), "--concurrency: '0' is no number of calls in flight"),
        (("--concurrency", "8..2"), "--concurrency: the ramp '8..2' does not rise"),
        (("--prompt-lengths", "long"), "--prompt-lengths: 'long' are no lengths of prompts; give"),
        (
            ("--prompt-lengths", "20", "--prompt", "hello"),
            "both --prompt and --prompt-lengths are given; give one",
        ),
        (
            ("--slo", "ttft=1s"),
            "--slo: 'ttft=1s' is not an objective; give one of latency, ttfc, itl",
        ),
        (("--trace", "nowhere"), "nowhere cannot be read: No such file"),
        (("--trace", "served.py", "--rate", "1"), "--trace has its own arrivals"),
        (("--arrivals", "bursty"), "--arrivals 'bursty' is none"),
        (("--modes", "invoice"), "did you mean invoke?"),
        ((), "nobody is there to agree to the plan; add --yes"),
    ],
)
def test_bad_input_is_one_line(cli: Cli, loaded: Path, options: tuple[str, ...], said: str) -> None:
    agreed = ("-y",) if options else ()
    done = cli("load", "served:model", *options, *agreed, cwd=loaded)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_load_is_no_study_of_a_run(cli: Cli, loaded: Path) -> None:
    done = cli("run", "--studies", "load", cwd=loaded)
    assert done.returncode == 2
    assert "parrot-bench load" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_load_that_is_killed_keeps_its_calls(start: Start, cli: Cli, loaded: Path) -> None:
    process = start("load", "served:model", "--modes", "ainvoke", "--rate", "50", "--time", "60",
                    "-y", "--out", "here", cwd=loaded)  # fmt: skip
    journal = RunDirectory(loaded / "here").journal
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        journal.exists() and journal.read_bytes().count(b'"started_ns"') > 40
    ):
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    time.sleep(1.5)
    finished = journal.read_bytes().count(b'"started_ns"')
    assert cli("report", "here", cwd=loaded).returncode == 0
    record = read_record(loaded / "here")
    assert record.status == "incomplete"
    assert record.load is not None
    assert record.load.levels[0].calls == finished
    assert json.loads((loaded / "here" / "run.json").read_bytes())["load"]["levels"]


LEAKING = """
import os
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage


def forever():
    while True:
        yield AIMessage("hello planted-reply friend")


class Leaking(GenericFakeChatModel):
    api_key: str = os.environ["PLANTED_KEY"]
    calls: int = 0

    async def _agenerate(self, *args, **kwargs):
        self.calls += 1
        if self.calls > 5 and self.calls % 3 == 0:
            raise ConnectionError(f"401 for key {self.api_key} at https://u:{self.api_key}@host/")
        return self._generate(*args, **kwargs)


model = Leaking(messages=forever())
"""


def test_no_credential_prompt_or_reply_is_left_behind(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_KEY", "sk-planted-0123456789abcdef")
    (folder / "leaking.py").write_text(LEAKING, encoding="utf-8")
    (folder / "prompts.txt").write_text("a planted-prompt\n", encoding="utf-8")
    done = cli("load", "leaking:model", "--modes", "ainvoke", "--rate", "20", "--time", "1",
               "--prompts", "prompts.txt", "--max-errors", "90%", "-y", "--out", "here",
               cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ConnectionError" in done.stdout
    left = [done.stdout, done.stderr]
    for path in (folder / "here").rglob("*"):
        if path.suffix == ".parquet":
            left.append(str(pl.read_parquet(path).to_dicts()))
        elif path.is_file():
            left.append(path.read_bytes().decode("utf-8", "replace"))
    assert len(left) > 7
    for text in left:
        assert "planted" not in text
