"""The timed process, and how its parent listens to it.

Measuring in a fresh process keeps tables, charts, progress and the command line out of it,
and lets a call that hangs beyond rescue be ended from outside. Between two rounds the worker
sends what it has and then *waits*: whatever the parent does with it (draw, estimate, save)
happens while no block is running.
"""

import importlib
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from secrets import randbelow, token_hex
from time import monotonic
from typing import TYPE_CHECKING, Self

from parrot_bench.errors import MeasurementError, ParrotBenchError, ProcessEndedError, RecordError
from parrot_bench.events import CallsTaken, Event, Failed, Reply, RoundTaken
from parrot_bench.request import DEFAULT_BATCH

if TYPE_CHECKING:
    from parrot_bench.measuring import Job, Measurement
    from parrot_bench.studies.load.orders import Done, Order

LAST_WORDS_S = 0.5
"""How long a worker that is asked to stop may take to tell what it has just finished."""

START_LIMIT_S = 60.0
"""How long a worker may take to answer for the first time (LangChain loads in about 2 s)."""

_KEY = "PARROT_BENCH_WORKER_KEY"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a timed process runs.

    Attributes:
        python: Its interpreter.
        folder: Its current folder, from which the model may be imported; None for ours.
        variables: Environment variables that differ from ours; None takes one away.
    """

    python: str = sys.executable
    folder: Path | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The environment variables of a process here."""
        changed = {**os.environ, **self.variables}
        return {name: value for name, value in changed.items() if value is not None}


HERE = Place()


class Worker:
    """A timed process, from its start to its end; use it as a context.

    It starts and loads LangChain at once, so that several can do so at a time.

    Args:
        log: Where its output goes, the model's own prints included.
        interrupted: Whether somebody asked to stop.
        place: Where it runs.
    """

    def __init__(self, log: Path, interrupted: Callable[[], bool], place: Place = HERE) -> None:
        self._log = log
        self._interrupted = interrupted
        self._place = place
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        key = token_hex(16)
        self._listener = self._resources.enter_context(Listener(authkey=key.encode()))
        try:
            output = self._resources.enter_context(self._log.open("wb"))
        except OSError as error:
            self._resources.close()
            raise RecordError(f"{self._log} cannot be written: {error.strerror}") from error
        self._process = subprocess.Popen(  # noqa: S603  # ourselves
            [self._place.python, "-m", "parrot_bench.worker", str(self._listener.address)],
            cwd=self._place.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PYTHONHASHSEED": hash_seed(), **self._place.environment(), _KEY: key},
        )
        self._resources.callback(_end, self._process)
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def measure(self, job: "Job") -> "Measurement":
        """Measure there.

        Args:
            job: What to do; the request's model is loaded there.

        Yields:
            What :func:`parrot_bench.measuring.measure` yields there. After an interruption,
            what is finished by then.

        Raises:
            ParrotBenchError: The same that was raised there.
            MeasurementError: The process died, or did not answer in time.
            KeyboardInterrupt: Somebody asked to stop.
        """
        connection = _accept(self._listener, self._process, self._log)
        with connection:
            connection.send(job)
            yield from _events(connection, self._process, job, self._log, self._interrupted)

    def relay(self, job: "Job", exchange: Callable[[bytes], bytes | None]) -> None:
        """Measure there, for somebody else: what is told is passed on as it came.

        Args:
            job: What to do.
            exchange: Told what :func:`read` reads; returns the answer as :func:`written`, None to
                end it all.

        Raises:
            ProcessEndedError: The process died.
        """
        connection = _accept(self._listener, self._process, self._log)
        try:
            with connection:
                connection.send(job)
                while (answer := exchange(connection.recv_bytes())) is not None:
                    connection.send_bytes(answer)
        except (EOFError, ConnectionError):
            raise _died(self._process, self._log) from None

    @property
    def pid(self) -> int:
        """The timed process."""
        return self._process.pid


def in_worker(job: "Job", log: Path, interrupted: Callable[[], bool]) -> "Measurement":
    """Measure in a process of its own: :meth:`Worker.measure`."""
    with Worker(log, interrupted) as worker:
        yield from worker.measure(job)


def hash_seed() -> str:
    """A seed of this process's own: the layout of dicts is part of what a process measures.

    Given explicitly, because a seed that Python draws itself cannot be read and recorded.
    """
    return str(randbelow(2**32))


def _accept(listener: Listener, process: "subprocess.Popen[bytes]", log: Path) -> Connection:
    """Wait for the worker to call back, but not for one that has died."""
    # Listener has no time limit of its own; the socket below it has.
    raw = getattr(getattr(listener, "_listener", None), "_socket", None)
    if raw is None:  # a named pipe on Windows
        return listener.accept()
    raw.settimeout(0.2)
    deadline = monotonic() + START_LIMIT_S
    while monotonic() < deadline:
        try:
            connection = listener.accept()
        except TimeoutError:
            if process.poll() is not None:
                raise _died(process, log) from None
        else:
            return connection
    raise MeasurementError(
        f"the timed process did not start within {START_LIMIT_S:g} s; its output is in {log}"
    )


