"""Which exporters the OTEL_* variables ask for.

The SDK has this as private code of its auto-configuration, which installs global providers
and a queue of 2,048 spans. The exporters read their own variables (endpoint, headers,
compression, certificates, timeout); here it is only chosen which of them there are, and what
makes no sense is refused before anything is measured.
"""

import os
import sys
from importlib.metadata import entry_points
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExporter

from parrot_callbacks.answers import AnsweredExporter, Answers
from parrot_callbacks.errors import MissingExtraError, TracingError
from parrot_callbacks.quiet import ExporterLog
from parrot_callbacks.redaction import redact_text

TIMEOUT_S: Final = 5.0
"""Longest time for one request of a run, unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise. With
two attempts a collector that is away costs ten seconds in all."""

HTTP: Final = "http/protobuf"
GRPC: Final = "grpc"

_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OTLP: Final = {"otlp": "", "otlp_proto_http": HTTP, "otlp_proto_grpc": GRPC}
"""Names of OTLP in OTEL_TRACES_EXPORTER, and the protocol that a name settles."""


def exporters_from_environment(otlp: str) -> dict[str, SpanExporter]:
    """Make the exporters that are asked for, by the names they have in the account.

    Args:
        otlp: Endpoint such as ``http://127.0.0.1:4318``; goes before the environment.

    Returns:
        Nothing when neither an endpoint nor OTEL_TRACES_EXPORTER is given: by default
        nothing is sent over the network.

    Raises:
        MissingExtraError: An exporter's package isn't installed.
        TracingError: An endpoint, a protocol or the name of an exporter makes no sense.
    """
    asked = os.environ.get("OTEL_TRACES_EXPORTER", "").strip()
    names = [name for name in dict.fromkeys(part.strip() for part in asked.split(",")) if name]
    if not names and _first(_ENDPOINTS):
        names = ["otlp"]
    if otlp:
        names = [*(name for name in names if name != "none" and name not in _OTLP), "otlp"]
    if "none" in names:
        return {}
    made: dict[str, SpanExporter] = {}
    for name in names:
        if name in _OTLP:
            shown = shown_endpoint(otlp or _first(_ENDPOINTS) or "localhost")
            made[f"otlp {shown}"] = otlp_exporter(otlp, _OTLP[name])
        elif name == "console":
            # Its default is the standard output of the moment when the SDK was imported.
            made[name] = ConsoleSpanExporter(out=sys.stdout)
        else:
            made[name] = _from_entry_point(name)
    return made


def check_exporters(otlp: str) -> None:
    """Refuse what `exporters_from_environment` would refuse; nothing is sent.

    Raises:
        MissingExtraError: As there.
        TracingError: As there.
    """
    for exporter in exporters_from_environment(otlp).values():
        exporter.shutdown()


def otlp_exporter(
    otlp: str, protocol: str = "", *, timeout_s: float | None = TIMEOUT_S
) -> SpanExporter:
    """Make an OTLP exporter whose collector's answers are read.

    Args:
        otlp: Endpoint; "" leaves it to the environment.
        protocol: ``http/protobuf`` or ``grpc``; "" leaves it to the environment.
        timeout_s: Longest time for one request, seconds; OTEL_EXPORTER_OTLP_TIMEOUT goes
            before it. None is OpenTelemetry's own default, 10 s.

    Raises:
        MissingExtraError: The protocol's exporter isn't installed.
        TracingError: The endpoint, the protocol or another of its variables makes no sense.
    """
    protocol = protocol or _first(_PROTOCOLS) or HTTP
    if protocol not in {HTTP, GRPC}:
        raise TracingError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol!r} is not provided; use {HTTP} or {GRPC}"
        )
    endpoint = otlp or _first(_ENDPOINTS)
    if otlp or protocol == HTTP:
        _check_url(endpoint)
    if protocol == GRPC and "@" in endpoint:
        raise TracingError(
            f"{shown_endpoint(endpoint)}: gRPC takes no user and password from the URL; "
            "give them in OTEL_EXPORTER_OTLP_HEADERS"
        )
    timeout = None if _first(_TIMEOUTS) else timeout_s
    answers = Answers()
    log = ExporterLog()
    log.open()
    try:
        exporter = _answered(protocol, otlp, timeout, answers)
    except (MissingExtraError, TracingError):
        raise
    # What an exporter makes of a variable that it can't read is its own matter: a ValueError
    # for a timeout that is no number, an Exception of gRPC's for an unknown compression, or a
    # warning after which it goes on without.
    except Exception as error:
        raise _refused(str(error)) from error
    finally:
        log.close()
    if log.last:
        raise _refused(log.last)
    return AnsweredExporter(exporter, answers)


def _refused(said: str) -> TracingError:
    if "eader" in said:
        # The warning repeats the header, which may be a credential.
        return TracingError(
            "OTEL_EXPORTER_OTLP_HEADERS is not of the form key=value,key=value, values URL-encoded"
        )
    return TracingError(
        f"the OTLP exporter refuses its OTEL_EXPORTER_OTLP_* variables: {redact_text(said)}"
    )


def _answered(protocol: str, otlp: str, timeout: float | None, answers: Answers) -> SpanExporter:
    try:
        if protocol == GRPC:
            from parrot_callbacks.grpc_exporter import (  # noqa: PLC0415  # an extra
                answered_exporter as over_grpc,
            )

            return over_grpc(otlp or None, timeout, answers)
        from parrot_callbacks.http_exporter import (  # noqa: PLC0415  # an extra
            answered_exporter as over_http,
        )
    except ImportError as error:
        over, extra = ("gRPC", "grpc") if protocol == GRPC else ("HTTP", "bench")
        raise MissingExtraError(f"the OTLP exporter over {over}", extra) from error
    return over_http(traces_url(otlp) if otlp else None, timeout, answers)


def traces_url(otlp: str) -> str:
    """Complete an endpoint to the URL of its traces; a full one is kept.

    Raises:
        TracingError: It isn't a URL.
    """
    _check_url(otlp)
    base = otlp.rstrip("/")
    return base if base.endswith("/v1/traces") else f"{base}/v1/traces"


def shown_endpoint(url: str) -> str:
    """Take user, password and secret query parameters out of a URL."""
    scheme, separator, rest = url.rpartition("://")
    # The last "@" of all: what stands before it in a URL that is wrong may be a password.
    return redact_text(f"{scheme}{separator}{rest.rpartition('@')[2]}")


def _check_url(endpoint: str) -> None:
    if not endpoint:
        return
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable:
        raise TracingError(
            f"{shown_endpoint(endpoint)!r} is not an OTLP endpoint; "
            "give a URL such as http://127.0.0.1:4318"
        )


def _from_entry_point(name: str) -> SpanExporter:
    for entry in entry_points(group="opentelemetry_traces_exporter", name=name):
        exporter: SpanExporter = entry.load()()
        return exporter
    raise TracingError(
        f"OTEL_TRACES_EXPORTER={name!r}: no installed package provides this exporter; "
        "use otlp, console or none, or install the package"
    )


def _first(variables: tuple[str, ...]) -> str:
    return next((value for name in variables if (value := os.environ.get(name, "").strip())), "")
