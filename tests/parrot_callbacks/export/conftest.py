"""Receivers of the tests' own, and an environment without OTEL_* variables."""

import os
from collections.abc import Callable, Iterator

import pytest
from otlp_receiver import Received, http_receiver

from parrot_callbacks import Tracing


@pytest.fixture(autouse=True)
def no_otel_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def receiver() -> Iterator[Received]:
    with http_receiver() as received:
        yield received


@pytest.fixture
def make_spans() -> Callable[[Tracing, int], None]:
    def make(tracing: Tracing, count: int) -> None:
        tracer = tracing.tracer_provider.get_tracer("tests", "1")
        for number in range(count):
            with tracer.start_as_current_span(f"span {number}"):
                pass

    return make
