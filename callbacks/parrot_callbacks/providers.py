"""Metrics and events: from the providers handed over, or from the global ones once set."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from opentelemetry._logs import Logger, LoggerProvider, get_logger_provider
from opentelemetry.metrics import MeterProvider, get_meter_provider

from parrot_callbacks import events, semconv
from parrot_callbacks.metrics import CallMetrics, RunMetrics

_LOOK_EVERY_NS: Final = 1_000_000_000
_NEVER: Final = 1 << 63


@cache
def package_version() -> str:
    """Return the version of the installed distribution; looking it up reads files."""
    try:
        return version("parrot-bench")
    except PackageNotFoundError:  # a source tree that isn't installed
        return "unknown"


class OptionalSignals:
    """Metrics and log events, while there is an SDK that takes them.

    Args:
        meter_provider: Makes the metrics; the global provider if None.
        logger_provider: Takes the log events; the global provider if None.
        latest: Use the metric names of main.

    Attributes:
        runs: The instruments of other runs, as of the last call of `metrics`.
    """

    def __init__(
        self,
        meter_provider: MeterProvider | None,
        logger_provider: LoggerProvider | None,
        *,
        latest: bool,
    ) -> None:
        self._given_meter_provider = meter_provider
        self._given_logger_provider = logger_provider
        self._latest = latest
        self._meter_provider: MeterProvider | None = None
        self._metrics: CallMetrics | None = None
        self.runs: RunMetrics | None = None
        self._look_at_ns = 0

    def metrics(self, now_ns: int) -> CallMetrics | None:
        """Return the instruments, or None while nobody takes metrics.

        Args:
            now_ns: ``time.perf_counter_ns()``.
        """
        return self._metrics if now_ns < self._look_at_ns else self._look(now_ns)

    def _look(self, now_ns: int) -> CallMetrics | None:
        provider = self._given_meter_provider
        # While no SDK is set, asking for the global provider reads the environment.
        look_at_ns = now_ns + _LOOK_EVERY_NS if provider is None else _NEVER
        provider = provider or get_meter_provider()
        if provider is not self._meter_provider:
            self._meter_provider = provider
            self._metrics = self.runs = None
            if not _is_placeholder(provider):
                meter = provider.get_meter(
                    semconv.SCOPE_NAME, package_version(), schema_url=semconv.SCHEMA_URL
                )
                self._metrics = calls = CallMetrics(meter, latest=self._latest)
                self.runs = RunMetrics(meter, calls, latest=self._latest)
        self._look_at_ns = look_at_ns
        return self._metrics

    def logger(self) -> Logger | None:
        """Return the logger for events, or None while nobody takes them."""
        provider = self._given_logger_provider or get_logger_provider()
        if _is_placeholder(provider) or not events.SUPPORTED:
            return None
        return provider.get_logger(
            semconv.SCOPE_NAME, package_version(), schema_url=semconv.SCHEMA_URL
        )


def _is_placeholder(provider: object) -> bool:
    """Whether a provider is the API's own, which does nothing."""
    return type(provider).__module__.startswith(("opentelemetry.metrics", "opentelemetry._logs"))
