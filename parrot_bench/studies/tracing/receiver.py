"""A small OTLP receiver in a process of its own, so that its CPU time is nobody's.

It takes traces over HTTP, counts their spans and forgets them. Its process ends when its
standard input does: at the latest when the process that started it has ended, however it did.
"""

import gzip
import http.client
import json
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

from parrot_bench.errors import MeasurementError

START_LIMIT_S = 30.0
ANSWER_LIMIT_S = 10.0

_HOST = "127.0.0.1"
_UNPACK: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {"": bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}
)


@dataclass(frozen=True)
class LocalReceiver:
    """A receiver that runs.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    port: int

    @property
    def endpoint(self) -> str:
        """Full URL of its traces."""
        return f"http://{_HOST}:{self.port}/v1/traces"

    def received(self) -> int:
        """Ask how many spans it has counted.

        Raises:
            MeasurementError: It does not answer.
        """
        # Not through a proxy, whatever the environment says.
        connection = http.client.HTTPConnection(_HOST, self.port, timeout=ANSWER_LIMIT_S)
        try:
            connection.request("GET", "/")
            return int(json.loads(connection.getresponse().read())["spans"])
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise MeasurementError(
                f"the local OTLP receiver does not answer: {type(error).__name__}"
            ) from error
        finally:
            connection.close()


@contextmanager
def local_receiver() -> Iterator[LocalReceiver]:
    """Start a receiver in a process of its own, and end it.

    Raises:
        MeasurementError: It does not start.
    """
    process = subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="ascii",
    )
    # Reading has no time limit of its own.
    impatience = threading.Timer(START_LIMIT_S, process.kill)
    impatience.start()
    try:
        said = process.stdout.readline().strip() if process.stdout else ""
        impatience.cancel()
        if not said.isdigit():
            raise MeasurementError(
                f"the local OTLP receiver did not start (status {process.poll()}); "
                "it needs opentelemetry-proto, which parrot-bench[bench] brings"
            )
        yield LocalReceiver(int(said))
    finally:
        impatience.cancel()
        impatience.join()
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Counter(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((_HOST, 0), _Traces)
        self.spans = 0
        self.lock = threading.Lock()


class _Traces(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Counter

    def do_POST(self) -> None:  # http.server's name
        """Count the spans of one request."""
        from google.protobuf.message import (  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
            DecodeError,
        )
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415  # only here
            ExportTraceServiceRequest,
            ExportTraceServiceResponse,
        )

        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            unpack = _UNPACK[self.headers.get("content-encoding", "")]
            request = ExportTraceServiceRequest.FromString(unpack(body))
        except (KeyError, OSError, EOFError, zlib.error, DecodeError):
            self._answer(400, b"", "application/x-protobuf")
            return
        spans = sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
        with self.server.lock:
            self.server.spans += spans
        answer = ExportTraceServiceResponse().SerializeToString()
        self._answer(200, answer, "application/x-protobuf")

    def do_GET(self) -> None:
        """Say how many there were."""
        self._answer(200, json.dumps({"spans": self.server.spans}).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def main() -> None:
    """Receive until the standard input ends."""
    with _Counter() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
