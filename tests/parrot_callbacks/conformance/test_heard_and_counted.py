"""What a cell hears, counts and is told of, and the names of what is judged: whatever comes."""

import logging
import sys
import threading
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from parrot_callbacks.conformance.census import Census
from parrot_callbacks.conformance.logs import ExceptionLogs
from parrot_callbacks.conformance.noise import LOGGERS, heard
from parrot_callbacks.conformance.spans import CLIENT_SCOPE, USER_SCOPE
from parrot_callbacks.conformance.target import HandlerError, load_factory

TEXTS = st.text(max_size=20).filter(lambda text: "%" not in text)
NAMES = st.sampled_from(
    [
        "opentelemetry.sdk",
        "langchain",
        "langgraph.x",
        "asyncio",
        "mine",
        "mine.deep",
        "urllib3",
        "x",
    ]
)
LEVELS = st.sampled_from([logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])


class OddError(Exception):
    def __repr__(self) -> str:
        return str(self)


def _is_a_line(text: str) -> bool:
    return " ".join(text.split()) == text


@given(st.lists(st.tuples(NAMES, LEVELS, TEXTS), max_size=8), st.lists(TEXTS, max_size=4))
@example([], ["a\nb"])
def test_what_is_heard_is_a_line_each(
    logged: list[tuple[str, int, str]], warned: list[str]
) -> None:
    before = [*logging.getLogger().handlers], sys.unraisablehook, threading.excepthook
    with heard("mine") as lines:
        for name, level, text in logged:
            logging.getLogger(name).log(level, text)
        expected = [
            " ".join(f"{name}: {text}".split())
            for name, level, text in logged
            if level >= logging.WARNING and name.startswith((*LOGGERS, "mine"))
        ]
        assert lines == expected
        for text in warned:
            warnings.warn(text, UserWarning, stacklevel=1)
    assert lines[len(expected) :] == [" ".join(f"UserWarning: {text}".split()) for text in warned]
    assert all(map(_is_a_line, lines))
    assert ([*logging.getLogger().handlers], sys.unraisablehook, threading.excepthook) == before


@given(st.text(max_size=20))
@example("a\nb")
def test_exceptions_that_nobody_could_catch_are_a_line_each(text: str) -> None:
    with heard() as lines:
        sys.unraisablehook(SimpleNamespace(err_msg="", exc_value=OddError(text)))  # type: ignore[arg-type]
        threading.excepthook(SimpleNamespace(exc_value=OddError(text)))  # type: ignore[arg-type]
    assert len(lines) == 2
    assert all(map(_is_a_line, lines))


def _span(number: int, scope: str, *, chat: bool) -> Any:
    return ReadableSpan(
        name="x",
        context=SpanContext(trace_id=1, span_id=number, is_remote=False),
        attributes={"gen_ai.operation.name": "chat"} if chat else {},
        instrumentation_scope=InstrumentationScope(scope),
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["handler", USER_SCOPE, CLIENT_SCOPE]), st.booleans(), st.booleans()
        ),
        max_size=12,
    )
)
def test_spans_of_the_handler_are_counted_and_no_others(made: list[tuple[str, bool, bool]]) -> None:
    census = Census()
    spans = [
        (_span(number, scope, chat=chat), ends)
        for number, (scope, chat, ends) in enumerate(made, start=1)
    ]
    for span, _ in spans:
        census.start(span)
    for span, ends in reversed(spans):
        if ends:
            census.end(span)
    ours = [(chat, ends) for scope, chat, ends in made if scope == "handler"]
    assert census.started == len(ours) == len(census.alive)
    assert census.ended == sum(ends for _, ends in ours)
    assert census.chats == sum(chat and ends for chat, ends in ours)
    assert census.open == sum(not ends for _, ends in ours)
    span = None
    spans.clear()
    assert not census.alive


@given(
    exception=st.booleans(),
    named=st.booleans(),
    by_field=st.booleans(),
    own=st.none() | st.integers(1, 2**64 - 1),
    current=st.none() | st.integers(1, 2**64 - 1),
)
def test_a_log_of_an_exception_is_told_once_with_its_span(
    *, exception: bool, named: bool, by_field: bool, own: int | None, current: int | None
) -> None:
    told: list[int] = []
    context = set_span_in_context(
        NonRecordingSpan(SpanContext(trace_id=1, span_id=current, is_remote=False))
        if current
        else NonRecordingSpan(SpanContext(trace_id=0, span_id=0, is_remote=False))
    )
    fields = {
        "exception": ValueError("x") if exception else None,
        "attributes": {"exception.type": "ValueError"} if named else None,
        "span_id": own,
        "context": context,
    }
    logger = ExceptionLogs(told.append).get_logger("any")
    if by_field:
        logger.emit(**fields)  # type: ignore[call-overload]
    else:
        logger.emit(SimpleNamespace(**fields))  # type: ignore[call-overload]
    assert told == ([own or current or 0] if exception or named else [])


@given(st.text() | st.text(alphabet="ab.:_ \n\x1b", max_size=12))
@example("os:path")
@example("a\n:b")
@example("\0:x")
@example("..:x")
def test_any_text_names_a_factory_or_is_refused_in_one_line(spec: str) -> None:
    said = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        try:
            assert callable(load_factory(spec))
        except HandlerError as error:
            said = str(error)
    assert said.isprintable()