def _events(
    connection: "Connection",
    process: "subprocess.Popen[bytes]",
    job: "Job",
    log: Path,
    interrupted: Callable[[], bool],
) -> Generator[Event, Reply, None]:
    # The worker stops a call at its limit by itself; the parent's patience is for a worker
    # that cannot, such as one stuck in C code.
    patience = job.request.call_limit_s * (job.request.batch_size or DEFAULT_BATCH) + START_LIMIT_S
    while True:
        try:
            if not _poll(connection, patience, interrupted):
                raise ProcessEndedError(
                    f"the timed process did not answer for {patience:g} s; its output is in {log}"
                )
            batch: list[Event] | None = connection.recv()
        except (EOFError, ConnectionError):
            raise _died(process, log) from None
        if batch is None:
            return
        reply = Reply.GO
        for event in batch:
            if isinstance(event, Failed):
                raise raised(event)
            if (yield event) is Reply.ENOUGH:
                reply = Reply.ENOUGH
        if interrupted():
            raise KeyboardInterrupt
        connection.send(reply)


def _poll(connection: "Connection", patience: float, interrupted: Callable[[], bool]) -> bool:
    """Wait for the worker; once somebody asks to stop, only for what it is about to tell."""
    deadline = monotonic() + patience
    while monotonic() < deadline:
        if connection.poll(0.2):
            return True
        if interrupted():
            if connection.poll(LAST_WORDS_S):
                return True
            raise KeyboardInterrupt
    return False


def written(answer: object) -> bytes:
    """Write an answer to what :func:`read` has read."""
    return pickle.dumps(answer)


def read(message: bytes) -> "list[Event] | Done | None":
    """Read what a timed process told :meth:`Worker.relay`.

    Returns:
        Events, to be answered with a :class:`Reply`; that an order was carried out, to be answered
        with the next; None, to be answered with None: it has ended.
    """
    found: list[Event] | Done | None = pickle.loads(message)  # noqa: S301  # from our own
    return found


def raised(failed: Failed) -> ParrotBenchError:
    """The error that was raised in the worker, with its traceback as a note."""
    cls = getattr(importlib.import_module("parrot_bench.errors"), failed.error, MeasurementError)
    error: ParrotBenchError = cls(failed.message)
    error.add_note(f"In the timed process:\n{failed.traceback}")
    return error


def _died(process: "subprocess.Popen[bytes]", log: Path) -> ProcessEndedError:
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f", last saying {lines[-1][:200]!r}; its output is in {log}" if lines else ""
    return ProcessEndedError(f"the timed process ended with status {process.returncode}{last}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.5)
    if process.poll() is None:
        process.kill()
        process.wait()


def main(address: str) -> None:
    """Measure what the parent asks for, and tell it."""
    # Ctrl-C reaches the whole foreground group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    key = os.environ.pop(_KEY).encode()
    # Before the parent is asked for its attention: loads LangChain.
    from parrot_bench.measuring import measure  # noqa: PLC0415

    with (
        suppress(EOFError, BrokenPipeError, ConnectionResetError),
        Client(address, authkey=key) as connection,
    ):
        job = connection.recv()
        orders = partial(_ask, connection) if job.worker else None
        _serve(measure(job, orders=orders), connection, job.report_every_s)
    # A call that was stopped at its limit may have left a thread that never ends, and Python
    # would wait for it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _ask(connection: Connection, done: "Done") -> "Order | None":
    """Ask for the next order; whatever happened before has been told."""
    connection.send(done)
    order: Order | None = connection.recv()
    return order


def _serve(measurement: "Measurement", connection: Connection, report_every_s: float) -> None:
    pending: list[Event] = []
    reply = Reply.GO
    told = monotonic()
    event = None
    while True:
        try:
            event = next(measurement) if event is None else measurement.send(reply)
        except StopIteration:
            break
        except ParrotBenchError as error:
            pending.append(Failed(type(error).__name__, str(error), traceback.format_exc()))
            break
        except Exception as error:  # noqa: BLE001  # the last resort of this process
            message = f"the measurement stopped: {type(error).__name__}: {error}"
            one_line = " ".join(message.split())
            pending.append(Failed(MeasurementError.__name__, one_line, traceback.format_exc()))
            break
        pending.append(event)
        reply = Reply.GO
        frequent = isinstance(event, RoundTaken | CallsTaken)
        if not frequent or monotonic() - told >= report_every_s:
            connection.send(pending)
            reply = connection.recv()
            pending = []
            told = monotonic()
    connection.send(pending)
    connection.recv()
    connection.send(None)


if __name__ == "__main__":
    main(sys.argv[1])
