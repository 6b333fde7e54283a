"""Conditions that distort timings: found, removed from the timed process, and named.

Each of these makes the numbers true of something else than the model and LangChain. They are
put back afterwards, which matters where the measurement runs inside somebody's own process.
"""

import os
import re
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.language_models import BaseChatModel

from parrot_bench.record import Condition

_TRACING_VARIABLE = re.compile(r"LANGSMITH_|LANGCHAIN_TRACING")

Undo = Callable[[], None]
Removal = tuple[str, str, Callable[[], Undo] | None]
"""Name, effect, and what takes it off; None where a running process can't be rid of it."""


@contextmanager
def conditions(models: Sequence[BaseChatModel], *, keep: bool) -> Iterator[list[Condition]]:
    """Remove what distorts for as long as the context lasts, unless asked to keep it.

    Args:
        models: The instances that will be measured, or are in what will be.
        keep: Leave everything as it is, and only name it.

    Yields:
        What was found.
    """
    with ExitStack() as stack:
        found = []
        # One after the other: what an instrumentation brought along goes with it.
        for name, effect, remove in chain(
            _environment(),
            _langchain_globals(),
            _instrumentation(),
            _configured_handlers(),
            _model_settings(models),
            _interpreter_hooks(),
            _asyncio_debug(),
        ):
            kept = keep or remove is None
            found.append(Condition(name=name, effect=effect, kept=kept))
            if remove is not None and not keep:
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


def _instrumentation() -> Iterator[Removal]:
    """Instrumentations: ours, and those that wrap every callback manager's constructor."""
    from parrot_callbacks.instrumentor import LangChainInstrumentor  # noqa: PLC0415

    effect = "every call is traced, and timed with its tracing"
    ours = LangChainInstrumentor()
    if ours.is_instrumented:
        yield "parrot_callbacks instrumentation", effect, ours.suspend
    wrapper: Any = vars(BaseCallbackManager)["__init__"]
    original = getattr(wrapper, "__wrapped__", None)
    if original is not None:

        def unwrap() -> Undo:
            BaseCallbackManager.__init__ = original  # type: ignore[method-assign]

            def undo() -> None:
                BaseCallbackManager.__init__ = wrapper  # type: ignore[method-assign]

            return undo

        owner = getattr(getattr(wrapper, "_self_wrapper", None), "__module__", "somebody's")
        yield f"{owner} instrumentation", effect, unwrap


def _configured_handlers() -> Iterator[Removal]:
    """Handlers that ``register_configure_hook`` attaches to every call."""
    from langchain_core.tracers import context  # noqa: PLC0415

    hooks = getattr(context, "_configure_hooks", [])

    def unhook(hook: Any) -> Undo:
        hooks.remove(hook)
        return lambda: hooks.append(hook)

    for hook in list(hooks):
        variable, _inheritable, handler_class, env_var = hook
        handler = variable.get()
        effect = "a handler that is attached to every call is timed with it"
        if handler is not None:
            yield f"handler {type(handler).__name__}", effect, partial(unhook, hook)
        elif env_var and handler_class and os.environ.get(env_var, "").lower() in {"1", "true"}:
            yield f"handler {handler_class.__name__}", effect, partial(unhook, hook)


def _model_settings(models: Sequence[BaseChatModel]) -> Iterator[Removal]:
    def reset(name: str, off: Any) -> Undo:
        was = [(model, getattr(model, name)) for model in models]
        for model in models:
            setattr(model, name, off)

        def undo() -> None:
            for model, value in was:
                setattr(model, name, value)

        return undo

    if any(model.callbacks for model in models):
        yield (
            "model.callbacks",
            "handlers attached to the model are timed with it",
            lambda: reset("callbacks", None),
        )
    if any(model.verbose for model in models):
        yield (
            "model.verbose",
            "a printing handler is attached to every call",
            lambda: reset("verbose", False),
        )
    if any(model.cache for model in models):
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
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
    for tool in range(6) if monitoring is not None else ():
        name = monitoring.get_tool(tool)
        if name is not None and (events := monitoring.get_events(tool)):
            yield (
                f"sys.monitoring {name}",
                "a debugger, profiler or coverage is told what the code does",
                partial(_silence, monitoring, tool, events),
            )
    if tracemalloc.is_tracing():
        yield (
            "tracemalloc",
            "tracing every allocation makes invoke 4.9 times as expensive",
            _stop_tracemalloc,
        )


def _silence(monitoring: Any, tool: int, events: int) -> Undo:
    monitoring.set_events(tool, 0)
    return lambda: monitoring.set_events(tool, events)


def _stop_tracemalloc() -> Undo:
    frames = tracemalloc.get_traceback_limit()
    tracemalloc.stop()
    return lambda: tracemalloc.start(frames)


def _asyncio_debug() -> Iterator[Removal]:
    def without(name: str) -> Undo:
        value = os.environ.pop(name)
        return lambda: os.environ.update({name: value})

    if sys.flags.dev_mode:
        yield "Python's development mode", "allocator and event loops check themselves", None
    # Every new loop asks for it.
    if os.environ.get("PYTHONASYNCIODEBUG"):
        yield (
            "PYTHONASYNCIODEBUG",
            "asyncio's debug mode makes ainvoke 3.9 times as expensive",
            partial(without, "PYTHONASYNCIODEBUG"),
        )
