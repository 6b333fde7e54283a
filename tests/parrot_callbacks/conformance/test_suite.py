"""Our own handler and instrumentor, judged by the whole suite; and the suite's own promises."""

import importlib.metadata
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from langchain_core import globals as settings
from langchain_core.caches import InMemoryCache
from langchain_core.tracers import context as langchain_context
from opentelemetry.sdk.trace import TracerProvider

from parrot_callbacks import OpenTelemetryCallbackHandler, SpanFileExporter, TracingError
from parrot_callbacks.conformance import (
    NEEDS_INSTRUMENTOR,
    CellResult,
    HandlerError,
    Results,
    all_cells,
    load_factory,
    need_of,
    run,
)
from parrot_callbacks.conformance.cells import Cell
from parrot_callbacks.conformance.echo import SyncEcho
from parrot_callbacks.conformance.ours import both, handler, instrumentor
from parrot_callbacks.conformance.scene import Scene
from parrot_callbacks.conformance.stage import Stage, open_stage
from parrot_callbacks.conformance.target import Factory

VALIDATOR = Path(__file__).parents[2] / "semconv" / "validate_genai.py"


def told(results: Results) -> list[str]:
    """What failed, a line each."""
    return [
        f"{result.cell.id}: {verdict.check}: {verdict.message}"
        for result in results.done
        for verdict in result.failures
    ]


def test_our_handler_alone_fails_where_it_is_declared_and_nowhere_else() -> None:
    results = run(handler, strict=True).finish()
    asked = {(result.cell, verdict.check) for result in results.done for verdict in result.verdicts}
    failed = {
        (result.cell.id, verdict.check) for result in results.done for verdict in result.failures
    }
    declared = {(cell.id, check) for cell, check in asked if need_of(cell, check) is not None}
    assert failed == declared, told(results)


def test_with_our_instrumentor_nothing_fails() -> None:
    results = run(instrumentor).finish()
    assert told(results) == []
    assert results.passed


@pytest.mark.parametrize("factories", [(both,), (handler, instrumentor)])
def test_with_both_nothing_fails_and_the_conventions_are_kept(
    factories: Sequence[Factory], fewer_calls: None, tmp_path: Path
) -> None:
    spans = tmp_path / "spans.jsonl"
    assert told(run(*factories, exporter=SpanFileExporter(spans)).finish()) == []
    done = subprocess.run(
        [sys.executable, VALIDATOR, spans, "--profile", "any"],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"violations=0\b", done.stdout), done.stdout
    assert re.search(r"span chat=\d{4}", done.stdout), done.stdout


def test_every_pattern_of_a_need_is_about_a_cell() -> None:
    names = [cell.id for cell in all_cells()]
    for need in NEEDS_INSTRUMENTOR:
        for pattern in (*need.cells, *need.but):
            assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_what_our_handler_needs_is_excused_for_it_alone() -> None:
    excused = run(handler, only=["ainvoke-native/bare"]).finish()
    assert excused.passed
    assert [verdict.check for verdict in excused.done[0].needs] == ["same object"]
    assert not run(handler, only=["ainvoke-native/bare"], strict=True).finish().passed


def test_the_suite_by_itself_is_neither_noisy_nor_in_the_way(fewer_calls: None) -> None:
    # What the suite does itself must not be held against a handler.
    results = run(lambda _: None).finish()
    checks = {"works", "ended", "quiet", "current span", "same object", "consumer", "prompt"}
    wrong = [line for line in told(results) if line.split(": ")[1] in checks]
    assert wrong == []


def test_what_the_environment_adds_to_calls_is_kept_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = InMemoryCache()
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    settings.set_llm_cache(cache)
    try:
        assert told(run(handler, only=["invoke/bare", "stream/bare"]).finish()) == []
        assert settings.get_llm_cache() is cache
    finally:
        settings.set_llm_cache(None)
    assert os.environ["LANGSMITH_TRACING"] == "true"


def test_without_opentelemetry_nothing_can_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with pytest.raises(TracingError, match="OTEL_SDK_DISABLED is set, so that no handler"):
        run(handler, only=["invoke/bare"]).finish()


# -- targets ----------------------------------------------------------------------------


@pytest.fixture
def hooks() -> Iterator[list[Any]]:
    """LangChain's registry of handlers for all calls, as it was before."""
    registry = langchain_context._configure_hooks
    before = list(registry)
    yield registry
    registry[:] = before


class Undone:
    """What a factory returns that has instrumented LangChain."""

    def __init__(self) -> None:
        self.times = 0

    def uninstrument(self) -> None:
        self.times += 1


