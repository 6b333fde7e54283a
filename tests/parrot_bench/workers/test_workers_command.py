"""``parrot-bench load`` with several workers, as processes: together, and when one of them dies."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from otlp_receiver import Received, http_receiver

from parrot_bench.load import Level, LoadPlan
from parrot_bench.record import LoadResult, RunDirectory, RunRecord, read_record
from parrot_bench.studies.load.taking import WARM_UP
from tests.parrot_bench.models.served import WAITING

pytest.importorskip("distributed")

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

MODEL = (
    WAITING
    + """
import os


def on_one_alone():
    try:
        os.close(os.open("taken", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        raise RuntimeError("no licence for a second one") from None
    return model


def takes_the_process_down():
    print("fatal: the driver is gone", flush=True)
    os._exit(7)
"""
)

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


@pytest.fixture
def loaded(folder: Path) -> Path:
    (folder / "served.py").write_text(MODEL, encoding="utf-8")
    return folder


@pytest.fixture
def receiver() -> Iterator[Received]:
    with http_receiver() as received:
        yield received


def saved(folder: Path) -> tuple[RunRecord, LoadResult, pl.DataFrame]:
    record = read_record(folder)
    assert record.load is not None
    return record, record.load, pl.read_parquet(folder / "calls.parquet")


def told(directory: Path, calls: int, process: "subprocess.Popen[str]") -> None:
    """Wait until so many calls have been told of."""
    journal = RunDirectory(directory).journal
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b'"started_ns"') > calls:
            return
        time.sleep(0.1)
    raise AssertionError(process.communicate(timeout=5))


def timed_processes(parent: int) -> list[psutil.Process]:
    below = psutil.Process(parent).children(recursive=True)
    return [process for process in below if "parrot_bench.worker" in process.cmdline()]


def test_two_workers_make_the_calls_of_one(cli: Cli, loaded: Path, receiver: Received) -> None:
    done = cli("load", "served:model", "--modes", "ainvoke", "--rate", "40", "--concurrency", "1,3",
               "--time", "1", "--seed", "5", "--workers", "2", "--otlp", receiver.url, "-y",
               "--out", "here", cwd=loaded)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "on 2 workers" in done.stdout
    record, load, calls = saved(loaded / "here")
    assert record.status == "complete"
    one, three, opened = load.levels
    # A level with one call in flight is made by one worker.
    assert [level.workers for level in load.levels] == [1, 2, 2]
    assert (one.peak, three.peak) == (1, 3)
    assert calls.height == sum(level.calls for level in load.levels)
    assert set(calls["worker"]) == {"worker-0", "worker-1"}
    # Each makes every second arrival of the one schedule, and they begin together.
    schedule = LoadPlan(levels=(), level_s=1.0).schedule(Level(rate=40.0), 5 + 2)
    made = calls.filter(pl.col("round") == 2).sort("scheduled_ns")
    assert [at - opened.begun_ns for at in made["scheduled_ns"]] == [
        round(at * 1e9) for at in schedule
    ]
    assert made["worker"].to_list() == ["worker-0", "worker-1"] * (len(schedule) // 2) + [
        "worker-0"
    ] * (len(schedule) % 2)
    assert opened.due == opened.completed == len(schedule)
    # Who they are, and how far their clocks are off.
    assert [worker.name for worker in load.workers] == ["worker-0", "worker-1"]
    assert len({worker.pid for worker in load.workers}) == 2
    assert sum(worker.calls for worker in load.workers) == calls.height
    for worker in load.workers:
        assert worker.busy is not None
        assert worker.offset_ns is not None
        assert worker.uncertainty_ns is not None
        assert worker.drift_ns is not None
        # Processes of one machine share a clock.
        assert abs(worker.offset_ns) <= worker.uncertainty_ns
    # Every span has arrived, and says whose it is.
    spans: dict[str, int] = {}
    for request in receiver.taken:
        for each in request.resource_spans:
            attributes = {item.key: item.value for item in each.resource.attributes}
            name = attributes["service.instance.id"].string_value
            assert attributes["process.pid"].int_value in {worker.pid for worker in load.workers}
            assert attributes["host.name"].string_value
            spans[name] = spans.get(name, 0) + sum(len(scope.spans) for scope in each.scope_spans)
    assert spans == {export.worker: export.exported for export in load.exports}
    assert sum(spans.values()) == calls.height + 2 * 2  # with the warm-up of each
    assert any(condition.name == "--otlp" and condition.kept for condition in record.conditions)
    html = (loaded / "here" / "report.html").read_text(encoding="utf-8")
    assert "worker-1" in html
    assert not list((loaded / "here").glob("*.log"))


@POSIX
@pytest.mark.parametrize("which", ["timed process", "Dask worker"])
def test_a_worker_that_is_killed_is_named_and_its_calls_are_lost(
    start: Start, loaded: Path, which: str
) -> None:
    process = start("load", "served:model", "--modes", "ainvoke", "--rate", "50,20", "--time", "3",
                    "--arrivals", "constant", "--workers", "2", "-y", "--out", "here",
                    cwd=loaded)  # fmt: skip
    told(loaded / "here", 10, process)
    victim = timed_processes(process.pid)[0]
    dead = victim.pid
    if which == "Dask worker":
        parent = victim.parent()
        assert parent is not None
        os.kill(parent.pid, signal.SIGKILL)
    else:
        os.kill(dead, signal.SIGKILL)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 1, out + err
    assert "of the calls failed, over --max-errors 1.0%" in err
    record, load, calls = saved(loaded / "here")
    assert record.status == "complete"
    first, second = load.levels
    (gone,) = [worker for worker in load.workers if worker.ended]
    (left,) = [worker for worker in load.workers if not worker.ended]
    assert gone.pid == dead
    # Every call that was due is there, and those of the dead one are failed.
    assert first.due == first.calls == 150
    assert first.errors == {"worker lost": gone.lost}
    assert first.lost == gone.lost > 0
    assert first.completed == 150 - gone.lost >= 75
    assert first.verdict == "client-bound"
    assert set(calls.filter(pl.col("error") != "")["worker"]) == {gone.name}
    # The other one makes what follows, all of it.
    assert (second.workers, second.calls, second.completed) == (1, 60, 60)
    assert not left.lost
    assert f"{gone.name} was lost" in out
    assert any(check.name == "workers" and gone.name in check.sentence for check in record.trust)
    assert gone.name in (loaded / "here" / "report.html").read_text(encoding="utf-8")
    if which == "Dask worker":
        assert not psutil.pid_exists(dead)  # it makes no calls that nobody counts


@POSIX
def test_when_all_workers_die_what_there_is_is_kept(start: Start, loaded: Path) -> None:
    process = start("load", "served:model", "--modes", "ainvoke", "--concurrency", "4,4", "--time",
                    "60", "--workers", "2", "-y", "--out", "here", cwd=loaded)  # fmt: skip
    told(loaded / "here", 10, process)
    for each in timed_processes(process.pid):
        each.kill()
    out, err = process.communicate(timeout=90)
    assert process.returncode == 2, out + err
    assert "every worker was lost" in err
    record, load, _ = saved(loaded / "here")
    assert record.status == "incomplete"
    assert load.levels[0].lost == 4  # one a caller
    assert all(worker.ended for worker in load.workers)


@POSIX
def test_a_load_of_workers_is_stopped_and_kept(start: Start, loaded: Path) -> None:
    process = start("load", "served:model", "--modes", "ainvoke", "--rate", "50", "--time", "60",
                    "--workers", "2", "-y", "--out", "here", cwd=loaded)  # fmt: skip
    told(loaded / "here", 10, process)
    timed = timed_processes(process.pid)
    # As a terminal does it: every process of the run is told.
    for each in [*psutil.Process(process.pid).children(recursive=True), process]:
        each.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert "Traceback" not in err
    record, load, _ = saved(loaded / "here")
    assert record.status == "incomplete"
    assert "stopped by Ctrl-C" in record.status_note
    assert load.levels[0].completed > 10
    assert not load.levels[0].lost
    gone, alive = psutil.wait_procs(timed, timeout=10)
    assert not alive, gone


def test_never_more_calls_than_were_allowed(cli: Cli, loaded: Path) -> None:
    done = cli("load", "served:model", "--modes", "ainvoke", "--rate", "100", "--time", "1",
               "--max-calls", "21", "--workers", "2", "-y", "--out", "here",
               cwd=loaded)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert saved(loaded / "here")[1].levels[0].calls == 21 - 2 * 2


def test_a_worker_that_cannot_load_the_model_is_named(cli: Cli, loaded: Path) -> None:
    done = cli("load", "served:on_one_alone", "--modes", "ainvoke", "--workers", "2", "-y", "--out",
               "here", cwd=loaded)  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no licence for a second one" in done.stderr
    assert "parrot-bench: worker-" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (loaded / "here").exists()


def test_the_log_of_a_worker_that_dies_before_the_load_stays(cli: Cli, loaded: Path) -> None:
    done = cli("load", "served:takes_the_process_down", "--workers", "1", "-y", "--out", "here",
               cwd=loaded)  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    log = loaded / "here" / "worker-0.log"
    assert f"its output is in {log}" in done.stderr
    assert "the driver is gone" in log.read_text(encoding="utf-8")
    assert list((loaded / "here").iterdir()) == [log]


@pytest.fixture
def cluster(loaded: Path, start: Start) -> Iterator[str]:
    """A scheduler and two workers as somebody would start them; its address."""
    processes = []
    where = loaded / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(module: str, *arguments: str, **more: str) -> None:
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
                cwd=loaded,
                env={**environment, **more},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    try:
        run("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", str(where))  # fmt: skip
        deadline = time.monotonic() + 60
        while not where.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        address = json.loads(where.read_text(encoding="utf-8"))["address"]
        for _ in range(2):
            # The environment of a worker is its own: nothing of ours is sent there.
            run("dask_worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard",
                THEIR_KEY="theirs")  # fmt: skip
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_the_workers_of_a_running_cluster(
    cluster: str, start: Start, cli: Cli, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (loaded / "elsewhere.py").write_text(
        MODEL + "\nassert os.environ['THEIR_KEY'] == 'theirs'\n"
        "assert 'OUR_KEY' not in os.environ\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("OUR_KEY", "ours")
    monkeypatch.setenv("THEIR_KEY", "not theirs")
    done = cli("load", "elsewhere:model", "--modes", "ainvoke", "--rate", "40", "--time", "1",
               "--scheduler", cluster, "-y", "--out", "here", cwd=loaded)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record, load, calls = saved(loaded / "here")
    assert len(load.workers) == 2
    assert set(calls["worker"]) == {"worker-0", "worker-1"}
    assert record.configuration.load is not None
    assert record.configuration.load.scheduler == cluster
    # Asked for one of them, it is one; asked for three, there are too few.
    done = cli("load", "elsewhere:model", "--modes", "ainvoke", "--rate", "40", "--time", "1",
               "--scheduler", cluster, "--workers", "1", "-y", "--out", "one",
               cwd=loaded)  # fmt: skip
    assert len(saved(loaded / "one")[1].workers) == 1
    done = cli("load", "elsewhere:model", "--scheduler", cluster, "--workers", "3", "-y",
               "--out", "three", cwd=loaded)  # fmt: skip
    assert done.returncode == 2
    assert "has 2 workers, and --workers asks for 3" in done.stderr


NUMBERED = """
import asyncio
import os
from uuid import uuid4
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Numbered(BaseChatModel):
    @property
    def _llm_type(self):
        return "numbered"

    def _generate(self, *args, **kwargs):
        number = uuid4().hex
        with open(f"answers-{os.getpid()}.txt", "a") as file:
            print(number, file=file)
        message = AIMessage("hello", response_metadata={"id": number})
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, *args, **kwargs):
        await asyncio.sleep(0.005)
        return self._generate()


model = Numbered()
"""
"""Writes down the number of each of its answers, which the answer's span has as well."""


def test_every_span_of_a_running_cluster_arrives_once(
    cluster: str, cli: Cli, loaded: Path, receiver: Received
) -> None:
    (loaded / "numbered.py").write_text(NUMBERED, encoding="utf-8")
    done = cli("load", "numbered:model", "--modes", "ainvoke", "--rate", "60", "--concurrency", "4",
               "--time", "1", "--scheduler", cluster, "--otlp", receiver.url, "-y", "--out",
               "here", cwd=loaded)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record, load, calls = saved(loaded / "here")
    workers = {worker.name: worker for worker in load.workers}
    resources: dict[str, set[tuple[int, str]]] = {}
    arrived: dict[str, list[str]] = {}
    spans = set()
    for request in receiver.taken:
        for each in request.resource_spans:
            resource = {item.key: item.value for item in each.resource.attributes}
            name = resource["service.instance.id"].string_value
            who = (resource["process.pid"].int_value, resource["host.name"].string_value)
            resources.setdefault(name, set()).add(who)
            for span in (span for scope in each.scope_spans for span in scope.spans):
                spans.add((span.trace_id, span.span_id))
                said = {item.key: item.value.string_value for item in span.attributes}
                arrived.setdefault(name, []).append(said["gen_ai.response.id"])
    # One resource a worker: the timed process that made its calls, and not Dask's.
    assert resources == {name: {(each.pid, each.host)} for name, each in workers.items()}
    assert len(workers) == len({pid for [(pid, _)] in resources.values()}) == 2
    for name, worker in workers.items():
        answered = (loaded / f"answers-{worker.pid}.txt").read_text(encoding="utf-8").split()
        assert sorted(arrived[name]) == sorted(answered)
        assert len(answered) == worker.calls + WARM_UP
    assert len(spans) == calls.height + 2 * WARM_UP
    # Who has sent its last one first is a matter of chance.
    assert {(each.worker, each.ended, each.exported) for each in load.exports} == {
        (name, worker.calls + WARM_UP, worker.calls + WARM_UP) for name, worker in workers.items()
    }
    assert len(load.exports) == len(workers)
    assert any(f"All {len(spans)} spans delivered" in check.sentence for check in record.trust)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scheduler", "tcp://127.0.0.1:9"), "--scheduler tcp://127.0.0.1:9 does not answer"),
        (
            ("--scheduler", "nowhere"),
            "--scheduler 'nowhere' is no address; give one such as tcp://",
        ),
        (
            ("--workers", "2", "--otlp", "http://user:secret@127.0.0.1:4318"),
            "--otlp has a user or password in it, which is not sent to workers",
        ),
    ],
)
def test_bad_input_is_one_line(cli: Cli, loaded: Path, options: tuple[str, ...], said: str) -> None:
    done = cli("load", "served:model", *options, "-y", "--out", "here", cwd=loaded)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert not (loaded / "here").exists()


def test_without_dask_it_says_what_to_install(loaded: Path) -> None:
    from tests.parrot_bench.conftest import environment

    hidden = (
        "import sys; sys.modules['distributed'] = None; from parrot_bench.cli import app; "
        "sys.argv = ['parrot-bench', 'load', 'served:model', '--workers', '2', '-y']; app()"
    )
    done: Any = subprocess.run(
        [sys.executable, "-c", hidden], cwd=loaded, env=environment(), capture_output=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert "pip install 'parrot-bench[distributed]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_one_process_does_without_dask(cli: Cli, loaded: Path) -> None:
    (loaded / "served.py").write_text(
        MODEL + "\nimport sys\nassert not {'dask', 'distributed'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    done = cli("load", "served:model", "--modes", "ainvoke", "--rate", "20", "--time", "1", "-y",
               cwd=loaded)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
