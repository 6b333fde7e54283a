"""OTLP receivers over HTTP and gRPC that keep what they get, and answer as a test tells them."""

import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


def partial_success(rejected: int, message: str) -> ExportTraceServiceResponse:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    answer.partial_success.error_message = message
    return answer


@dataclass(kw_only=True)
class Answer:
    """How a request is answered: ``status`` is HTTP's, or the name of a gRPC status code."""

    status: int | str = 200
    body: bytes = b""
    content_type: str = "application/x-protobuf"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    reset: bool = False


@dataclass(kw_only=True)
class Received:
    """What came: every request, and the spans of those that were answered with success."""

    answers: Callable[[int], Answer] = lambda _: Answer()
    requests: int = 0
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    taken: list[ExportTraceServiceRequest] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def spans(self) -> list[Any]:
        with self.lock:
            return [
                span
                for request in self.taken
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def resource(self) -> dict[str, str]:
        described = self.taken[0].resource_spans[0].resource
        return {item.key: item.value.string_value for item in described.attributes}

    def wait_for(self, spans: int, seconds: float = 20) -> None:
        """Wait until a collector has passed on what it got, which it does in its own time."""
        deadline = time.monotonic() + seconds
        while len(self.spans()) < spans and time.monotonic() < deadline:
            time.sleep(0.05)

    def begin(self, path: str, headers: dict[str, str]) -> Answer:
        with self.lock:
            self.requests += 1
            self.paths.append(path)
            self.headers.append({key.lower(): value for key, value in headers.items()})
            answer = self.answers(self.requests)
        if answer.delay_s:
            self.released.wait(answer.delay_s)
        return answer

    def take(self, request: ExportTraceServiceRequest) -> None:
        with self.lock:
            self.taken.append(request)
            self.sizes.append(
                sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
            )


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    received: Received

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = self.received.begin(self.path, dict(self.headers.items()))
        if answer.reset:
            # Zero linger: the connection is reset, not closed.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        if answer.status == 200:
            unpacked = _UNPACK[self.headers.get("content-encoding", "")](body)
            self.received.take(ExportTraceServiceRequest.FromString(unpacked))
        self._answer(answer)

    def do_GET(self) -> None:
        self._answer(Answer())

    def _answer(self, answer: Answer) -> None:
        try:
            self.send_response(int(answer.status))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-type", answer.content_type)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            self.close_connection = True  # the exporter has given up waiting

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Print nothing: resets are what some tests are about."""


@contextmanager
def http_receiver(tls: ssl.SSLContext | None = None) -> Iterator[Received]:
    """Receive OTLP over HTTP, or over HTTPS where ``tls`` is given."""
    received = Received()
    with _Server(("127.0.0.1", 0), type("Handler", (_Http,), {"received": received})) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "https" if tls is not None else "http"
        received.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield received
        finally:
            received.released.set()
            server.shutdown()
            thread.join()


@contextmanager
def grpc_receiver(key_and_chain: tuple[bytes, bytes] | None = None) -> Iterator[Received]:
    """Receive OTLP over gRPC, with TLS where a private key and a certificate are given."""
    import grpc
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
        TraceServiceServicer,
        add_TraceServiceServicer_to_server,
    )

    received = Received()

    class Service(TraceServiceServicer):
        def Export(  # noqa: N802  # the service's method
            self, request: ExportTraceServiceRequest, context: Any
        ) -> Any:
            received.deadlines.append(context.time_remaining())
            answer = received.begin("Export", dict(context.invocation_metadata()))
            if answer.status != 200:
                context.abort(grpc.StatusCode[str(answer.status)], "as told")
            received.take(request)
            return ExportTraceServiceResponse.FromString(answer.body)

    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        add_TraceServiceServicer_to_server(Service(), server)
        if key_and_chain is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port(
                "127.0.0.1:0", grpc.ssl_server_credentials([key_and_chain])
            )
        received.url = f"{'http' if key_and_chain is None else 'https'}://127.0.0.1:{port}"
        server.start()
        try:
            yield received
        finally:
            received.released.set()
            server.stop(None).wait()
