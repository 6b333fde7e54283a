"""Conditions that distort: each is found, removed, named and put back."""

import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from langchain_core import globals as settings
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers import context
from langsmith.utils import get_env_var, tracing_is_enabled

from parrot_bench.conditions import conditions
from parrot_bench.parrot import ChatParrotLink


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
