"""Collectors that hang, reset connections, fail or are away."""

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from parrot_bench.record import read_record
from tests.receivers.otlp_receiver import Answer, http_receiver
from tests.verify.faults.commands import OVERHEAD, Ended, call
from tests.verify.faults.fault import Fault
from tests.verify.faults.runs import spans_of

_LONG_S = 600.0

ANSWERS: dict[str, Callable[[int], Answer]] = {
    "hangs": lambda _: Answer(delay_s=_LONG_S),
    "resets every connection": lambda _: Answer(reset=True),
    "answers 500": lambda _: Answer(status=500),
    "answers 503 and recovers": lambda number: Answer(status=503 if number < 3 else 200),
}
AWAY = "is away"


def _attempt(kind: str, folder: Path, _: int) -> list[str]:
    if kind == AWAY:
        with socket.socket() as taken:  # bound and not listening: nobody else gets the port
            taken.bind(("127.0.0.1", 0))
            ended = _run(folder, f"http://127.0.0.1:{taken.getsockname()[1]}")
        arrived = 0
    else:
        with http_receiver() as received:
            received.answers = ANSWERS[kind]
            ended = _run(folder, received.url)
            arrived = len({span.span_id for span in received.spans()})
    problems = []
    if ended.status or "Traceback" in ended.err + ended.out:
        problems.append(f"the run failed: {ended.said()}")
    run = folder / "run"
    kept = {span["spanId"] for span in spans_of(run)}
    record = read_record(run)
    expected = (
        sum(mode.chat_spans for mode in record.reconciliation.modes) if record.reconciliation else 0
    )
    if len(kept) < expected or not expected:
        problems.append(f"{len(kept)} spans are in the file, {expected} were counted")
    said = "spans were not delivered" in " ".join(ended.out.split())
    if said == (arrived == len(kept)):
        problems.append(f"{arrived} of {len(kept)} spans arrived, which is not what is said")
    return problems + _sent_later(folder, kept)


def _run(folder: Path, url: str) -> Ended:
    return call(folder, "run", *OVERHEAD, "--time", "2", "--out", "run", "--otlp", url)


def _sent_later(folder: Path, kept: set[str]) -> list[str]:
    """Every span is still there to be sent, and arrives."""
    with http_receiver() as received:
        ended = call(folder, "export", "run", "--otlp", received.url)
        arrived = {span.span_id.hex() for span in received.spans()}
    if ended.status:
        return [f"sent again: {ended.said()}"]
    return [] if arrived == kept else [f"sent again, {len(arrived)} of {len(kept)} arrived"]


COLLECTORS = tuple(
    Fault(
        name=f"a collector that {kind}",
        holds="the run is complete, says so, and every span can be sent later",
        attempt=partial(_attempt, kind),
    )
    for kind in (*ANSWERS, AWAY)
)
