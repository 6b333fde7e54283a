"""Which promises callbacks alone can't keep: LangChain tells a handler too little for them.

With our instrumentor nothing may fail. With our handler alone these checks, and no others, may:
they are shown as "needs the instrumentor". Nothing is excused for the handlers of others.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from langchain_core.version import VERSION

from parrot_callbacks.conformance.cells import Cell


@dataclass(frozen=True)
class Need:
    """A promise that takes the instrumentor.

    Attributes:
        cells: Patterns of the cells' names.
        checks: Names of the checks.
        reason: Why callbacks alone can't keep it.
        but: Patterns of those of them to which it doesn't apply.
        mended_in: The first version of langchain-core that tells a handler enough.
    """

    cells: tuple[str, ...]
    checks: tuple[str, ...]
    reason: str
    but: tuple[str, ...] = ()
    mended_in: tuple[int, ...] | None = None

    def applies(self, cell: str, check: str) -> bool:
        """Whether it is about this check in this cell."""
        return (
            check in self.checks
            and (self.mended_in is None or _langchain() < self.mended_in)
            and any(fnmatchcase(cell, pattern) for pattern in self.cells)
            and not any(fnmatchcase(cell, pattern) for pattern in self.but)
        )


NEEDS_INSTRUMENTOR: Final = (
    Need(
        cells=("*/span-in-step", "*/span-in-node", "user's-span-*/*"),
        checks=("parent", "user span"),
        reason=(
            "while a chain, tool or node runs, its span isn't current: LangChain calls a handler "
            "before it makes the context that the step runs in"
        ),
    ),
    Need(
        cells=("stream/*", "stream_events_v3/*", "astream-*/*", "astream_*/*"),
        checks=("client later",),
        reason=(
            "once a chunk is out, the model's body runs only while the reader asks for the next, "
            "and LangChain says nothing when it does"
        ),
    ),
    Need(
        cells=(
            "ainvoke-*/*",
            "astream_events_v3-*/*",
            "*-fails-*/async-*",
            "timeout-round-a*/async-native",
            "model-calls-a-model/async-*",
            "async-model-awaits-a-model/async-native",
            "model-that-can't-stream/async-native",
            "cached-reply/async-native",
            "handler-on-the-model-and-in-the-config/async-native",
            "*-handlers-attached/async-native",
            "two-tracer-providers/async-native",
            "parent-*/async-native",
            "processor-fails-*/async-native",
            "span-takes-no-attributes/async-native",
            "fork-inside-a-call/async-native",
        ),
        but=(
            "*/sequence",
            "ainvoke-cancelled-*/*",
            "stream-fails-between/*",
            "stream-fails-after/*",
            "*one-fails/*",
            "one-of-a-batch-fails/*",
            "timeout-round-a-tool/*",
            "timeout-round-a-retriever/*",
        ),
        checks=("same object",),
        reason=(
            "LangChain runs the end of an asynchronous call in a task of its own, from where the "
            "caller's context can't be set: a span that stands for the former one stays there"
        ),
    ),
    Need(
        cells=("timeout-round-ainvoke/*", "timeout-round-a-retriever/*"),
        checks=("prompt",),
        reason=(
            "LangChain says nothing when such a call is cancelled; its span ends with its task, "
            "or when the task makes its next call"
        ),
    ),
    Need(
        cells=("timeout-round-a-tool/*",),
        checks=("prompt",),
        reason="before version 1.8, LangChain says nothing when a tool is cancelled",
        mended_in=(1, 8),
    ),
    Need(
        cells=("loop-closed-in-*/*",),
        checks=("ended",),
        reason="LangChain says nothing when an event loop is closed under a call",
    ),
    Need(
        cells=("text-completion-model/async-native",),
        checks=("client first",),
        reason=(
            "LangChain runs the start of an asynchronous text completion in a task of its own, "
            "from where the model's context can't be set"
        ),
    ),
)


def _langchain() -> tuple[int, ...]:
    return tuple(map(int, VERSION.split(".")[:2]))


def need_of(cell: Cell, check: str) -> Need | None:
    """Return why a check in a cell needs the instrumentor; None if it doesn't."""
    return next((need for need in NEEDS_INSTRUMENTOR if need.applies(cell.id, check)), None)


def needs_as_markdown() -> str:
    """Return all of them as a table: for the command line, and for the documents."""
    rows = [
        f"| {', '.join(need.checks)} | {_patterns(need)} | {need.reason} |"
        for need in NEEDS_INSTRUMENTOR
    ]
    return "\n".join(["| check | cells | why callbacks alone can't |", "|---|---|---|", *rows])


def _patterns(need: Need) -> str:
    cells = ", ".join(f"`{pattern}`" for pattern in need.cells)
    but = ", ".join(f"`{pattern}`" for pattern in need.but)
    return f"{cells}; but not {but}" if but else cells
