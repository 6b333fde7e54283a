"""The command line as a user meets it: real processes, real models, bad input."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from parrot_bench.record import RunDirectory, RunRecord, read_record
from tests.parrot_bench.conftest import environment

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

QUICK = (
    *("--time", "2", "--modes", "invoke,ainvoke,astream,batch", "--batch-size", "4"),
    *("--studies", "overhead"),
)


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """The one clear line of a command that was refused."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("parrot-bench: ")
    return lines[0]


def test_a_run_leaves_everything(cli: Cli, folder: Path) -> None:
    done = cli("run", *QUICK, "--out", "here", "--seed", 5, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    here = RunDirectory(folder / "here")
    record = here.read_record()
    assert record.status == "complete"
    assert record.configuration.seed == 5
    assert record.environment.hash_seed.isdigit()
    assert record.command[:2] == ("parrot-bench", "run")
    assert record.overhead is not None
    assert {mode.mode for mode in record.overhead.modes} == {
        "invoke",
        "ainvoke",
        "astream",
        "batch",
    }
    assert record.reconciliation is not None
    assert record.reconciliation.agrees
    assert record.reconciliation.delivered
    for path in (here.samples, here.calls, here.spans, here.report, here.summary):
        assert path.stat().st_size, path
    assert {path.suffix for path in here.figures.iterdir()} == {".svg", ".png"}
    assert not here.log.exists()
    assert "trust:" in done.stdout
    assert "ainvoke" in done.stdout
    assert "report.html" in done.stdout
    assert "30 calls = 30 spans" in done.stdout or "34 calls = 34 spans" in done.stdout


def test_a_saved_run_is_reported_again_to_the_byte(cli: Cli, folder: Path) -> None:
    cli("run", *QUICK, "--out", "here", cwd=folder)
    page = folder / "here" / "report.html"
    first = page.read_bytes()
    page.unlink()
    assert cli("report", "here", cwd=folder).returncode == 0
    assert page.read_bytes() == first


def test_somebody_elses_model_behind_a_factory(cli: Cli, folder: Path) -> None:
    done = cli("run", "models:make_fake", "--time", 2, "--out", "here", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(folder / "here")
    assert record.model is not None
    assert record.model.second_instance == "the factory called again"
    assert record.reconciliation is not None
    assert record.reconciliation.agrees


def test_a_model_of_langchains_own_that_answers_with_a_human_message(
    cli: Cli, folder: Path
) -> None:
    spec = "langchain_core.language_models.fake_chat_models:ParrotFakeChatModel"
    done = cli("run", spec, "--time", 2, "--out", "here", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(folder / "here")
    unavailable = {mode.name: mode.unavailable for mode in record.modes if mode.unavailable}
    assert "_stream" in unavailable["direct_stream"]
    assert record.failures == {}
    assert record.reconciliation is not None
    assert record.reconciliation.agrees


def test_a_model_in_a_file(cli: Cli, folder: Path) -> None:
    done = cli(
        "run", "models.py:slow", "--time", 4, "--modes", "invoke", "--out", "here", cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(folder / "here")
    assert record.model is not None
    assert record.model.waits
    assert record.model.second_instance == "a shallow copy"


def test_a_slow_model_has_its_plan_shown_first(cli: Cli, folder: Path) -> None:
    done = cli(
        "run", "models:slow", "--time", 2, "--modes", "invoke,ainvoke,batch", "--max-calls", 60,
        "--out", "here", cwd=folder,
    )  # fmt: skip
    plan = next(line for line in done.stdout.splitlines() if line.startswith("plan:"))
    assert "calls in all" in plan
    assert "No verdict is given under 10 rounds: use --time" in done.stdout
    assert done.stdout.index("plan:") < done.stdout.index("trust:")


def test_modes_lists_what_a_model_has(cli: Cli, folder: Path) -> None:
    done = cli("modes", "models:slow", cwd=folder)
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "deprecated" in lines["astream_log"]
    assert "beta" in lines["stream_events_v3"]
    assert "not available" in lines["direct_stream"]
    assert "floor" in lines["direct_generate"]


# -- bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--modes", "ainvok"], ["ainvok", "did you mean ainvoke"]),
        (["--baseline", "nothing"], ["nothing", "invoke"]),
        (["--studies", "soak"], ["unknown study 'soak'", "overhead"]),
        (["--studies", "load"], ["the study load has a command of its own", "parrot-bench load"]),
        (["nowhere:model"], ["nowhere"]),
        (["models"], ["models", "module:attr"]),
        (["models:missing"], ["missing"]),
        (["models:not_a_model"], ["not_a_model", "dict"]),
        (["models:raises"], ["RuntimeError", "no licence"]),
        (["absent.py:model"], ["absent.py"]),
        (["models:all_broken"], ["invoke", "sync is broken", "--baseline"]),
        (["models:slow", "--reply-length", "5"], ["--reply-length 5", "max_tokens"]),
        (["--max-calls", "0"], ["--max-calls 0"]),
        (["--max-calls", "30"], ["--max-calls 30", "raise it"]),
        (["--prompt", ""], ["--prompt is empty"]),
        (["--otlp", "not a url"], ["not a url"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_clear_line(
    cli: Cli, folder: Path, arguments: list[str], words: list[str]
) -> None:
    line = complaint(cli("run", *arguments, "--time", 2, "--out", "here", cwd=folder))
    assert all(word in line for word in words), line
    assert not (folder / "here" / "run.json").exists()


@pytest.mark.parametrize(
    "arguments", [["--time", "soon"], ["--target", "small"], ["--prompt", "@absent.txt"]]
)
def test_an_option_that_is_not_a_number_is_usage(
    cli: Cli, folder: Path, arguments: list[str]
) -> None:
    done = cli("run", *arguments, cwd=folder)
    assert done.returncode == 2
    assert arguments[1].lstrip("@") in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_folder_that_is_in_use_is_left_alone(cli: Cli, folder: Path) -> None:
    (folder / "here").mkdir()
    (folder / "here" / "thesis.txt").write_text("years of work", encoding="utf-8")
    line = complaint(cli("run", *QUICK, "--out", "here", cwd=folder))
    assert "here is not empty" in line
    assert [path.name for path in (folder / "here").iterdir()] == ["thesis.txt"]


def test_an_output_folder_that_cannot_be_made(cli: Cli, folder: Path) -> None:
    (folder / "file").write_text("", encoding="utf-8")
    line = complaint(cli("run", *QUICK, "--out", "file/here", cwd=folder))
    assert "cannot be written" in line
    assert "--out" in line


def test_reporting_what_is_no_run(cli: Cli, folder: Path) -> None:
    assert "absent cannot be read" in complaint(cli("report", "absent", cwd=folder))
    (folder / "run.json").write_text('{"schema_version": 99}', encoding="utf-8")
    assert "schema version 2" in complaint(cli("report", ".", cwd=folder))
    (folder / "run.json").write_text("{", encoding="utf-8")
    assert "run.json" in complaint(cli("report", ".", cwd=folder))


def test_a_mode_that_raises_is_left_out_and_the_run_goes_on(cli: Cli, folder: Path) -> None:
    done = cli(
        "run", "models:async_broken", "--time", 2, "--modes", "invoke,ainvoke,batch",
        "--out", "here", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ainvoke is left out: ValueError: async is broken" in done.stdout
    record = read_record(folder / "here")
    assert record.status == "complete"
    assert record.failures == {"ainvoke": "ValueError: async is broken"}


def test_a_mode_that_hangs_is_left_out_and_the_run_goes_on(cli: Cli, folder: Path) -> None:
    done = cli(
        "run", "models:hangs", "--time", 2, "--modes", "invoke,ainvoke,batch",
        "--call-limit", "500ms", "--out", "here", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ainvoke is left out: no reply within 0.5 s" in done.stdout


def test_a_reply_of_no_length_is_measured(cli: Cli, folder: Path) -> None:
    done = cli("run", "--reply-length", 0, "--time", 3, "--out", "here", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(folder / "here")
    assert record.failures == {}
    assert record.reconciliation is not None
    assert record.reconciliation.agrees


def test_a_model_that_prints_does_not_disturb(cli: Cli, folder: Path) -> None:
    done = cli(
        "run", "models:make_noisy", "--time", 2, "--modes", "invoke", "--out", "here", cwd=folder
    )
    assert done.returncode == 0
    assert "xxxx" not in done.stdout + done.stderr
    assert "x" * 100_000 in (folder / "here" / "worker.log").read_text(encoding="utf-8")


def test_a_model_that_takes_the_process_down(cli: Cli, folder: Path) -> None:
    line = complaint(cli("run", "models:dies", "--time", 2, "--out", "here", cwd=folder))
    assert "ended with status 7" in line
    assert "the driver is gone" in line
    # Nothing was measured, but the output that the line speaks of is there.
    assert [path.name for path in (folder / "here").iterdir()] == ["worker.log"]
    assert f"its output is in {Path('here') / 'worker.log'}" in line
    assert "the driver is gone" in (folder / "here" / "worker.log").read_text(encoding="utf-8")


def test_a_collector_that_is_away_costs_no_span(cli: Cli, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    done = cli("run", *QUICK, "--out", "here", "--otlp", endpoint, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(folder / "here")
    assert record.status == "complete"
    assert record.reconciliation is not None
    by_exporter = {d.exporter.split()[0]: d for d in record.reconciliation.deliveries}
    assert by_exporter["otlp"].exported == 0
    assert by_exporter["otlp"].error
    assert by_exporter["spans.jsonl"].exported == record.reconciliation.ended
    assert "were not delivered" in done.stdout
    saved = sum(
        len(scope["spans"])
        for line in (folder / "here" / "spans.jsonl").read_text(encoding="utf-8").splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
    )
    assert saved == record.reconciliation.ended


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_keeps_its_rounds_and_still_reports(
    start: Start, folder: Path, number: signal.Signals
) -> None:
    process = start("run", "--time", 60, "--modes", "invoke,ainvoke", "--out", "here",
                    "--target", "0.0001", cwd=folder)  # fmt: skip
    wait_for(folder / "here" / "run.json")
    time.sleep(2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert "Traceback" not in err
    record = read_record(folder / "here")
    assert record.status == "incomplete"
    assert err.strip() == f"parrot-bench: {record.status_note}; they are kept in here"
    assert record.status_note.startswith("stopped by")
    assert record.overhead is not None
    assert record.overhead.rounds > 20
    assert record.overhead.stopped_by == "interrupted"
    assert (folder / "here" / "report.html").stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_run_that_is_stopped_before_its_first_round_leaves_nothing(
    start: Start, folder: Path
) -> None:
    (folder / "late.py").write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    process = start("run", "late:model", "--out", "here", cwd=folder)
    wait_for(folder / "here" / "worker.log")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert err.strip() == "parrot-bench: stopped before the model was called; nothing is kept"
    assert not (folder / "here").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_run_that_is_killed_leaves_a_directory_that_opens(
    start: Start, cli: Cli, folder: Path
) -> None:
    process = start("run", "--time", 60, "--modes", "invoke,ainvoke", "--out", "here",
                    "--target", "0.0001", cwd=folder)  # fmt: skip
    wait_for(folder / "here" / "samples.parquet")
    process.kill()
    process.communicate(timeout=30)
    assert read_record(folder / "here").status == "incomplete"
    done = cli("report", "here", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "incomplete" in (folder / "here" / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("after_s", [0.0, 0.4, 1.1])
def test_a_run_that_is_killed_loses_no_finished_round(
    start: Start, cli: Cli, folder: Path, after_s: float
) -> None:
    process = start("run", "--time", 60, "--modes", "invoke,ainvoke", "--out", "here",
                    "--target", "0.0001", cwd=folder)  # fmt: skip
    journal = folder / "here" / "journal.jsonl"
    wait_for(journal, holding=b"RoundTaken")
    time.sleep(after_s)
    process.kill()
    process.communicate(timeout=30)
    wait_until_still(journal)
    finished = [line for line in journal.read_bytes().splitlines() if b'"RoundTaken"' in line]
    done = cli("report", "here", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(folder / "here")
    assert record.status == "incomplete"
    assert record.status_note == f"killed after {len(finished)} rounds"
    assert record.overhead is not None
    assert record.overhead.rounds == len(finished)
    samples = pl.read_parquet(folder / "here" / "samples.parquet")
    assert samples["round"].n_unique() == len(finished)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_run_of_several_processes_that_is_killed_loses_no_finished_round(
    start: Start, cli: Cli, folder: Path
) -> None:
    process = start("run", "--time", 30, "--modes", "invoke", "--studies", "overhead",
                    "--processes", 3, "--target", "0.01%", "--out", "here", cwd=folder)  # fmt: skip
    journals = [folder / "here" / name for name in ("journal.jsonl", "journal-01.jsonl")]
    wait_for(journals[1], holding=b"RoundTaken")
    process.kill()
    process.communicate(timeout=30)
    wait_until_still(journals[1])
    own, others = (path.read_bytes().count(b'"RoundTaken"') for path in journals)
    assert cli("report", "here", cwd=folder).returncode == 0
    samples = pl.read_parquet(folder / "here" / "samples.parquet")
    found = {
        process: rounds["round"].n_unique() for (process,), rounds in samples.group_by("process")
    }
    assert found == {0: own, 1: others}


@pytest.mark.skipif(sys.platform == "win32", reason="limits files as POSIX does")
@pytest.mark.parametrize("kilobytes", [8, 60])
def test_a_disk_that_takes_no_more_is_one_line_and_loses_no_finished_round(
    cli: Cli, folder: Path, kilobytes: int
) -> None:
    words = ["run", "--time", "3", "--modes", "invoke,ainvoke", "--studies", "overhead",
             "--target", "0.0001", "--out", "here"]  # fmt: skip
    limited = f'ulimit -f {kilobytes * 2}; exec "$@"'  # in blocks of 512 bytes
    done = subprocess.run(
        ["sh", "-c", limited, "sh", sys.executable, "-m", "parrot_bench", *words],
        cwd=folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("parrot-bench: ")]
    assert len(said) == 1, done.stderr
    assert "File too large" in said[0]
    assert "Traceback" not in done.stderr
    journal = folder / "here" / "journal.jsonl"
    finished = journal.read_bytes().count(b'"RoundTaken"') if journal.exists() else 0
    opened = cli("report", "here", cwd=folder)
    assert opened.returncode == 0, opened.stderr
    record = read_record(folder / "here")
    assert record.overhead is not None
    if finished:
        assert record.status == "incomplete"
        assert record.overhead.rounds in {finished - 1, finished}
    else:  # there was room for the tables, and none for the journal or for the page
        assert record.overhead.rounds > 10


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_comparison_that_is_killed_loses_no_finished_round(
    start: Start, cli: Cli, folder: Path
) -> None:
    process = start("run", "models:slow", "--against", "models:slow", "--modes", "invoke",
                    "--out", "here", cwd=folder)  # fmt: skip
    journal = folder / "here" / "journal.jsonl"
    wait_for(journal, holding=b"PairRound")
    time.sleep(1)
    process.kill()
    process.communicate(timeout=30)
    finished = journal.read_bytes().count(b'"event":"PairRound"')
    done = cli("compare", "here", cwd=folder)
    assert done.returncode in {0, 3, 4}, done.stdout + done.stderr
    record = read_record(folder / "here")
    assert record.comparison is not None
    assert record.comparison.rounds == finished
    samples = pl.read_parquet(folder / "here" / "samples.parquet")
    for side in ("candidate", "baseline"):
        own = samples.filter(pl.col("side") == side)
        assert own.select("process", "round").n_unique() == finished


def wait_for(path: Path, holding: bytes = b"") -> None:
    deadline = time.monotonic() + 60
    while not path.exists() or holding not in path.read_bytes():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.05)


def wait_until_still(path: Path) -> None:
    """Wait for a worker whose parent is gone; it ends when it next has something to tell."""
    size = -1
    while size != (size := path.stat().st_size):
        time.sleep(1)


def test_without_the_bench_extra_it_says_which_line_to_type(tmp_path: Path) -> None:
    # A finder that does not find one library stands for an environment without it.
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "def find_spec(name, path=None, target=None):\n"
        "    return None if name == 'typer' else find(name, path, target)\n"
        "PathFinder.find_spec = find_spec\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "parrot_bench", "run"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])},
    )
    line = complaint(done)
    assert "pip install 'parrot-bench[bench]'" in line
    assert "typer" in line


def test_for_machines_the_record_and_nothing_else(cli: Cli, folder: Path) -> None:
    asked = ("run", "models:Plain", "--modes", "invoke", "--studies", "overhead", "--time", 1.5)
    ended = cli(*asked, "--format", "json", "--quiet", "--out", "quiet", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    record = RunRecord.model_validate_json(ended.stdout)
    assert record == read_record(folder / "quiet")
    assert ended.stderr.split() == ["report:", "quiet/report.html"]
    again = cli("report", "quiet", "--format", "json", cwd=folder)
    assert again.stdout == ended.stdout
    summary = cli("report", "quiet", "--format", "md", cwd=folder)
    assert summary.stdout == (folder / "quiet" / "summary.md").read_text(encoding="utf-8")
    told = cli(*asked, "--format", "md", "--out", "told", cwd=folder)
    assert told.stdout == (folder / "told" / "summary.md").read_text(encoding="utf-8")
    assert "\x1b" not in told.stderr
