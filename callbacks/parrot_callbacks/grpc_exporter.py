"""The OTLP exporter over gRPC, with its collector's answers read.

Imported only when gRPC is asked for: grpcio is the extra ``grpc``.
"""

from typing import Any

from grpc import RpcError  # type: ignore[import-untyped, unused-ignore]
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

from parrot_callbacks.answers import Answers
from parrot_callbacks.errors import TracingError


class _HeardStub:
    """A trace service's stub whose answers are heard."""

    def __init__(self, stub: Any, answers: Answers) -> None:
        self._stub = stub
        self._answers = answers

    def Export(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802  # the service's method
        try:
            answer = self._stub.Export(*args, **kwargs)
        except RpcError as error:
            # grpc's own type; it says code and details, and its declaration doesn't.
            code, details = error.code(), error.details()  # type: ignore[attr-defined, unused-ignore]
            self._answers.hear_failure(f"gRPC {code.name}: {details}")
            raise
        self._answers.hear(answer)
        return answer


class _AnsweredOTLPSpanExporter(OTLPSpanExporter):
    """The exporter, with a stub of ours in the place of its own.

    It throws the answer away, and takes neither a channel nor an interceptor. Whenever it
    makes a stub, after a reconnection as well, it sets ``_client``; so that is where ours is
    put before it. The name is private: `answered_exporter` refuses an exporter without it.
    """

    def __init__(self, endpoint: str | None, timeout: float | None, answers: Answers) -> None:
        # First, because __init__ makes the first stub.
        self._answers = answers
        self.heard: _HeardStub | None = None
        super().__init__(endpoint=endpoint, timeout=timeout)  # type: ignore[arg-type, unused-ignore]  # 1.36 says int

    @property
    def _client(self) -> Any:
        return self.heard

    @_client.setter
    def _client(self, stub: Any) -> None:
        self.heard = None if stub is None else _HeardStub(stub, self._answers)


def answered_exporter(
    endpoint: str | None, timeout_s: float | None, answers: Answers
) -> OTLPSpanExporter:
    """Make the exporter.

    Args:
        endpoint: URL; None leaves it to the environment. ``http://`` is without TLS.
        timeout_s: Longest time for one request, seconds; None leaves it to the environment.
        answers: Hears what the collector answers.

    Raises:
        TracingError: This version's exporter can't be listened to.
    """
    exporter = _AnsweredOTLPSpanExporter(endpoint, timeout_s, answers)
    if exporter.heard is None:
        raise TracingError(
            "this version of opentelemetry-exporter-otlp-proto-grpc hides what a collector "
            "answers, so rejected spans would count as exported; use OTLP over HTTP"
        )
    return exporter
