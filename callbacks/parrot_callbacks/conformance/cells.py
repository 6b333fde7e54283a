"""What a cell is: one situation in which a handler is judged."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from parrot_callbacks.conformance.flavours import FLAVOURS, Flavour
from parrot_callbacks.conformance.scene import Scene

Body = Callable[[Scene], None]
FlavouredBody = Callable[[Scene, Flavour], Coroutine[Any, Any, None]]
Group = Literal["modes", "faults"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One situation.

    Attributes:
        row: The execution mode, or the fault.
        column: The place, or the flavour of code, that it is in.
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


def in_flavours(
    row: str,
    body: FlavouredBody,
    flavours: Sequence[Flavour] = FLAVOURS,
    *,
    unavailable: str = "",
    limit_s: float = 30.0,
    last: bool = False,
) -> tuple[Cell, ...]:
    """Make a row of cells of one fault, written once for synchronous and asynchronous code.

    Args:
        row: The fault.
        body: Performs it in a flavour.
        flavours: Those that it exists in.
        unavailable: See ``Cell``.
        limit_s: See ``Cell``.
        last: See ``Cell``.
    """
    return tuple(
        Cell(
            row=row,
            column=flavour.name,
            body=partial(_carry_out, flavour, body),
            unavailable=unavailable,
            limit_s=limit_s,
            last=last,
        )
        for flavour in flavours
    )


def _carry_out(flavour: Flavour, body: FlavouredBody, scene: Scene) -> None:
    flavour.carry_out(body(scene, flavour))


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
