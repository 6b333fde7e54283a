"""One process's measurement: every path under every setting, a peer beside ours."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import NamedTuple

from parrot_bench.environment import environment
from tests.peers.contenders import LESSER_FLOORS, MINIMAL, Factory, contenders, ours
from tests.peers.floor import minimal_handler
from tests.peers.footprint import footprint
from tests.peers.handlers import Peer
from tests.peers.paths import MODEL, PATHS, Path
from tests.peers.results import Measured, Recorded, Series
from tests.peers.rounds import Round, take_rounds, timers
from tests.peers.telemetry import SETTINGS, Setting


class Step(NamedTuple):
    """A path under a setting that has been measured."""

    setting: Setting
    path: Path
    rounds: list[Round]


def steps(peer: Peer, count: int, seed: int, paths: Sequence[Path] = PATHS) -> Iterator[Step]:
    """Measure every path under every setting, and say so after each.

    Args:
        peer: Who is measured beside ours.
        count: Rounds of each.
        seed: Of the order within the rounds.
        paths: How the model is called.
    """
    for setting in SETTINGS:
        floors = LESSER_FLOORS if setting.metrics else {}
        everybody = contenders(setting, {**floors, peer.title: peer.factory})
        for path in paths:
            yield Step(setting, path, take_rounds(path, everybody, count, seed))
        for contender in everybody:
            contender.telemetry.close()


def measured(peer: Peer, taken: datetime, done: Sequence[Step]) -> Measured:
    """Put the record of a measurement together.

    Args:
        peer: Who was measured beside ours.
        taken: When it began.
        done: What was measured.
    """
    return Measured(
        peer=peer.title,
        distribution=peer.distribution,
        version=metadata.version(peer.distribution),
        taken=taken,
        environment=environment(type(MODEL).__module__, ""),
        recorded=list(_recorded(peer)),
        series=[series for step in done for series in _series(step)],
    )


def now() -> datetime:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _series(step: Step) -> Iterator[Series]:
    for name in step.rounds[0]:
        costs = [found[name] for found in step.rounds]
        yield Series(
            path=step.path.name,
            setting=step.setting.name,
            contender=name,
            cpu_ns=[cost.cpu_ns for cost in costs],
            wall_ns=[cost.wall_ns for cost in costs],
        )


def _recorded(peer: Peer) -> Iterator[Recorded]:
    everybody: dict[str, Factory] = {
        MINIMAL: minimal_handler,
        **LESSER_FLOORS,
        **ours(),
        peer.title: peer.factory,
    }
    with timers() as clocks:
        for name, factory in everybody.items():
            for path in PATHS:
                found = footprint(name, factory, path, clocks)
                yield Recorded(
                    contender=name,
                    path=path.name,
                    spans=found.spans,
                    attributes=len(found.attributes),
                    records=found.record_count,
                )