def test_a_global_instrumentation_is_undone(
    hooks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFORMANCE_TEST_HANDLER", "1")
    made = Undone()

    def instrument(provider: TracerProvider) -> Undone:
        class Bound(OpenTelemetryCallbackHandler):
            def __init__(self) -> None:
                super().__init__(provider)

        langchain_context.register_configure_hook(
            ContextVar("conformance-test", default=None),
            inheritable=True,
            handle_class=Bound,
            env_var="CONFORMANCE_TEST_HANDLER",
        )
        return made

    results = run(instrument, only=["invoke/bare", "two-handlers"]).finish()
    by_id = {result.cell.id: result for result in results.done}
    assert not by_id["invoke/bare"].failures
    assert "instruments globally" in by_id["two-handlers-attached/sync"].unavailable
    assert made.times == 1


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda _: 3, "returned a int; expected a callback handler"),
        (lambda _: 1 / 0, "failed with the tracer provider it was given: ZeroDivisionError"),
        (lambda: None, "failed with the tracer provider it was given: TypeError"),
    ],
)
def test_a_factory_of_something_else(factory: Callable[..., Any], message: str) -> None:
    with pytest.raises(HandlerError, match=message):
        run(factory, only=["invoke/bare"]).finish()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("json", "'json' does not say what to judge; expected module:factory"),
        ("no_such_module:make", "No module named 'no_such_module'"),
        ("json:no_such_name", "no attribute 'no_such_name'"),
        ("json:__name__", "json:__name__ is a str; expected a function"),
    ],
)
def test_a_name_of_no_factory(spec: str, message: str) -> None:
    with pytest.raises(HandlerError, match=message):
        load_factory(spec)


def test_an_exception_may_be_recorded_as_a_log_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    with_logs = run(
        lambda provider, logger_provider: OpenTelemetryCallbackHandler(
            provider, logger_provider=logger_provider
        ),
        only=["invoke-fails-before/sync"],
    ).finish()
    assert told(with_logs) == []


# -- cells ------------------------------------------------------------------------------


@pytest.fixture
def stage() -> Iterator[Stage]:
    with open_stage([handler]) as opened:
        yield opened


def perform(stage: Stage, body: Callable[[Scene], None], limit_s: float = 10.0) -> CellResult:
    return stage.perform(Cell(row="row", column="column", body=body, limit_s=limit_s))


def test_a_cell_that_crashes_has_failed(stage: Stage) -> None:
    def crash(scene: Scene) -> None:
        raise ValueError("two\nlines")

    (failure,) = perform(stage, crash).failures
    assert failure.check == "works"
    assert failure.message == "expected no error, got ValueError: two lines"


def test_a_cell_that_hangs_has_failed_and_its_late_spans_are_its_own(stage: Stage) -> None:
    go_on, done = threading.Event(), threading.Event()

    def hang(scene: Scene) -> None:
        go_on.wait()
        SyncEcho().invoke("x", scene.config)
        done.set()

    (failure,) = perform(stage, hang, limit_s=0.05).failures
    assert failure.message == "expected no error, got no end within 0.05 s"

    def meanwhile(scene: Scene) -> None:
        go_on.set()
        done.wait()
        scene.model(SyncEcho).invoke("x", scene.config)
        scene.call()

    assert perform(stage, meanwhile).failures == ()


def test_a_span_that_ends_late_is_in_no_other_cell(stage: Stage) -> None:
    streams = []

    def leave_open(scene: Scene) -> None:
        streams.append(SyncEcho().stream("x", scene.config))
        next(streams[0])

    assert [failure.check for failure in perform(stage, leave_open).failures] == [
        "one span",
        "ended",
    ]

    def close_it(scene: Scene) -> None:
        streams[0].close()

    assert perform(stage, close_it).failures == ()


def test_pieces_of_a_run() -> None:
    results = run(handler, only=["invoke/bare", "stream/bare"])
    first = next(iter(results))
    assert first.cell.id == "invoke/bare"
    assert not results.passed
    results.finish()
    assert [result.cell.id for result in results.done] == ["invoke/bare", "stream/bare"]
    assert results.done[0] is first
    assert results.passed


def test_the_record() -> None:
    record = run(handler, only=["invoke/bare", "stream_events_v3/sequence"]).finish().record()
    assert record["complete"]
    assert record["versions"]["langchain-core"] == importlib.metadata.version("langchain-core")
    assert record["handler"]["factory"] == "parrot_callbacks.conformance.ours:handler"
    assert record["summary"] == {
        "performed": 1,
        "not_available": 1,
        "failed_by_structure": 0,
        "failed_by_attributes": 0,
        "modes": {"performed": 1, "failed_by_structure": 0, "failed_by_attributes": 0},
        "faults": {"performed": 0, "failed_by_structure": 0, "failed_by_attributes": 0},
    }
    bare, v3 = record["cells"]
    assert {check["verdict"] for check in bare["checks"]} == {"pass"}
    assert {check["check"] for check in bare["checks"]} <= set(record["checks"])
    assert v3["checks"] == []
    assert v3["not_available"]


def test_a_pattern_of_no_cell() -> None:
    with pytest.raises(TracingError, match="no cell is named 'nothing-like-it'; expected a part"):
        run(handler, only=["nothing-like-it"])


def test_names_of_cells_are_unique_and_plain() -> None:
    names = [cell.id for cell in all_cells()]
    assert len(set(names)) == len(names)
    assert not any(set(name) & set(" [](){}*?") for name in names)
