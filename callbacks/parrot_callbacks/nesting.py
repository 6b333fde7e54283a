"""Spans of chains and tools as the current span, inside LangChain's copied contexts only.

LangChain runs the body of a chain or a tool in a copy of the context, in which it sets the
config of what runs inside. That copy is the one place where a chain's span can be current
without being seen by the consumer of its stream. With it a user's span in a RunnableLambda,
a tool, a generator or a graph's node is put where it belongs.

The function that sets the config, ``_set_config_context``, is private in langchain-core and
in LangGraph. Where it is missing, calls still nest by LangChain's own run ids; only the spans
of users don't.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from parrot_callbacks.context import current
from parrot_callbacks.open_runs import OpenRuns
from parrot_callbacks.patches import Method, Patch
from parrot_callbacks.placement import enclosing_run, surround

_FUNCTION: Final = "_set_config_context"
_MODULES: Final = ("langchain_core.runnables.config", "langgraph._internal._runnable")


class ContextNesting:
    """Makes the span of a run current in the contexts that are copied for its body.

    Args:
        runs: Returns the table of open runs in use.
    """

    def __init__(self, runs: Callable[[], OpenRuns]) -> None:
        self._runs = runs
        self._missing: list[str] = []
        self._patches: list[Patch] = []

    def install(self) -> None:
        """Install it in what has been imported by now, and look for the rest from now on."""
        self._missing = list(_MODULES)
        self.look()

    def look(self) -> None:
        """Install it in what has been imported since; LangGraph may come later, or never."""
        for name in tuple(self._missing):
            module = sys.modules.get(name)
            if module is not None:
                self._missing.remove(name)
                if hasattr(module, _FUNCTION):
                    self._patches.append(Patch(module, _FUNCTION, self._nest))

    def undo(self) -> None:
        """Put the originals back, and look no more: calls in progress still start chains."""
        for patch in self._patches:
            patch.undo()
        self._patches.clear()
        self._missing.clear()

    def _nest(self, set_config: Method) -> Method:
        @functools.wraps(set_config)
        def nested(config: Any, *args: Any, **kwargs: Any) -> Any:
            done = set_config(config, *args, **kwargs)
            run_id = getattr(config.get("callbacks"), "parent_run_id", None)
            run = self._runs().nearest(run_id)
            if run is not None:
                context = current()
                enclosing = enclosing_run(context)
                # Inside the body of a run below it, and of itself, the user's own span may be
                # the current one.
                if enclosing is None or not enclosing.descends_from(run):
                    surround(run, context)
            return done

        return nested
