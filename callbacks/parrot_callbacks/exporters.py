"""Which exporters the OTEL_* variables ask for.

The SDK has this as private code of its auto-configuration, which installs global providers
and a queue of 2,048 spans. The exporters read their own variables (endpoint, headers,
compression, certificates); here it is only chosen which of them there are.
"""

import os
from importlib.metadata import entry_points
from typing import Final

from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExporter

from parrot_callbacks.errors import MissingExtraError, TracingError

TIMEOUT_S: Final = 5.0
"""Longest time for one request, unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise. With two
attempts a collector that is away costs ten seconds in all."""

_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def exporters_from_environment(otlp: str) -> dict[str, SpanExporter]:
    """Make the exporters that are asked for, by the names they have in the account.

    Args:
        otlp: Endpoint such as ``http://127.0.0.1:4318``; goes before the environment.

    Returns:
        Nothing when neither an endpoint nor OTEL_TRACES_EXPORTER is given: by default
        nothing is sent over the network.

    Raises:
        MissingExtraError: An exporter's package isn't installed.
        TracingError: OTEL_TRACES_EXPORTER names an exporter that nobody provides.
    """
    asked = os.environ.get("OTEL_TRACES_EXPORTER", "").strip()
    names = [name for name in (part.strip() for part in asked.split(",")) if name]
    if not names and _first(_ENDPOINTS):
        names = ["otlp"]
    if otlp:
        names = [*(name for name in names if name not in {"none", "otlp"}), "otlp"]
    if "none" in names:
        return {}
    made: dict[str, SpanExporter] = {}
    for name in names:
        if name == "otlp":
            made[f"otlp {without_user_info(otlp or _first(_ENDPOINTS) or 'localhost')}"] = (
                otlp_exporter(otlp)
            )
        elif name == "console":
            made[name] = ConsoleSpanExporter()
        else:
            made[name] = _from_entry_point(name)
    return made


def otlp_exporter(otlp: str) -> SpanExporter:
    """Make an OTLP exporter, over gRPC if the environment says so.

    Args:
        otlp: Endpoint; "" leaves it to the environment.
    """
    timeout = None if _first(_TIMEOUTS) else TIMEOUT_S
    if _first(_PROTOCOLS) == "grpc":
        try:
            from opentelemetry.exporter.otlp.proto.grpc import (  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415
                trace_exporter,
            )
        except ImportError as error:
            raise MissingExtraError("the OTLP exporter over gRPC", "grpc") from error
        grpc: SpanExporter = trace_exporter.OTLPSpanExporter(endpoint=otlp or None, timeout=timeout)
        return grpc
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise MissingExtraError("the OTLP exporter over HTTP", "bench") from error
    return OTLPSpanExporter(endpoint=traces_url(otlp) if otlp else None, timeout=timeout)


def traces_url(otlp: str) -> str:
    """Complete an endpoint to the URL of its traces; a full one is kept.

    Raises:
        TracingError: It isn't a URL.
    """
    if not otlp.startswith(("http://", "https://")):
        raise TracingError(
            f"{otlp!r} is not an OTLP endpoint; give a URL such as http://127.0.0.1:4318"
        )
    base = otlp.rstrip("/")
    return base if base.endswith("/v1/traces") else f"{base}/v1/traces"


def without_user_info(url: str) -> str:
    """Take user and password out of a URL."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _from_entry_point(name: str) -> SpanExporter:
    for entry in entry_points(group="opentelemetry_traces_exporter", name=name):
        exporter: SpanExporter = entry.load()()
        return exporter
    raise TracingError(
        f"OTEL_TRACES_EXPORTER={name!r}: no installed package provides this exporter; "
        "use otlp, console or none, or install the package"
    )


def _first(variables: tuple[str, ...]) -> str:
    return next((value for name in variables if (value := os.environ.get(name, ""))), "")
