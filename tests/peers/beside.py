"""Our instrumentor and somebody else's in one process: both work, in either order.

Each reports to a provider of its own. Where theirs makes its span current, ours is below it, and
clients are below whichever is innermost, so parents aren't judged here.
"""

from collections.abc import Iterator
from typing import Any, Final

from opentelemetry.sdk.trace import TracerProvider

from parrot_callbacks import LangChainInstrumentor
from parrot_callbacks.conformance import CHECKS, run
from parrot_callbacks.conformance.suite import all_cells
from tests.peers.handlers import Peer

JUDGED: Final = {"works", "one span", "ended", "quiet"}
"""Checks of structure that hold whoever else is there; so do all of attributes."""


class _Both:
    """Two instrumentors, switched off together."""

    def __init__(self, *instrumentors: Any) -> None:
        self._instrumentors = instrumentors

    def uninstrument(self) -> None:
        for instrumentor in self._instrumentors:
            instrumentor.uninstrument()


def beside(peer: Peer, *, ours_first: bool) -> Iterator[str]:
    """Call models in every execution mode and place with both switched on.

    Args:
        peer: The other one.
        ours_first: Switch ours on before theirs.

    Yields:
        A line for every check that our spans fail.
    """

    def both(tracer_provider: TracerProvider) -> _Both:
        ours, theirs = LangChainInstrumentor(), TracerProvider(shutdown_on_exit=False)
        if ours_first:
            ours.instrument(tracer_provider=tracer_provider)
            return _Both(peer.factory(theirs), ours)
        other = peer.factory(theirs)
        ours.instrument(tracer_provider=tracer_provider)
        return _Both(ours, other)

    modes = [cell.id for cell in all_cells() if cell.group == "modes"]
    for result in run(both, only=modes):
        for failed in result.failures:
            if failed.check in JUDGED or CHECKS[failed.check].kind == "attributes":
                yield f"{result.cell.id}: {failed.check}: {failed.message}"
