"""Tracing everything that LangChain runs, without a line of the application's own.

    from parrot_callbacks import LangChainInstrumentor

    LangChainInstrumentor().instrument()

or ``opentelemetry-instrument python app.py``, which finds it by its entry point. It adds what
a handler alone can't do: a handler everywhere, guards round LangChain's methods (see
``guards``), and spans of chains and tools that are current in their bodies (see ``nesting``).
"""

import asyncio
import functools
import threading
import warnings
from collections.abc import Callable, Collection
from typing import Any, ClassVar, Final, cast

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from parrot_callbacks import guards
from parrot_callbacks.filtering import ContentFilter
from parrot_callbacks.handler import OpenTelemetryCallbackHandler
from parrot_callbacks.nesting import ContextNesting
from parrot_callbacks.patches import Method, Patch

_GUARDS: Final = {
    "generate": guards.guard_call,
    "agenerate": guards.guard_async_call,
    "stream": guards.guard_stream,
    "astream": guards.guard_async_stream,
}
"""Of every language model."""
_BODIES: Final = {"_agenerate_helper": guards.enter_guarded_body}
"""Of models that aren't chat models: their runs are started in tasks; private."""
_EVENT_STREAM_GUARDS: Final = {
    "_chat_model_stream_v3": guards.guard_event_stream,
    "_achat_model_stream_v3": guards.guard_async_event_stream,
}
"""Of chat models since the third version of events; private, so their absence is no error."""
_TOOL_GUARDS: Final = {"run": guards.guard_call, "arun": guards.guard_async_call}
_RETRIEVER_GUARDS: Final = {"invoke": guards.guard_call, "ainvoke": guards.guard_async_call}


class LangChainInstrumentor:
    """Instruments LangChain in this process.

    There is one installation in a process, whichever instance has made it, as with all
    OpenTelemetry instrumentors; it needs neither ``langchain`` nor
    ``opentelemetry-instrumentation``.
    """

    _installed: ClassVar["_Installation | None"] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @property
    def is_instrumented(self) -> bool:
        """Whether LangChain is instrumented now."""
        return LangChainInstrumentor._installed is not None

    @property
    def handler(self) -> OpenTelemetryCallbackHandler | None:
        """The handler that is everywhere; None while nothing is instrumented."""
        installed = LangChainInstrumentor._installed
        return installed.handler if installed is not None else None

    def instrument(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        metadata_keys: Collection[str] = (),
        tags: Collection[str] = (),
        content_filter: ContentFilter | None = None,
        suppress_provider_spans: bool = False,
        skip_dep_check: bool = True,  # noqa: ARG002 - what opentelemetry-instrument passes to all
        raise_exception_on_conflict: bool = False,  # noqa: ARG002 - likewise
    ) -> None:
        """Install the handler, the guards and the nesting; repeating it changes nothing.

        Args: as of ``OpenTelemetryCallbackHandler``. The last two are those of all OpenTelemetry
            instrumentors, and do nothing: there is no other distribution to check.
        """
        with LangChainInstrumentor._lock:
            installed = LangChainInstrumentor._installed
            if installed is not None:
                if installed.tracer_provider is not tracer_provider:
                    warnings.warn(
                        "LangChain is already instrumented with another tracer provider, "
                        "which stays in use; call uninstrument() first",
                        stacklevel=2,
                    )
                return
            LangChainInstrumentor._installed = _Installation(
                tracer_provider,
                _EverywhereHandler(
                    tracer_provider,
                    meter_provider,
                    logger_provider,
                    metadata_keys=metadata_keys,
                    tags=tags,
                    content_filter=content_filter,
                    suppress_provider_spans=suppress_provider_spans,
                ),
            )

    def uninstrument(self) -> None:
        """Put everything back as it was; repeating it does nothing.

        Calls in progress keep their handler and are recorded to their end.
        """
        with LangChainInstrumentor._lock:
            installed = LangChainInstrumentor._installed
            LangChainInstrumentor._installed = None
        if installed is not None:
            installed.undo()

    def suspend(self) -> Callable[[], None]:
        """Put everything back for a while; returns what installs it again, the same handler."""
        with LangChainInstrumentor._lock:
            installed = LangChainInstrumentor._installed
            LangChainInstrumentor._installed = None
        if installed is None:
            return lambda: None
        installed.undo()

        def resume() -> None:
            with LangChainInstrumentor._lock:
                if LangChainInstrumentor._installed is None:
                    LangChainInstrumentor._installed = _Installation(
                        installed.tracer_provider, installed.handler
                    )

        return resume


