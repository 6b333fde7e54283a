"""Real collectors as processes, a run to send them, and its spans to compare with."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from otlp_receiver import Received, grpc_receiver, http_receiver

ROOT = Path(__file__).parents[2]
START_S = 300
"""How long a server may take to start: MLflow makes its tables first."""

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
MODES = "invoke,astream,batch,astream_events_v2"


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The command line, with OTEL_* variables of the test's own alone."""

    def call(*arguments: object, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        return subprocess.run(
            [sys.executable, "-m", "parrot_bench", *map(str, arguments)],
            cwd=cwd, env={**kept, **variables}, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    return call


@pytest.fixture(scope="session")
def measure(bench: Bench) -> Bench:
    """A short run into the folder ``run``."""
    return partial(bench, "run", "--time", 2, "--modes", MODES, "--out", "run")


@pytest.fixture(scope="session")
def saved(measure: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was sent nowhere."""
    folder = tmp_path_factory.mktemp("saved")
    done = measure(cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "run"


def documented(server: str, instead: Mapping[str, str]) -> list[str]:
    """The command of docs/collectors.md that starts a server, some of its words replaced."""
    text = (ROOT / "docs" / "collectors.md").read_text(encoding="utf-8")
    mark = re.escape(f"<!-- run by `nox -s collectors`: {server} -->")
    block = re.search(rf"{mark}\n\n```\n(.+?)\n```", text, re.DOTALL)
    assert block is not None, f"docs/collectors.md has no command for {server}"
    words = shlex.split(block[1].replace("\\\n", " "))
    assert instead.keys() <= set(words), "a word to replace is no longer there"
    return [instead.get(word, word) for word in words]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def running(
    command: list[str], port: int, log: Path, health: str = "", **variables: str
) -> Iterator[None]:
    """Run a server until it is no longer needed; its output is in ``log``."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=output, stderr=output,
            cwd=log.parent, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while not _answers(port, health):
            said = log.read_text(errors="replace")[-2_000:]
            assert process.poll() is None, f"the server ended: {said}"
            assert time.monotonic() < deadline, f"the server did not start: {said}"
            time.sleep(0.1)
        yield
    finally:
        # The whole session of it: MLflow's server has children.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _answers(port: int, health: str) -> bool:
    try:
        if health:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=5).close()
        else:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["http/protobuf", "grpc"])
def rotel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, Received]]:
    """A collector that takes a protocol and passes on in the same; its endpoint and receiver."""
    package = pytest.importorskip("rotel", reason="no rotel wheel for this platform and Python")
    http, grpc = free_port(), free_port()
    over_http = request.param == "http/protobuf"
    # The agent is linked against libpython, which a Python may keep in a folder of its own.
    libraries = [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH")]
    with http_receiver() if over_http else grpc_receiver() as received:
        command = documented(
            "rotel",
            {
                "$AGENT": str(Path(package.__file__).with_name("rotel-agent")),
                "127.0.0.1:4318": f"127.0.0.1:{http}",
                "127.0.0.1:4317": f"127.0.0.1:{grpc}",
                "http": "http" if over_http else "grpc",
                "http://127.0.0.1:9418": received.url,
            },
        )
        command += ["--pid-file", str(tmp_path / "rotel.pid")]
        command += ["--log-file", str(tmp_path / "rotel.log")]
        port = http if over_http else grpc
        with running(
            command,
            port,
            tmp_path / "rotel.out",
            LD_LIBRARY_PATH=":".join(filter(None, libraries)),
        ):
            yield f"http://127.0.0.1:{port}", request.param, received


@pytest.fixture(scope="session")
def server() -> Callable[..., AbstractContextManager[None]]:
    """What runs a server."""
    return running


@pytest.fixture(scope="session")
def command() -> Callable[..., list[str]]:
    """What reads a server's command out of the documentation."""
    return documented


@pytest.fixture(scope="session")
def port() -> Callable[[], int]:
    """What finds a port that is free."""
    return free_port
