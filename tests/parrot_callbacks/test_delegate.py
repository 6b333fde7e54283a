"""The stand-in is the chat span while it is open, and the outer span afterwards."""

import copy
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import ReadableSpan

from parrot_callbacks.delegate import DelegatingSpan, see_through


@pytest.fixture
def spans(make_telemetry: Any) -> tuple[Any, Any]:
    tracer = make_telemetry().tracer
    return tracer.start_span("inner"), tracer.start_span("outer")


def stand_in(inner: Any, outer: Any) -> Any:
    delegate: Any = DelegatingSpan()
    delegate.inner_span, delegate.outer_span, delegate.has_left = inner, outer, None
    return delegate


def test_it_stands_for_one_and_then_for_the_other(spans: tuple[Any, Any]) -> None:
    inner, outer = spans
    delegate = stand_in(inner, outer)
    assert delegate.get_span_context() is inner.get_span_context()
    assert isinstance(delegate, trace.Span)
    assert isinstance(delegate, ReadableSpan)
    assert delegate.name == "inner"
    delegate.set_attribute("a", 1)
    delegate.add_event("e")
    delegate.end()
    assert inner.is_recording(), "the run's end is the handler's"
    delegate.inner_span = None
    assert delegate.get_span_context() is outer.get_span_context()
    delegate.set_attributes({"b": 2})
    delegate.update_name("renamed")
    delegate.set_status(trace.StatusCode.OK)
    delegate.record_exception(ValueError())
    delegate.add_link(inner.get_span_context())
    assert (dict(inner.attributes), dict(outer.attributes)) == ({"a": 1}, {"b": 2})
    assert outer.name == "renamed"
    delegate.end()
    assert not outer.is_recording()


def test_no_span_outside(spans: tuple[Any, Any]) -> None:
    delegate = stand_in(spans[0], trace.INVALID_SPAN)
    delegate.inner_span = None
    assert not delegate.get_span_context().is_valid
    assert not delegate.is_recording()


def test_looking_through_released_ones_only(spans: tuple[Any, Any]) -> None:
    inner, outer = spans
    first = stand_in(inner, outer)
    second = stand_in(inner, first)
    second.inner_span = None
    assert see_through(second) is first
    first.inner_span = None
    assert see_through(second) is outer


def test_copies(spans: tuple[Any, Any]) -> None:
    inner, outer = spans
    delegate = stand_in(inner, outer)
    twin = copy.copy(delegate)
    delegate.inner_span = None
    assert twin.get_span_context() is inner.get_span_context()
    empty = DelegatingSpan.__new__(DelegatingSpan)
    with pytest.raises(AttributeError):
        _ = empty.name


def test_a_handler_is_not_copied(telemetry: Any) -> None:
    assert copy.deepcopy({"callbacks": [telemetry.handler]})["callbacks"][0] is telemetry.handler
    assert copy.copy(telemetry.handler) is telemetry.handler


async def test_baggage_and_propagation(telemetry: Any, echo: Any) -> None:
    carried: list[dict[str, str]] = []

    def body() -> None:
        headers: dict[str, str] = {}
        inject(headers)
        carried.append(headers)
        attach(baggage.set_baggage("inner", "2"))

    attach(baggage.set_baggage("outer", "1"))
    model = echo(before=body)
    await model.ainvoke("x", telemetry.config)
    model.invoke("x", telemetry.config)
    list(model.stream("x", telemetry.config))
    ids = [f"{span.context.span_id:016x}" for span in telemetry.chats]
    assert [headers["traceparent"].split("-")[2] for headers in carried] == ids
    assert all("outer=1" in headers["baggage"] for headers in carried)
    assert baggage.get_baggage("inner") == "2", "what the body attached stays"
    assert not trace.get_current_span().get_span_context().is_valid
