"""The matrix: every execution mode in every place."""

from functools import partial

from parrot_callbacks.conformance.cells import Cell
from parrot_callbacks.conformance.modes import MODES, Mode
from parrot_callbacks.conformance.places import PLACES, Calls, Place
from parrot_callbacks.conformance.scene import Scene


def matrix() -> tuple[Cell, ...]:
    """Return a cell for every execution mode in every place."""
    return tuple(
        Cell(
            group="modes",
            row=mode.name,
            column=place.name,
            body=partial(_perform, mode, place),
            unavailable=place.unavailable(mode),
        )
        for mode in MODES
        for place in PLACES
    )


def _perform(mode: Mode, place: Place, scene: Scene) -> None:
    model = scene.model(mode.flavour.model, between=scene.client("between"))
    mode.flavour.carry_out(place.perform(Calls(mode, scene, model)))
