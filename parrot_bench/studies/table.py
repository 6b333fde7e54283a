"""The table of studies, one row each: how its samples are taken, and what they mean.

A study has two halves. ``take`` runs in the timed process and knows the model; ``conclude``
and ``enough`` run outside of it, on what was told, as pure functions.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from parrot_bench.events import Event, Reply
from parrot_bench.record import Estimate, Saved
from parrot_bench.request import SHARES
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.concurrency import cells, curves, observations
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.growth import readings, verdicts
from parrot_bench.studies.load import conclusions as load_conclusions
from parrot_bench.studies.load import taking, told
from parrot_bench.studies.overhead import costs, rounds
from parrot_bench.studies.parity import judging, probing, seen
from parrot_bench.studies.streaming import conclusions as streaming_conclusions
from parrot_bench.studies.streaming import rounds as streaming_rounds
from parrot_bench.studies.tracing import costs as tracing_costs
from parrot_bench.studies.tracing import rounds as tracing_rounds
from parrot_bench.studies.tracing import told as tracing_told


def _no_ratios(_gathered: Gathered) -> list[tuple[str, Estimate]]:
    return []


def _nothing(_gathered: Gathered) -> dict[str, str]:
    return {}


def _never(_gathered: Gathered) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Study:
    """One question, how it is asked, and how it is answered.

    Attributes:
        name: The name of its result in the record, too.
        take: Asks the model, and yields what it says: in the timed process. It ends early when
            it is answered :attr:`Reply.ENOUGH`, which it is at the latest when its time is over.
        conclude: Answers the question from what is known so far; None where that is nothing.
            It is called while the study goes on, too, so that a stopped run has an answer.
        enough: Whether what is known is good enough to stop; asked from time to time.
        observes: Type of what it tells in :class:`parrot_bench.events.Observed`: dataclasses or
            records, so that the journal can be read.
        so_far: What a progress display shows: names and ratios.
        uncounted: Modes that took part, and of which nothing counts, and why.
    """

    name: str
    take: Callable[[Bench], Generator[Event, Reply, None]]
    conclude: Callable[[Gathered], Saved | None]
    enough: Callable[[Gathered], bool] = _never
    observes: Any = None
    so_far: Callable[[Gathered], list[tuple[str, Estimate]]] = _no_ratios
    uncounted: Callable[[Gathered], dict[str, str]] = _nothing


_TABLE = (
    Study(
        name="overhead",
        take=rounds.take,
        conclude=costs.conclude,
        enough=costs.enough,
        so_far=costs.so_far,
        uncounted=costs.uncounted,
    ),
    Study(
        name="streaming",
        take=streaming_rounds.take,
        conclude=streaming_conclusions.conclude,
        observes=streaming_conclusions.Observes,
    ),
    Study(
        name="concurrency",
        take=cells.take,
        conclude=curves.conclude,
        observes=observations.Observation,
    ),
    Study(
        name="tracing",
        take=tracing_rounds.take,
        conclude=tracing_costs.conclude,
        enough=tracing_costs.enough,
        observes=tracing_told.Observation,
    ),
    Study(
        name="growth",
        take=readings.take,
        conclude=verdicts.conclude,
        observes=readings.Observation,
    ),
    Study(
        name="parity",
        take=probing.take,
        conclude=judging.conclude,
        observes=seen.Observation,
    ),
    Study(
        name="load",
        take=taking.take,
        conclude=load_conclusions.conclude,
        observes=told.Observation,
    ),
)

STUDIES: Mapping[str, Study] = MappingProxyType({study.name: study for study in _TABLE})
"""Every study by its name, in the order in which they are made."""

assert list(STUDIES) == list(SHARES), "request.SHARES names the same studies"  # noqa: S101
