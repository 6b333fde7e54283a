"""Every OTEL_* variable that is promised acts: seen at a receiver, not in a setting."""

import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import certifi
import pytest
import trustme
from otlp_receiver import Answer, Received, grpc_receiver, http_receiver

from parrot_callbacks import MissingExtraError, Tracing, TracingError, open_tracing
from parrot_callbacks.export import check_export, spans_left_out_by
from parrot_callbacks.exporters import shown_endpoint, traces_url

MakeSpans = Callable[[Tracing, int], None]
Environ = Callable[..., None]


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Environ:
    def set_variables(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"OTEL_{name}", str(value))

    return set_variables


@pytest.fixture(params=["http", "grpc"])
def either(request: pytest.FixtureRequest, environ: Environ) -> Iterator[Received]:
    """A receiver over HTTP, and one over gRPC with OTEL_EXPORTER_OTLP_PROTOCOL set."""
    if request.param == "http":
        with http_receiver() as received:
            yield received
        return
    pytest.importorskip("grpc", reason="the extra grpc is not installed")
    environ(EXPORTER_OTLP_PROTOCOL="grpc")
    with grpc_receiver() as received:
        yield received


def send(make_spans: MakeSpans, otlp: str = "", count: int = 3) -> Tracing:
    tracing = open_tracing(None, otlp)
    make_spans(tracing, count)
    tracing.close()
    return tracing


def test_nothing_is_sent_by_default(tmp_path: Path, make_spans: MakeSpans) -> None:
    tracing = open_tracing(tmp_path / "spans.jsonl")
    make_spans(tracing, 3)
    assert tracing.flush()
    tracing.close()
    tracing.close()
    assert [delivery.exporter for delivery in tracing.deliveries()] == ["spans.jsonl"]
    assert (tracing.started, tracing.ended) == (3, 3)


def test_the_endpoint_of_the_flag(either: Received, make_spans: MakeSpans) -> None:
    (delivery,) = send(make_spans, either.url).deliveries()
    assert delivery.exporter == f"otlp {either.url}"
    assert (delivery.exported, delivery.error) == (3, "")
    assert either.names() == ["span 0", "span 1", "span 2"]


@pytest.mark.parametrize("signal", ["", "TRACES_"])
def test_endpoint(either: Received, make_spans: MakeSpans, environ: Environ, signal: str) -> None:
    path = "/v1/traces" if signal else ""  # the signal's own variable holds the whole URL
    environ(**{f"EXPORTER_OTLP_{signal}ENDPOINT": either.url + path})
    send(make_spans)
    assert len(either.spans()) == 3
    assert set(either.paths) <= {"/v1/traces", "Export"}


