"""Spans of a run in a real collector: every one that was acknowledged arrives behind it."""

import os
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from parrot_bench.record import read_record

rotel = pytest.importorskip("rotel", reason="no rotel wheel for this platform and Python")

Cli = Callable[..., Any]


class Backend(BaseHTTPRequestHandler):
    """What a collector exports to: it remembers the ids of the spans."""

    protocol_version = "HTTP/1.1"
    spans: set[bytes]

    def log_message(self, *args: Any) -> None: ...

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        self.spans.update(
            span.span_id
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def received() -> Iterator[tuple[set[bytes], int]]:
    spans: set[bytes] = set()
    handler = type("Handler", (Backend,), {"spans": spans})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield spans, server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def collector(received: tuple[set[bytes], int]) -> Iterator[str]:
    agent = Path(rotel.__file__).with_name("rotel-agent")
    port = free_port()
    # The agent is linked against libpython, which a Python may keep in a folder of its own.
    libraries = [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH")]
    process = subprocess.Popen(
        [
            str(agent), "start",
            "--otlp-http-endpoint", f"127.0.0.1:{port}",
            "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}",
            "--exporter", "otlp",
            "--otlp-exporter-protocol", "http",
            "--otlp-exporter-endpoint", f"http://127.0.0.1:{received[1]}",
        ],
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            if process.poll() is not None:
                assert process.stderr is not None
                said = process.stderr.read().decode(errors="replace")
                process.stderr.close()
                pytest.skip(f"the collector does not start here: {said.strip()[-200:]}")
            assert time.monotonic() < deadline, "the collector did not open its port"
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)
    if process.stderr is not None:
        process.stderr.close()


def wait_for_spans(spans: set[bytes], number: int) -> None:
    deadline = time.monotonic() + 20
    while len(spans) < number and time.monotonic() < deadline:
        time.sleep(0.1)


def test_every_span_of_a_run_arrives_behind_a_real_collector(
    cli: Cli, tmp_path: Path, collector: str, received: tuple[set[bytes], int]
) -> None:
    spans, _ = received
    done = cli("run", "--time", 3, "--out", "here", "--otlp", collector, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    reconciliation = read_record(tmp_path / "here").reconciliation
    assert reconciliation is not None
    assert reconciliation.delivered, reconciliation.deliveries
    assert len(reconciliation.deliveries) == 2
    wait_for_spans(spans, reconciliation.ended)
    assert len(spans) == reconciliation.ended


def test_saved_spans_are_sent_later(
    cli: Cli, tmp_path: Path, collector: str, received: tuple[set[bytes], int]
) -> None:
    spans, _ = received
    cli("run", "--time", 2, "--modes", "invoke,astream", "--out", "here", cwd=tmp_path)
    record = read_record(tmp_path / "here")
    assert record.reconciliation is not None
    assert not spans
    done = cli("export", "here", "--otlp", collector, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{record.reconciliation.ended} spans delivered" in done.stdout
    wait_for_spans(spans, record.reconciliation.ended)
    assert len(spans) == record.reconciliation.ended
