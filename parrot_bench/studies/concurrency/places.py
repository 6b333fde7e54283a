"""From the frames of a stack to the place that is to blame for them: file, function and line.

Pure functions. A place is named the same on every machine and gives no home folder away: below
the current folder, inside a package of ``site-packages``, or by the file's name alone.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePath
from types import FrameType
from typing import NamedTuple

from parrot_bench import parrot
from parrot_bench.record import CodePlace
from parrot_bench.studies.concurrency import following

_HARNESS = str(Path(parrot.__file__).parent)
_PARROT = parrot.__file__
_BOUNDARY = following.__file__

NOT_TO_BLAME = frozenset({"langchain", "langchain_core", "langsmith", "langgraph", "pydantic"})
"""Packages that stand between the event loop and a model."""

IDLE = frozenset({"selectors", "select", "asyncio.windows_events"})
"""Modules in which the event loop waits for something to happen."""


class StackEntry(NamedTuple):
    """One frame of a stack, copied.

    Attributes:
        file: As the code object names it.
        function: Qualified name.
        line: The line it is at.
        module: ``__name__`` of its module.
    """

    file: str
    function: str
    line: int
    module: str


Stack = Sequence[StackEntry]
"""Innermost frame first."""


def copied(frame: FrameType | None) -> tuple[StackEntry, ...]:
    """Copy a stack, so that no frame is kept alive."""
    found = []
    while frame is not None:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "")
        found.append(StackEntry(code.co_filename, code.co_qualname, frame.f_lineno or 0, module))
        frame = frame.f_back
    return tuple(found)


def is_idle(stack: Stack) -> bool:
    """Whether the event loop waits, so that its lateness is the machine's."""
    return not stack or stack[0].module in IDLE


def culprit(stack: Stack) -> StackEntry | None:
    """The innermost frame that is not the standard library's, LangChain's or the harness's.

    Inside the model's own method nothing further out is looked at: the frames that called it
    are not what it does.
    """
    return next((entry for entry in _inside(stack) if _to_blame(entry)), None)


def caller_in(stack: Stack, files: Collection[str]) -> StackEntry | None:
    """The innermost frame in one of the files, such as those of the model's classes."""
    return next((entry for entry in _inside(stack) if entry.file in files), None)


def _inside(stack: Stack) -> Iterator[StackEntry]:
    for entry in stack:
        if entry.file == _BOUNDARY:
            return
        yield entry


def _to_blame(entry: StackEntry) -> bool:
    package = entry.module.partition(".")[0]
    if package in NOT_TO_BLAME or package in sys.stdlib_module_names or entry.file.startswith("<"):
        return False
    return entry.file == _PARROT or not entry.file.startswith(_HARNESS)


def source_files(model: object) -> frozenset[str]:
    """The files that a model's classes are written in, LangChain's own base classes aside."""
    modules = (sys.modules.get(cls.__module__) for cls in type(model).__mro__)
    found = (m for m in modules if m is not None and getattr(m, "__file__", None))
    return frozenset(
        str(module.__file__)
        for module in found
        if module.__name__.partition(".")[0] not in NOT_TO_BLAME | sys.stdlib_module_names
    )


def place(entry: StackEntry, folder: str, roots: Sequence[str]) -> CodePlace:
    """Name a place as it is saved.

    Args:
        entry: The frame.
        folder: The current folder.
        roots: Folders that packages are imported from, such as ``sys.path``.
    """
    return CodePlace(
        file=shortened(entry.file, folder, roots), function=entry.function, line=entry.line
    )


def shortened(file: str, folder: str, roots: Sequence[str]) -> str:
    """A file's name without what only this machine has.

    Args:
        file: Absolute, as a code object names it.
        folder: The current folder; a file below it is named from there.
        roots: Folders that packages are imported from; the innermost that holds the file counts.
    """
    path = PurePath(file)
    holding = [root for root in roots if root and path.is_relative_to(root)]
    installed = [root for root in holding if PurePath(root).name.endswith("-packages")]
    if installed:
        return path.relative_to(max(installed, key=len)).as_posix()
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return path.relative_to(max(holding, key=len)).as_posix() if holding else path.name
