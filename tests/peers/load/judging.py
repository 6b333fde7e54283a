"""What clients say against what the server wrote, and against each other: pure functions.

A client can see a chunk only after the server wrote it, and later still where the machine is busy
with others. What it says *beyond the server's log* is therefore its own delay: the connection, the
request on its way, the reply on its way and through its layers. A disturbance only ever adds to
that, so that of several turns the smallest counts; a wrong definition adds to every turn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.peers.load.clients import AIPERF, GUIDELLM, OURS, OURS_WHOLE, Seen
from tests.peers.load.server import Served
from tests.peers.load.turns import Turn

Numbers = NDArray[np.float64]

TOLERANCES_MS = {"TTFC": 10.0, "gap": 0.2, "latency": 20.0}
"""How far a median may be from the server's log, and how far ours may be from a peer's.

On two processors that did little else, medians were 2 to 5 ms (TTFC), 0.01 to 0.03 ms (gap) and
1 to 14 ms (latency) beyond the log, and ours differed by 0.2 ms, 0.00 ms and 0.5 ms between two
turns. By one token too many the gap would be off by 0.3 ms. Where eight and more processes wait
for the two processors, a client in one process is later than this, and that is said.
"""

TOOLS = (GUIDELLM, AIPERF)
JUDGED = (OURS, OURS_WHOLE, *TOOLS)
"""Whose times are judged; those of the bare clients are shown beside them."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """Calls in milliseconds, arrays of shape (calls,); NaN where there is none.

    Attributes:
        ttfc: From the request to the first chunk with content.
        gap: A token, from the first to the last.
        latency: From the request to the end.
    """

    ttfc: Numbers
    gap: Numbers
    latency: Numbers

    def minus(self, other: "Times") -> "Times":
        """Call by call."""
        return Times(
            ttfc=self.ttfc - other.ttfc,
            gap=self.gap - other.gap,
            latency=self.latency - other.latency,
        )

    def named(self) -> Iterator[tuple[str, Numbers]]:
        """Each with its name in the tables, where there is one at all."""
        for name, values in (("TTFC", self.ttfc), ("gap", self.gap), ("latency", self.latency)):
            if np.isfinite(values).any():
                yield name, values


def as_seen(seen: Seen) -> Times:
    """What a client says."""
    return Times(
        ttfc=(seen.first - seen.made) / 1e6,
        gap=seen.gap / 1e6,
        latency=(seen.ended - seen.made) / 1e6,
    )


def as_served(served: Sequence[Served]) -> Times:
    """What the server wrote of the same calls: from the request's arrival to its own writing."""
    nan = float("nan")
    return Times(
        ttfc=_ms([s.chunks_ns[0] - s.received_ns if s.chunks_ns else nan for s in served]),
        gap=_ms(
            [
                (s.chunks_ns[-1] - s.chunks_ns[0]) / (s.tokens - 1) if s.chunks_ns else nan
                for s in served
            ]
        ),
        latency=_ms([s.ended_ns - s.received_ns for s in served]),
    )


def _ms(values: Sequence[float]) -> Numbers:
    return np.array(values, dtype=np.float64) / 1e6


def beyond(turn: Turn) -> Times | None:
    """What a client says beyond the server's log, call by call; None if they aren't the same calls.

    Both are in the order of making and of arrival. Two calls that overtake each other exchange
    their differences, which leaves the median where it is.
    """
    if turn.seen.made.size != len(turn.served):
        return None
    return as_seen(turn.seen).minus(as_served(turn.served))


def least(turns: Sequence[Turn]) -> Mapping[str, float]:
    """The smallest of the turns' medians beyond the server's log, milliseconds, by name."""
    found: dict[str, float] = {}
    for turn in turns:
        past = beyond(turn)
        for name, values in past.named() if past else ():
            median = float(np.nanmedian(values))
            if name not in found or abs(median) < abs(found[name]):
                found[name] = median
    return found


def disagreements(turns: Mapping[str, Sequence[Turn]]) -> list[str]:
    """What does not agree in the turns of each client, a sentence each."""
    found = [said for its in turns.values() for turn in its for said in _counts(turn)]
    mine = least(turns[OURS])
    for client in JUDGED:
        for name, value in least(turns[client]).items():
            limit = TOLERANCES_MS[name]
            if not abs(value) <= limit:
                found.append(
                    f"{client}: {name} is {value:+.2f} ms beyond the server's log; "
                    f"at most {limit:g} ms were expected"
                )
            if client in TOOLS and not abs(mine[name] - value) <= limit:
                found.append(
                    f"{OURS}: {name} is {mine[name] - value:+.2f} ms beyond that of {client}; "
                    f"at most {limit:g} ms were expected"
                )
    return found


def _counts(turn: Turn) -> Iterator[str]:
    seen, served = turn.seen, turn.served
    if seen.made.size != len(served) or seen.failed:
        yield (
            f"{turn.client}: {seen.made.size} calls and {seen.failed} failed, "
            f"the server answered {len(served)}"
        )
    told, written = int(np.nansum(seen.tokens)), sum(each.tokens for each in served)
    if told != written:
        yield f"{turn.client}: {told:,} tokens, the server wrote {written:,}"
