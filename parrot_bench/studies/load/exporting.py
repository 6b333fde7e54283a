"""Spans of the calls of a load, on their way to a collector while it goes on."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Final

from parrot_bench.record import LoadExport
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.load.told import SpansSent
from parrot_callbacks import OpenTelemetryCallbackHandler, open_tracing

SEND_S: Final = 0.5
"""How often spans that have ended are sent."""

QUEUE: Final = 65_536
"""Spans that may wait meanwhile; what comes then is dropped, and counted."""

ALONE: Final = "worker-0"
"""Instance of a process that makes all calls."""


class Exporting:
    """Sends spans in a thread of its own; what becomes of each is counted.

    Args:
        otlp: Endpoint of a collector.
        worker: Whose spans they are: the instance in their resource.

    Attributes:
        handler: What makes the spans, to be attached to the calls.
    """

    def __init__(self, otlp: str, worker: str) -> None:
        self._worker = worker
        self._tracing = open_tracing(
            None,
            otlp,
            planned_spans=QUEUE,
            resource={
                "service.instance.id": worker,
                "host.name": socket.gethostname(),
                "process.pid": os.getpid(),
            },
        )
        self.handler = OpenTelemetryCallbackHandler(tracer_provider=self._tracing.tracer_provider)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send, name="parrot-spans", daemon=True)
        self._thread.start()

    def _send(self) -> None:
        while not self._over.wait(SEND_S):
            self._tracing.flush()
            self._tracing.take()  # they have been counted, and nobody looks at them here

    def close(self) -> tuple[SpansSent, ...]:
        """Send what is left, and say what became of all, by exporter."""
        self._over.set()
        self._thread.join()
        self._tracing.close()
        return tuple(
            SpansSent(LoadExport(worker=self._worker, ended=self._tracing.ended, **asdict(each)))
            for each in self._tracing.deliveries()
        )


@contextmanager
def exported(bench: Bench) -> Iterator[tuple[Bench, Exporting | None]]:
    """Attach a handler to the calls of a load, where its spans are to go to a collector.

    Yields:
        What the load is given, and what sends the spans, to be closed; None without an endpoint.
    """
    if not bench.request.otlp:
        yield bench, None
        return
    exporting = Exporting(bench.request.otlp, bench.worker or ALONE)
    try:
        calls = replace(bench.calls, config={"callbacks": [exporting.handler]})
        yield replace(bench, calls=calls), exporting
    finally:
        exporting.close()
