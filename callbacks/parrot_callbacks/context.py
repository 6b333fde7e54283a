"""The current context, read and replaced without tokens.

Nothing here is ever detached: see ``delegate``. OpenTelemetry's own functions pass through two
more, which on the path of every chunk of a stream cost more than the rest of it; where its
runtime context is the usual context variable, that is used directly.
"""

from collections.abc import Callable
from typing import Any, Final

from opentelemetry import context as api
from opentelemetry.context import Context


def _functions() -> tuple[Callable[[], Context], Callable[[Context], Any]]:
    # Private, so whatever is not as expected falls back to the public functions.
    variable = getattr(getattr(api, "_RUNTIME_CONTEXT", None), "_current_context", None)
    try:
        if variable is not None and variable.get() is api.get_current():
            return variable.get, variable.set
    except LookupError:
        pass
    return api.get_current, api.attach


current, make_current = _functions()
"""Return the current context; replace it, in this thread or task."""

SUPPRESSED: Final = api._SUPPRESS_INSTRUMENTATION_KEY  # noqa: SLF001 - the API names it nowhere else
"""Context key: nothing is to be recorded."""
