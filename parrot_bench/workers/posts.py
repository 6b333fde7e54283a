"""What runs inside a Dask worker: it starts a timed process, and passes on what is said.

The calls are made in a process of their own, as they are without Dask: a Dask worker has an event
loop of its own, with heartbeats and statistics, and settings that a model does not expect.
"""

import asyncio
import os
import pickle
import queue
import signal
import socket
import tempfile
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter_ns

from parrot_bench.environment import parrot_bench_version
from parrot_bench.errors import MeasurementError, ParrotBenchError
from parrot_bench.events import Failed
from parrot_bench.measuring import Job
from parrot_bench.worker import Worker

FORSAKEN_S = 30.0
"""A post that nobody has asked for so long is given up: it may be making calls that are paid."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who a worker is.

    Attributes:
        host: Its machine.
        pid: Its process.
        version: Of parrot-bench.
    """

    host: str
    pid: int
    version: str


def greet() -> Greeting:
    """Say who this worker is."""
    return Greeting(socket.gethostname(), os.getpid(), parrot_bench_version())


def heed_no_interrupts() -> None:
    """Leave Ctrl-C to whoever started the run: it reaches every process of a terminal."""
    # In the main thread, as Dask runs a worker's event loop there.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def clock_ns() -> int:
    """Read the clock that all processes of this machine have in common."""
    return perf_counter_ns()


class Post:
    """One timed process, and what it has said.

    Args:
        job: What it is asked to do.
        log: Where its output goes.
    """

    def __init__(self, job: Job, log: Path) -> None:
        self._job = job
        self._log = log
        self._said: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        self._asked = monotonic()
        self._over = False
        threading.Thread(target=self._run, name="parrot-post", daemon=True).start()

    def answer(self, answer: bytes) -> None:
        """Answer what was said last."""
        self._answers.put(answer)

    def hear(self, wait_s: float) -> bytes | None:
        """Take what was said, or None when nothing was for so long."""
        self._asked = monotonic()
        try:
            return self._said.get(timeout=wait_s) if wait_s else self._said.get_nowait()
        except queue.Empty:
            return None

    def end(self) -> None:
        """End the process."""
        self._over = True
        self._answers.put(None)

    def _run(self) -> None:
        try:
            with Worker(self._log, lambda: self._over) as worker:
                worker.relay(self._job, self._exchange)
        except ParrotBenchError as error:
            self._failed(type(error).__name__, str(error))
        except Exception as error:  # noqa: BLE001  # the last resort of this thread
            self._failed(MeasurementError.__name__, f"{type(error).__name__}: {error}")

    def _failed(self, error: str, message: str) -> None:
        failed = Failed(error, " ".join(message.split()), traceback.format_exc())
        self._said.put(pickle.dumps([failed]))

    def _exchange(self, message: bytes) -> bytes | None:
        self._said.put(message)
        while monotonic() - self._asked < FORSAKEN_S:
            try:
                return self._answers.get(timeout=1.0)
            except queue.Empty:
                continue
        return None


_POSTS: dict[str, Post] = {}


def begin(name: str, job: Job, log: str) -> None:
    """Start a timed process here.

    Args:
        name: Of the post; nobody else's.
        job: What it is asked to do.
        log: Where its output goes; empty for a temporary file.
    """
    path = Path(log) if log else Path(tempfile.gettempdir()) / f"parrot-bench-{name}.log"
    _POSTS[name] = Post(job, path)


async def exchange(name: str, answer: bytes | None, wait_s: float) -> bytes | None:
    """Answer what a post has said last, and take what it says next.

    Args:
        name: Of the post.
        answer: None for none.
        wait_s: How long to wait for it, seconds.

    Returns:
        What it said; None for nothing yet.

    Raises:
        LookupError: There is no such post: the worker was started anew.
    """
    post = _POSTS.get(name)
    if post is None:
        raise LookupError("it was started anew, and knows nothing of its calls")
    if answer is not None:
        post.answer(answer)
    return await asyncio.to_thread(post.hear, wait_s)


def end(name: str) -> None:
    """End a post."""
    post = _POSTS.pop(name, None)
    if post is not None:
        post.end()
