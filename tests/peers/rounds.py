"""Rounds: one block of every contender, in an order that changes from round to round."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

from parrot_bench.errors import MeasurementError
from parrot_bench.mode_table import quiet
from parrot_bench.timing import Async, FrozenGarbage, Sync
from tests.peers.contenders import Contender, Cost, Timers
from tests.peers.paths import Path

Round = dict[str, Cost]
"""Contender to what a call took."""


@contextmanager
def timers() -> Iterator[Timers]:
    """Give the two timers; the event loop is closed afterwards."""
    asynchronous = Async()
    try:
        yield {"sync": Sync(), "async": asynchronous}
    finally:
        asynchronous.close()


def take_round(path: Path, everybody: Sequence[Contender], order: Random, clocks: Timers) -> Round:
    """Time a block of every contender.

    Raises:
        MeasurementError: Somebody made another number of spans than it had calls, or made one
            in the block of another: they would not have been timed one at a time.
    """
    found: Round = {}
    for contender in order.sample(everybody, len(everybody)):
        contender.telemetry.flush()
        before = {other.name: other.telemetry.ended for other in everybody}
        found[contender.name] = contender.block(path, clocks)
        for other in everybody:
            made = other.telemetry.ended - before[other.name]
            expected = contender.spans(path) if other is contender else 0
            if made != expected:
                raise MeasurementError(
                    f"{path.name}: {other.name} made {made} spans in a block of "
                    f"{contender.name}; {expected} were expected"
                )
    return found


def take_rounds(path: Path, everybody: Sequence[Contender], count: int, seed: int) -> list[Round]:
    """Time all contenders in the same rounds, without garbage collection inside a block.

    Args:
        path: How the model is called.
        everybody: Who is timed.
        count: How many rounds.
        seed: Of the order within the rounds.

    Raises:
        MeasurementError: The contenders were not timed one at a time; see `take_round`.
    """
    order = Random(seed)
    rounds = []
    with quiet(), timers() as clocks:
        take_round(path, everybody, order, clocks)  # imports, caches, thread pools
        with FrozenGarbage() as garbage:
            for _ in range(count):
                rounds.append(take_round(path, everybody, order, clocks))
                garbage.between_rounds()
    return rounds