class _EverywhereHandler(OpenTelemetryCallbackHandler):
    """The handler that is everywhere."""

    @functools.cached_property
    def nesting(self) -> ContextNesting:
        """The nesting of its runs."""
        return ContextNesting(lambda: self.runs)

    def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
        """Look for LangGraph first: its nodes start after their graph."""
        self.nesting.look()
        super().on_chain_start(*args, **kwargs)


class _Installation:
    """What has been installed, and how to undo it."""

    def __init__(self, tracer_provider: TracerProvider | None, handler: _EverywhereHandler) -> None:
        # Late: these take half a second, which only who instruments should pay.
        from langchain_core.callbacks.manager import AsyncCallbackManager  # noqa: PLC0415
        from langchain_core.language_models import BaseChatModel, BaseLLM  # noqa: PLC0415
        from langchain_core.retrievers import BaseRetriever  # noqa: PLC0415
        from langchain_core.tools import BaseTool  # noqa: PLC0415

        self.tracer_provider = tracer_provider
        self.handler = handler
        self._nesting = handler.nesting
        self._hook = _Hook(handler)
        self._patches = [
            Patch(owner, name, guard)
            for owner, guarded in (
                (BaseChatModel, _GUARDS),
                (BaseChatModel, _EVENT_STREAM_GUARDS),
                (BaseLLM, _GUARDS),
                (BaseLLM, _BODIES),
                (BaseTool, _TOOL_GUARDS),
                (BaseRetriever, _RETRIEVER_GUARDS),
            )
            for name, guard in guarded.items()
            if name in vars(owner)
        ]
        self._patches.append(Patch(AsyncCallbackManager, "on_llm_start", _start_for_all))
        self._nesting.install()
        self._hook.install()

    def undo(self) -> None:
        """Put everything back."""
        self._hook.remove()
        self._nesting.undo()
        for patch in reversed(self._patches):
            patch.undo()


class _Hook:
    """Puts the handler into every callback manager that LangChain configures.

    LangChain asks context variables for handlers. A real one would be unset in every thread
    that the application starts; this has the same value everywhere.
    """

    def __init__(self, handler: BaseCallbackHandler) -> None:
        self._handler: BaseCallbackHandler | None = handler

    def get(self) -> BaseCallbackHandler | None:
        """Return the handler, or None once it has been removed."""
        return self._handler

    def install(self) -> None:
        """Register it with LangChain."""
        from langchain_core.tracers.context import register_configure_hook  # noqa: PLC0415

        register_configure_hook(cast("Any", self), inheritable=True)

    def remove(self) -> None:
        """Take it off LangChain's list, and be empty for whoever still has it."""
        from langchain_core.tracers import context  # noqa: PLC0415

        self._handler = None
        hooks = getattr(context, "_configure_hooks", [])
        hooks[:] = [hook for hook in hooks if hook[0] is not self]


def _start_for_all(on_llm_start: Method) -> Method:
    """Mend ``AsyncCallbackManager.on_llm_start``, which tells inline handlers only.

    langchain-core (1.8.3 at least) skips all other handlers once one is inline, as ours is:
    they would see no start of a model that isn't a chat model. Whether it does is tried out.
    """
    skips: bool | None = None

    @functools.wraps(on_llm_start)
    async def started(manager: Any, serialized: Any, prompts: Any, **kwargs: Any) -> Any:
        nonlocal skips
        managers = await on_llm_start(manager, serialized, prompts, **kwargs)
        others = [handler for handler in manager.handlers if not handler.run_inline]
        if not others or len(others) == len(manager.handlers):
            return managers
        if skips is None:
            skips = await _skips_others(on_llm_start, type(manager))
        if skips:
            from langchain_core.callbacks.manager import ahandle_event  # noqa: PLC0415

            kwargs.pop("run_id", None)
            starts = (
                ahandle_event(
                    others, "on_llm_start", "ignore_llm", serialized, [prompt],
                    run_id=run.run_id, parent_run_id=manager.parent_run_id,
                    tags=manager.tags, metadata=manager.metadata, **kwargs,
                )
                for prompt, run in zip(prompts, managers, strict=True)
            )  # fmt: skip
            await asyncio.gather(*starts)
        return managers

    return started


async def _skips_others(on_llm_start: Method, manager_class: type[Any]) -> bool:
    told: list[bool] = []

    class Inline(BaseCallbackHandler):
        run_inline = True

    class Other(BaseCallbackHandler):
        async def on_llm_start(self, *_: Any, **__: Any) -> None:
            told.append(True)

    await on_llm_start(manager_class(handlers=[Inline(), Other()]), {}, [""])
    return not told
