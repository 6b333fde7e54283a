"""The timed process, and how its parent listens to it.

Measuring in a fresh process keeps tables, charts, progress and the command line out of it,
and lets a call that hangs beyond rescue be ended from outside. Between two rounds the worker
sends what it has and then *waits*: whatever the parent does with it (draw, estimate, save)
happens while no block is running.
"""

import importlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from secrets import randbelow, token_hex
from time import monotonic
from typing import TYPE_CHECKING

from parrot_bench.errors import MeasurementError, ParrotBenchError, ProcessEndedError
from parrot_bench.events import CallsTaken, Event, Failed, Reply, RoundTaken
from parrot_bench.request import DEFAULT_BATCH

if TYPE_CHECKING:
    from parrot_bench.measuring import Job, Measurement

REPORT_EVERY_S = 0.25
"""How often a worker in the middle of its rounds stops to tell what it has."""

START_LIMIT_S = 60.0
"""How long a worker may take to answer for the first time (LangChain loads in about 2 s)."""

_KEY = "PARROT_BENCH_WORKER_KEY"


def in_worker(job: "Job", log: Path, interrupted: Callable[[], bool]) -> "Measurement":
    """Measure in a process of its own.

    Args:
        job: What to do; the request's model is loaded there.
        log: Where that process's output goes, the model's own prints included.
        interrupted: Whether somebody asked to stop. What the worker has finished by then is
            still yielded.

    Yields:
        What :func:`parrot_bench.measuring.measure` yields there.

    Raises:
        ParrotBenchError: The same that was raised there.
        MeasurementError: The process died, or did not answer in time.
        KeyboardInterrupt: Somebody asked to stop.
    """
    key = token_hex(16)
    with Listener(authkey=key.encode()) as listener, log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-m", "parrot_bench.worker", str(listener.address)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PYTHONHASHSEED": _hash_seed(), **os.environ, _KEY: key},
        )
        try:
            connection = _accept(listener, process, log)
            with connection:
                connection.send(job)
                yield from _events(connection, process, job, log, interrupted)
        finally:
            _end(process)


def _hash_seed() -> str:
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
                raise _raised(event)
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
            if connection.poll(2 * REPORT_EVERY_S):
                return True
            raise KeyboardInterrupt
    return False


def _raised(failed: Failed) -> ParrotBenchError:
    """The error that was raised in the worker, with its traceback as a note."""
    cls = getattr(importlib.import_module("parrot_bench.errors"), failed.error, MeasurementError)
    error: ParrotBenchError = cls(failed.message)
    error.add_note(f"In the timed process:\n{failed.traceback}")
    return error


def _died(process: "subprocess.Popen[bytes]", log: Path) -> ProcessEndedError:
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f", last saying {lines[-1][:200]!r}" if lines else ""
    return ProcessEndedError(
        f"the timed process ended with status {process.returncode}{last}; its output is in {log}"
    )


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
    with (
        suppress(EOFError, BrokenPipeError, ConnectionResetError),
        Client(address, authkey=key) as connection,
    ):
        from parrot_bench.measuring import measure  # noqa: PLC0415  # loads LangChain

        _serve(measure(connection.recv()), connection)
    # A call that was stopped at its limit may have left a thread that never ends, and Python
    # would wait for it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _serve(measurement: "Measurement", connection: Connection) -> None:
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
        if not isinstance(event, RoundTaken | CallsTaken) or monotonic() - told >= REPORT_EVERY_S:
            connection.send(pending)
            reply = connection.recv()
            pending = []
            told = monotonic()
    connection.send(pending)
    connection.recv()
    connection.send(None)


if __name__ == "__main__":
    main(sys.argv[1])
