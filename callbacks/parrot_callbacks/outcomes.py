"""How a run ended: what is a failure, and what its caller wanted."""

from asyncio import CancelledError
from typing import Final, Literal

Outcome = Literal["completed", "failed", "cancelled", "abandoned"]

COMPLETED: Final[Outcome] = "completed"
FAILED: Final[Outcome] = "failed"
CANCELLED: Final[Outcome] = "cancelled"
ABANDONED: Final[Outcome] = "abandoned"


def outcome_of(error: BaseException) -> Outcome:
    """Say whether the model failed or the caller stopped it.

    A closed generator is ``abandoned``: its consumer left the loop. A cancelled task and an
    interrupted program are ``cancelled``. None of these is an error of the model, and
    neither is a LangGraph node or tool that hands control back (``interrupt``, ``Command``).
    """
    if isinstance(error, GeneratorExit) or _is_interrupt(error):
        return ABANDONED
    if isinstance(error, CancelledError | KeyboardInterrupt):
        return CANCELLED
    return FAILED


def error_type(error: BaseException) -> str:
    """Return the class's full name, as the SDK writes ``exception.type``."""
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_interrupt(error: BaseException) -> bool:
    # By name, as LangGraph need not be installed.
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)
