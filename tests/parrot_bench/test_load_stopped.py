"""A server that stands still, because a signal stopped its process, in the middle of a load."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns, sleep

import polars as pl
import pytest

from parrot_bench.record import RunDirectory

COMPLETIONS = Path(__file__).parents[1] / "receivers" / "completions.py"
TAKES_S = 0.02
STOPPED_S = 1.0

Start = Callable[..., "subprocess.Popen[str]"]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux",
    reason="a stop is dated by this process's clock; only Linux is known to have one for all",
)


@pytest.fixture
def server() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, COMPLETIONS, str(TAKES_S)], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def loaded_while_stopped(
    start: Start, server: "subprocess.Popen[str]", folder: Path, *load: str
) -> tuple[pl.DataFrame, int, int]:
    """The calls of a load, and from when to when its server was stopped meanwhile."""
    pytest.importorskip("langchain_openai")
    assert server.stdout is not None
    port = int(server.stdout.readline())
    (folder / "app.py").write_text(
        "from langchain_openai import ChatOpenAI\n"
        f"model = ChatOpenAI(model='gpt-parrot', base_url='http://127.0.0.1:{port}/v1',\n"
        "                   api_key='none', stream_usage=True)\n",
        encoding="utf-8",
    )
    running = start("load", "app:model", *load, "--yes", "--out", "here", cwd=folder)
    for _ in range(12):  # two of them are the warm-up
        assert server.stdout.readline() == "answered\n"
    os.kill(server.pid, signal.SIGSTOP)
    stopped = perf_counter_ns()
    sleep(STOPPED_S)
    went_on = perf_counter_ns()
    os.kill(server.pid, signal.SIGCONT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, out + err
    return pl.read_parquet(folder / "here" / "calls.parquet"), stopped, went_on


def test_all_who_come_while_a_server_is_stopped_wait_for_the_rest_of_it(
    start: Start, server: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    calls, stopped, went_on = loaded_while_stopped(
        start, server, tmp_path,
        "--rate", "20", "--arrivals", "constant", "--time", "4", "--slo", "latency=500ms",
    )  # fmt: skip
    assert calls["error"].to_list() == [""] * 80
    due, ended = calls["scheduled_ns"], calls["ended_ns"]
    met = calls.filter((due > stopped) & (due < went_on))
    # One every 50 ms.
    assert met.height == pytest.approx(STOPPED_S * 20, abs=1)
    # Nobody was answered before it went on and took its time: no call hides what it waited.
    assert (met["ended_ns"] >= went_on + round(TAKES_S * 1e9)).all()
    assert (met["chunks_ns"].list.first() >= went_on + round(TAKES_S * 1e9)).all()
    assert not ((ended > stopped + round(STOPPED_S * 0.5e9)) & (ended < went_on)).any()
    # So says the level, too: its latency counts from when calls were due.
    level = RunDirectory(tmp_path / "here").read_record().load
    assert level is not None
    assert [each.completed for each in level.levels] == [80]
    longest = (calls["ended_ns"] - calls["scheduled_ns"]).sort(descending=True)
    assert longest[0] >= (STOPPED_S - 0.05) * 1e9
    assert longest[9] >= (STOPPED_S - 0.05 * 10) * 1e9
    # Half of those who met the stop had over half a second of it before them.
    assert level.levels[0].good.value <= 1 - 9 / 80


def test_a_closed_loop_has_as_many_slow_calls_as_callers(
    start: Start, server: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    calls, stopped, went_on = loaded_while_stopped(
        start, server, tmp_path, "--concurrency", "2", "--time", "3"
    )
    began, ended = calls["started_ns"], calls["ended_ns"]
    # As many as there are callers: who waits makes no others.
    assert ((began < went_on) & (ended > went_on)).sum() == 2
    assert not ((ended > stopped + round(STOPPED_S * 0.5e9)) & (ended < went_on)).any()
