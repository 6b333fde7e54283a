"""What every call asks of a run is read by CPython's specialised instructions.

An attribute that is looked up anew each time takes five times as long; see
``docs/decisions/tracing-cost.md``. A default in the body of the class is enough to make it one.
"""

import dis
from typing import Any

import pytest

from parrot_callbacks.placement import enter, leave
from parrot_callbacks.recorder import SpanRecorder

CALLS = 400
"""Enough for every instruction on the path."""
GENERIC = {"LOAD_ATTR", "STORE_ATTR", "LOAD_ATTR_ADAPTIVE", "STORE_ATTR_ADAPTIVE"}


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (SpanRecorder.start, {
            "key", "owner", "runs", "attributes", "parent", "content", "streamed", "is_linked",
            "in_other_tasks", "recording", "outer", "outside", "began_ns", "started_ns", "span",
        }),
        (SpanRecorder.end, {
            "runs", "key", "ended", "started_ns", "span", "recording", "parent", "streamed",
            "content", "began_ns", "outside", "within", "asked", "is_linked",
        }),
        (enter, {
            "delegate", "inner_span", "span", "outer_span", "outer", "in_other_tasks", "outside",
            "within",
        }),
        (leave, {"delegate", "inner_span", "within", "outside"}),
    ],
    ids=lambda given: getattr(given, "__name__", None),
)  # fmt: skip
def test_attributes(telemetry: Any, sync_echo: Any, function: Any, names: set[str]) -> None:
    model = sync_echo()
    for _ in range(CALLS):
        model.invoke("x", telemetry.config)
    seen = [
        found
        for found in dis.get_instructions(function, adaptive=True)
        if found.opname.startswith(("LOAD_ATTR", "STORE_ATTR"))
    ]
    assert names <= {found.argval for found in seen}
    # The code for what few calls do isn't specialised.
    assert names <= {found.argval for found in seen if found.opname not in GENERIC}
