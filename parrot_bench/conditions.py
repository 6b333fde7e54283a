"""Conditions that distort timings: found, removed from the timed process, and named.

Each of these makes the numbers true of something else than the model and LangChain. They are
put back afterwards, which matters where the measurement runs inside somebody's own process.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel

from parrot_bench.record import Condition

_TRACING_VARIABLE = re.compile(r"LANGSMITH_|LANGCHAIN_TRACING")

Undo = Callable[[], None]
Removal = tuple[str, str, Callable[[], Undo]]


@contextmanager
def conditions(models: tuple[BaseChatModel, ...], *, keep: bool) -> Iterator[list[Condition]]:
    """Remove what distorts for as long as the context lasts, unless asked to keep it.

    Args:
        models: The instances that will be measured.
        keep: Leave everything as it is, and only name it.

    Yields:
        What was found.
    """
    with ExitStack() as stack:
        found = []
        for name, effect, remove in [
            *_environment(),
            *_langchain_globals(),
            *_configured_handlers(),
            *_model_settings(models),
            *_interpreter_hooks(),
        ]:
            found.append(Condition(name=name, effect=effect, kept=keep))
            if not keep:
                stack.callback(remove())
        yield found


def _environment() -> Iterator[Removal]:
    names = [name for name in os.environ if _TRACING_VARIABLE.match(name) and os.environ[name]]

    def remove(name: str) -> Undo:
        value = os.environ.pop(name)
        _forget_langsmith_settings()

        def undo() -> None:
            os.environ[name] = value
            _forget_langsmith_settings()

        return undo

    for name in sorted(names):
        yield (
            name,
            "LangSmith tracing makes invoke 4.7 times as expensive",
            partial(remove, name),
        )


def _forget_langsmith_settings() -> None:
    """Langsmith remembers the environment it first saw."""
    utils = sys.modules.get("langsmith.utils")
    forget = getattr(getattr(utils, "get_env_var", None), "cache_clear", None)
    if forget is not None:
        forget()


def _langchain_globals() -> Iterator[Removal]:
    from langchain_core import globals as settings  # noqa: PLC0415  # a module named globals

    def switch(setter: Callable[[Any], None], was: Any, off: Any) -> Undo:
        setter(off)
        return lambda: setter(was)

    if settings.get_debug():
        yield (
            "set_debug",
            "debug printing makes invoke 3.7 times as expensive",
            lambda: switch(settings.set_debug, True, False),
        )
    if settings.get_verbose():
        yield (
            "set_verbose",
            "a printing handler is attached to every call",
            lambda: switch(settings.set_verbose, True, False),
        )
    cache = settings.get_llm_cache()
    if cache is not None:
        yield (
            "set_llm_cache",
            "repeated prompts are answered from the cache, not by the model",
            lambda: switch(settings.set_llm_cache, cache, None),
        )


def _configured_handlers() -> Iterator[Removal]:
    """Handlers that ``register_configure_hook`` attaches to every call."""
    from langchain_core.tracers import context  # noqa: PLC0415

    hooks = getattr(context, "_configure_hooks", [])

    def unset(variable: Any) -> Undo:
        was = variable.get()
        variable.set(None)
        return lambda: variable.set(was)

    def unhook(hook: Any) -> Undo:
        hooks.remove(hook)
        return lambda: hooks.append(hook)

    for hook in list(hooks):
        variable, _inheritable, handler_class, env_var = hook
        handler = variable.get()
        effect = "a handler that is attached to every call is timed with it"
        if handler is not None:
            yield f"handler {type(handler).__name__}", effect, partial(unset, variable)
        elif env_var and handler_class and os.environ.get(env_var, "").lower() in {"1", "true"}:
            yield f"handler {handler_class.__name__}", effect, partial(unhook, hook)


def _model_settings(models: tuple[BaseChatModel, ...]) -> Iterator[Removal]:
    def reset(name: str, off: Any) -> Undo:
        was = [(model, getattr(model, name)) for model in models]
        for model in models:
            setattr(model, name, off)

        def undo() -> None:
            for model, value in was:
                setattr(model, name, value)

        return undo

    first = models[0]
    if first.callbacks:
        yield (
            "model.callbacks",
            "handlers attached to the model are timed with it",
            lambda: reset("callbacks", None),
        )
    if first.verbose:
        yield (
            "model.verbose",
            "a printing handler is attached to every call",
            lambda: reset("verbose", False),
        )
    if first.cache:
        yield (
            "model.cache",
            "repeated prompts are answered from the cache, not by the model",
            lambda: reset("cache", None),
        )


def _interpreter_hooks() -> Iterator[Removal]:
    def switch(setter: Callable[[Any], None], was: Any) -> Undo:
        setter(None)
        return lambda: setter(was)

    trace, profile = sys.gettrace(), sys.getprofile()
    if trace is not None:
        yield (
            "sys.settrace",
            "a debugger or coverage runs code on every line",
            lambda: switch(sys.settrace, trace),
        )
    if profile is not None:
        yield (
            "sys.setprofile",
            "a profiler runs code on every call",
            lambda: switch(sys.setprofile, profile),
        )
