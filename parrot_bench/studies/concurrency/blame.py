"""Which line of code the event loop stood still at, from samples of its stack (pure)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from parrot_bench.record import BlockedLoop
from parrot_bench.studies.concurrency.observations import LateSample

STALL_NS = 20_000_000
"""A shorter stall is nobody's fault, unless asked otherwise."""

FEWEST = 3
"""Samples before anybody is blamed."""

SHARE = 0.5
"""Share of the samples that one function must have: a loop that has many calls to start is late,
too, and its samples are all over LangChain."""


COMPUTING = 0.7
"""Share of the time in which a thread that computes has a processor or waits for one."""


def blocked_loop(
    samples: Sequence[LateSample], longest_ns: int, stall_ns: int = STALL_NS
) -> BlockedLoop | None:
    """Name the line that a loop stood still at.

    Args:
        samples: Taken while its heartbeat was late, an idle loop aside.
        longest_ns: The longest time between two heartbeats.
        stall_ns: A shorter stall is nobody's fault.

    Returns:
        The line, or None: there was no stall, or no function has half of the samples.
    """
    if longest_ns <= stall_ns or len(samples) < FEWEST:
        return None
    functions: defaultdict[tuple[str, str], list[LateSample]] = defaultdict(list)
    for sample in samples:
        if sample.place is not None:
            functions[sample.place.file, sample.place.function].append(sample)
    if not functions:
        return None
    found = max(functions.values(), key=len)
    if len(found) < FEWEST or len(found) < SHARE * len(samples):
        return None
    place = Counter(sample.place for sample in found if sample.place).most_common(1)[0][0]
    callers = Counter(sample.caller for sample in found if sample.caller).most_common(1)
    caller = callers[0][0] if callers else None
    elsewhere = caller is not None and (caller.file, caller.function) != (
        place.file,
        place.function,
    )
    return BlockedLoop(
        place=place,
        called_from=caller if elsewhere else None,
        samples=len(found),
        taken=len(samples),
        stalls=len({sample.stall for sample in found}),
        longest_ns=longest_ns,
        computes=computes(found),
    )


def computes(samples: Iterable[LateSample]) -> bool | None:
    """Whether the loop's thread wanted its processor between the samples of each stall.

    None where the clock cannot be read, or no stall was sampled twice.
    """
    stalls: defaultdict[int, list[LateSample]] = defaultdict(list)
    for sample in samples:
        stalls[sample.stall].append(sample)
    cpu = wall = 0
    for stall in stalls.values():
        first, last = stall[0], stall[-1]
        if first.cpu_ns is not None and last.cpu_ns is not None:
            cpu += last.cpu_ns - first.cpu_ns
            wall += last.at_ns - first.at_ns
    return cpu > COMPUTING * wall if wall else None
