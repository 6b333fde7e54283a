"""All cells of the suite, and how some of them are picked."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from parrot_callbacks.conformance.cells import Cell, in_order
from parrot_callbacks.conformance.faults import (
    attaching,
    breaking,
    composing,
    enduring,
    failing,
    interrupting,
    nesting,
    overlapping,
    stopping,
)
from parrot_callbacks.conformance.matrix import matrix
from parrot_callbacks.errors import TracingError

_FAULTS: Final = (
    failing,
    stopping,
    interrupting,
    nesting,
    composing,
    overlapping,
    attaching,
    breaking,
    enduring,
)


def all_cells() -> tuple[Cell, ...]:
    """Return every cell, in the order in which they are performed."""
    return in_order((*matrix(), *(cell for fault in _FAULTS for cell in fault.cells())))


def cells_named(patterns: Sequence[str] = ()) -> tuple[Cell, ...]:
    """Return the cells whose names match one of the patterns; all without a pattern.

    Args:
        patterns: A name, ``row/column``; a part of names; or a pattern of the shell's kind.

    Raises:
        TracingError: A pattern matches no cell.
    """
    cells = all_cells()
    names = {cell.id for cell in cells}
    chosen: set[str] = set()
    for pattern in patterns:
        found = {pattern} & names or {
            name for name in names if fnmatchcase(name, pattern) or pattern in name
        }
        if not found:
            raise TracingError(
                f"no cell is named {pattern!r}; expected a part of a name such as "
                f"{cells[0].id}, or a pattern; --list names them all"
            )
        chosen |= found
    return tuple(cell for cell in cells if not patterns or cell.id in chosen)