def test_the_flag_goes_before_the_endpoint(
    either: Received, make_spans: MakeSpans, environ: Environ
) -> None:
    environ(EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", TRACES_EXPORTER="none")
    send(make_spans, either.url)
    assert len(either.spans()) == 3


@pytest.mark.parametrize("signal", ["", "TRACES_"])
def test_headers(either: Received, make_spans: MakeSpans, environ: Environ, signal: str) -> None:
    headers = "x-team=birds,authorization=Basic%20cGFycm90"
    environ(**{f"EXPORTER_OTLP_{signal}HEADERS": headers})
    send(make_spans, either.url)
    assert either.headers[0]["x-team"] == "birds"
    assert either.headers[0]["authorization"] == "Basic cGFycm90"


@pytest.mark.parametrize("signal", ["", "TRACES_"])
def test_compression_over_http(
    receiver: Received, make_spans: MakeSpans, environ: Environ, signal: str
) -> None:
    environ(**{f"EXPORTER_OTLP_{signal}COMPRESSION": "gzip"})
    send(make_spans, receiver.url)
    assert receiver.headers[0]["content-encoding"] == "gzip"
    assert len(receiver.spans()) == 3


@pytest.mark.parametrize("signal", ["", "TRACES_"])
def test_compression_over_grpc(make_spans: MakeSpans, environ: Environ, signal: str) -> None:
    grpc = pytest.importorskip("grpc", reason="the extra grpc is not installed")
    environ(EXPORTER_OTLP_PROTOCOL="grpc")

    def on_the_wire() -> int:
        # gRPC takes the encoding off before anybody sees it; so count bytes on their way.
        with grpc_receiver() as received, Relay(received.url) as relay:
            send(make_spans, relay.url, count=500)
            assert len(received.spans()) == 500
            return relay.passed

    plain = on_the_wire()
    environ(**{f"EXPORTER_OTLP_{signal}COMPRESSION": "gzip"})
    assert on_the_wire() < 0.7 * plain
    assert grpc.Compression.Gzip


class Relay:
    """Passes a connection on, and counts the bytes towards the receiver."""

    def __init__(self, url: str) -> None:
        import socket
        import threading

        self.passed = 0
        self._target = int(url.rpartition(":")[2])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        import socket
        import threading

        near, _ = self._listener.accept()
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:

            def back() -> None:
                try:
                    while data := far.recv(65536):
                        near.sendall(data)
                except OSError:
                    return

            returning = threading.Thread(target=back)
            returning.start()
            while data := near.recv(65536):
                self.passed += len(data)
                far.sendall(data)
            far.shutdown(socket.SHUT_RDWR)
            returning.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()


@pytest.mark.parametrize("signal", ["", "TRACES_"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_protocol(make_spans: MakeSpans, environ: Environ, protocol: str, signal: str) -> None:
    if protocol == "grpc":
        pytest.importorskip("grpc", reason="the extra grpc is not installed")
    environ(**{f"EXPORTER_OTLP_{signal}PROTOCOL": protocol})
    with grpc_receiver() if protocol == "grpc" else http_receiver() as received:
        send(make_spans, received.url)
        assert received.paths == ["Export" if protocol == "grpc" else "/v1/traces"]


@pytest.mark.parametrize("signal", ["", "TRACES_"])
def test_timeout(either: Received, make_spans: MakeSpans, environ: Environ, signal: str) -> None:
    environ(**{f"EXPORTER_OTLP_{signal}TIMEOUT": "0.5"})
    either.answers = lambda _: Answer(delay_s=60)
    (delivery,) = send(make_spans, either.url).deliveries()
    assert delivery.failed == 3
    if either.deadlines:  # gRPC tells the server how long it will wait
        assert max(either.deadlines) <= 0.5
    else:
        assert re.search(r"\(read timeout=0\.[45]", delivery.error)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("signal", ["", "TRACES_"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_certificate(
    *,
    tmp_path: Path,
    make_spans: MakeSpans,
    environ: Environ,
    monkeypatch: pytest.MonkeyPatch,
    authority: trustme.CA,
    protocol: str,
    signal: str,
) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    environ(EXPORTER_OTLP_PROTOCOL=protocol, EXPORTER_OTLP_TIMEOUT="1")
    # For all users of requests; a variable of the exporter's own has to go before it.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    if protocol == "grpc":
        pytest.importorskip("grpc", reason="the extra grpc is not installed")
        chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
        receiving = grpc_receiver((certificate.private_key_pem.bytes(), chain))
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        receiving = http_receiver(context)
    with receiving as received:
        assert received.url.startswith("https://")
        (refused,) = send(make_spans, received.url).deliveries()
        assert (refused.exported, refused.failed) == (0, 3), "the authority is not known yet"
        environ(**{f"EXPORTER_OTLP_{signal}CERTIFICATE": tmp_path / "ca.pem"})
        (delivery,) = send(make_spans, received.url).deliveries()
        assert (delivery.exported, delivery.error) == (3, "")
        assert len(received.spans()) == 3


@pytest.mark.parametrize("signal", ["", "TRACES_"])
def test_insecure_grpc_without_a_scheme(
    make_spans: MakeSpans, environ: Environ, signal: str
) -> None:
    pytest.importorskip("grpc", reason="the extra grpc is not installed")
    environ(EXPORTER_OTLP_PROTOCOL="grpc", **{f"EXPORTER_OTLP_{signal}INSECURE": "true"})
    with grpc_receiver() as received:
        environ(EXPORTER_OTLP_ENDPOINT=received.url.removeprefix("http://"))
        send(make_spans)
        assert len(received.spans()) == 3


def test_service_name_and_resource_attributes(
    either: Received, make_spans: MakeSpans, environ: Environ
) -> None:
    send(make_spans, either.url)
    assert either.resource()["service.name"] == "parrot-bench"
    either.taken.clear()
    environ(SERVICE_NAME="parrots", RESOURCE_ATTRIBUTES="team=birds,service.name=other")
    send(make_spans, either.url)
    assert either.resource()["service.name"] == "parrots"
    assert either.resource()["team"] == "birds"


@pytest.mark.parametrize(
    ("name", "received", "accounts"),
    [
        ("otlp", 3, 1),
        ("otlp,otlp", 3, 1),
        ("otlp_proto_http", 3, 1),
        ("otlp,console", 3, 2),
        ("none", 0, 0),
        ("otlp,none", 0, 0),
        ("", 3, 1),
    ],
)
def test_traces_exporter(
    *,
    receiver: Received,
    make_spans: MakeSpans,
    environ: Environ,
    name: str,
    received: int,
    accounts: int,
) -> None:
    environ(EXPORTER_OTLP_ENDPOINT=receiver.url, TRACES_EXPORTER=name)
    assert len(send(make_spans).deliveries()) == accounts
    assert len(receiver.spans()) == received


def test_otlp_proto_grpc_names_the_protocol(make_spans: MakeSpans, environ: Environ) -> None:
    pytest.importorskip("grpc", reason="the extra grpc is not installed")
    with grpc_receiver() as received:
        environ(EXPORTER_OTLP_ENDPOINT=received.url, TRACES_EXPORTER="otlp_proto_grpc")
        send(make_spans)
        assert len(received.spans()) == 3


def test_console(
    make_spans: MakeSpans, environ: Environ, capsys: pytest.CaptureFixture[str]
) -> None:
    environ(TRACES_EXPORTER="console")
    assert send(make_spans).deliveries()[0].exported == 3
    assert capsys.readouterr().out.count('"name": "span ') == 3


def test_max_export_batch_size(either: Received, make_spans: MakeSpans, environ: Environ) -> None:
    environ(BSP_MAX_EXPORT_BATCH_SIZE="7", BSP_MAX_QUEUE_SIZE="7000")
    send(make_spans, either.url, count=100)
    assert max(either.sizes) == 7
    assert sum(either.sizes) == 100


def test_schedule_delay(receiver: Received, make_spans: MakeSpans, environ: Environ) -> None:
    environ(BSP_SCHEDULE_DELAY="50")
    tracing = open_tracing(None, receiver.url)
    make_spans(tracing, 3)
    receiver.wait_for(3)
    assert len(receiver.spans()) == 3, "sent by the processor's own thread, without flush()"
    tracing.close()


def test_export_timeout_ends_an_exporter_that_drips(
    receiver: Received, make_spans: MakeSpans, environ: Environ
) -> None:
    environ(BSP_EXPORT_TIMEOUT="300", EXPORTER_OTLP_TIMEOUT="60")
    receiver.answers = lambda _: Answer(delay_s=60)
    (delivery,) = send(make_spans, receiver.url, count=1_000).deliveries()
    assert (delivery.exported, delivery.failed, delivery.dropped) == (0, 1_000, 0)
    assert delivery.error == (
        "the exporter did not come back within 0.3 s; 488 not tried again after that"
    )
    assert receiver.requests == 1


@pytest.mark.parametrize(
    ("name", "argument", "low", "high"),
    [
        ("always_on", "", 400, 400),
        ("always_off", "", 0, 0),
        # Of 400 spans half are expected; outside these bounds once in 10^15 runs.
        ("traceidratio", "0.5", 120, 280),
        ("parentbased_traceidratio", "0", 0, 0),
    ],
)
def test_sampler(
    *,
    either: Received,
    make_spans: MakeSpans,
    environ: Environ,
    name: str,
    argument: str,
    low: int,
    high: int,
) -> None:
    environ(TRACES_SAMPLER=name, **({"TRACES_SAMPLER_ARG": argument} if argument else {}))
    tracing = send(make_spans, either.url, count=400)
    assert low <= len(either.spans()) <= high
    assert tracing.started == tracing.ended == len(either.spans()), "not sampled is not lost"
    assert tracing.deliveries()[0].exported == tracing.ended


def test_what_leaves_spans_out_is_named(environ: Environ) -> None:
    assert spans_left_out_by() == ""
    environ(TRACES_SAMPLER="parentbased_always_on")
    assert spans_left_out_by() == ""
    environ(TRACES_SAMPLER="traceidratio")
    assert spans_left_out_by() == "OTEL_TRACES_SAMPLER=traceidratio"
    environ(SDK_DISABLED="True")
    assert spans_left_out_by() == "OTEL_SDK_DISABLED=true"


def test_sdk_disabled(either: Received, make_spans: MakeSpans, environ: Environ) -> None:
    environ(SDK_DISABLED="true")
    tracing = send(make_spans, either.url)
    assert (tracing.started, tracing.ended, tracing.take()) == (0, 0, [])
    assert either.requests == 0
    assert tracing.flush()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TRACES_EXPORTER", "zipkim", "OTEL_TRACES_EXPORTER='zipkim'"),
        ("EXPORTER_OTLP_PROTOCOL", "http/json", "use http/protobuf or grpc"),
        ("EXPORTER_OTLP_ENDPOINT", "localhost:4318", "'localhost:4318' is not an OTLP endpoint"),
        ("EXPORTER_OTLP_ENDPOINT", "http://u:s3cret@h:x", "'http://h:x' is not an OTLP endpoint"),
        ("EXPORTER_OTLP_HEADERS", "authorization s3cret", "HEADERS is not of the form key=value"),
        ("EXPORTER_OTLP_COMPRESSION", "brotli", "refuses its OTEL_EXPORTER_OTLP_* variables: "),
        ("EXPORTER_OTLP_TIMEOUT", "soon", "refuses its OTEL_EXPORTER_OTLP_* variables: "),
        ("BSP_MAX_QUEUE_SIZE", "many", "OTEL_BSP_MAX_QUEUE_SIZE='many'"),
        ("BSP_SCHEDULE_DELAY", "-1", "OTEL_BSP_SCHEDULE_DELAY='-1'"),
        ("BSP_MAX_EXPORT_BATCH_SIZE", "0", "is not a whole number above 0"),
        ("PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER", "nobody", "credentials 'nobody'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    environ: Environ,
    capfd: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    said: str,
) -> None:
    if variable.startswith(("EXPORTER", "PYTHON")):
        environ(EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    environ(**{variable: value})
    for refuse in (lambda: open_tracing(None), lambda: check_export("")):
        with pytest.raises(TracingError) as caught:
            refuse()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "s3cret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_grpc_refuses_what_it_cannot_use(environ: Environ) -> None:
    pytest.importorskip("grpc", reason="the extra grpc is not installed")
    environ(EXPORTER_OTLP_PROTOCOL="grpc")
    with pytest.raises(TracingError, match=r"^http://h:1: gRPC takes no user") as caught:
        check_export("http://user:s3cret@h:1")
    assert "s3cret" not in str(caught.value)
    environ(EXPORTER_OTLP_COMPRESSION="deflate")
    with pytest.raises(TracingError, match="deflate"):
        check_export("http://h:1")


def test_endpoints() -> None:
    assert traces_url("http://h:4318") == traces_url("http://h:4318/") == "http://h:4318/v1/traces"
    assert traces_url("https://h/otlp/v1/traces") == "https://h/otlp/v1/traces"
    assert shown_endpoint("https://u:p@h:1/x") == "https://h:1/x"
    assert shown_endpoint("https://u:p/w@h:1/x") == "https://h:1/x"
    assert shown_endpoint("https://h/x?api_key=abc") == "https://h/x?api_key=[redacted]"
    assert shown_endpoint("u:p@h:4317") == "h:4317"
    with pytest.raises(TracingError, match="give a URL such as"):
        traces_url("localhost:4318")


def test_what_an_import_loads() -> None:
    code = (
        "import sys, parrot_callbacks.export; "
        "print(*{name.partition('.')[0] for name in sys.modules}, "
        "*[name for name in sys.modules if name.startswith('opentelemetry.exporter')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "matplotlib", "polars", "parrot_bench", "parrot_reports", "grpc"}
    assert not [name for name in loaded if name.startswith("opentelemetry.exporter")]
    assert "google" not in loaded


@pytest.mark.parametrize(
    ("module", "protocol", "extra"),
    [
        ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "http/protobuf", "bench"),
        ("opentelemetry.exporter.otlp.proto.grpc.trace_exporter", "grpc", "grpc"),
    ],
)
def test_a_missing_extra_says_what_to_type(
    environ: Environ, monkeypatch: pytest.MonkeyPatch, module: str, protocol: str, extra: str
) -> None:
    environ(EXPORTER_OTLP_PROTOCOL=protocol)
    monkeypatch.setitem(sys.modules, module, None)
    for name in ("grpc_exporter", "http_exporter"):
        monkeypatch.delitem(sys.modules, f"parrot_callbacks.{name}", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install 'parrot-bench\[{extra}\]'"):
        check_export("http://127.0.0.1:4318")
