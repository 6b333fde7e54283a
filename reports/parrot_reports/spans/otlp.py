"""The shape of OTLP/JSON trace data, as far as a report reads it.

Field names are those of the protocol's JSON encoding: 64-bit integers are strings, ids are
hexadecimal, enums are integers. Fields that are not named here are skipped unparsed.

No object here can be part of a cycle, so none is tracked by the garbage collector (``gc=False``):
looking through them again and again doubled the time of decoding.
"""

from collections.abc import Callable
from typing import Any

import msgspec

_NOTHING = msgspec.Raw(b"")


class AnyValue(msgspec.Struct, gc=False, omit_defaults=True):
    """A value of an attribute: exactly one field is set."""

    string_value: str | None = msgspec.field(default=None, name="stringValue")
    int_value: int | str | None = msgspec.field(default=None, name="intValue")
    # Protobuf's JSON has "NaN" and "Infinity" as strings, which is no reason to lose a span.
    double_value: float | str | None = msgspec.field(default=None, name="doubleValue")
    bool_value: bool | None = msgspec.field(default=None, name="boolValue")
    array_value: "ArrayValue | None" = msgspec.field(default=None, name="arrayValue")
    kvlist_value: Any = msgspec.field(default=None, name="kvlistValue")

    def plain(self) -> str | bool | int | float | None:
        """The value as Python has it; arrays and maps as their JSON text."""
        if self.string_value is not None:
            return self.string_value
        if self.int_value is not None:
            return _number(int, self.int_value)
        if self.double_value is not None:
            return _number(float, self.double_value)
        if self.bool_value is not None:
            return self.bool_value
        for nested in (self.array_value, self.kvlist_value):
            if nested is not None:
                return msgspec.json.encode(nested).decode()
        return None


class ArrayValue(msgspec.Struct, gc=False):
    """An array of values."""

    values: list[AnyValue] = []


def _number(
    kind: Callable[[int | float | str], int | float], given: float | str
) -> str | int | float:
    try:
        return kind(given)
    except (ValueError, OverflowError):
        return str(given)


class KeyValue(msgspec.Struct, gc=False):
    """One attribute."""

    key: str
    value: AnyValue = msgspec.field(default_factory=AnyValue)


class Status(msgspec.Struct, gc=False):
    """Status of a span: 0 unset, 1 ok, 2 error."""

    code: int = 0


class Event(msgspec.Struct, gc=False, rename="camel"):
    """Something that happened during a span."""

    name: str = ""
    time_unix_nano: int | str = 0
    attributes: list[KeyValue] = []


class Span(msgspec.Struct, gc=False, rename="camel"):
    """One span."""

    trace_id: str
    span_id: str
    start_time_unix_nano: int | str
    end_time_unix_nano: int | str
    name: str = ""
    parent_span_id: str = ""
    kind: int = 0
    attributes: list[KeyValue] = []
    events: list[Event] = []
    status: Status = msgspec.field(default_factory=Status)


class ScopeSpans(msgspec.Struct, gc=False):
    """The spans of one instrumentation scope."""

    spans: list[Span] = []


class Resource(msgspec.Struct, gc=False):
    """What made the spans."""

    attributes: list[KeyValue] = []


class ResourceSpans(msgspec.Struct, gc=False):
    """The spans of one resource."""

    resource: Resource = msgspec.field(default_factory=Resource)
    scope_spans: list[ScopeSpans] = msgspec.field(default_factory=list, name="scopeSpans")


class ExportTraceServiceRequest(msgspec.Struct, gc=False):
    """One line of the file. A line of metrics or logs has no spans, and is not malformed."""

    resource_spans: list[ResourceSpans] = msgspec.field(default_factory=list, name="resourceSpans")
    resource_logs: msgspec.Raw = msgspec.field(default=_NOTHING, name="resourceLogs")
    resource_metrics: msgspec.Raw = msgspec.field(default=_NOTHING, name="resourceMetrics")

    @property
    def other_signals(self) -> list[str]:
        """Which other signals the line has."""
        named = {"logs": self.resource_logs, "metrics": self.resource_metrics}
        return [signal for signal, content in named.items() if bytes(content)]
