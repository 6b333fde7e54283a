"""Which promises callbacks alone can't keep: LangChain tells a handler too little for them.

With our instrumentor nothing may fail. With our handler alone these checks, and no others, may:
they are shown as "needs the instrumentor". Nothing is excused for the handlers of others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from parrot_callbacks.conformance.cells import Cell


@dataclass(frozen=True)
class Need:
    """A promise that takes the instrumentor.

    Attributes:
        cells: Patterns of the cells' names.
        checks: Names of the checks.
        reason: Why callbacks alone can't keep it.
        but: Patterns of cells to which it does not apply.
    """

    cells: tuple[str, ...]
    checks: tuple[str, ...]
    reason: str
    but: tuple[str, ...] = ()

    def applies(self, cell: str, check: str) -> bool:
        """Whether it is about this check in this cell."""
        return (
            check in self.checks
            and any(fnmatchcase(cell, pattern) for pattern in self.cells)
            and not any(fnmatchcase(cell, pattern) for pattern in self.but)
        )


NEEDS_INSTRUMENTOR: Final[tuple[Need, ...]] = ()
"""All of them."""


def need_of(cell: Cell, check: str) -> Need | None:
    """Return why a check in a cell needs the instrumentor; None if it doesn't."""
    return next((need for need in NEEDS_INSTRUMENTOR if need.applies(cell.id, check)), None)


def needs_of(cells: Iterable[Cell], checks: Iterable[str]) -> set[tuple[str, str]]:
    """Return all pairs of a cell's and a check's name that need the instrumentor."""
    names = tuple(checks)
    return {
        (cell.id, check) for cell in cells for check in names if need_of(cell, check) is not None
    }
