"""What a cell is: one situation in which a handler is judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from parrot_callbacks.conformance.scene import Scene

Body = Callable[[Scene], None]
Group = Literal["modes", "faults"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One situation.

    Attributes:
        row: The execution mode, or the kind of fault.
        column: The place it is in, or the fault.
        body: Performs it.
        group: Which table it stands in.
        unavailable: Why it can't be performed here; empty if it can.
        limit_s: It is given up as hanging after this many seconds.
        last: It is performed after all others: it forks, or makes thousands of calls.
    """

    row: str
    column: str
    body: Body
    group: Group = "faults"
    unavailable: str = ""
    limit_s: float = 30.0
    last: bool = False

    @property
    def id(self) -> str:
        """Its name: ``row/column``."""
        return f"{self.row}/{self.column}".replace(" ", "-")


def fault(
    row: str, column: str, *, limit_s: float = 30.0, last: bool = False, unavailable: str = ""
) -> Callable[[Body], Cell]:
    """Make a cell of a function that performs a fault."""

    def cell(body: Body) -> Cell:
        return Cell(
            row=row, column=column, body=body, limit_s=limit_s, last=last, unavailable=unavailable
        )

    return cell


def in_order(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Put those that are to be performed last to the end.

    Raises:
        ValueError: Two of them have the same name.
    """
    names = [cell.id for cell in cells]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"cells of the same name: {', '.join(sorted(twice))}")
    return tuple(sorted(cells, key=lambda cell: cell.last))
