"""The OTLP exporter over HTTP, with its collector's answers read.

Imported only when an OTLP exporter is asked for.
"""

import os
from importlib.metadata import entry_points
from typing import Any, Final

import requests  # type: ignore[import-untyped, unused-ignore]  # the exporter's own dependency
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from parrot_callbacks.answers import Answers
from parrot_callbacks.errors import TracingError

_CREDENTIAL_PROVIDERS: Final = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
)


class _Session(requests.Session):
    """A session that tells why a request failed, and uses the collector's certificate."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Make a request; a connection that fails is heard as well."""
        # Some versions follow a redirect, and with GET: an answer to nothing would count.
        kwargs["allow_redirects"] = False
        try:
            return super().request(*args, **kwargs)
        except requests.RequestException as error:
            self._answers.hear_failure(f"{type(error).__name__}: {error}")
            raise

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Prefer the session's certificate to REQUESTS_CA_BUNDLE.

        The exporter gives the session OTEL_EXPORTER_OTLP_CERTIFICATE. requests prefers the
        variable for all its users, and then the collector's certificate never acts.
        """
        if verify is None and self.verify is not True:
            verify = self.verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)


def answered_exporter(
    endpoint: str | None, timeout_s: float | None, answers: Answers
) -> OTLPSpanExporter:
    """Make the exporter.

    Args:
        endpoint: Full URL; None leaves it to the environment.
        timeout_s: Longest time for one request, seconds; None leaves it to the environment.
        answers: Hears what the collector answers.

    Raises:
        TracingError: The user's credential provider isn't installed.
    """
    session = _session(answers)
    session.hooks["response"].append(answers.hear_http)
    return OTLPSpanExporter(endpoint=endpoint, timeout=timeout_s, session=session)


def _session(answers: Answers) -> requests.Session:
    """A session of ours; the one of the user's credential provider, where there is one."""
    provider = next((name for v in _CREDENTIAL_PROVIDERS if (name := os.environ.get(v))), "")
    if not provider:
        return _Session(answers)
    for entry in entry_points(group="opentelemetry_otlp_credential_provider", name=provider):
        session: requests.Session = entry.load()()
        return session
    raise TracingError(
        f"no installed package provides the OTLP credentials {provider!r}; "
        f"install it, or unset {_CREDENTIAL_PROVIDERS[0]}"
    )
