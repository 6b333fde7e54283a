"""Ten minutes at the highest rate that is kept up with: memory stays flat, and nothing is lost."""

import gzip
import json
import struct
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import polars as pl
import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from parrot_bench.errors import MeasurementError
from parrot_bench.record import read_record
from tests.verify.faults.commands import call, command, start, wait
from tests.verify.results import Line

MODEL = """
import os
import struct

from parrot_bench import AsyncChatParrotLink

counter = os.open(os.environ["PARROT_COUNTER"], os.O_RDWR | os.O_CREAT)


class Counting(AsyncChatParrotLink):
    async def _astream(self, *args, **kwargs):
        # It knows nothing of who measures it.
        (number,) = struct.unpack("q", os.pread(counter, 8, 0) or bytes(8))
        os.pwrite(counter, struct.pack("q", number + 1), 0)
        async for chunk in super()._astream(*args, **kwargs):
            yield chunk


def make():
    return Counting(parrot_buffer_length=20, time_to_first_chunk=0.005)
"""

SHARE = 0.9
"""Of the highest rate that was found: at the boundary itself a level is kept now and then."""

GROWN = 1.05
"""What a process's memory may grow by, from its second tenth to the last."""


class Endured(Line):
    """What came of it.

    Attributes:
        rate: At which calls were made, a second.
        made: Calls that the model has counted.
        recorded: Calls in ``calls.parquet``, and the warm-up.
        answered: Of those.
        spans: Spans that arrived at a collector, each counted once.
        timed: Memory of the timed process over time, bytes.
        saving: The same of the process that saves.
        verdict: Of the level.
        reason: Why it is not stable.
    """

    rate: float
    made: int
    recorded: int
    answered: int
    spans: int
    timed: tuple[int, ...]
    saving: tuple[int, ...]
    verdict: str
    reason: str

    @property
    def grown(self) -> float:
        """The timed process's memory in the last tenth over that of the second one."""
        return _grown(self.timed)

    @property
    def saving_grown(self) -> float:
        """The same of the process that saves, while the load went on."""
        # At its end the report is made, for which much is loaded.
        return _grown(self.saving[: -len(self.saving) // 10])

    @property
    def problems(self) -> list[str]:
        """What did not hold."""
        found = []
        if self.made != self.recorded:
            found.append(f"{self.made:,} calls were made, {self.recorded:,} are recorded")
        if self.made != self.spans:
            found.append(f"{self.made:,} calls were made, {self.spans:,} spans have arrived")
        if self.grown > GROWN:
            found.append(f"the timed process grew to {self.grown:.2f} times its size")
        if self.saving_grown > GROWN:
            found.append(f"the process that saves grew to {self.saving_grown:.2f} times its size")
        if self.verdict != "stable":
            found.append(f"the load was {self.verdict}: {self.reason}")
        return found

    def __str__(self) -> str:
        return (
            f"{self.made:,} calls at {self.rate:.0f}/s: {self.recorded:,} recorded, "
            f"{self.answered:,} answered, {self.spans:,} spans at the collector, "
            f"{self.verdict}; the timed process takes "
            f"{self.timed[-1] / 2**20:.0f} MiB, {self.grown:.3f} times what it took; the process "
            f"that saves {median(self.saving) / 2**20:.0f} MiB, {self.saving_grown:.3f} times"
        )


def _grown(sizes: Sequence[int]) -> float:
    tenth = max(1, len(sizes) // 10)
    return median(sizes[-tenth:]) / median(sizes[tenth : 2 * tenth])


def endured(seconds: float) -> Endured:
    """Look for the highest rate, and keep up nine tenths of it.

    Args:
        seconds: How long.

    Raises:
        MeasurementError: There is no such rate, or the command fails.
    """
    with tempfile.TemporaryDirectory() as name, _collector() as (url, arrived):
        folder = Path(name)
        (folder / "served.py").write_text(MODEL, encoding="utf-8")
        rate = SHARE * _highest(folder, url)
        arrived.clear()
        counter = folder / "counter"
        counter.unlink()
        running = start(
            command("load", "served:make", "--modes", "astream", "--rate", f"{rate:.1f}",
                    "--time", f"{seconds:.0f}", "--otlp", url, "--yes", "--quiet",
                    "--out", "here"),
            folder,
            PARROT_COUNTER=str(counter),
        )  # fmt: skip
        timed, saving = [], []
        while running.poll() is None:
            time.sleep(min(1.0, seconds / 50))
            sizes = _memory(running.pid)
            if len(sizes) > 1:
                saving.append(sizes[0])
                timed.append(max(sizes[1:]))
        ended = wait(running)
        if ended.status != 0:
            raise MeasurementError(f"the load failed: {ended.said()}")
        record = read_record(folder / "here")
        calls = pl.read_parquet(folder / "here" / "calls.parquet")
        level = record.load.levels[0] if record.load else None
        if level is None:
            raise MeasurementError("the load has no level")
        (made,) = struct.unpack("q", counter.read_bytes())
        return Endured(
            rate=rate,
            made=made,
            recorded=calls.height + _WARM_UP,
            answered=level.completed,
            spans=len(arrived),
            timed=tuple(timed),
            saving=tuple(saving),
            verdict=level.verdict,
            reason=level.reason,
        )


_WARM_UP = 2


@contextmanager
def _collector() -> Iterator[tuple[str, set[bytes]]]:
    """A collector that keeps the ids of the spans that arrive, and nothing else."""
    arrived: set[bytes] = set()

    class Collector(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    arrived.update(span.trace_id + span.span_id for span in scope.spans)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", arrived
        server.shutdown()


def _highest(folder: Path, url: str) -> float:
    ended = call(
        folder, "load", "served:make", "--modes", "astream", "--find-max-rate", "--rate", "100",
        "--time", "3", "--slo", "latency=50ms", "--otlp", url, "--yes", "--quiet",
        "--format", "json", "--out", "first", PARROT_COUNTER=str(folder / "counter"),
    )  # fmt: skip
    if ended.status != 0:
        raise MeasurementError(f"no rate was found: {ended.said()}")
    (boundary,) = json.loads(ended.out)["load"]["boundaries"]
    if boundary["kept"] is None:
        raise MeasurementError("no rate is kept up with; is the machine busy?")
    return float(boundary["kept"])


def _memory(pid: int) -> list[int]:
    """Memory of a process and of those that it has started, bytes; fewer while they end."""
    try:
        parent = psutil.Process(pid)
        everyone = [parent, *parent.children(recursive=True)]
        return [each.memory_info().rss for each in everyone]
    except psutil.Error:
        return []
