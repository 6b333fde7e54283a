"""Conditions that distort: each is found, removed, named and put back."""

import asyncio
import functools
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from langchain_core import globals as settings
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, CallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.tracers import context
from langsmith.utils import get_env_var, tracing_is_enabled

from parrot_bench.conditions import conditions
from parrot_bench.parrot import ChatParrotLink
from parrot_bench.timing import open_clocks
from parrot_callbacks.instrumentor import LangChainInstrumentor


def parrot(**changes: Any) -> ChatParrotLink:
    return ChatParrotLink(parrot_buffer_length=3, **changes)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("LANGSMITH_", "LANGCHAIN_")):
            monkeypatch.delenv(name)
    get_env_var.cache_clear()
    yield
    get_env_var.cache_clear()


def names(found: list[Any]) -> list[str]:
    return [condition.name for condition in found]


def test_a_clean_process_has_none() -> None:
    with conditions((parrot(),), keep=False) as found:
        assert found == []


def test_langsmith_tracing_is_switched_off_and_on_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2-secret")
    get_env_var.cache_clear()
    assert tracing_is_enabled()
    with conditions((parrot(),), keep=False) as found:
        assert names(found) == ["LANGSMITH_API_KEY", "LANGSMITH_TRACING"]
        assert "lsv2-secret" not in repr(found)
        assert not tracing_is_enabled()
    assert tracing_is_enabled()
    assert os.environ["LANGSMITH_API_KEY"] == "lsv2-secret"


def test_globals_are_put_back() -> None:
    cache = InMemoryCache()
    settings.set_debug(True)
    settings.set_verbose(True)
    settings.set_llm_cache(cache)
    try:
        with conditions((parrot(),), keep=False) as found:
            assert {"set_debug", "set_verbose", "set_llm_cache"} <= set(names(found))
            assert not settings.get_debug()
            assert not settings.get_verbose()
            assert settings.get_llm_cache() is None
        assert settings.get_debug()
        assert settings.get_verbose()
        assert settings.get_llm_cache() is cache
    finally:
        settings.set_debug(False)
        settings.set_verbose(False)
        settings.set_llm_cache(None)


class Counting(BaseCallbackHandler):
    def __init__(self) -> None:
        self.starts = 0

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.starts += 1


def test_a_handler_that_is_configured_for_every_call_is_taken_off() -> None:
    handler = Counting()
    variable: ContextVar[Any] = ContextVar("handler", default=None)
    context.register_configure_hook(variable, inheritable=True)
    variable.set(handler)
    try:
        with conditions((parrot(),), keep=False) as found:
            assert names(found) == ["handler Counting"]
            parrot().invoke("hello")
            assert handler.starts == 0
        parrot().invoke("hello")
        assert handler.starts == 1
    finally:
        context._configure_hooks.pop()


def test_handlers_caches_and_verbosity_of_the_model_are_taken_off_both_instances() -> None:
    handler = Counting()
    models = tuple(
        parrot(callbacks=[handler], verbose=True, cache=InMemoryCache()) for _ in range(2)
    )
    with conditions(models, keep=False) as found:
        assert names(found) == ["model.callbacks", "model.verbose", "model.cache"]
        for model in models:
            model.invoke("hello")
            assert model.cache is None
        assert handler.starts == 0
    for model in models:
        assert model.callbacks == [handler]
        assert model.verbose
        assert model.cache is not None


def test_a_profiler_is_taken_off() -> None:
    def profile(*_: Any) -> None: ...

    previous = sys.getprofile()
    sys.setprofile(profile)
    try:
        with conditions((parrot(),), keep=False) as found:
            during = sys.getprofile()
            assert "sys.setprofile" in names(found)
        assert during is None
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(previous)


def test_our_own_instrumentation_is_suspended_and_resumed() -> None:
    instrumentor = LangChainInstrumentor()
    bare = BaseChatModel.stream
    instrumentor.instrument()
    try:
        handler = instrumentor.handler
        with conditions((parrot(),), keep=False) as found:
            assert names(found) == ["parrot_callbacks instrumentation"]
            assert BaseChatModel.stream is bare
            assert not CallbackManager.configure().handlers
        assert instrumentor.handler is handler
        assert BaseChatModel.stream is not bare
        assert CallbackManager.configure().handlers == [handler]
    finally:
        instrumentor.uninstrument()
    assert BaseChatModel.stream is bare


def test_somebody_elses_instrumentation_is_unwrapped_and_wrapped_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handler = Counting()
    original = BaseCallbackManager.__init__

    @functools.wraps(original)
    def instrumented(self: BaseCallbackManager, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.add_handler(handler)

    monkeypatch.setattr(BaseCallbackManager, "__init__", instrumented)
    with conditions((parrot(),), keep=False) as found:
        assert names(found) == ["somebody's instrumentation"]
        parrot().invoke("hello")
        assert handler.starts == 0
    parrot().invoke("hello")
    assert handler.starts == 1


def test_the_tracing_of_allocations_is_stopped_and_started_again() -> None:
    tracemalloc.start(3)
    try:
        with conditions((parrot(),), keep=False) as found:
            assert names(found) == ["tracemalloc"]
            assert not tracemalloc.is_tracing()
        assert tracemalloc.get_traceback_limit() == 3
    finally:
        tracemalloc.stop()


def test_asyncio_is_not_debugged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    with conditions((parrot(),), keep=False) as found, open_clocks() as clocks:
        assert names(found) == ["PYTHONASYNCIODEBUG"]
        assert not clocks["async"].once(debugged, None)
    assert os.environ["PYTHONASYNCIODEBUG"] == "1"


async def debugged(_: object) -> bool:
    return asyncio.get_running_loop().get_debug()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_who_monitors_is_told_nothing_for_a_while() -> None:
    monitoring: Any = sys.__dict__["monitoring"]
    told: list[object] = []
    monitoring.use_tool_id(4, "watcher")
    try:
        monitoring.register_callback(4, monitoring.events.PY_START, lambda *a: told.append(a))
        monitoring.set_events(4, monitoring.events.PY_START)
        with conditions((parrot(),), keep=False) as found:
            assert "sys.monitoring watcher" in names(found)
            told.clear()
            parrot().invoke("hello")
            assert not told
        assert monitoring.get_events(4) == monitoring.events.PY_START
    finally:
        monitoring.set_events(4, 0)
        monitoring.free_tool_id(4)


def test_what_cannot_be_taken_off_is_named_as_kept() -> None:
    code = (
        "from parrot_bench.conditions import conditions\n"
        "from parrot_bench.parrot import ChatParrotLink\n"
        "with conditions((ChatParrotLink(parrot_buffer_length=3),), keep=False) as found:\n"
        "    print([(c.name, c.kept) for c in found])\n"
    )
    # Development mode also shows warnings of other people's modules, on stderr.
    command = [sys.executable, "-X", "dev", "-c", code]
    said = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    assert said.strip() == '[("Python\'s development mode", True)]'


def test_kept_conditions_are_named_and_left_alone() -> None:
    model = parrot(callbacks=[Counting()])
    with conditions((model,), keep=True) as found:
        assert [(c.name, c.kept) for c in found] == [("model.callbacks", True)]
        assert model.callbacks


def test_they_are_put_back_after_an_error() -> None:
    settings.set_debug(True)
    try:
        with pytest.raises(ValueError, match="no"), conditions((parrot(),), keep=False):
            raise ValueError("no")
        assert settings.get_debug()
    finally:
        settings.set_debug(False)
