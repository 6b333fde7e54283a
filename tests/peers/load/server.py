"""The server that all clients drive, and what it wrote down."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter_ns, sleep

from parrot_bench.errors import MeasurementError

SERVING = Path(__file__).with_name("serving.py")
STARTS_IN_S = 180.0


@dataclass(frozen=True, kw_only=True)
class Timings:
    """What the server is told to do. Milliseconds.

    Attributes:
        ttft: From a request to its first token; normally distributed.
        ttft_std: How far that scatters.
        itl: From token to token; normally distributed.
        itl_std: How far that scatters.
        tokens: Of every reply.
    """

    ttft: float = 100.0
    ttft_std: float = 10.0
    itl: float = 10.0
    itl_std: float = 2.0
    tokens: int = 32

    @property
    def options(self) -> tuple[str, ...]:
        """As the command line has them."""
        return (
            "--ttft-ms", str(self.ttft), "--ttft-ms-std", str(self.ttft_std),
            "--itl-ms", str(self.itl), "--itl-ms-std", str(self.itl_std),
            "--output-tokens", str(self.tokens),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Served:
    """A line of the server's log. Times are ``perf_counter_ns``.

    Attributes:
        received_ns: The request was there.
        chunks_ns: Chunks with content were written; none of a reply in one piece.
        ended_ns: Its last byte was written.
        tokens: Output tokens.
        whole: Whether the client stayed to the end.
    """

    received_ns: int
    chunks_ns: tuple[int, ...]
    ended_ns: int
    tokens: int
    whole: bool


@dataclass
class Server:
    """A server that runs."""

    process: "subprocess.Popen[bytes]"
    url: str
    _log: Path
    _read: int = field(default=0)

    def served(self) -> list[Served]:
        """What was answered since this was asked last, in the order of arrival."""
        with self._log.open(encoding="utf-8") as log:
            log.seek(self._read)
            lines = log.readlines()
            self._read = log.tell()
        found = [
            Served(**{**line, "chunks_ns": tuple(line["chunks_ns"])})
            for line in map(json.loads, lines)
        ]
        return sorted(found, key=lambda each: each.received_ns)

    def wait_for(self, requests: int, within_s: float) -> None:
        """Wait until so many requests have been answered since :meth:`served`.

        Raises:
            MeasurementError: They are not.
        """
        until = monotonic() + within_s
        while self._answered() < requests:
            if monotonic() > until:
                raise MeasurementError(f"{requests} requests did not come within {within_s:g} s")
            sleep(0.02)

    def _answered(self) -> int:
        with self._log.open("rb") as log:
            log.seek(self._read)
            return log.read().count(b"\n")

    @contextmanager
    def stopped(self) -> Iterator[int]:
        """Stop the process by a signal, and let it go on; when it was stopped."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield perf_counter_ns()
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def serve(python: Path, folder: Path, timings: Timings) -> Iterator[Server]:
    """Start the server, and end it.

    Args:
        python: Of guidellm's environment.
        folder: Where it writes its log.
        timings: What it is told to do.

    Raises:
        MeasurementError: It does not start.
    """
    port = free_port()
    log = folder / "server.jsonl"
    log.write_text("", encoding="utf-8")
    said = folder / "server.log"
    words: Sequence[str] = (
        str(python), str(SERVING), "--port", str(port), "--log", str(log), *timings.options,
    )  # fmt: skip
    with said.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            until_it_listens(process, port, said)
            yield Server(process, f"http://127.0.0.1:{port}", log)
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def until_it_listens(process: "subprocess.Popen[bytes]", port: int, said: Path) -> None:
    """Wait until somebody listens on a port.

    Args:
        process: Who is to.
        port: The port.
        said: What the process says.

    Raises:
        MeasurementError: It has ended, or it takes too long.
    """
    until = monotonic() + STARTS_IN_S
    while monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(0.1)
        else:
            return
    raise MeasurementError(f"the server does not start; {said} says why")
